title = GPUDirect RDMA path is available where it is needed
why = Without it, KV transfers of disaggregated serving are staged through host memory.
effect = Servers that work together wait longer for each other's data, so replies start later.
applicability = Bare metal, and virtual machines with devices passed through; engines that are disaggregated or span nodes
expected-effect = No published number was read.

problem-no-device = This node has no RDMA device for transfers between servers
effect-no-device = Data between servers takes the slower way through the ordinary network and main memory, so replies start later.
detail-no-device = { $need ->
    [option] { $server } runs with `{ $what }`, but
    [gpus] { $server } spreads its model over { $what } GPUs, more than this node has, but
   *[engagement] the workload is disaggregated or spans nodes, but
} the kernel knows no RDMA device: transfers go through TCP

problem-staged = The network cannot reach the memory of the GPUs directly
effect-staged = Data between servers takes a detour through main memory, so replies start later.
detail-staged = { $need ->
    [option] { $server } runs with `{ $what }`, but
    [gpus] { $server } spreads its model over { $what } GPUs, more than this node has, but
   *[engagement] the workload is disaggregated or spans nodes, but
} neither is `nvidia_peermem` loaded nor can dma-buf be used: transfers are staged through host memory

problem-none-active = { $ports_count ->
    [one] The only RDMA port of this node is not active
   *[other] None of { $ports_count } RDMA ports is active
}
effect-none-active = Data between servers takes the slower way through the ordinary network, if it gets through at all, so replies start later.
detail-none-active = { $need ->
    [option] { $server } runs with `{ $what }`, but
    [gpus] { $server } spreads its model over { $what } GPUs, more than this node has, but
   *[engagement] the workload is disaggregated or spans nodes, but
} no RDMA port is active

problem-not-active = { $ports_count } of { $all_count } RDMA ports { $ports_count ->
    [one] is
   *[other] are
} not active
effect-not-active = If all ports are meant to be used, the others carry the data alone, and servers that work together wait longer for it.
detail-not-active = not active, while other ports are

problem-slower = RDMA port { $port } runs at { $rate } instead of { $best }
detail-slower = runs at { $rate }, another of the same model at { $best }

problem-errors-grew = RDMA ports report errors while data is sent
effect-errors-grew = Lost or damaged data is sent again, so servers that work together wait longer for it.
detail-errors-grew = { $counters_count ->
    [one] { $counters_count } error counter grew in the window
   *[other] { $counters_count } error counters grew in the window
}

found-one-node = no inference server of this node is disaggregated or spans nodes
found-peer-module = the module `{ $module }` is loaded
found-dma-buf = the open kernel modules of NVIDIA offer dma-buf, and no peer memory module is needed
found-active = active, none slower than others of its model
found-unknown-state = the state is not known
found-unknown-model = what it is to be compared with is not known: { $reason }
found-no-counter = no error counter was read at both ends of the window
found-nothing-sent = the ports sent nothing in the window: collect while the service runs
found-no-errors = { $counters_count ->
    [one] { $counters_count } counter was read, which did not grow while data was sent
   *[other] none of { $counters_count } counters grew while data was sent
}
