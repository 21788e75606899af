title = GPUs are not slowed by heat, power brake or hardware protection
why = A hardware slowdown cuts the core clock by a factor of two or more. In a tensor-parallel group one slow GPU slows all.
effect = A GPU that is held back computes every reply more slowly; where a model spans several GPUs, all of them wait for the slow one.
applicability = Bare metal and virtual machines with whole GPUs; containers through NVML; NVIDIA; the clocks of other GPUs are not read
expected-effect = NVIDIA: clocks are reduced by a factor of two or more while it is active. There is no published number for language models: use the measured ratio of clocks.

limit-loaded = utilisation of a GPU from which a sample counts as loaded
limit-loaded-applies = samples of NVML, about a second apart
limit-loaded-source = our proposal: idle GPUs show 0 %, serving ones far more

limit-little-margin = thermal margin below which there is a warning
limit-little-margin-applies = NVIDIA GPUs
limit-little-margin-source = our proposal: a few degrees are lost as filters clog and rooms warm up

limit-no-margin = thermal margin below which it is a failure
limit-no-margin-applies = NVIDIA GPUs
limit-no-margin-source = our proposal: within the swing of a busy hour

limit-capped = share of loaded samples held down by a lowered power limit
limit-capped-applies = GPUs whose power limit is below the default
limit-capped-source = our proposal: more often than not

limit-below-limit = share of the power limit below which a power cap has another cause
limit-below-limit-applies = GPUs under load whose clocks a power cap holds down
limit-below-limit-source = our proposal: a GPU that its own limit holds back draws close to it

limit-low-clock = share of the highest clock below which a clock needs a reason
limit-low-clock-applies = GPUs at work that give no reason for a low clock
limit-low-clock-source = our proposal: under load and without a reason, the driver goes close to the highest clock

limit-at-work = utilisation of a GPU from which its clock is held against its highest
limit-at-work-applies = samples of NVML, about a second apart
limit-at-work-source = our proposal: a GPU with little to do may lower its clock without saying why

problem-heat = Heat makes { $gpus_count ->
    [one] GPU { $gpu } protect itself
   *[other] { $gpus_count } of { $all_count } GPUs protect themselves
} with low clocks
detail-heat = the hardware { $when ->
    [now] holds
   *[window] held
} its clocks down because of heat

problem-brake = A power supply makes { $gpus_count ->
    [one] GPU { $gpu }
   *[other] { $gpus_count } of { $all_count } GPUs
} slow down
detail-brake = the hardware { $when ->
    [now] holds
   *[window] held
} its clocks down because a power supply asks for it

problem-hardware = The hardware holds { $gpus_count ->
    [one] GPU { $gpu }
   *[other] { $gpus_count } of { $all_count } GPUs
} at low clocks under load
detail-hardware = the hardware held its clocks down under load, for heat or power, without naming which

problem-driver-heat = The driver slows { $gpus_count ->
    [one] GPU { $gpu }
   *[other] { $gpus_count } of { $all_count } GPUs
} down because of heat
detail-driver-heat = the driver { $when ->
    [now] holds
   *[window] held
} its clocks down because of heat

problem-lowered-limit = { $gpus_count ->
    [one] A power limit of { $least_limit } holds GPU { $gpu } back
   *[other] Lowered power limits hold { $gpus_count } of { $all_count } GPUs back
} under load
detail-lowered-limit = { $gpus_count ->
    [one] its power limit of { $least_limit } (default { $most_default }) { $when ->
        [now] holds
       *[window] held
    } its clocks down under load
   *[other] power limits below the default, down to { $least_limit }, { $when ->
        [now] hold
       *[window] held
    } their clocks down under load
}

problem-capped-below = { $gpus_count ->
    [one] A power cap holds GPU { $gpu } at { $least_draw } of { $most_limit }
   *[other] Power caps hold { $gpus_count } of { $all_count } GPUs far below their limits
}
effect-capped-below = The GPU computes more slowly than its power limit allows; raising that limit changes nothing, since the platform caps it: power supply, management controller or thermal policy.
detail-capped-below = { $gpus_count ->
    [one] a power cap holds its clocks down at { $least_draw }, though its power limit is { $most_limit }: the limit is not what caps it
   *[other] power caps hold their clocks down at { $least_draw } and more, though their power limits are up to { $most_limit }: the limits are not what caps them
}

problem-low-clock = { $gpus_count ->
    [one] GPU { $gpu } works at { $least_clock } of { $most_clock }, for no stated reason
   *[other] { $gpus_count } of { $all_count } GPUs work at low clocks, for no stated reason
}
effect-low-clock = The GPU computes far more slowly than it could. The driver gives no reason, so firmware or power supply hold it back; a restart often does not end this, taking the machine off its power for a minute may.
detail-low-clock = { $gpus_count ->
    [one] its clock { $when ->
        [now] is
       *[window] was
    } { $least_clock } under load, its highest is { $most_clock }, and no reason that the driver gives explains it
   *[other] their clocks { $when ->
        [now] are
       *[window] were
    } { $least_clock } and more under load, the highest is { $most_clock }, and no reason that the driver gives explains it
}

problem-margin-gone = { $gpus_count ->
    [one] GPU { $gpu } is about to slow down, { $least_margin } below its temperature limit
   *[other] { $gpus_count } of { $all_count } GPUs are about to slow down from heat
}
effect-margin-gone = A little more load or a warmer room makes the GPU slow itself down; replies then take longer, and a model that spans several GPUs waits for the slow one.
detail-margin-gone = hardly any thermal margin is left: { $least_margin } at the hottest moment

problem-margin-low = { $gpus_count ->
    [one] GPU { $gpu } runs hot, { $least_margin } below its temperature limit
   *[other] { $gpus_count } of { $all_count } GPUs run hot
}
effect-margin-low = The service is not slowed now. Dust in the filters or a warmer room can take the rest of the margin, and the GPU then slows itself down.
detail-margin-low = little thermal margin is left: { $least_margin } at the hottest moment

found-free = nothing but load and power limit decided its clocks under load
found-clock-unknown = the GPU may have been slow without a reason: its clock cannot be held against its highest: { $reason }
found-light-load = its clock was low, but it had little to do: collect while the service is at work
found-idle = { $samples_count ->
    [one] the GPU did nothing in { $samples_count } sample
   *[other] the GPU did nothing in { $samples_count } samples
} (utilisation at most { $highest }): collect while the service runs
found-not-sampled = throttling shows under load, and the samples of the window lack this GPU
found-no-window = throttling shows under load: { $reason }
found-no-counter = it is not known how long clocks were held down between the samples: no count for `{ $counter }`
found-uncounted = it is not known how long clocks were held down between the samples: { $reason }
found-no-margin = its thermal margin is not known: { $reason }
found-no-gpu = no GPU was found
found-other-vendor = the GPUs are of vendor `{ $vendor }`: only the clocks of NVIDIA GPUs are read so far
found-no-device = NVML lists no GPU, and PCI does not say that there is none
