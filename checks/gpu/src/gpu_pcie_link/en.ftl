title = GPUs run at full PCIe width and speed
why = A link of 8 lanes, or of generation 3, halves or quarters the bandwidth between host and GPU: loading of models, offload of the KV cache, tensor parallelism without NVLink, multimodal input.
effect = Data reaches the GPU more slowly: models load more slowly, and where data crosses this link for each reply (offload, images, several GPUs without NVLink) replies take longer.
applicability = Bare metal; virtual machines with whole GPUs, where the configuration space may be made up; containers; any vendor
expected-effect = Bandwidth grows with lanes and generation. There is no published number for language models; the effect is large for offload and tensor parallelism over PCI Express, near zero for one GPU that holds all weights.
caveat = Idle GPUs lower their generation: an idle sample proves nothing about it.

limit-loaded = utilisation of a GPU from which a sample counts as loaded
limit-loaded-applies = samples of NVML, about a second apart
limit-loaded-source = our proposal: idle GPUs show 0 %, serving ones far more

limit-some-replays = replays from which there is a warning
limit-some-replays-applies = PCI Express links of NVIDIA GPUs, replays per minute
limit-some-replays-source = our proposal: a sound link has none

limit-many-replays = replays above which it is a failure
limit-many-replays-applies = PCI Express links of NVIDIA GPUs, replays per minute
limit-many-replays-source = our proposal: one each second

problem-narrow = { $gpus_count ->
    [one] GPU { $gpu } runs
   *[other] { $gpus_count } of { $all_count } GPUs run
} on { $lanes } of { $lanes_max } PCIe lanes
detail-narrow = { $lanes ->
    [one] { $lanes } lane
   *[other] { $lanes } lanes
} of { $lanes_max } { $when ->
    [loaded] under load
    [busy] at a moment at which it was at work
   *[unknown] at a moment that may have been idle
}

problem-slow = { $gpus_count ->
    [one] GPU { $gpu } runs
   *[other] { $gpus_count } of { $all_count } GPUs run
} at PCIe generation { $generation } instead of { $generation_max }
detail-slow = generation { $generation } of { $generation_max } { $when ->
    [loaded] under load
   *[busy] at a moment at which it was at work
}

problem-slot = { $gpus_count ->
    [one] The slot of GPU { $gpu } limits its PCIe link
   *[other] The slots of { $gpus_count } of { $all_count } GPUs limit their links
}
detail-slot = at the limit of its slot: generation { $generation } with { $lanes ->
    [one] { $lanes } lane
   *[other] { $lanes } lanes
}, though it could do generation { $generation_max } with { $lanes_max }

problem-replays = { $gpus_count ->
    [one] The PCIe link of GPU { $gpu } repeats
   *[other] The links of { $gpus_count } of { $all_count } GPUs repeat
} { $rate } transfers per minute
effect-replays = Transfers to and from the GPU arrive damaged and are sent again, which costs time; such a link can fail altogether and take the service with it.
detail-replays = replays of the link per minute: { $rate }

problem-uncorrected = { $gpus_count ->
    [one] The PCIe link of GPU { $gpu }
   *[other] The PCIe links of { $gpus_count } of { $all_count } GPUs
} had errors beyond correction
effect-uncorrected = Transfers to or from the GPU were lost; it can drop off the machine, which ends the servers that use it.
detail-uncorrected = { $gpus_count ->
    [one] { $most_errors ->
        [one] { $most_errors } error since boot that its link could not correct
       *[other] { $most_errors } errors since boot that its link could not correct
    }
   *[other] errors since boot that their links could not correct, on one GPU { $most_errors }
}

problem-sleep = { $gpus_count ->
    [one] The PCIe link of GPU { $gpu }
   *[other] The PCIe links of { $gpus_count } of { $all_count } GPUs
} may go to sleep
effect-sleep = After a pause the first transfer waits until the link is awake again, which adds to the slowest replies, the ones that the service promises to bound.
detail-sleep = its link may sleep in L1, though a strict tail is promised

found-full = full speed: generation { $generation } with { $lanes ->
    [one] { $lanes } lane
   *[other] { $lanes } lanes
}
found-not-listed = PCI does not list this GPU
found-no-link = neither PCI nor NVML tells of the link
found-idle = the generation of the link shows under load only: { $samples_count ->
    [one] the GPU did nothing in { $samples_count } sample
   *[other] the GPU did nothing in { $samples_count } samples
} (utilisation at most { $highest }): collect while the service runs
found-not-sampled = the generation of the link shows under load only: the samples of the window lack this GPU
found-no-window = the generation of the link shows under load only: { $reason }
found-replays-once = the rate of replays is not known: no reading was taken twice (`collect --sample` reads for some seconds)
found-replays-unknown = the rate of replays is not known: { $reason }
found-no-time = the rate of replays is not known: the samples span no time
found-errors-unknown = errors of its link are not known: { $reason }
found-sleep-unknown = whether its link may sleep in L1 is not known: { $reason }
found-no-gpu = no GPU was found
