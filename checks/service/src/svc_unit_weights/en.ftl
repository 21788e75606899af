title = Inference has priority over housekeeping
why = Weights decide who waits when the CPUs of the host are all busy. Without one, backups, agents and sessions count as much as the server.
effect = When the CPUs are busy, the server waits for other work on this node, and replies come later.
applicability = Bare metal and virtual machines, control groups of version 2
expected-effect = No published number.

limit-active = share of one CPU from which a neighbour counts as active
limit-active-applies = control groups beside the server's
limit-active-source = our proposal

limit-ratio = weight of the server's group as a multiple of its neighbours'
limit-ratio-applies = hosts where other groups use CPU time
limit-ratio-source = our proposal: under contention the server then gets five sixths of the CPU time

problem-outweighed = `{ $neighbour }` takes precedence over the server (pid { $pid }) when CPUs are busy
effect-outweighed = When the CPUs are busy, other work on this node gets more of them than the server, and replies come later.
detail-outweighed = under contention `{ $group }`, which it runs in, and `{ $neighbour }` share CPU time as { $own_weight } to { $neighbour_weight }, by their weights

problem-hardly-ahead = The server (pid { $pid }) has no clear priority over `{ $neighbour }`
detail-hardly-ahead = under contention `{ $group }`, which it runs in, and `{ $neighbour }` share CPU time as { $own_weight } to { $neighbour_weight }, by their weights

found-ahead = under contention `{ $group }`, which it runs in, and `{ $neighbour }` share CPU time as { $own_weight } to { $neighbour_weight }, by their weights
found-alone = no group beside it, those of other servers aside, that may run on its CPUs used CPU time worth mentioning
found-version-one = control groups of version 1 share CPU time in another way than is judged here
found-no-groups = its control groups below the root are not known
found-no-weight = { $path } was not read
found-not-read-twice = { $path } was not read twice
found-no-time = no time passed between the readings
found-no-server = no inference server was found: collect while the service runs
found-no-process = no process of the server was recorded
found-inside = seen from inside of a container ({ $container }): on its host, `{ $command }` shows it
found-in-bpf = the kernel's scheduler is a BPF program ({ $name }): what weights of control groups mean is its own affair
