title = NUMA layout is exposed to the operating system
why = Without a correct map no pinning can be right, and every other check of placement is blind.
effect = The operating system cannot keep work and memory next to the GPU that they serve, so replies come later and less evenly than this machine allows.
applicability = Bare metal; virtual machines, whose sockets may be made up; containers read the host's map; with GPUs or without
expected-effect = No published number for this defect alone. Intel measures 135 to 163 ns for remote memory on a Xeon 6972P, 15 to 40 % more than for local.

problem-ignored = The kernel was told to ignore NUMA
detail-ignored = boot argument `numa=off` makes the kernel treat all CPUs and memory as one node

problem-one-node = { $sockets_count } sockets are shown as one NUMA node
detail-one-node = { $sockets_count } sockets, but all CPUs and memory are in one node{ $host ->
    [metal] {": the firmware interleaves the memory of all sockets"}
    [virtual] ; this is a virtual machine ({ $why }), whose sockets may be made up
   *[unknown] ; whether this is a virtual machine is not known: { $why }
}

problem-too-few = { $nodes_count ->
    [one] { $sockets_count } sockets share { $nodes_count } NUMA node with memory
   *[other] { $sockets_count } sockets share { $nodes_count } NUMA nodes with memory
}
detail-too-few = sockets: { $sockets_count }, but nodes with memory: { $nodes_count }{ $host ->
    [metal] {""}
    [virtual] ; this is a virtual machine ({ $why }), whose sockets may be made up
   *[unknown] ; whether this is a virtual machine is not known: { $why }
}

problem-across = NUMA node { $node } has CPUs of { $sockets_count } sockets
detail-across = the CPUs of node { $node } are of { $sockets_count } sockets, so that the nodes do not follow the sockets{ $host ->
    [metal] {""}
    [virtual] ; this is a virtual machine ({ $why }), whose sockets or nodes may be made up
   *[unknown] ; whether this is a virtual machine is not known: { $why }
}

problem-clash = { $kind ->
    [twice] CPUs { $cpus } belong to NUMA nodes { $of } at once
    [core] The threads of one core are in NUMA nodes { $of }
   *[cache] CPUs of sockets { $of } are said to share a cache
}
effect-clash = The kernel places threads and memory by this map, so those that belong together can end up far apart, and replies come later and less evenly.
detail-clash = { $kind ->
    [twice] several NUMA nodes ({ $of }) claim the same CPUs { $cpus }
    [core] CPUs { $cpus } are threads of one core, yet they belong to different NUMA nodes ({ $of })
   *[cache] the cache that CPUs { $cpus } share would belong to several sockets at once ({ $of })
}

problem-no-memory = CPUs { $cpus } have no memory on their NUMA node { $node }
effect-no-memory = Work on these CPUs always uses memory of another node, so it takes longer there than on the other CPUs.
detail-no-memory = CPUs { $cpus } have no memory of their own node

problem-no-cpus = NUMA node { $node } has memory but no CPUs
effect-no-cpus = Data that lands in this memory takes longer to reach from every CPU, so replies can come later and less evenly.
detail-no-cpus = memory without CPUs, and nothing says that it belongs to a device

problem-flat = All { $nodes_count } NUMA nodes are said to be equally far apart
effect-flat = The kernel cannot tell near memory from far memory, so it may give a server memory at the other processor, and replies come later and less evenly.
detail-flat = all { $nodes_count } nodes are said to be equally far, so that the kernel cannot tell local from remote

problem-as-near = Node { $to } is said to be as near as node { $from } itself
effect-as-near = The kernel may take far memory for near memory and give it to a server, and replies then come later and less evenly.
detail-as-near = node { $to } is said to be at distance { $distance } from node { $from }, whose distance to itself is { $own }

problem-skewed = The distance between NUMA nodes { $from } and { $to } differs by direction
effect-skewed = At least one of the distances that the kernel goes by is wrong, so it may give a server memory that is farther than need be.
detail-skewed = the distance is { $there } from node { $from } to node { $to }, but { $back } from node { $to } to node { $from }

found-unknown-controller = sockets: { $sockets_count }, but nodes with memory: { $nodes_count }; whether each socket of such CPUs has memory of its own is not known
found-nowhere = CPUs { $cpus } are in none of the NUMA nodes that were read, so that the nodes are not all known
found-enough = sockets: { $sockets_count }, nodes with memory: { $nodes_count }
problem-of-gpu = A NUMA node is memory of a GPU
detail-of-gpu = memory of a GPU, as its driver says
problem-of-tier = A NUMA node is memory of a device
detail-of-tier = memory of a device, in a tier of its own
problem-beside-gpus = A NUMA node has memory and no CPUs, beside coherent GPUs
detail-beside-gpus = memory without CPUs, beside coherent GPUs
found-distances = other nodes are farther than the own one, the same both ways
