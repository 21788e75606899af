title = Serving and RDMA NICs sit on the same NUMA node as the GPUs or threads they feed
why = Matters for disaggregated prefill and decode, for several nodes, and for very high rates of streamed tokens; little for a chat service on one node.
effect = Data between the GPUs and the network crosses the link between the processors, so transfers between machines take longer, and replies that wait for them come later.
applicability = Bare metal; virtual machines with devices passed through; containers; hosts with two or more NUMA nodes that have CPUs
expected-effect = ESnet: TCP and UDP at up to half the speed on the wrong socket (hosts with 40 and 100 Gbit/s). No published number for language models.

limit-heavy = traffic over a remote network device that is too much
limit-heavy-applies = hosts with two or more NUMA nodes that have CPUs
limit-heavy-source = our proposal: ESnet sees up to half of the throughput lost on hosts with 40 and 100 Gbit/s

limit-idle = traffic below which nothing tells which device serves
limit-idle-applies = all network devices
limit-idle-source = our proposal: 1 Mbit/s is what monitoring and logins come to

limit-near-time = share of CPU time of request-taking processes on the node of their network device
limit-near-time-applies = hosts with two or more NUMA nodes that have CPUs
limit-near-time-source = our proposal: below it most packets are handled on the far side

problem-remote = Requests to the server (pid { $pid }) arrive on { $device }, mostly far away
effect-remote = Requests and replies cross the link between the processors, which costs time and throughput, the more the heavier the traffic.
detail-remote = { $traffic } over the device on node { $node }, where { $share } of the CPU time of the processes that take requests was spent

problem-remote-kv = Requests and KV cache of the server (pid { $pid }) mostly cross sockets
effect-remote-kv = Requests, replies and the KV cache cross the link between the processors, which costs time and throughput, the more the heavier the traffic.
detail-remote-kv = { $traffic } over { $device } on node { $node }, where { $share } of the CPU time of the processes that take requests was spent; KV cache travels too (`{ $option }`)

problem-rdma-named = The server (pid { $pid }) is given RDMA devices far from its GPUs
detail-rdma-named = { $gpus_count ->
    [one] GPU { $gpus } reaches
   *[other] GPUs { $gpus } reach
} { $names } only across the sockets (SYS), though { $better } is nearer to { $gpu } ({ $level })

problem-rdma-far = GPUs of the server (pid { $pid }) reach RDMA devices only across sockets
detail-rdma-far = { $gpus_count ->
    [one] GPU { $gpus } reaches
   *[other] GPUs { $gpus } reach
} { $names } only across the sockets (SYS), and no nearer one has an active port

problem-rdma-inactive = The server (pid { $pid }) is left without an active RDMA device
effect-rdma-inactive = Transfers between machines fail or take the slower way through the processors, so replies that wait for them come later.
detail-rdma-inactive = `{ $setting }` leaves it no RDMA device with an active port

found-near = { $traffic } over the device on node { $node }, where { $share } of the CPU time of the processes that take requests was spent
found-rdma-near = { $gpus_count ->
    [one] GPU { $gpus } reaches
   *[other] GPUs { $gpus } reach
} one of { $names } without crossing the sockets
found-unused = nothing says that they are used
found-no-active-port = no RDMA device has an active port
found-unknown-ports = whether a port of theirs is active is not known; they were taken to have one
found-unknown-use = whether they are used is not known: { $reason }
found-unknown-counters = whether they are used is not known: the counters of { $device } were not read twice, or ran backwards
found-unknown-kv = whether KV cache travels too is not known: { $reason }
found-unknown-roles = which of its processes take requests is not known
found-no-time = the processes that take requests have used no CPU time
found-no-gpu-seen = it is not seen to use a GPU
found-no-path = no path from { $gpu } to { $device } was derived
found-no-node = the firmware does not name the NUMA node of the device
found-no-window = the window has no length
found-read-once = { $path } was not read twice, or ran backwards
found-idle = no network device had traffic in the window: collect while the service runs
found-one-node = all CPUs are in one NUMA node
found-no-device = no network device on the PCI bus
found-no-server = no inference server was found: collect while the service runs
