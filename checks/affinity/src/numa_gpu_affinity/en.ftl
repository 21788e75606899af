title = GPU workers run on CPUs local to their GPU
why = Launches, copies and control messages of a worker on the far socket cross the link between the sockets. It shows first in p95 and p99 and in the variance from run to run.
effect = Instructions and data for the GPU cross the link between the processors, so replies come later and less evenly, above all the slowest ones.
applicability = Bare metal; virtual machines with vNUMA; containers; hosts with two or more NUMA nodes that have CPUs; NVIDIA and AMD GPUs
expected-effect = PyTorch: typically 1-10 % overall, sometimes much more or none. vLLM on 4x GB200 with CPU offload: about 1.5x against every other mapping. V100 with tensor parallelism 4: locality 72.6 % to 98.2 %, decode +1.9 %; the same author saw no gain in his other tests. NVIDIA srt-slurm: aggregated mode does not benefit, disaggregated does.
caveat = A wrong pin is worse than none: TensorRT-LLM PR #9549 reports a disaggregated test at 691.9 s with the new default affinity and 390.8 s without. Always measure again, and always keep enough cores per worker.

limit-remote-time = share of a worker's CPU time away from its GPUs
limit-remote-time-applies = hosts with two or more NUMA nodes that have CPUs
limit-remote-time-source = our proposal: one helper thread in twenty may stray before we call the worker misplaced

problem-wrong-place = The worker (pid { $pid }) does { $share } of work far from { $gpus_count ->
    [one] its GPU
   *[other] its GPUs
}
detail-wrong-place = pinned to the wrong place: threads with { $share } of its CPU time may run on none of the CPUs { $near_cpus } of { $nodes_count ->
    [one] node { $nodes }
   *[other] nodes { $nodes }
}{ $reach ->
    [socket] {" (on the socket of its GPU)"}
   *[node] {""}
}

problem-away = The unpinned worker (pid { $pid }) was seen far from { $gpus_count ->
    [one] its GPU
   *[other] its GPUs
}
effect-away = While this worker runs away from its GPU, instructions and data cross the link between the processors, and replies come later and less evenly, above all the slowest ones.
detail-away = not pinned, and threads with { $share } of its CPU time were last seen away from the CPUs { $near_cpus } of { $nodes_count ->
    [one] node { $nodes }
   *[other] nodes { $nodes }
}{ $reach ->
    [socket] {" (on the socket of its GPU)"}
   *[node] {""}
}

problem-open = Nothing keeps the worker (pid { $pid }) near { $gpus_count ->
    [one] its GPU
   *[other] its GPUs
}
effect-open = This worker may run away from its GPU at any time, and replies would then come later and less evenly; where it runs can change with the load and with every restart.
detail-open = not pinned to the CPUs { $near_cpus } of { $nodes_count ->
    [one] node { $nodes }
   *[other] nodes { $nodes }
}{ $reach ->
    [socket] {" (on the socket of its GPU)"}
   *[node] {""}
}; threads with { $share } of its CPU time were last seen on these or may run nowhere else

problem-tight = The worker (pid { $pid }) is pinned to CPUs { $cpus }, no whole core
effect-tight = Other programs can run on the second thread of every core that this worker may use, so its replies can come later and less evenly.
detail-tight = pinned near its GPU, but CPUs { $cpus } hold no whole physical core

found-pinned = pinned to CPUs { $cpus } ({ $cores_count ->
    [one] { $cores_count } whole core
   *[other] { $cores_count } whole cores
}) with { $share } of its CPU time, all among the CPUs { $near_cpus } of { $nodes_count ->
    [one] node { $nodes }
   *[other] nodes { $nodes }
}{ $reach ->
    [socket] {" (on the socket of its GPU)"}
   *[node] {""}
}
found-pinned-to-unknown-cores = pinned to CPUs { $cpus } with { $share } of its CPU time, all among the CPUs { $near_cpus } of { $nodes_count ->
    [one] node { $nodes }
   *[other] nodes { $nodes }
}{ $reach ->
    [socket] {" (on the socket of its GPU)"}
   *[node] {""}
}
problem-spread = No CPU is far from all GPUs of this worker
detail-spread = { $gpus_count ->
    [one] the socket of its GPU holds all nodes, so that no CPU is far from it
   *[other] its GPUs are spread over all sockets or nodes, so that no CPU is far from all of them
}
found-one-node = all CPUs are in one NUMA node
found-unknown-place = mask or place is unknown for threads with { $share } of its CPU time
found-no-time = the CPU time of thread { $tid } is not known: { $reason }
found-idle = its threads have used no CPU time: collect under load
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
