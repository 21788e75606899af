title = GPU power limit and clocks are at the intended value
why = A forgotten cap or locked clock lowers the throughput of prefill. A deliberate one may be a good trade.
effect = The GPU computes more slowly than it could: long prompts wait longer for the first token, and the node serves fewer requests.
applicability = Bare metal, virtual machines; NVIDIA; the limits of other GPUs are not read
expected-effect = No published number was found; decoding is less sensitive than prefill. Measure tokens per watt both ways.

limit-loaded = utilisation of a GPU from which a sample counts as loaded
limit-loaded-applies = samples of NVML, about a second apart
limit-loaded-source = our proposal: idle GPUs show 0 %, serving ones far more

limit-full = power limit, as share of the default, below which there is a warning
limit-full-applies = NVIDIA GPUs
limit-full-source = our proposal: limits are set in whole watts

limit-deep = power limit, as share of the default, below which it is a failure
limit-deep-applies = NVIDIA GPUs
limit-deep-source = our proposal: below, prefill slows in proportion

limit-capped = share of loaded samples in which the cap is seen to work
limit-capped-applies = NVIDIA GPUs under load
limit-capped-source = our proposal: more often than not

problem-limited = { $gpus_count ->
    [one] GPU { $gpu } is
   *[other] { $gpus_count } of { $all_count } GPUs are
} limited to { $share } of the default power
detail-limited = power limit at { $share } of the default{ $gpus_count ->
    [one] {" "}({ $least_limit } of { $most_default })
   *[other] {""}
}

problem-low-clocks = { $gpus_count ->
    [one] GPU { $gpu } has its clock
   *[other] { $gpus_count } of { $all_count } GPUs have their clocks
} set below the default
detail-low-clocks = { $gpus_count ->
    [one] its application clock is set to { $least_clock }, below the default of { $most_default }
   *[other] their application clocks are set below the default, down to { $least_clock }
}

problem-set-clocks = Someone has set the clocks of { $gpus_count ->
    [one] GPU { $gpu }
   *[other] { $gpus_count } of { $all_count } GPUs
}
effect-set-clocks = The GPU runs at a clock that somebody chose and not at the one that load and heat allow; if that was forgotten, requests wait for no reason.
detail-set-clocks = someone has set its clocks

problem-unequal = { $gpus_count } equal GPUs have power limits from { $lowest } to { $highest }
effect-unequal = Where a model spans these GPUs, all of them wait for the one with the lowest limit; elsewhere replies differ in speed by the GPU that they happen to get.
detail-unequal = { $gpus_count } GPUs of model { $model } have different power limits, { $lowest } to { $highest }

found-as-made = power limit and clocks are as the maker set them
found-no-default = NVML's default power limit is no limit
found-nameless = which GPUs are equal is not known: { $gpus_count ->
    [one] the model of { $gpus_count } GPU is unknown
   *[other] the model of { $gpus_count } GPUs is unknown
}
found-no-gpu = no GPU was found
found-other-vendor = the GPUs are of vendor `{ $vendor }`: only limits and clocks of NVIDIA GPUs are read so far
found-no-device = NVML lists no GPU, and PCI does not say that there is none
