title = The pin covers every thread, not only the main one
why = Threads that were started before the pin, or that libraries start, keep the old wide mask. Communication and progress threads are among them and do latency-critical work.
effect = Threads that work on every reply run wherever the scheduler puts them, so replies come less evenly than the pin was meant to make them.
applicability = Bare metal, virtual machines, containers; processes that are pinned
expected-effect = No published number; NVIDIA states that step time degrades significantly and depends on where threads happen to land.

limit-unpinned = share of a process's CPU time in threads that the pin does not cover
limit-unpinned-applies = processes whose main thread is pinned
limit-unpinned-source = our proposal, after TensorRT-LLM PR #18701 (communication threads kept the wide mask)

limit-busy = share of a process's CPU time above which a thread counts by itself
limit-busy-applies = threads of inference servers
limit-busy-source = our proposal: helpers that sleep harm nobody wherever they are

problem-uncovered = The pin of process { $pid } misses { $stray_count } of { $threads_count } threads
detail-uncovered = the main thread is pinned to CPUs { $cpus }, but { $stray_count } of { $threads_count } threads may run elsewhere, with { $share } of the CPU time { $since ->
    [window] in the window
   *[start] since its start
}

problem-partly = The pin of process { $pid } misses { $stray_count } of { $threads_count } threads
effect-partly = A small part of the work of this process runs wherever the scheduler puts it, which can make single replies slower than others.
detail-partly = the main thread is pinned to CPUs { $cpus }, but { $stray_count } of { $threads_count } threads may run elsewhere, with { $share } of the CPU time { $since ->
    [window] in the window
   *[start] since its start
}

found-covered = its main thread is pinned to CPUs { $cpus }, and that mask holds for all but { $share } of its CPU time { $since ->
    [window] in the window
   *[start] since its start
}
problem-own-threads = Some threads are pinned, the main thread is not
detail-own-threads = some threads are pinned, but the main thread is not, so nothing says what was meant for all of them
found-unpinned = no thread is pinned (see `numa.gpu-affinity`)
found-no-server = no inference server was found: collect while the service runs
found-no-process = no process of a server was recorded
found-no-main-thread = its main thread was not recorded
found-group-unknown = its threads have different masks, and it is not known which CPUs its control group grants
found-no-time = the CPU time of thread { $tid } is not known: { $reason }
found-idle = its threads used no CPU time { $since ->
    [window] in the window
   *[start] since its start
}: collect under load
found-unseen = thread { $tid } ({ $comm }), which the pin does not cover, is not in the window and may have used CPU time
