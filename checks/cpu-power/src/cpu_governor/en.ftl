title = The CPU frequency governor favours performance
why = Launching kernels and scheduling batches is serial work of a few CPU threads. It runs at whatever clock the governor allows, which shows as jitter of the time to first token and between tokens, mostly at low and medium load.
effect = Replies start later and come less evenly than the GPUs would allow, above all at low and medium load.
applicability = Bare metal; a virtual machine only if the hypervisor exposes frequency scaling (else ask the provider); containers read the host's setting; CPUs of any vendor
expected-effect = Phoronix: Xeon Scalable from powersave to performance +11 % performance at +7 % average CPU power; i9-9900K about +3.5 %. Huawei MindIE: high-performance CPU mode about +3 % tokens per second at the same latency limit. There is no published number for language models on NVIDIA GPUs.
caveat = Set the extra energy against the gain (RAPL before and after). On Intel hosts with SST-TF or PCT, idle cores must stay able to sleep.

problem-lowest = { $cpus_count ->
    [one] { $cpus_count } CPU is held at its lowest clock
   *[other] { $cpus_count } CPUs are held at their lowest clock
}
effect-lowest = The CPUs that feed the GPUs never leave their lowest clock, so every step of every reply takes longer than it needs to.
detail-lowest = governor `{ $governor }` of driver `{ $driver }` holds the lowest clock

problem-after-load = { $cpus_count ->
    [one] { $cpus_count } CPU speeds up only after load is there
   *[other] { $cpus_count } CPUs speed up only after load is there
}
detail-after-load = governor `{ $governor }` of driver `{ $driver }` raises the clock only after it has seen load

problem-program = A program sets the clock of { $cpus_count ->
    [one] { $cpus_count } CPU
   *[other] { $cpus_count } CPUs
}
detail-program = governor `userspace` of driver `{ $driver }` leaves the clock to a program that the evidence does not show

problem-unknown-governor = Governor `{ $governor }` may lower the clock of { $cpus_count ->
    [one] { $cpus_count } CPU
   *[other] { $cpus_count } CPUs
}
detail-unknown-governor = it is not known that governor `{ $governor }` of driver `{ $driver }` holds the highest clock

problem-saving = { $cpus_count ->
    [one] { $cpus_count } CPU puts saving power before speed
   *[other] { $cpus_count } CPUs put saving power before speed
}
detail-saving = governor `powersave` of driver `{ $driver }` with energy preference `{ $preference }` makes the hardware save power first

problem-balanced = { $cpus_count ->
    [one] { $cpus_count } CPU gives up speed to save power
   *[other] { $cpus_count } CPUs give up speed to save power
}
detail-balanced = governor `powersave` of driver `{ $driver }` with energy preference `{ $preference }` lets the hardware trade some speed for power

problem-firmware = The firmware decides how fast { $cpus_count ->
    [one] { $cpus_count } CPU runs
   *[other] { $cpus_count } CPUs run
}
detail-firmware = governor `powersave` of driver `{ $driver }` with energy preference `{ $preference }` leaves the trade of speed for power to the firmware

problem-follows-load = { $cpus_count ->
    [one] The clock of { $cpus_count } CPU follows its load
   *[other] The clocks of { $cpus_count } CPUs follow their load
}
detail-follows-load = under governor `powersave` of driver `{ $driver }` the clock follows the load, and there is no energy preference

problem-speed-preference = { $cpus_count ->
    [one] { $cpus_count } CPU asks for speed under governor `powersave`
   *[other] { $cpus_count } CPUs ask for speed under governor `powersave`
}
detail-speed-preference = energy preference `{ $preference }` asks the hardware for speed, though the governor of driver `{ $driver }` is `powersave`

problem-speed-beside-others = { $cpus_count ->
    [one] { $cpus_count } CPU has another governor than the rest
   *[other] { $cpus_count } CPUs have another governor than the rest
}
detail-speed-beside-others = energy preference `{ $preference }` asks the hardware for speed, but the governor of driver `{ $driver }` is `powersave`, and other CPUs of this node have another one

found-performance = governor `performance`
found-unknown-driver = the effect of governor `{ $governor }` depends on the driver, which is not known: { $reason }
found-unknown-preference = the effect of governor `powersave` depends on the energy preference, which is not known: { $reason }
found-empty-governor = `scaling_governor` is empty: it names no governor
found-no-scaling = no frequency scaling was found, and the firmware may control the clock alone: { $reason }
found-virtual = virtual machine ({ $virtualization }) without frequency scaling: ask the provider
found-no-policy = online, but no frequency policy was read for them
