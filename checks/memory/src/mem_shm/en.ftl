title = Shared memory is large enough for multi-GPU serving
why = Workers of one model and NCCL exchange data through shared memory. With the 64 MiB that containers get by default they crash or fall back to slow paths.
effect = The processes of one model can run out of the memory through which they exchange data: the server may fail to start or stop under load, or fall back to a slower path between its GPUs.
applicability = Containers above all; on bare metal the default is half of the memory
expected-effect = Stability. No published number.

limit-many-gpus = size of /dev/shm for a model on several GPUs
limit-many-gpus-applies = models on two GPUs or more

limit-one-gpu = size of /dev/shm for a model on one GPU
limit-one-gpu-applies = models on one GPU
limit-one-gpu-source = our proposal

limit-default = size of /dev/shm that container runtimes give by default
limit-default-applies = containers

problem-runtime-default = The server (pid { $server }) has { $size } of shared memory for { $gpus_count ->
    [one] { $gpus_count } GPU
   *[other] { $gpus_count } GPUs
}
detail-runtime-default = /dev/shm has { $size }, for a model on { $gpus_count ->
    [one] { $gpus_count } GPU
   *[other] { $gpus_count } GPUs
}: no more than container runtimes give by default

problem-small = The server (pid { $server }) has { $size } of shared memory for { $gpus_count ->
    [one] { $gpus_count } GPU
   *[other] { $gpus_count } GPUs
}
effect-small = Under load the processes of one model can run out of the memory through which they exchange data; the server may then stop, or fall back to a slower path between its GPUs.
detail-small = /dev/shm has { $size }, for a model on { $gpus_count ->
    [one] { $gpus_count } GPU
   *[other] { $gpus_count } GPUs
}

found-enough = /dev/shm has { $size }, for a model on { $gpus_count ->
    [one] { $gpus_count } GPU
   *[other] { $gpus_count } GPUs
}
problem-small-for-one = /dev/shm has { $size }, enough for a model on one GPU
detail-small-for-one = /dev/shm has { $size }, for a model on one GPU, which hardly needs it
found-no-server = no inference server was found: collect while the service runs
found-no-gpu = none of its processes is known to use a GPU
