title = Host CPU is not thermally or power throttled
why = Throttling halves the clock at moments that nobody chooses, and mostly points to a fault of cooling.
effect = While a processor is throttled it runs far below its usual clock, and replies in that time take longer.
applicability = Bare metal; not virtual machines; counters on Intel CPUs only, others through the management controller
expected-effect = There is no published number.

problem-now = { $part ->
    [core] Cores of CPUs { $cpus } were
   *[package] The package of CPUs { $cpus } was
} throttled { $times ->
    [one] once
   *[other] { $times } times
} during the measurement
detail-now = the { $part ->
    [core] core
   *[package] package
} was throttled { $times ->
    [one] once
   *[other] { $times } times
} during the window{ $of_several ->
    [yes] {" "}(the highest of the counters of its CPUs)
   *[no] {""}
}

problem-before = { $part ->
    [core] Cores of CPUs { $cpus } were
   *[package] The package of CPUs { $cpus } was
} throttled { $times ->
    [one] once
   *[other] { $times } times
} since boot
effect-before = It did not happen during the measurement. When it happens again, the processor runs far below its usual clock for a while, and replies take longer.
detail-before = the { $part ->
    [core] core
   *[package] package
} was throttled { $times ->
    [one] once
   *[other] { $times } times
} since boot, but not in the window{ $of_several ->
    [yes] {" "}(the highest of the counters of its CPUs)
   *[no] {""}
}

problem-since-boot = { $part ->
    [core] Cores of CPUs { $cpus } were
   *[package] The package of CPUs { $cpus } was
} throttled { $times ->
    [one] once
   *[other] { $times } times
} since boot
detail-since-boot = the { $part ->
    [core] core
   *[package] package
} was throttled { $times ->
    [one] once
   *[other] { $times } times
} since boot{ $of_several ->
    [yes] {" "}(the highest of the counters of its CPUs)
   *[no] {""}
}

problem-logged = The kernel log tells of throttled CPU clocks in { $lines ->
    [one] { $lines } line
   *[other] { $lines } lines
}
detail-logged = the kernel log tells of throttled CPU clocks (lines: { $lines })

problem-limited = The platform has limited the clock of CPUs { $cpus }
effect-limited = Firmware or hardware kept these processors below the clock that was asked for, for heat, power or current; replies came later.
detail-limited = CPPC keeps that the platform delivered { $below ->
    [lowest] less than the lowest performance that was asked for
   *[wanted] less performance than was wanted
} since somebody last cleared this

found-not-limited = CPPC keeps no limit of the platform since boot
found-never = the { $part ->
    [core] core
   *[package] package
} was not throttled since boot
found-unknown-now = whether the { $part ->
    [core] core
   *[package] package
} still is throttled takes two readings: { $reason }
found-names-no-cpu = a throttle counter names no CPU
found-no-counters = { $vendor ->
    [unknown] these
   *[other] { $vendor }
} CPUs count no throttling where the kernel could read it, and its log tells of none: look at the management controller's temperatures and power
found-virtual = virtual machine: the hypervisor does not pass on throttling
