title = Real-time scheduling is not misused
why = A thread that spins with the policy FIFO can starve threads of the kernel and hang the node.
effect = If such a thread ever runs without a pause, other work on its processor, the service's own included, gets little time or none.
applicability = Bare metal, virtual machines, and containers with the capability `SYS_NICE`
expected-effect = There is no published number.

limit-spins = CPU time of a thread that spins
limit-spins-applies = threads with a real-time policy
limit-spins-source = our proposal: a thread that waits for anything uses less

problem-real-time = { $threads_count ->
    [one] { $threads_count } thread
   *[other] { $threads_count } threads
} of process { $pid } may push all other work aside
detail-real-time = { $threads_count ->
    [one] { $threads_count } thread has
   *[other] { $threads_count } threads have
} the policy `{ $policy }`{ $state ->
    [limited] {"; "}the kernel's limit on real-time run time is in place
    [fair-server] {" "}without a limit on real-time run time; this kernel's fair server keeps a share for ordinary threads
    [unlimited] {" "}without a limit on real-time run time
   *[unknown] {""}
}

problem-pauses = { $threads_count ->
    [one] { $threads_count } thread
   *[other] { $threads_count } threads
} of process { $pid } may push all other work aside
detail-pauses = { $threads_count ->
    [one] { $threads_count } thread has
   *[other] { $threads_count } threads have
} the policy `{ $policy }` without a limit on real-time run time; the busiest used { $share } of a CPU

problem-spins = Process { $pid } takes { $share } of a CPU, before all other work
effect-spins = This thread keeps other work from its processor, the kernel's own included, which can hang the whole node.
detail-spins = { $threads_count ->
    [one] { $threads_count } thread has
   *[other] { $threads_count } threads have
} the policy `{ $policy }` without a limit on real-time run time, and one used { $share } of a CPU: it can starve the kernel's own threads

found-ordinary = { $threads_count ->
    [one] { $threads_count } thread has no real-time policy
   *[other] none of { $threads_count } threads has a real-time policy
}, and the limit on real-time run time is the default
problem-other-limit = The limit on real-time run time is { $limit } µs
detail-other-limit = { $threads_count ->
    [one] { $threads_count } thread has no real-time policy
   *[other] none of { $threads_count } threads has a real-time policy
}; the limit on real-time run time is { $limit } µs, not the default of 950000
found-unknown-limit = it is not known whether real-time run time is limited: { $reason }
found-unknown-load = it is not known whether these threads spin: { $reason }
found-gone = it is not known whether these threads spin: none of them was there at both readings
found-unknown-policies = { $threads_count ->
    [one] the policy of { $threads_count } thread is not known: { $reason }
   *[other] the policy of { $threads_count } threads is not known, the first: { $reason }
}
found-no-thread = { $processes_count ->
    [one] no thread of process { $pid } ({ $comm }) was read
   *[other] no thread of { $processes_count } processes was read, the first being { $pid } ({ $comm })
}
found-no-server = no process of an inference server was found: collect while the service runs
