title = Host memory of each GPU worker lives on the GPU's node
why = Pinned buffers, offloaded KV cache and staged weights are read over the link between the sockets for the life of the process. Moving the threads later does not move the memory.
effect = What the GPU reads from this memory crosses the link between the processors for as long as the process runs, so copies take longer and replies that need them come later.
applicability = Bare metal; virtual machines with vNUMA; containers; hosts with two or more NUMA nodes that have memory
expected-effect = 1Cat-vLLM: from 72.6 % to 98.2 % local memory gave +1.9 % decode. vLLM on GB200 with CPU offload: about 1.5 times. Hugging Face on MI250: copies between host and GPU 47.7 GB/s from local and 36 to 38 GB/s from remote memory.
caveat = A bound worker on a node that fills up is killed for lack of memory: check the free memory of each node first.

limit-local = share of a worker's memory near its GPUs
limit-local-applies = hosts with two or more NUMA nodes that have CPUs
limit-local-source = our proposal, between 72.6 % before and 98.2 % after binding (1Cat-vLLM issue #678)

limit-least-local = least share of a worker's memory near its GPUs
limit-least-local-applies = workers that keep neither weights nor KV cache in host memory
limit-least-local-source = our proposal: late binding leaves about 22 % on the wrong node (TensorRT-LLM PR #18117)

problem-far = The worker (pid { $pid }) has { $far } of memory far from { $gpus_count ->
    [one] its GPU
   *[other] its GPUs
}
detail-far = { $share } of its { $memory_size } of host memory is on { $nodes_count ->
    [one] node { $nodes }
   *[other] nodes { $nodes }
}, near { $gpus_count ->
    [one] its GPU
   *[other] its GPUs
}

problem-offload = The worker (pid { $pid }) has { $far } of memory far from { $gpus_count ->
    [one] its GPU
   *[other] its GPUs
}
effect-offload = This worker keeps weights or cached context in host memory, and what of it is at the other processor takes longer to read for every reply that needs it.
detail-offload = { $share } of its { $memory_size } of host memory is on { $nodes_count ->
    [one] node { $nodes }
   *[other] nodes { $nodes }
}, near { $gpus_count ->
    [one] its GPU
   *[other] its GPUs
}, and option `{ $option }` keeps weights or KV cache in host memory

problem-partly = The worker (pid { $pid }) has { $far } of memory far from { $gpus_count ->
    [one] its GPU
   *[other] its GPUs
}
effect-partly = A part of what the GPU reads from host memory crosses the link between the processors, which can make copies and the replies that need them slower.
detail-partly = { $share } of its { $memory_size } of host memory is on { $nodes_count ->
    [one] node { $nodes }
   *[other] nodes { $nodes }
}, near { $gpus_count ->
    [one] its GPU
   *[other] its GPUs
}

problem-away-from-threads = The server (pid { $pid }) has { $far } of its memory on another node
effect-away-from-threads = The server reads its whole model for each token, and what of it is at the other processor comes over the link between the two: each token takes longer.
detail-away-from-threads = { $share } of its { $memory_size } of memory is on { $nodes_count ->
    [one] node { $nodes }
   *[other] nodes { $nodes }
}, where its threads may run

problem-one-sided = The server (pid { $pid }) computes everywhere, its memory is on one node
effect-one-sided = The server reads its whole model for each token: the threads on the other processors read all of it over the link, and all wait for them.
detail-one-sided = its threads may run on { $nodes_count ->
    [one] { $nodes_count } node
   *[other] { $nodes_count } nodes
}, and { $share } of its { $memory_size } of memory is on node { $node }

found-with-threads = { $share } of its { $memory_size } of memory is on { $nodes_count ->
    [one] node { $nodes }
   *[other] nodes { $nodes }
}, where its threads may run
problem-evenly-spread = Threads and { $memory_size } of memory are spread over several NUMA nodes
detail-evenly-spread = its threads and its { $memory_size } of memory are spread over { $nodes_count ->
    [one] { $nodes_count } node
   *[other] { $nodes_count } nodes
}: each thread reads a part of it over the link between the processors
found-near = { $share } of its { $memory_size } of host memory is on { $nodes_count ->
    [one] node { $nodes }
   *[other] nodes { $nodes }
}, near { $gpus_count ->
    [one] its GPU
   *[other] its GPUs
}
problem-spread = No memory is far from all GPUs of this worker
detail-spread = { $gpus_count ->
    [one] the socket of its GPU holds all nodes, so that no memory is far from it
   *[other] its GPUs are spread over all sockets or nodes, so that no memory is far from all of them
}
found-one-node = all memory is in one NUMA node
found-offload-unknown = it is not known whether weights or KV cache are offloaded to host memory: { $reason }
found-no-memory = { $path } names no resident memory
found-contradiction = the figures of node { $node } in { $path } do not add up
found-no-gpu = no GPU was found
found-no-server = no inference server was found: collect while the service runs
found-no-process = no process of the server was recorded
found-unknown-users = { $processes_count ->
    [one] it is not known whether { $processes_count } process uses a GPU: { $first }: { $reason }
   *[other] it is not known whether { $processes_count } processes use a GPU, the first being { $first }: { $reason }
}
found-no-such-gpu = GPU { $gpu } is not among the GPUs of the evidence
found-no-node = the NUMA node of GPU { $gpu } is not known: { $reason }
found-offline = GPU { $gpu } names node { $node }, which is not online
found-no-cpus = { $nodes_count ->
    [one] node { $nodes } of its GPUs has no CPUs
   *[other] nodes { $nodes } of its GPUs have no CPUs
}
