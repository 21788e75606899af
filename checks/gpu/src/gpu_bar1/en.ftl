title = Large BAR is available
why = A small BAR1 limits the windows of peer-to-peer traffic and of GPUDirect.
effect = GPUs and network adapters reach the memory of this GPU through a small window only, so models that span GPUs or nodes exchange data more slowly.
applicability = Bare metal; virtual machines, whose firmware must allow large MMIO; NVIDIA; other GPUs are not read
expected-effect = There is no published number for language models.

limit-used = use of BAR1 from which there is a warning
limit-used-applies = NVIDIA GPUs
limit-used-source = our proposal: what maps more then fails

problem-small = BAR1 of { $gpus_count ->
    [one] GPU { $gpu } is smaller than its memory
   *[other] { $gpus_count } of { $all_count } GPUs is smaller than their memory
}
effect-small = { $span ->
    [several] GPUs and network adapters reach the memory of this GPU through a small window only, so replicas that span several GPUs exchange data more slowly.
    [one] No replica spans several GPUs at present. One that does would exchange data between its GPUs more slowly, through a small window.
   *[unknown] Replicas that span several GPUs would exchange data between them more slowly, through a small window.
}
detail-small = { $gpus_count ->
    [one] its BAR1 of { $least_window } is smaller than its memory of { $most_memory }
   *[other] BAR1 is smaller than the memory, on one GPU { $least_window }
}{ $span ->
    [one] ; no replica spans several GPUs at present
   *[other] {""}
}

problem-full = The BAR1 window of { $gpus_count ->
    [one] GPU { $gpu } is { $most_used } full
   *[other] { $gpus_count } of { $all_count } GPUs is nearly full
}
effect-full = The next program that needs a window to this GPU gets none: it does not start, or it falls back to slower transfers.
detail-full = its BAR1 is nearly used up ({ $most_used })

problem-no-space = { $gpus_count ->
    [one] GPU { $gpu }
   *[other] { $gpus_count } of { $all_count } GPUs
} got no space in the address map
effect-no-space = What got no space cannot be used at all: the driver does not answer, and no model runs on it.
detail-no-space = no space in the address map, and the driver does not answer

found-covers = its BAR1 covers all of its memory
found-span-no-server = it is not known whether replicas span several GPUs: no inference server was found; collect while the service runs
found-span-unknown = it is not known whether replicas span several GPUs: { $reason }
found-no-gpu = no GPU was found
found-other-vendor = the GPUs are of vendor `{ $vendor }`: only windows of NVIDIA GPUs are read so far
found-no-device = NVML lists no GPU, and PCI does not say that there is none
