title = GPU sharing (MIG, MPS, time-slicing) is intended and uniform
why = Sharing that nobody noticed makes latency depend on the load of a stranger.
effect = How fast replies come depends on what another program does on the same GPU.
applicability = Bare metal, virtual machines, containers; NVIDIA; the sharing of other GPUs is not read
expected-effect = There is no published number that can be recommended.

limit-guest = share of the memory of a GPU above which a guest is a failure
limit-guest-applies = NVIDIA GPUs that serve
limit-guest-source = our proposal: a CUDA context alone takes less

problem-mig-on-some = { $gpus_count } of { $all_count } GPUs { $gpus_count ->
    [one] is
   *[other] are
} split into MIG instances
effect-mig-on-some = Requests get very different shares of a GPU, by the one that serves them; a model that spans whole GPUs cannot use the split ones.
detail-mig-on-some = { $gpus_count } of { $all_count } GPUs { $gpus_count ->
    [one] is
   *[other] are
} split into MIG instances, the others are not

problem-layouts = { $gpus_count } GPUs are split into MIG instances in { $layouts_count } ways
effect-layouts = Replicas get different shares of a GPU, so the same request is fast on one and slow on another.
detail-layouts = the GPUs are split into MIG instances differently, in { $layouts_count } ways

problem-guest-memory = Programs outside the server hold memory of { $gpus_count ->
    [one] GPU { $gpu }
   *[other] { $gpus_count } of { $all_count } GPUs
}
effect-guest-memory = Memory that other programs hold is missing for requests, and their work delays replies whenever they run.
detail-guest-memory = processes that are no part of its server hold { $most_memory } of its memory

problem-guest = Programs outside the server use { $gpus_count ->
    [one] GPU { $gpu }
   *[other] { $gpus_count } of { $all_count } GPUs
}
detail-guest = processes that are no part of its server are on it, with { $most_memory } of its memory

problem-shared = Several programs share { $gpus_count ->
    [one] GPU { $gpu }
   *[other] { $gpus_count } of { $all_count } GPUs
}
detail-shared = several programs share it{ $through ->
    [mps] {" through MPS"}
   *[time] {""}
}

problem-same-layout = All GPUs are split into the same MIG instances
detail-same-layout = all GPUs are split into the same MIG instances
found-one-user = one program has it to itself
found-no-user = no process uses a GPU: collect while the service runs
found-mig-unknown = it is not known whether it is split: { $reason }
found-instances-unknown = its MIG instances are not known: { $reason }
found-odd-server = kind or processes of the server with process id { $pid } were not recorded
found-hidden = { $processes_count ->
    [one] { $processes_count } process on it cannot be seen
   *[other] { $processes_count } processes on it cannot be seen
} inside a container ({ $container })
found-no-memory = NVML does not tell how much memory process { $pid } holds
found-no-gpu = no GPU was found
found-other-vendor = the GPUs are of vendor `{ $vendor }`: only programs on NVIDIA GPUs are read so far
found-no-device = NVML lists no GPU, and PCI does not say that there is none
