title = Turbo is on and no frequency cap is set
why = The speed of one thread, that of the scheduler, sets the shortest time that a step can take. A cap at the base clock takes away 20 to 40 % of it on x86 servers, the ratio of base to turbo.
effect = The threads that feed the GPUs work more slowly than the processor allows, so every step of a reply takes longer.
applicability = Bare metal; not virtual machines; CPUs of any vendor
expected-effect = There is no published number for language models. The ratio of the measured clocks is an upper bound.

limit-boost-gain = gain of the boost levels over the nominal ones from which a switch that is off counts
limit-boost-gain-applies = CPUs other than x86, whose firmware names their levels of performance (CPPC)
limit-boost-gain-source = our proposal: a gain of a few per cent does not show in the latency of a service

limit-power-limit = power limit of a package as a share of its thermal design power
limit-power-limit-applies = packages whose power limit the kernel shows (Intel RAPL)
limit-power-limit-source = our proposal: less than the whole is a cap; one per cent is left to the coarse unit of the register

problem-off = Turbo is off, so no CPU runs above its base clock
detail-off = turbo is off: no CPU runs above its base clock

problem-boost-off = Boost is off, which holds back up to { $gain } of speed
detail-boost-off = boost is off: the frequency driver holds back the clocks that it marks as boost, on CPUs { $cpus } up to { $gain } above the nominal level

problem-capped = { $cpus_count ->
    [one] { $cpus_count } CPU is
   *[other] { $cpus_count } CPUs are
} capped at { $limit }
detail-capped = capped at { $limit }, { $share } of the { $highest } that the driver offers

problem-limited-range = Driver `intel_pstate` is limited to { $range } of its range
detail-limited-range = `intel_pstate` is limited to { $range } of its range

problem-power-limit = The power limit of { $package } is below its design power
effect-power-limit = Under full load the processor slows down before it has used the power that it is built for, and replies take longer then.
detail-power-limit = long-term power limit { $limit }, thermal design power { $design }: the package slows down before it is used to the full

found-no-zones = no power limit of a package was read: the kernel lacks the driver, or nobody recorded `/sys/class/powercap`
found-on = turbo is on
problem-little-gain = Boost is off, and would gain { $gain } at most
detail-little-gain = boost is off, but the highest level is at most { $gain } above the nominal one (CPUs { $cpus }): there is little to gain
found-gain-unknown = boost is off, and how much that holds back is not known: { $reason }
problem-without-switch = The frequency driver has no switch for turbo
detail-without-switch = the frequency driver of these CPUs has no switch for turbo
found-hidden-switch = the frequency driver shows no switch for turbo: look in the firmware
found-uncapped = may run at { $limit }, as much as the driver offers
found-whole-range = `intel_pstate` has its whole range
found-design-power = long-term power limit { $limit }, thermal design power { $design }
problem-not-enforced = The power limit of a package is not enforced
detail-not-enforced = the power limit of the package is not enforced
found-no-design-power = { $package } does not name its thermal design power
found-no-scaling = no frequency scaling was found on bare metal: { $reason }
found-virtual = virtual machine ({ $virtualization }) without frequency scaling: ask the provider
