title = Measured operating-system jitter is small (optional probe)
why = It is the one number that shows what all sources of noise together do.
effect = Whatever runs on these CPUs can be stopped for that long at any moment; where threads of the service do, single tokens come visibly late.
applicability = Bare metal; virtual machines, where it shows stolen time; containers
expected-effect = There is no published number for language models.

limit-short = longest interruption of a spinning thread
limit-short-applies = CPUs of the inference set without load
limit-short-source = our proposal: the shortest step of a small model

limit-long = longest interruption of a spinning thread that fails
limit-long-applies = CPUs of the inference set without load
limit-long-source = our proposal: a visible gap between tokens

limit-firmware = system management interrupts
limit-firmware-applies = x86 CPUs
limit-firmware-source = our proposal

limit-watched = length of the measurement from which it passes
limit-watched-applies = CPUs of the inference set
limit-watched-source = our proposal: periodic work comes every few seconds

problem-interrupted = CPU { $cpu } was interrupted for { $longest } at a stretch
detail-interrupted = longest interruption { $longest }, on CPU { $cpu }, { $lost } of its time lost, { $management ->
    [unknown] system management interrupts not counted
    [0] no system management interrupts
    [one] { $management } system management interrupt
   *[other] { $management } system management interrupts
}

problem-stalled = { $kind ->
    [cpu] The kernel reported CPUs that stood still
   *[task] The kernel reported tasks that stood still
}
effect-stalled = { $kind ->
    [cpu] A CPU did nothing else for many seconds; threads of the service that had to run there waited as long.
   *[task] A program waited for minutes for a disk, the network or a lock of the kernel; if it belonged to the service, requests hung as long.
}
detail-stalled = { $lines_count ->
    [one] { $lines_count } report
   *[other] { $lines_count } reports
} of the kernel's watchdogs in its log, the last one { $last } before it was read

problem-management = { $management ->
    [one] The firmware interrupted CPUs { $management } time, unseen by the operating system
   *[other] The firmware interrupted CPUs { $management } times, unseen by the operating system
}
effect-management = While the firmware has the processors, the whole service stands still, and no setting of the operating system can prevent it.
detail-management = longest interruption { $longest }, on CPU { $cpu }, { $lost } of its time lost, { $management ->
    [unknown] system management interrupts not counted
    [0] no system management interrupts
    [one] { $management } system management interrupt
   *[other] { $management } system management interrupts
}

found-quiet = longest interruption { $longest }, on CPU { $cpu }, { $lost } of its time lost, { $management ->
    [unknown] system management interrupts not counted
    [0] no system management interrupts
    [one] { $management } system management interrupt
   *[other] { $management } system management interrupts
}
found-too-short = longest interruption { $longest }, on CPU { $cpu }, { $lost } of its time lost, { $management ->
    [unknown] system management interrupts not counted
    [0] no system management interrupts
    [one] { $management } system management interrupt
   *[other] { $management } system management interrupts
}, but measured for less than { $least }
found-unusable = the measurement tells no duration or no longest interruption
found-no-causes = the measurement tells no causes, so that system management interrupts would go unseen
found-not-measured = jitter was not measured on any CPU
