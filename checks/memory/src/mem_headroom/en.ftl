title = Enough free memory, on each node and in the cgroup
why = Where memory runs out, threads first wait for reclaim, then the kernel kills a process, often the largest: the service.
effect = When memory runs out, replies first slow down, and then the kernel may end the service without warning.
applicability = Bare metal, virtual machines, containers
expected-effect = Availability, not speed. No published number.

limit-recent = time since a process was killed because memory ran out
limit-recent-applies = all nodes
limit-recent-source = our proposal: a week, as far as the log is asked for

limit-little = available memory, little
limit-little-applies = all nodes
limit-little-source = our proposal

limit-scarce = available memory, too little
limit-scarce-applies = all nodes, and each NUMA node with a GPU
limit-scarce-source = our proposal

limit-elsewhere = free memory of another node that makes a full one a fault of placement
limit-elsewhere-applies = hosts with two or more NUMA nodes
limit-elsewhere-source = our proposal

limit-unused = memory reserved for huge pages that nothing uses
limit-unused-applies = all nodes
limit-unused-source = our proposal

limit-some-pressure = share of time in which some thread waits for memory, noticeable
limit-some-pressure-applies = kernels with pressure stall information
limit-some-pressure-source = our proposal

limit-much-pressure = share of time in which some thread waits for memory, too much
limit-much-pressure-applies = kernels with pressure stall information
limit-much-pressure-source = our proposal

problem-scarce = Only { $share } of this node's memory is available
detail-scarce = { $share } of the memory is available ({ $available })

problem-little = Only { $share } of this node's memory is available
effect-little = A load peak or another program can use up the memory that is left; replies then slow down, and the kernel may end the service without warning.
detail-little = { $share } of the memory is available ({ $available })

problem-server-killed = The kernel killed the server { $name } for want of memory
effect-server-killed = { $limit ->
    [node] Memory of the whole node ran out, and the server was what the kernel ended: its requests were lost. It needs a node with more memory, or less of it: a memory limit for it and for what else runs here, a smaller context or cache in host memory.
   *[group] The server met the memory limit of its control group, and the kernel ended it: its requests were lost. It needs a higher limit, or less memory: a smaller context or cache in host memory.
}
detail-server-killed = the kernel's log tells of { $killed_count ->
    [one] { $killed_count } killed process
   *[other] { $killed_count } killed processes
} by the name of this node's server, { $name }; the last kill was { $ago } before it was read

problem-no-overcommit = The kernel refuses memory that programs only reserve
effect-no-overcommit = The engine reserves far more memory than it uses; under this setting it may fail to start, or stop when it asks for more.
detail-no-overcommit = the kernel refuses memory that is only reserved, as CUDA and Python do in tens of GiB

problem-unused-huge-pages = { $unused } of memory is set aside for huge pages and unused
effect-unused-huge-pages = This memory is lost to the service: it runs short of memory sooner than the machine's size suggests.
detail-unused-huge-pages = { $unused } of them are unused ({ $share } of the memory)

problem-pressure = Threads waited for memory during { $share } of the window
effect-pressure = Programs stand still while the kernel makes room in memory for them; where these are part of the service, replies slow down.
detail-pressure = some thread waited for memory during { $share } of the window

problem-killed-recently = The kernel killed processes because memory ran out
effect-killed-recently = Memory ran out on this node not long ago and the kernel ended programs; the next time it can be the service.
detail-killed-recently = the kernel's log tells of processes that were killed, the last one { $ago } before it was read

problem-killed-in-window = The kernel killed { $killed_count ->
    [one] { $killed_count } process
   *[other] { $killed_count } processes
} during the window because memory ran out
effect-killed-in-window = Memory ran out while the service was observed and the kernel ended programs; the next time it can be the service.
detail-killed-in-window = { $killed_count } in the window

problem-killed-long-ago = The kernel has killed { $killed_count ->
    [one] { $killed_count } process
   *[other] { $killed_count } processes
} for want of memory since boot
effect-killed-long-ago = Memory has run out on this node or in one of its containers and the kernel ended programs; the next time it can be the service.
detail-killed-long-ago = { $killed_count } since boot, none that the log tells of is recent

problem-killed-sometime = The kernel has killed { $killed_count ->
    [one] { $killed_count } process
   *[other] { $killed_count } processes
} since boot because memory ran out
effect-killed-sometime = Memory has run out on this node or in one of its containers and the kernel ended programs; when that was is not known, and the next time it can be the service.
detail-killed-sometime = { $killed_count } since boot; when is not known: { $reason }

problem-full-node = NUMA node { $node } has only { $share } of its memory left
effect-full-node = Programs near this node's GPUs get memory of another processor instead, which is slower to reach; replies come later and less evenly.
detail-full-node = { $share } of its memory is free or could be, while another node has { $best }: allocations go far

problem-limit-hit = Control group { $group } ran into its memory limit { $hits_count ->
    [one] once
   *[other] { $hits_count } times
}
effect-limit-hit = The service is not allowed the memory that it asks for: it waits until memory has been freed within its limit, and is ended when that does not succeed.
detail-limit-hit = it ran into its memory limit { $hits_count ->
    [one] once
   *[other] { $hits_count } times
} in the window; no process was killed

problem-limit-below = Groups within { $group } ran into a memory limit { $hits_count ->
    [one] once
   *[other] { $hits_count } times
}
effect-limit-below = A program that shares a control group with the service, or the service itself, is not allowed the memory that it asks for; it waits, and is ended when no memory can be freed.
detail-limit-below = it or a group below it ran into a memory limit { $hits_count ->
    [one] once
   *[other] { $hits_count } times
} in the window; no process was killed

problem-group-killed = { $killed_count ->
    [one] { $killed_count } process
   *[other] { $killed_count } processes
} in { $group } { $killed_count ->
    [one] was
   *[other] were
} killed because memory ran out
effect-group-killed = The kernel ended a part of the service, or of what shares its control group, because memory ran out; requests in progress there were lost.
detail-group-killed = { $killed_count ->
    [one] { $killed_count } process was
   *[other] { $killed_count } processes were
} killed in the window; { $hits_count ->
    [0] no memory limit was reached
    [one] it, or a group below it, ran into a memory limit once
   *[other] it, or a group below it, ran into a memory limit { $hits_count } times
}

problem-slowed = Control group { $group } was slowed { $slowed_count ->
    [one] once
   *[other] { $slowed_count } times
} to save memory
effect-slowed = The kernel holds the service back whenever it uses more memory than `memory.high` of its control group allows; replies slow down.
detail-slowed = it was slowed { $slowed_count ->
    [one] once
   *[other] { $slowed_count } times
} in the window to stay below `memory.high`

found-available = { $share } of the memory is available ({ $available })
found-overcommit = memory may be reserved without being there
found-no-huge-pages = there are none
found-used-huge-pages = { $unused } of them are unused ({ $share } of the memory)
found-no-pressure = some thread waited for memory during { $share } of the window, under load
found-none-killed = none since boot
found-killed-unlogged = { $killed_count } since boot by the counter, none by the log
found-free-nodes = at least { $share } of each is free or could be
found-one-node = all memory is in one NUMA node
found-no-limit-hit = { $groups_count ->
    [one] the only one did not run into a memory limit
   *[other] none of { $groups_count } ran into a memory limit
}
found-no-events = no control group of a server tells memory events, as those of version 2 do
