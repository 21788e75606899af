title = Critical threads get a core at once
why = Waiting for a core delays the launching of kernels and the streaming of tokens directly.
effect = Work that is ready has to queue for a processor, so tokens come later and less evenly.
applicability = Bare metal, virtual machines and containers
expected-effect = eunomia.dev, Qwen3 0.6B: scheduling costs 1.2 % of run time on a clean host; CPU noise raised context switches to 524 times as many and cost 8.8 % of throughput.

limit-short = time waiting for a CPU, of the time in which a critical thread was runnable
limit-short-applies = critical threads under load
limit-short-source = measured on two nodes with H200 GPUs and vLLM 0.25.1: up to 0.5 % nothing was slower; from 1.2 % on a model of 1 billion parameters had slower tokens or first tokens, one of 8 billion did not

limit-pressed = time in which some thread waited for a CPU
limit-pressed-applies = control group of the server, or the node
limit-pressed-source = our proposal

limit-stalled = time in which some thread waited for a CPU that fails
limit-stalled-applies = control group of the server, or the node
limit-stalled-source = our proposal

limit-long = time waiting for a CPU, of the time in which a critical thread was runnable, that fails
limit-long-applies = critical threads under load
limit-long-source = our proposal: one step in twenty is late

problem-waits = Thread { $tid } ({ $comm }) waited for a CPU { $waited } of its runnable time
detail-waits = thread { $tid } ({ $comm }) of the { $role ->
    [api-server] API server
    [engine-core] engine core
    [gpu-worker] GPU worker
    [tokenizer] tokenizer
    [router] router
    [server] server
   *[helper] helper
}, { $threads_count ->
    [one] the only critical one
   *[other] which waited longest of { $threads_count } critical ones
}, waited for a CPU for { $waited } of its runnable time{ $others ->
    [none] {""}
   *[other] {"; "}other programs used { $others } of the CPUs of the servers
}

problem-pressed = { $reach ->
    [group] The server (pid { $pid }) lacked CPUs during { $share } of the time
   *[node] CPUs were short on this node during { $share } of the time
}
effect-pressed = { $reach ->
    [group] Work that is ready has to queue for a processor, so tokens come later and less evenly.
   *[node] Work on this node has to queue for a processor; where it is the service's, tokens come later and less evenly.
}
detail-pressed = for { $share } of the time some thread { $reach ->
    [group] of the server's control group
   *[node] of the node
} waited for a CPU{ $others ->
    [none] {""}
   *[other] {"; "}other programs used { $others } of the CPUs of the servers
}

found-at-once = thread { $tid } ({ $comm }) of the { $role ->
    [api-server] API server
    [engine-core] engine core
    [gpu-worker] GPU worker
    [tokenizer] tokenizer
    [router] router
    [server] server
   *[helper] helper
}, { $threads_count ->
    [one] the only critical one
   *[other] which waited longest of { $threads_count } critical ones
}, waited for a CPU for { $waited } of its runnable time
found-unloaded = thread { $tid } ({ $comm }) of the { $role ->
    [api-server] API server
    [engine-core] engine core
    [gpu-worker] GPU worker
    [tokenizer] tokenizer
    [router] router
    [server] server
   *[helper] helper
}, { $threads_count ->
    [one] the only critical one
   *[other] which waited longest of { $threads_count } critical ones
}, waited for a CPU for { $waited } of its runnable time, but { $reason }
found-relaxed = for { $share } of the time some thread { $reach ->
    [group] of the server's control group
   *[node] of the node
} waited for a CPU, under load
found-no-pressure = threads waited for a CPU, but the pressure did not rise
found-no-critical = no critical thread was runnable for long: collect while the service runs
found-unknown-wait = it is not known how long some critical threads waited: { $reason }
found-stray = it is not known how long some critical threads waited: thread { $tid } ({ $comm }) belongs to no process that is known
found-no-server = no process of an inference server was found: collect while the service runs
