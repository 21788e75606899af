# What is to be done, as an instruction that names the object of this node, without a full stop.

do-governor = Set the frequency governor of { $cpus } to `{ $want }` (now `{ $was }`)
do-energy-preference = Set the energy preference of { $cpus } to `{ $want }` (now `{ $was }`)
do-energy-bias = Set the energy bias of { $cpus } to { $want } (now { $was })
do-frequency-cap = Lift the clock limit of { $cpus } from { $was } to { $want }
do-boost = Switch turbo on
do-idle-state = Keep { $cpus } out of idle state { $name } ({ $latency } to wake up)
do-value = Write `{ $want }` to { $path } (now `{ $was }`)
do-sysctl = Set { $name } to { $want } (now { $was })
do-kernel-argument-add = Start the kernel with `{ $argument }`
do-kernel-argument-remove = Start the kernel without `{ $argument }`
do-kernel-argument-boot = Reboot: `{ $argument }` is in the configuration of the boot loader already
do-kernel-argument-boot-without = Reboot: `{ $argument }` is gone from the configuration of the boot loader already
do-tuned-profile = Choose the TuneD profile `{ $want }` (now { $was ->
    [none] none
   *[other] `{ $was }`
})
do-unit-start = Start { $name } and keep it enabled
do-unit-stop = Stop { $name } and keep it disabled
do-place = Keep the threads and the memory of { $server } close to its GPUs
do-place-cpus = Keep { $server } and its memory on { $cpus }, close to its GPUs
do-place-options = Add `{ $options }` to the command line of { $server } and restart it: the engine then keeps each worker and its memory close to its GPU
do-place-workers = Start each worker of { $server } on the CPUs and the memory of its GPU's NUMA node (CPUs by node: { $nodes })
also-place = The commands for at once move threads only, and last until { $server } restarts: memory stays where it was allocated. It has worked once `numastat -p` shows at least 95 % of each worker's memory on the node of its GPU
also-host = This node was seen from inside of a container: whoever runs its host has to do this there
also-lasts = This holds at once, without a restart, and is kept over restarts and reboots
also-until-restart = This holds until { $server } restarts: whatever starts it has to set it as well
also-until-reboot = This holds until the group of { $server } is made anew, at a reboot at the latest: whatever starts it has to do without the quota as well
do-cores = Give { $server } at least { $want ->
    [one] { $want } physical core
   *[other] { $want } physical cores
} (now { $was })
do-thread-pool = Limit the thread pools of { $server } to { $want ->
    [one] { $want } thread
   *[other] { $want } threads
} a process (now { $was })
do-variable-set = Start { $server } with { $name }={ $want }
do-variable-unset = Start { $server } without the variable { $name }
do-without-option = Start { $server } without `{ $option }`
do-with-option = Start { $server } with `{ $option }`
do-service = Set `{ $setting }` of { $server } to `{ $want }` (now { $was ->
    [none] not set
   *[other] `{ $was }`
})
do-service-elsewhere = Set { $setting ->
    [CPUWeight] the CPU weight
    [IOWeight] the I/O weight
    [Nice] the niceness
    [OOMScoreAdjust] the score for the OOM killer
    [Restart] the restart policy
    [RestartSec] the pause before a restart
    [TimeoutStartSec] the time for a start
    [ExecStartPost] the health check
    [LimitNOFILE] the limit of open files
    [LimitMEMLOCK] the limit of locked memory
    [TasksMax] the limit of tasks
    [MemoryMax] the memory limit
    [MemoryHigh] the limit from which memory is throttled
    [MemorySwapMax] the swap limit
   *[other] `{ $setting }`
} of { $server } to `{ $want }` (now { $was ->
    [none] not set
   *[other] `{ $was }`
})
do-service-unit = Run { $server } as a unit of systemd with `{ $setting }={ $want }`: nothing restarts it now
also-pool-variable = Start it with `{ $setting }` in its environment
also-pool-option = Start it with `{ $setting }`
also-pool-parameter = Give it the parameter `{ $setting }` in the model file or with each request
do-cpu-quota = Remove the CPU quota of { $server } (now { $was })
do-cpu-quota-wider = Widen the CPU quota of { $server } to { $want ->
    [one] { $want } CPU
   *[other] { $want } CPUs
} (now { $was })
do-capability = Allow { $server } the capability `{ $name }`
do-shared-memory = Give { $server } { $want } of shared memory (now { $was })
do-guaranteed-pod = Give the pod of { $server } whole CPUs, with requests equal to limits
do-container-devices = Describe the GPUs to the container runtime (CDI), so that the container of { $server } keeps them
do-local-model = Put the model of { $server } on a local disk (now in { $path })
do-restart = Restart { $server }
do-kubelet = Set `{ $setting }` of the kubelet for this node (now { $was ->
    [none] not set
   *[other] `{ $was }`
})
do-kubelet-value = Set `{ $setting }` of the kubelet to `{ $want }` (now { $was ->
    [none] not set
   *[other] `{ $was }`
})
do-normal-policy = Give process { $process } the normal scheduling policy (now `{ $was }` with priority { $priority })
do-elsewhere = Run process { $process } (`{ $name }`) on another machine or on other CPUs
do-reserve = Keep the rest of the system off { $cpus }
do-reserve-split = Keep the rest of the system on CPUs { $system }, and { $cpus } for inference
do-interrupts-near = Serve interrupts { $irqs } of { $device } on CPUs close to it
do-interrupts-off = Move interrupts { $irqs } off { $cpus }
do-interrupt-ban = Keep irqbalance off { $cpus }
do-nic-channels = Give { $interface } { $want } queues (now { $was ->
    [none] not known
   *[other] { $was }
})
do-nic-ring = Give the receive ring of { $interface } { $want } entries (now { $was ->
    [none] not known
   *[other] { $was }
})
do-kernel-module = Load the kernel module `{ $name }`, at every boot as well
do-production-kernel = Start the distribution's standard kernel instead of { $was }
do-time-service = Install and enable a time service (chrony or systemd-timesyncd)
do-persist = Write { $setting } = { $want } into the configuration that is read at boot (there { $was ->
    [none] not set
   *[other] { $was }
})
do-swap-off = Stop using the swap area { $area }
do-acs-off = Switch access control services of bridge { $bridge } off (now { $was })
do-gpu-persistent = Keep the driver's state of GPU { $gpu } loaded (persistence mode)
do-gpu-power-limit = Set the power limit of GPU { $gpu } to { $want } (now { $was })
do-gpu-free-clocks = Take the clock limits from GPU { $gpu }
do-gpu-mig-on = Switch MIG of GPU { $gpu } on
do-gpu-mig-off = Switch MIG of GPU { $gpu } off
do-gpu-exclusive = Allow one process at a time on GPU { $gpu }
do-gpu-reset = Move the work off GPU { $gpu }, then reset it
also-container-option = Start the container { $name } anew with `{ $option }`: that lasts, and the engine cannot add it to a running one
also-container-quota = Create the container { $name } anew without a CPU limit: that lasts
also-pod-limit = Take `limits.cpu` out of the pod's manifest, or make it a guaranteed pod with whole CPUs
also-pod-capability = Add `{ $name }` under `securityContext.capabilities.add` in the pod's manifest
also-pod-shm = Mount an `emptyDir` with `medium: Memory` and a `sizeLimit` of { $want } or more at `/dev/shm` in the pod's manifest
also-machine-config = The node belongs to a cluster: its MachineConfig adds the argument, and takes back what is changed on the node itself
also-machine-config-without = Take it out of the MachineConfig that adds it: what is changed on the node itself is taken back
also-fstab = Take { $area } out of `/etc/fstab`, or it is back after a reboot

do-firmware-boost = Enable turbo (core performance boost) in the firmware
do-firmware-hardware-p-states = Enable hardware P-states (Intel) or CPPC (AMD, Arm) in the firmware
do-firmware-power-limit = Raise the power limit of the packages to their design power in the firmware
do-firmware-fabric-clock = Choose the latency profile of uncore or fabric in the firmware
do-firmware-priority-cores = Enable priority cores (Intel SST-TF, PCT) in the firmware
do-hardware-cooling = Check air flow, filters, fans and inlet temperature
do-hardware-processor = Provide a machine with more physical cores
do-provider-governor = Ask the provider which frequency governor the host has
do-provider-more-cpus = Ask the provider for an instance with more virtual CPUs
do-firmware-resizable-bar = Enable Above 4G Decoding and Resizable BAR in the firmware
do-firmware-pcie-slot = Set the slot to its full width and highest generation in the firmware
do-firmware-node-interleaving = Disable node interleaving in the firmware (on AMD, not NPS0)
do-firmware-numa-per-package = Choose one NUMA node for each package in the firmware (AMD NPS1, Intel SNC off)
do-firmware-device-proximity = Update the firmware: it does not say which NUMA node the device belongs to
do-firmware-management-interrupts = Switch periodic system management interrupts off in the firmware
do-firmware-acs = Switch access control services (ACS) off in the firmware
do-hardware-pcie-card = Seat the card and its riser again{ $at ->
    [none] {""}
   *[other] {" "}({ $at })
}
do-hardware-gpu = Have the GPU replaced{ $at ->
    [none] {""}
   *[other] {" "}({ $at })
}
do-hardware-power-supply = Check power supplies, their cables and redundancy
do-hardware-network-link = Check cable, transceiver and switch port{ $at ->
    [none] {""}
   *[other] {" "}of { $at }
}
do-hardware-nvlink = Have the links between the GPUs checked{ $at ->
    [none] {""}
   *[other] {" "}({ $at })
}
do-hardware-memory-module = Replace the memory module{ $at ->
    [none] {""}
   *[other] {" "}({ $at })
}
do-hardware-memory-layout = Fill every memory channel with the same modules
do-hardware-memory = Provide more memory
do-hardware-adapter-slot = Move the network adapter to a slot of the other socket{ $at ->
    [none] {""}
   *[other] {" "}({ $at })
}
do-hardware-local-disk = Provide a local disk for the models
do-provider-dedicated-cpus = Ask the provider for virtual CPUs of one's own, pinned and not overcommitted
do-provider-virtual-numa = Ask the provider for a virtual machine whose NUMA nodes and devices follow the host's
do-provider-random-device = Ask the provider for a virtio-rng device
do-provider-health = Ask the provider for the state of this hardware as the host sees it
do-provider-microcode = Ask the provider which microcode and mitigations the host has
do-provider-clock-source = Ask the provider for a virtual machine with a usable TSC
do-provider-more-memory = Ask the provider for an instance with more memory
do-provider-device-window = Ask the provider for a larger 64-bit window for devices in the virtual machine
do-provider-resizable-bar = Ask the provider to enable Resizable BAR in the firmware of the host, before anything else
do-provider-peer-access = Ask the provider for bare metal where GPUs are to exchange data directly, which this virtual chipset does not offer
do-update-kernel = Update the kernel{ $was ->
    [none] {""}
   *[other] {" "}(now { $was })
}
do-update-microcode = Update the microcode{ $was ->
    [none] {""}
   *[other] {" "}(now { $was })
}
do-update-firmware = Update the firmware{ $was ->
    [none] {""}
   *[other] {" "}(now { $was })
}
do-update-gpu-driver = Update the GPU driver{ $was ->
    [none] {""}
   *[other] {" "}(now { $was })
}
do-update-fabric-manager = Install the fabric manager in the version of the driver{ $was ->
    [none] {""}
   *[other] {" "}(now { $was })
}
do-update-container-toolkit = Update the container toolkit of the GPUs{ $was ->
    [none] {""}
   *[other] {" "}(now { $was })
}
do-step-agree-service-level = Agree on a service level, and state it for the next collection
do-step-state-costs = State costs or prices for the next report
do-step-repeat-load-test = Repeat the load test at five rates around the expected peak, 600 s each and three times
do-step-load-test-at = Repeat the load test of one replica at { $rate1 }, { $rate2 }, { $rate3 }, { $rate4 }, { $rate5 } requests per second, 600 s each and three times
do-step-plan-capacity = State the demand at the peak in the engagement, and test which rate one replica carries
do-step-plan-capacity-for = Decide how { $grows ->
    [yes] next year's peak of { $next } requests per second (today { $peak })
   *[no] the peak of { $peak } requests per second
} is carried: load tests of one replica at { $rate1 }, { $rate2 }, { $rate3 }, { $rate4 }, { $rate5 } requests per second say how many replicas it takes
also-step-load-test = `{ $command }`, and likewise for the other rates
also-step-trace-interruptions = While the service works: `mpstat -I ALL -P ALL 10 6` counts the interrupts of each CPU; `perf sched record -a sleep 60`, then `perf sched timehist` names the threads that ran in between; `turbostat --show CPU,SMI --interval 10` counts interrupts of the firmware
also-step-trace-memory = `ps -eo pid,comm,rss --sort=-rss` lists what processes hold, `grep -E "Shmem|Slab|SUnreclaim|HugePages_Total" /proc/meminfo` what the kernel and shared memory do
also-step-trace-slow-requests = Run `plumb bench` at the rate at which they are slow, and collect with `--sample 60` meanwhile: the raw records have the time of each request, the collection what the node did
do-step-add-replica = Add a replica, or shed traffic of low priority
do-step-consolidate = Serve on fewer machines, or give the idle hours other work
do-step-trace-slow-requests = Compare the slow requests with what the node did at that time
do-step-trace-interruptions = Trace for a minute which interrupts and threads take time from the CPUs of the service
do-step-trace-memory = List which processes, shared memory and parts of the kernel hold the memory
do-step-drain = Move the node's work to other nodes before it is touched
do-step-watch-log = Raise an alert on errors of this kind in the kernel log
do-step-restart-programs = Start again what ran on the GPU when it reported the error
do-step-restart-node = Boot the machine again once its work was moved away

server = { $unit ->
    [none] the { $kind ->
        [unknown] inference server
       *[other] { $kind } server
    } (process { $pid })
   *[other] { $unit }
}
cpus = { $n ->
    [one] CPU { $set }
   *[other] CPUs { $set }
}
