title = NUMA calls are allowed inside the container
why = Binding fails, or is skipped without a word, where the filter of system calls blocks `set_mempolicy` and `mbind`.
effect = The engine was told to keep its memory near the GPUs and does not do so: data may take the longer way, and replies come later and less evenly.
applicability = Containers and Kubernetes, on hosts with two or more NUMA nodes that have CPUs
expected-effect = See `numa.memory-locality`.
caveat = The capability also lets the container change priorities and real-time settings. A filter that allows `get_mempolicy`, `set_mempolicy` and `mbind` is the narrower way.

problem-blocked = The container blocks the server (pid { $pid }) from binding its memory
effect-blocked = The engine was told to keep its memory near the GPUs, and its container forbids that: data may take the longer way, and replies come later and less evenly.
detail-blocked = it is to bind memory (`{ $told }`), but the calls are blocked and no memory has a policy{ $starts ->
    [no] ; workers of this version do not start then
   *[yes] {""}
}

problem-excluded = The container of the server (pid { $pid }) lacks memory where it binds
effect-excluded = Memory cannot be bound near the GPUs: workers fail at their start, or data takes the longer way, and replies come later and less evenly.
detail-excluded = it is to bind memory (`{ $told }`) to { $nodes_count ->
    [one] node { $nodes }
   *[other] nodes { $nodes }
} of its GPUs, but its groups grant memory of { $mems } only: the call fails, whatever the filter allows{ $starts ->
    [no] ; workers of this version do not start then
   *[yes] {""}
}

problem-confined = The server (pid { $pid }) cannot bind its memory, but its cpuset does
effect-confined = Replies do not suffer now, since the limits of the container keep memory near the GPUs. If these limits are lifted, nothing does, although the engine was told to.
detail-confined = told to bind (`{ $told }`), which is blocked; its cpuset keeps memory on the GPUs' node anyway

problem-unused = The server (pid { $pid }) was told to bind memory and did not
detail-unused = told to bind (`{ $told }`) and allowed to, but no memory has a policy

found-in-force = memory policies are in force, so that the calls are allowed
found-allowed-unasked = calls that place memory are allowed; the engine was not told to use them
problem-blocked-unasked = Calls that place memory are blocked, and not asked for
detail-blocked-unasked = calls that place memory are blocked; the engine was not told to use them, and could not
problem-excluded-unasked = A container grants no memory on nodes of its GPUs
detail-excluded-unasked = the engine was not told to bind memory, and could not: its groups grant memory of { $mems } only, not of { $nodes_count ->
    [one] node { $nodes }
   *[other] nodes { $nodes }
} of its GPUs
found-no-policies = no memory policy of its processes is known
found-one-node = all CPUs are in one NUMA node
found-no-server = no inference server was found: collect while the service runs
found-no-container = no inference server runs in a container
found-unknown-container = it is not known whether it runs in a container: { $reason }
found-no-process = no process of the server was recorded
