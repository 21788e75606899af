title = Enough physical cores for the serving processes
why = The scheduler of a serving engine keeps a core of its own busy. With fewer physical cores than processes they take turns, GPUs idle between steps, and requests time out.
effect = The GPUs wait for processes that wait for a processor core, so the service answers fewer requests and later, and under load requests can time out.
applicability = Bare metal, virtual machines and containers (most common in pods and virtual machines); nodes with GPUs; any vendor
expected-effect = Georgia Tech 2026: more cores cut the time to first token 1.36 to 5.40 times at moderate load, and starved configurations time out; about 1.5 % more cost of the instance (cost from press coverage). vLLM calls it a common source of performance degradation.

limit-minimum = least physical cores for each process that must have one
limit-minimum-applies = vLLM; an estimate for other servers
limit-minimum-source = 2 + N physical cores for N GPUs

limit-headroom = physical cores for each process that must have one
limit-headroom-applies = servers that use GPUs
limit-headroom-source = measured on two nodes with H200 GPUs and vLLM 0.25.1, for the three processes of one GPU: with 4 CPUs nothing was slower, with 3 the slowest tokens of a model of 1 billion parameters were

limit-delay = share of time for which a critical thread waits for a CPU
limit-delay-applies = main threads of engine cores, workers and single-process servers under load
limit-delay-source = measured on two nodes with H200 GPUs and vLLM 0.25.1: up to 0.5 % nothing was slower, from 1.2 % on a model of 1 billion parameters was

problem-too-few = { $shared ->
    [yes] The server (pid { $pid }) and others have
   *[no] The server (pid { $pid }) has
} { $limit ->
    [quota] { $quota } CPUs
   *[mask] { $cores_count ->
        [one] { $cores_count } physical core
       *[other] { $cores_count } physical cores
    }
} for { $wanted_count } processes
detail-too-few = { $limit ->
    [quota] a quota of { $quota } CPUs
   *[mask] CPUs { $cpus } (physical cores: { $cores_count })
} for { $wanted_count } processes that want a core each{ $shared ->
    [yes] {", those of other servers on the same CPUs included"}
   *[no] {""}
}

problem-no-headroom = { $shared ->
    [yes] The server (pid { $pid }) and others share
   *[no] The server (pid { $pid }) has only
} { $limit ->
    [quota] { $quota } CPUs
   *[mask] { $cores_count ->
        [one] { $cores_count } physical core
       *[other] { $cores_count } physical cores
    }
} for { $wanted_count } processes
effect-no-headroom = Each process has a core, but little is left for the kernel, for tokenising and for monitoring, so replies come less evenly when these have work to do.
detail-no-headroom = { $limit ->
    [quota] a quota of { $quota } CPUs
   *[mask] CPUs { $cpus } (physical cores: { $cores_count })
} for { $wanted_count } processes that want a core each{ $shared ->
    [yes] {", those of other servers on the same CPUs included"}
   *[no] {""}
}: too little headroom

problem-more-threads = The server (pid { $pid }) computes with { $threads_count } threads on { $limit ->
    [quota] { $quota } CPUs
   *[mask] { $cores_count ->
        [one] { $cores_count } physical core
       *[other] { $cores_count } physical cores
    }
}
effect-more-threads = Threads take turns on a core while the others wait for the slowest of them, so each token takes longer.
detail-more-threads = { $threads_count } threads compute, each of which waits for the slowest, on { $limit ->
    [quota] a quota of { $quota } CPUs
   *[mask] { $cores_count ->
        [one] { $cores_count } physical core
       *[other] { $cores_count } physical cores
    }
}

found-core-each = { $threads_count ->
    [one] { $threads_count } thread computes
   *[other] { $threads_count } threads compute
} on { $limit ->
    [quota] a quota of { $quota } CPUs
   *[mask] { $cores_count ->
        [one] { $cores_count } physical core
       *[other] { $cores_count } physical cores
    }
}
found-enough = { $limit ->
    [quota] a quota of { $quota } CPUs
   *[mask] CPUs { $cpus } (physical cores: { $cores_count })
} for { $wanted_count } processes that want a core each{ $shared ->
    [yes] {", those of other servers on the same CPUs included"}
   *[no] {""}
}
found-no-gpu = no GPU was found
found-uses-no-gpu = it uses no GPU
found-no-server = no inference server was found: collect while the service runs
found-as-far-as-known = { $limit ->
    [quota] a quota of { $quota } CPUs
   *[mask] CPUs { $cpus } (physical cores: { $cores_count })
} for { $wanted_count } processes that want a core each{ $shared ->
    [yes] {", those of other servers on the same CPUs included"}
   *[no] {""}
}, as far as is known: { $reason }
found-hidden-siblings = { $limit ->
    [quota] a quota of { $quota } CPUs
   *[mask] CPUs { $cpus } (physical cores: { $cores_count })
} for { $wanted_count } processes that want a core each{ $shared ->
    [yes] {", those of other servers on the same CPUs included"}
   *[no] {""}
}; whether a virtual CPU is a core or half of one is hidden: ask the provider
found-unknown-machine = { $limit ->
    [quota] a quota of { $quota } CPUs
   *[mask] CPUs { $cpus } (physical cores: { $cores_count })
} for { $wanted_count } processes that want a core each{ $shared ->
    [yes] {", those of other servers on the same CPUs included"}
   *[no] {""}
}; whether this is a virtual machine, whose CPUs may be half a core each, is not known: { $reason }
