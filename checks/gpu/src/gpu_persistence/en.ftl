title = Persistence mode is on
why = Without it the driver unloads a GPU when its last process exits: restarts are slow, and clock and power settings are lost.
effect = When the last program leaves a GPU, the driver unloads it: the next start of the service takes longer, and limits that were set on the GPU are lost.
applicability = Bare metal, virtual machines, the host of containers; NVIDIA GPUs for data centres
expected-effect = Only the time to start, while a server keeps the GPU in use. There is no published number for language models.

problem-off = Persistence mode is off on { $gpus_count ->
    [one] GPU { $gpu }
   *[other] { $gpus_count } of { $all_count } GPUs
}
detail-off = persistence mode is off

problem-not-kept = After a reboot nothing sets persistence mode on { $gpus_count ->
    [one] GPU { $gpu }
   *[other] { $gpus_count } of { $all_count } GPUs
}
effect-not-kept = From the next reboot on, the driver unloads a GPU when the last program leaves it: starts of the service take longer, and limits that were set on the GPU are lost.
detail-not-kept = persistence mode is on, but nothing sets it after a reboot: no `nvidia-persistenced` runs

found-kept = persistence mode is on, and the daemon that sets it runs
found-daemon-unknown = persistence mode is on, but it is not known whether the daemon that sets it runs: { $reason }
found-in-container = persistence mode is on; whether the daemon that sets it runs cannot be seen inside a container ({ $container })
found-no-gpu = no NVIDIA GPU was found
found-no-device = NVML lists no GPU, and PCI does not say that there is none
