title = Direct GPU-to-GPU traffic is not forced through the CPU
why = PCI Express access control that redirects, or an IOMMU that translates, sends traffic between GPUs up to the root complex. It becomes slow, and can hang.
effect = Data between two GPUs takes the way through the processor: replies of models that span several GPUs take longer, and transfers can hang.
applicability = Bare metal and virtual machines, by different rules; two GPUs or more
expected-effect = NVIDIA, NCCL guide: a significant reduction of performance, or a hang (no figure).
caveat = Access control separates devices that are passed through to virtual machines: never switch it off on a virtualisation host. The NCCL guide: virtual machines require it to function.

problem-no-way = { $pairs_count } of { $all_count } GPU pairs cannot exchange data directly
effect-no-way = { $span ->
    [several] Models that span these GPUs exchange data through the memory of the host, so every step of every reply takes longer.
    [one] No replica spans several GPUs at present. One that does would exchange data through the memory of the host, which makes every step of a reply longer.
   *[unknown] Models that span these GPUs would exchange data through the memory of the host, which makes every step of a reply longer.
}
detail-no-way = the driver offers no direct way for { $pairs_count } of { $all_count } pairs ({ $status }){ $span ->
    [one] ; no replica spans several GPUs at present
   *[other] {""}
}

problem-redirected = { $bridges_count ->
    [one] { $bridges_count } PCIe bridge sends
   *[other] { $bridges_count } PCIe bridges send
} traffic between GPUs through the processor
effect-redirected = { $span ->
    [several] Data between the GPUs of a model takes the way through the processor: replies take longer, and transfers can hang.
    [one] No replica spans several GPUs at present. For one that does, data between its GPUs would take the way through the processor, slowly, and transfers could hang.
   *[unknown] For models that span several GPUs, data between the GPUs takes the way through the processor, slowly, and transfers can hang.
}
detail-redirected = access control of { $bridges_count ->
    [one] { $bridges_count } bridge
   *[other] { $bridges_count } bridges
} sends traffic between GPUs up to the root complex{ $span ->
    [one] ; no replica spans several GPUs at present
   *[other] {""}
}

problem-translated = The IOMMU translates memory accesses of { $gpus_count } of { $all_count } GPUs
effect-translated = { $span ->
    [several] Data between the GPUs of a model takes the way through the IOMMU of the processor: replies take longer, and transfers can hang.
    [one] No replica spans several GPUs at present. For one that does, data between its GPUs would take the way through the IOMMU, slowly, and transfers could hang.
   *[unknown] For models that span several GPUs, data between the GPUs takes the way through the IOMMU, slowly, and transfers can hang.
}
detail-translated = the IOMMU translates { $gpus_count ->
    [one] its memory accesses
   *[other] their memory accesses
}{ $span ->
    [one] ; no replica spans several GPUs at present
   *[other] {""}
}

found-nvlink = all pairs of GPUs are joined by NVLink
found-direct = the GPUs reach each other directly over PCI Express
found-no-peer = fewer than two GPUs: none has a peer
found-links-unknown = it is not known whether GPUs reach each other: { $reason }
found-pair-unknown = it is not known whether they reach each other: { $reason }
found-not-listed = PCI does not list this GPU
found-acs-unknown = access control of { $bridges_count } of them is not known: { $reason }
found-iommu-unknown = it is not known whether the IOMMU translates: { $reason }
found-type-unread = it is not known whether the IOMMU translates: `{ $path }` was not collected
found-span-no-server = it is not known whether replicas span several GPUs: no inference server was found; collect while the service runs
found-span-unknown = it is not known whether replicas span several GPUs: { $reason }
