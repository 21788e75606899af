title = All NVLinks are up and the fabric manager runs
why = A missing link lowers the bandwidth of all-reduce for the whole group; without the fabric manager, servers that span GPUs do not start.
effect = Where a model spans several GPUs, they exchange data at every step of every reply; with fewer or slower links each step waits for the slowest.
applicability = Bare metal, virtual machines with all GPUs of a host; GPUs with NVLink
expected-effect = There is no published number for language models.

limit-h100-link = speed of one NVLink below which it is a failure
limit-h100-link-applies = H100 and H200 with SXM

problem-unlisted = { $gpus_count ->
    [one] The driver lists none of the NVLinks of GPU { $gpu }
   *[other] The driver lists no NVLinks for { $gpus_count } of { $all_count } GPUs
}
effect-unlisted = Where a model spans several GPUs, they exchange data over PCI Express instead of NVLink, which slows every step of every reply.
detail-unlisted = its model has NVLinks, but the driver lists none

problem-down = { $gpus_count ->
    [one] { $down_count } of { $links_count } NVLinks of GPU { $gpu } { $down_count ->
        [one] is
       *[other] are
    } down
   *[other] { $down_count } of { $links_count } NVLinks { $down_count ->
        [one] is
       *[other] are
    } down on { $gpus_count } of { $all_count } GPUs
}
detail-down = NVLinks that are down: { $down_count } of { $links_count }

problem-few = { $gpus_count ->
    [one] GPU { $gpu } shows { $links_count } of { $expected_count } NVLinks
   *[other] { $gpus_count } of { $all_count } GPUs show { $links_count } of { $expected_count } NVLinks
}
detail-few = { $links_count ->
    [one] { $links_count } NVLink is listed
   *[other] { $links_count } NVLinks are listed
}, where its model has { $expected_count }

problem-slow = The NVLinks of { $gpus_count ->
    [one] GPU { $gpu } run at { $least_speed } only
   *[other] { $gpus_count } of { $all_count } GPUs run too slowly
}
detail-slow = its NVLinks run below the speed of the model: { $least_speed } a link, expected at least { $limit }

problem-unregistered = { $gpus_count ->
    [one] GPU { $gpu } is not registered with the NVLink fabric
   *[other] { $gpus_count } of { $all_count } GPUs are not registered with the NVLink fabric
}
effect-unregistered = Servers that span several GPUs do not start, or fail when they use this GPU.
detail-unregistered = it is not registered with the NVLink fabric

problem-errors = NVLinks of { $gpus_count ->
    [one] GPU { $gpu }
   *[other] { $gpus_count } of { $all_count } GPUs
} had transmission errors
effect-errors = Data between GPUs had to be sent again, so some steps of replies took longer; a link with errors may fail altogether.
detail-errors = { $gpus_count ->
    [one] its NVLinks had to repeat or recover during the window ({ $most_errors ->
        [one] { $most_errors } error
       *[other] { $most_errors } errors
    })
   *[other] their NVLinks had to repeat or recover during the window (on one GPU { $most_errors } times)
}

problem-no-manager = The NVSwitches of this node have no fabric manager running
effect-no-manager = Servers that span several GPUs do not start as long as it does not run.
detail-no-manager = the node has NVSwitches, but no fabric manager runs

found-up = all its NVLinks are up and without errors
found-manager-runs = it runs
found-manager-in-container = whether it runs cannot be seen inside a container ({ $container })
found-manager-unknown = whether it runs is not known: { $reason }
found-alone = one GPU, without NVLink
found-no-nvlink = no GPU has NVLink
found-not-sampled = it is not known whether errors of NVLinks grow: the samples of the window lack this GPU
found-no-window = it is not known whether errors of NVLinks grow: { $reason }
found-no-gpu = no NVIDIA GPU was found
found-no-device = NVML lists no GPU, and PCI does not say that there is none
