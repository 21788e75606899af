title = Energy preference hints favour performance
why = Where the hardware sets the clock, this hint, and not the governor, decides how fast the clock rises when work arrives.
effect = When work arrives the clock rises later than it could, so that replies start later, above all at low and medium load.
applicability = Bare metal; seldom virtual machines; containers read the host's setting; Intel CPUs with hardware P-states, AMD CPUs with CPPC in active mode
expected-effect = There is no published number apart from that of the governor.

limit-saving-bias = energy performance bias above which saving power comes first
limit-saving-bias-applies = CPUs with an energy performance bias
limit-saving-bias-source = Linux: ENERGY_PERF_BIAS_NORMAL_POWERSAVE is 7, a normal setting; ENERGY_PERF_BIAS_BALANCE_POWERSAVE is 8

problem-saving = { $cpus_count ->
    [one] The energy preference of { $cpus_count } CPU is
   *[other] The energy preferences of { $cpus_count } CPUs are
} to save power
detail-saving = energy preference `{ $preference }` makes the hardware save power first

problem-balanced = { $cpus_count ->
    [one] { $cpus_count } CPU gives up
   *[other] { $cpus_count } CPUs give up
} speed to save power
detail-balanced = energy preference `{ $preference }` lets the hardware trade some speed for power

problem-firmware = The firmware decides how { $cpus_count ->
    [one] { $cpus_count } CPU trades
   *[other] { $cpus_count } CPUs trade
} speed for power
detail-firmware = energy preference `{ $preference }` leaves the trade-off to the firmware

problem-bias-saving = { $cpus_count ->
    [one] Energy bias { $bias } of { $cpus_count } CPU puts
   *[other] Energy bias { $bias } of { $cpus_count } CPUs puts
} saving power first
detail-bias-saving = energy bias { $bias } of 15 makes the hardware save power first

problem-bias-balanced = { $cpus_count ->
    [one] Energy bias { $bias } of { $cpus_count } CPU trades
   *[other] Energy bias { $bias } of { $cpus_count } CPUs trades
} speed for power
detail-bias-balanced = energy bias { $bias } of 15 lets the hardware trade some speed for power

found-speed = energy preference `{ $preference }` asks the hardware for speed
problem-bias-beside = The energy bias is set, but has no effect here
detail-bias-beside = energy bias { $bias } of 15, which the hardware leaves aside: the energy preference decides
found-bias-speed = energy bias 0 asks the hardware for speed
found-no-hints = neither the frequency driver nor the CPU takes an energy preference
found-no-preference = no energy preference was found on bare metal: { $reason }
found-virtual = virtual machine ({ $virtualization }) without energy preference: ask the provider
