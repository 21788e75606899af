title = Every GPU reports the NUMA node it is attached to
why = Automatic binding in vLLM, SGLang, TensorRT-LLM and PyTorch reads this one number per GPU. -1 turns the binding off without a message.
effect = Serving software that places itself next to its GPUs reads this one number per GPU; where it is missing, it does nothing and says nothing, and replies come later and less evenly.
applicability = Bare metal; virtual machines (a very common failure there); containers; NVIDIA and AMD GPUs; fails only on hosts with two or more NUMA nodes that have memory
expected-effect = No published number: it disables the gains listed under `numa.gpu-affinity`.

problem-untold = The firmware names no NUMA node for GPU { $gpu }
detail-untold = the firmware does not say which of the nodes { $nodes } the GPU is attached to{ $nvml ->
    [one] , though NVML says { $nvml_nodes }
    [several] , and NVML does not know either: it says { $nvml_nodes }
   *[none] {""}
}

problem-disagree = Two sources place GPU { $gpu } on different NUMA nodes
effect-disagree = Serving software that reads the wrong one of the two places itself far from this GPU, and replies come later and less evenly.
detail-disagree = sysfs says node { $node }, NVML says { $nvml_nodes }: engines that read one of them bind wrongly

problem-harmless = The firmware names no NUMA node, and there is only one
detail-harmless = the firmware names no node, which is harmless with a single node
found-offline = the GPU names node { $node }, but { $online_count ->
    [one] only node { $online } is online
   *[other] only the nodes { $online } are online
}
found-hwloc-differs = sysfs says node { $node }, hwloc says { $nodes_count ->
    [one] node { $nodes }
   *[other] nodes { $nodes }
}
found-lost-opinion = node { $node } by the firmware, but a source that may say otherwise gave no answer: { $reason }
found-agreed = node { $node }, and NVML agrees
found-among = node { $node }, which is among the nodes { $nvml_nodes } that NVML names
found-no-second = node { $node } by the firmware; NVML gave no second opinion
found-told = node { $node } by the firmware
found-no-gpu = no GPU was found
