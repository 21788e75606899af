title = Sub-NUMA mode (AMD NPS, Intel SNC) matches the serving design
why = Smaller nodes help only if every worker is pinned and fits. Otherwise they starve workers of local cores and memory.
effect = Workers run on too few cores or with memory of another part of the processor, so replies come later and less evenly.
applicability = Bare metal; virtual machines only where the mode is exposed; containers; nodes with GPUs; AMD EPYC and Intel Xeon
expected-effect = No published number for serving on GPUs. Intel shows +30 % for Java when groups of processes matched three nodes of a socket: the gain came from the match, not from the mode.

limit-little = free memory of a GPU's node that is too little while another node has plenty
limit-little-applies = sockets split into several nodes
limit-little-source = our proposal: below it allocations go to other nodes, as the kernel keeps a reserve

limit-plenty = free memory of another node that is plenty
limit-plenty-applies = sockets split into several nodes
limit-plenty-source = our proposal

problem-full = Only { $free } of NUMA node { $node }'s memory is free
effect-full = Workers next to this memory get memory of another part of the machine, which takes longer to reach, so replies come later and less evenly.
detail-full = { $free } of its memory is free, while node { $other } has { $other_free } free: workers get memory of other nodes

problem-unbound = The worker (pid { $pid }) is not bound to one socket
effect-unbound = This worker and its memory may be spread over several processors, so replies come later and less evenly.
detail-unbound = not bound to one socket, on a node whose sockets are split into several NUMA nodes

problem-crowded = { $processes_count ->
    [one] { $processes_count } process of the server (pid { $server }) has
   *[other] { $processes_count } processes of the server (pid { $server }) have
} { $cores_count ->
    [0] no whole core
    [one] only { $cores_count } whole core
   *[other] only { $cores_count } whole cores
}
effect-crowded = These processes wait for each other, so replies come later and less evenly.
detail-crowded = bound to { $nodes_count ->
    [one] node { $nodes }
   *[other] nodes { $nodes }
}, { $cores_count ->
    [0] no whole core
    [one] { $cores_count } whole core
   *[other] { $cores_count } whole cores
} for { $processes_count ->
    [one] { $processes_count } process of its server that is confined there
   *[other] { $processes_count } processes of its server that are confined there
}

found-bound = bound to { $nodes_count ->
    [one] node { $nodes }
   *[other] nodes { $nodes }
}, { $cores_count ->
    [one] { $cores_count } whole core
   *[other] { $cores_count } whole cores
} for { $processes_count ->
    [one] { $processes_count } process of its server
   *[other] { $processes_count } processes of its server
}
found-room = no node of a GPU is full while another one is empty
found-not-split = no socket is split into several nodes
found-no-node = no source names their NUMA node (see `topo.gpu-numa-known`)
found-no-worker = no process with a GPU was found: collect while the service runs
found-no-gpu = no GPU was found
