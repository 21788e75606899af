title = Priority cores (Intel SST-TF / PCT) and larger cores serve
why = On such hosts the cores without priority run near their base clock. Missing the priority cores costs far more than misplacement usually does.
effect = The threads that feed the GPUs run at a lower clock than the processor has for them, so the GPUs wait and replies take longer.
applicability = Bare metal; Intel Xeon 6 with PCT (6776P, hosts such as HGX B300) and Intel servers whose cores name different levels; and machines with cores of two kinds; nothing else
expected-effect = Intel, as the vendor: 218 against 121 tokens per second of goodput, 1.8 times as much, for Qwen3-235B with 100K context on 8x HGX B300 at an objective of 400 ms. NVIDIA Megatron-Bridge: losing the PCT binding cost about 7.3 % of throughput on 64x B300, in training. An earlier pull request there (#1928) says that PCT binding recovers 60 % of a regression, in words that can be read two ways.
caveat = Keeping the other cores from idling takes away the power that the priority cores need.

limit-step = step between performance levels that makes the higher ones priority cores
limit-step-applies = Intel server CPUs with CPPC, and capacities or highest clocks of all CPUs
limit-step-source = our proposal: favoured cores without priority differ by a few per cent

limit-partly = CPU time of critical threads away from priority cores
limit-partly-applies = hosts with priority cores in force
limit-partly-source = our proposal

limit-mostly = CPU time of critical threads away from priority cores that fails
limit-mostly-applies = hosts with priority cores in force
limit-mostly-source = our proposal

limit-critical = CPU time of a thread that makes it critical
limit-critical-applies = threads of schedulers and GPU workers
limit-critical-source = our proposal: less is background

problem-off = No CPU has priority, though the processor has priority cores
detail-off = `{ $model }` has priority cores, but all CPUs name the same highest level: classes of service are not set up, or the firmware does not pass them on

problem-off-on-b300 = No CPU has priority, though the processor has priority cores
detail-off-on-b300 = `{ $model }` has priority cores, but all CPUs name the same highest level: classes of service are not set up, or the firmware does not pass them on; hosts of the class B300 are made to use them

problem-away = Critical threads spent { $share } of their CPU time { $kind ->
    [uneven] on slower cores
   *[priority] off priority cores
}
detail-away = critical threads spent { $share } of their CPU time away from { $kind ->
    [uneven] CPUs { $cpus }, whose cores are the fastest ({ $level } against { $other })
   *[priority] priority CPUs { $cpus } (level { $level } against { $other })
}

found-used = critical threads spent { $share } of their CPU time away from { $kind ->
    [uneven] CPUs { $cpus }, whose cores are the fastest ({ $level } against { $other })
   *[priority] priority CPUs { $cpus } (level { $level } against { $other })
}
found-unknown-kinds = whether its cores are of one kind is not known: neither the capacity nor the highest clock of each CPU is recorded
found-other-vendor = `{ $vendor }` CPUs have no priority cores of this kind, and their cores are not uneven
found-virtual = virtual machine: the hypervisor keeps the priority cores
found-older-model = `{ $model }` is older than all processors with priority cores
found-unknown-model = `{ $model }` is not known to have priority cores, and no core names a clearly higher level than the others
found-unknown-levels = which cores have priority is not known: { $reason }
found-no-process = no scheduler or GPU worker process was found: collect while the service runs
found-no-busy-thread = no thread of a scheduler or GPU worker was busy: collect under load
found-unknown-place = where thread { $thread } ({ $name }) ran is not known
found-unknown-process = which process thread { $thread } ({ $name }) belongs to is not known
