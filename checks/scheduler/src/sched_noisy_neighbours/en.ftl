title = Other workloads do not use the inference CPUs
why = Batch jobs, agents, backups and log shippers share cores, caches and memory bandwidth with the threads that launch kernels.
effect = Work other than the service's takes CPU time from the threads that feed the GPUs, so replies come later and less evenly.
applicability = Bare metal, virtual machines and containers
expected-effect = eunomia.dev: CPU, network and disk noise together cost 20.5 % of throughput, CPU noise alone 8.8 %; pinning cut context switches by 96.3 % and won back most, but not all.

limit-watched = length of the window from which absence of other programs passes
limit-watched-applies = inference CPUs
limit-watched-source = our proposal: timers and log shippers run every few seconds

limit-some = CPU time of other programs on the inference CPUs
limit-some-applies = inference CPUs in the window
limit-some-source = our proposal: housekeeping of a dedicated host takes less

limit-much = CPU time of other programs on the inference CPUs that fails, where next to none of the CPUs are left idle
limit-much-applies = inference CPUs in the window
limit-much-source = our proposal; eunomia.dev measured -8.8 % throughput from CPU noise

limit-free = share of the inference CPUs left idle below which much use by others fails
limit-free-applies = inference CPUs in the window
limit-free-source = our proposal: the limit in CPUs for machines with many of them; on one H200, with 5 % left the slowest tokens were slower, with 30 % nothing was

limit-left = inference CPUs left idle below which much use by others fails
limit-left-applies = inference CPUs in the window
limit-left-source = measured on two nodes with H200 GPUs and vLLM 0.25.1: with 2.4 CPUs left nothing was slower, with 0.4 the slowest tokens of a model of 1 billion parameters were (with 0.9 none of one of 8 billion), with none, at equal weights, throughput fell by a fifth or more

problem-busy = Other programs used { $share } of the CPUs of the inference servers
detail-busy = other programs used { $share } of the inference CPUs, { $left } CPUs were left idle{ $busiest ->
    [none] {""}
   *[other] {", "}most by { $busiest }, in shares of one CPU
}

problem-confined = The server (pid { $pid }) has { $cpus_count } of { $online_count } CPUs and shares them
effect-confined = The service cannot move to another processor while others run on the few that it has, so its work waits and replies come later and less evenly.
detail-confined = its threads may run on CPUs { $cpus } only, { $cpus_count } of { $online_count }, and others used { $share } of these, { $left } CPUs were left idle{ $busiest ->
    [none] {""}
   *[other] {", "}most by { $busiest }, in shares of one CPU
}

problem-runs = { $spread ->
    [all] The server may use all { $online_count } CPUs
   *[some] The server may use { $cpus_count } of { $online_count } CPUs
}
detail-runs = { $spread ->
    [all] its threads may run on all { $online_count } CPUs
   *[some] its threads may run on CPUs { $cpus }, { $cpus_count } of { $online_count }
}; { $busiest ->
    [unwatched] who else runs there was not watched
    [none] no other program stands out there
   *[other] there also ran { $busiest }, in shares of one CPU
}
found-quiet = other programs used { $share } of the inference CPUs{ $busiest ->
    [none] {""}
   *[other] {", "}most by { $busiest }, in shares of one CPU
}
found-too-short = other programs used { $share } of the inference CPUs{ $busiest ->
    [none] {""}
   *[other] {", "}most by { $busiest }, in shares of one CPU
}, but { $seconds } are too short to tell: collect with `--sample { $least }` or more
found-uncounted = their times do not add up to the measured time
found-unknown-masks = it is not known which CPUs some threads of the servers may use: { $reason }
found-no-mask = no thread of an inference server tells which CPUs it may use
found-no-times = the times of the inference CPUs { $cpus } are not known
found-no-server = no process of an inference server was found: collect while the service runs
