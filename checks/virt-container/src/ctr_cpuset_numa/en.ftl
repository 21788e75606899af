title = The container's cpuset and memory nodes include the GPU's node
why = No option of the engine can repair a container that was placed on the other socket.
effect = Instructions and data for the GPUs cross the link between the processors, so replies come later and less evenly; no setting of the engine can change that.
applicability = Containers and Kubernetes, on hosts with two or more NUMA nodes that have CPUs
expected-effect = As for `numa.gpu-affinity`. One test that its author published himself exists; it is too weak to quote.

problem-no-cpu-near = The container of the server (pid { $pid }) lacks CPUs near { $nodes_count ->
    [one] node { $nodes }
   *[other] nodes { $nodes }
}
detail-no-cpu-near = its cpuset (CPUs { $cpus }) holds no CPU of { $nodes_count ->
    [one] node { $nodes }
   *[other] nodes { $nodes }
}, where it has GPUs

problem-no-memory-near = The container of the server (pid { $pid }) lacks memory near its GPUs
effect-no-memory-near = Buffers for the GPUs lie in memory of the other processor, so data takes the longer way and replies come later; no setting of the engine can change that.
detail-no-memory-near = its memory may come from { $mems_count ->
    [one] node { $mems }
   *[other] nodes { $mems }
} only, and it has GPUs on { $nodes_count ->
    [one] node { $nodes }
   *[other] nodes { $nodes }
}

problem-anywhere = Nothing keeps the container of the server (pid { $pid }) near its GPUs
effect-anywhere = The service may run away from its GPUs at any time, and replies would then come later and less evenly; where it runs can change with the load and with every restart.
detail-anywhere = its cpuset holds all CPUs, and its GPUs are on { $nodes_count ->
    [one] node { $nodes }
   *[other] nodes { $nodes }
}: nothing places it

found-near = CPUs { $cpus } and memory of { $mems_count ->
    [one] node { $mems }
   *[other] nodes { $mems }
} include { $nodes_count ->
    [one] node { $nodes }
   *[other] nodes { $nodes }
} of its GPUs
problem-engine-binds = The engine binds its GPU processes itself
detail-engine-binds = its cpuset holds all CPUs; the engine has bound its GPU processes to the nodes of the GPUs itself
found-one-node = all CPUs are in one NUMA node
found-no-gpu = it uses no GPU
found-no-server = no inference server was found: collect while the service runs
found-no-container = no inference server runs in a container
found-unknown-container = it is not known whether it runs in a container: { $reason }
found-no-process = no process of the server was recorded
found-unknown-gpus = it is not known which GPUs process { $pid } uses: { $reason }
found-no-such-gpu = GPU { $gpu } is not among the GPUs of the evidence
found-no-cpuset = none of its control groups says which CPUs and memory nodes it may use
