title = Only one mechanism sets CPU affinity
why = Open MPI, Slurm, the engine, `numactl`, kubelet and systemd overwrite each other's masks, and the result depends on the order in which they start.
effect = Which CPUs this service gets depends on the order in which its parts start, so its speed can change from one restart to the next.
applicability = Bare metal, virtual machines, containers; TensorRT-LLM, SGLang, vLLM, also under Slurm and MPI
expected-effect = No published number for the conflict itself; TensorRT-LLM PR #9549 reports a test at 691.9 s with one binding and 390.8 s without.

problem-cleared = TensorRT-LLM clears the CPU masks that { $launcher } sets
effect-cleared = The processes of this service may run on CPUs that they were meant to stay off, so its speed varies with where they happen to run.
detail-cleared = { $launcher } binds its processes, but TensorRT-LLM clears their masks as long as `TLLM_NUMA_AWARE_WORKER_AFFINITY` is not set

problem-denied = The control group denies process { $pid } CPUs { $lacking }
effect-denied = This process has fewer CPUs than it was started for, so under load its replies can come later than planned.
detail-denied = process { $pid } ({ $comm }) asks for CPUs { $asked }, but its control group has { $granted } only, so that it cannot have CPUs { $lacking }

problem-other-mask = Process { $pid } asks for CPUs { $asked } and has { $found }
effect-other-mask = The binding that this service was started with is not in force, so its processes may run away from their GPUs and its speed can vary.
detail-other-mask = process { $pid } ({ $comm }) asks for CPUs { $asked }, and its threads have { $found }

problem-several = { $mechanisms_count } mechanisms set the CPUs of the server (pid { $server }) at once
detail-several = bound by { $mechanisms_count } mechanisms at once: { $mechanisms }

problem-several-and-mask = { $mechanisms_count } mechanisms set the CPUs of the server (pid { $server }) at once
detail-several-and-mask = bound by { $mechanisms_count } mechanisms at once: { $mechanisms }; a mask of CPUs { $cpus } on process { $pid }, whose origin is not recorded

found-alone = bound by { $mechanism } alone
found-within = bound by { $mechanism } alone, within CPUs { $cpus }, which are all that its control group has
found-mask-alone = process { $pid } is confined to CPUs { $cpus }, { $cpus_count } of { $online_count }, by a mask whose origin is not recorded; no other mechanism binds the server
found-unbound = nothing binds its processes to CPUs
found-no-server = no inference server was found: collect while the service runs
found-no-process = no process of the server was recorded
found-no-kind = it was not recorded what kind of server it is
