title = Resource limits fit the service
why = Too few open files end in refused connections; too little locked memory breaks RDMA and pinned memory; too few tasks keep new threads from starting.
effect = Requests fail once the server needs more than it is allowed to use.
applicability = Bare metal, virtual machines, containers
expected-effect = Availability; no effect on speed.

limit-files-fail = open files, soft limit that fails
limit-files-fail-applies = processes of inference servers
limit-files-fail-source = our proposal: the default of shells and of older container engines

limit-files-pass = open files, soft limit that passes
limit-files-pass-applies = processes of inference servers
limit-files-pass-source = our proposal

limit-use-warn = share of a limit in use, warning
limit-use-warn-applies = open files and tasks
limit-use-warn-source = our proposal

limit-use-fail = share of a limit in use, failure
limit-use-fail-applies = open files and tasks
limit-use-fail-source = our proposal

limit-locked = locked memory that is too little for RDMA
limit-locked-applies = servers that use RDMA
limit-locked-source = our proposal: the largest default of distributions (8 MiB); Azure's HPC images set it to unlimited

problem-files-in-use = Process { $pid } has used { $share } of its limit on open files
effect-files-in-use = Once the limit is reached, the server refuses new connections, and requests fail.
detail-files-in-use = process { $pid } has { $open_count ->
    [one] { $open_count } file
   *[other] { $open_count } files
} open, { $share } of the { $limit_count } that it may

problem-few-files = Process { $pid } may open only { $limit_count ->
    [one] { $limit_count } file
   *[other] { $limit_count } files
}
effect-few-files = Every connection is an open file: when many clients connect at once, the server refuses some of them, and their requests fail.
detail-few-files = process { $pid } may open { $limit_count ->
    [one] { $limit_count } file
   *[other] { $limit_count } files
}, and at most { $share } of a limit is in use

problem-locked-between-nodes = Process { $pid } may lock only { $locked } of memory for RDMA
effect-locked-between-nodes = Transfers to other nodes can fail, at the start or under load, once they need more locked memory than this.
detail-locked-between-nodes = process { $pid } may lock { $locked }, which limits what RDMA can pin, and it talks to other nodes (`{ $option }`)

problem-little-locked = Process { $pid } may lock only { $locked } of memory
effect-little-locked = If the server is to exchange data with other nodes over RDMA, the transfers can fail; as long as it does not, nothing happens.
detail-little-locked = process { $pid } may lock { $locked }, too little for the network adapters of this node, should it use RDMA

problem-many-tasks = The server (pid { $pid }) has used { $share } of its limit on threads
effect-many-tasks = Once the limit is reached, the server cannot start further threads or processes: requests fail, or the server ends.
detail-many-tasks = { $threads_count ->
    [one] { $threads_count } thread
   *[other] { $threads_count } threads
}, { $share } of the limit on tasks ({ $limit } in { $group })

found-many-files = process { $pid } may open { $limit_count ->
    [one] { $limit_count } file
   *[other] { $limit_count } files
}, and at most { $share } of a limit is in use
found-all-files = the number of open files is not limited
found-unlimited = unlimited
found-no-adapter = process { $pid } may lock { $locked }; no network adapter pins host memory
problem-not-told = Process { $pid } may lock { $locked }, and does not use RDMA
detail-not-told = process { $pid } may lock { $locked }; it was not told to use RDMA
found-unknown-adapters = process { $pid } may lock { $locked }; whether a network adapter could need more is not known: { $reason }
found-tasks-unlimited = { $threads_count ->
    [one] { $threads_count } thread
   *[other] { $threads_count } threads
}, and no limit on tasks
found-few-tasks = { $threads_count ->
    [one] { $threads_count } thread
   *[other] { $threads_count } threads
}, { $share } of the limit on tasks ({ $limit })
found-no-limit = { $path } has no `{ $name }`
found-no-thread = no thread of the server was recorded
found-no-server = no inference server was found: collect while the service runs
found-no-process = no process of the server was recorded
