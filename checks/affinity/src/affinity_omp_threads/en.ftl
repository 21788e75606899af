title = Library thread pools fit the cores available
why = Pools that libraries size by the whole host, not by the container, put more threads on the scheduler's cores than these can run.
effect = The threads that schedule batches and launch work on the GPUs compete with helper threads for the CPUs, so replies come later and less evenly.
applicability = Bare metal, virtual machines, containers (worst in containers with few CPUs)
expected-effect = No published number for serving on GPUs.

limit-runnable = threads that want to run for each usable CPU
limit-runnable-applies = inference servers under load
limit-runnable-source = our proposal: above it somebody always waits

limit-idle = CPUs that a server under load keeps busy
limit-idle-applies = inference servers
limit-idle-source = our proposal: the scheduler of a serving engine spins on one core as long as requests run

limit-delay = share of time for which a critical thread waits for a CPU
limit-delay-applies = main threads of engine cores, workers and single-process servers under load
limit-delay-source = our proposal: 1 % of a step of 20 ms is 0.2 ms, more than any launch of a kernel takes

limit-active = share of time for which a thread of a pool runs or wants to run
limit-active-applies = threads of inference servers under load
limit-active-source = our proposal: 56 threads that a server of vLLM 0.25.1 kept on one H200 took 0.1 % of a CPU each, with nothing slower for them

problem-delaying = Process { $pid } has a pool of { $size_count } threads for { $cpus ->
    [one] { $cpus } CPU
   *[other] { $cpus } CPUs
}
detail-delaying = process { $pid } has a pool of { $size_count } threads at work (`{ $name }`{ $library ->
    [unnamed] {", not a name of their own, as with OpenMP, MKL and Rayon"}
    [tokio] {", of Tokio"}
    [python] {", of Python's executors"}
   *[unknown] {""}
}) for { $cpus ->
    [one] { $cpus } usable CPU
   *[other] { $cpus } usable CPUs
}{ $set ->
    [allowed] {", which "}{ $variables } allows
    [despite] {", despite "}{ $variables }
    [none] {", with none of the usual variables set"}
    [unknown] {", and it is not known whether a variable limits it"}
   *[other] {""}
}; its critical threads waited up to { $waited } of the time for a CPU

problem-oversized = Process { $pid } has a pool of { $size_count } threads for { $cpus ->
    [one] { $cpus } CPU
   *[other] { $cpus } CPUs
}
effect-oversized = Once these threads all have work, they compete with those that schedule batches and launch work on the GPUs, and replies come later; so far this has hardly been seen.
detail-oversized = process { $pid } has a pool of { $size_count } threads at work (`{ $name }`{ $library ->
    [unnamed] {", not a name of their own, as with OpenMP, MKL and Rayon"}
    [tokio] {", of Tokio"}
    [python] {", of Python's executors"}
   *[unknown] {""}
}) for { $cpus ->
    [one] { $cpus } usable CPU
   *[other] { $cpus } usable CPUs
}{ $set ->
    [allowed] {", which "}{ $variables } allows
    [despite] {", despite "}{ $variables }
    [none] {", with none of the usual variables set"}
    [unknown] {", and it is not known whether a variable limits it"}
   *[other] {""}
}; its critical threads waited up to { $waited } of the time for a CPU

problem-unwatched = Process { $pid } has a pool of { $size_count } threads for { $cpus ->
    [one] { $cpus } CPU
   *[other] { $cpus } CPUs
}
effect-unwatched = Once these threads all have work, they compete with those that every reply needs, and replies come later; whether they do was not measured.
detail-unwatched = process { $pid } has a pool of { $size_count } threads (`{ $name }`{ $library ->
    [unnamed] {", not a name of their own, as with OpenMP, MKL and Rayon"}
    [tokio] {", of Tokio"}
    [python] {", of Python's executors"}
   *[unknown] {""}
}) for { $cpus ->
    [one] { $cpus } usable CPU
   *[other] { $cpus } usable CPUs
}{ $set ->
    [allowed] {", which "}{ $variables } allows
    [despite] {", despite "}{ $variables }
    [none] {", with none of the usual variables set"}
    [unknown] {", and it is not known whether a variable limits it"}
   *[other] {""}
}; whether threads wait for a CPU was not seen: { $reason }

problem-together = { $shared ->
    [yes] The server (pid { $pid }) and others:
   *[no] The server (pid { $pid }) has
} { $size_count } pool threads for { $cpus ->
    [one] { $cpus } CPU
   *[other] { $cpus } CPUs
}
effect-together = Once the processes of this server work at the same time, their threads compete for the CPUs, and starting and replying take longer.
detail-together = the pools of { $pools } processes have { $size_count } threads together, for { $cpus ->
    [one] { $cpus } usable CPU
   *[other] { $cpus } usable CPUs
}, though each fits its process; { $seen ->
    [known] critical threads waited up to { $waited } of the time for a CPU
   *[unknown] whether threads wait for a CPU was not seen: { $reason }
}

problem-too-many-run = The server (pid { $pid }) has { $threads } threads ready to run per CPU
detail-too-many-run = no pool has more threads at work than CPUs, yet { $threads } threads want to run for each of its CPUs ({ $cpus }); its critical threads waited up to { $waited } of the time for a CPU

problem-variable = { $name }={ $value } of process { $pid } exceeds its { $cpus ->
    [one] { $cpus } usable CPU
   *[other] { $cpus } usable CPUs
}
effect-variable = Libraries that follow this setting start more threads than there are CPUs for them, and these compete with the threads that every reply needs.
detail-variable = `{ $name }={ $value }` of process { $pid } asks for more threads than its CPUs can run (usable: { $cpus }), though no pool of that size was seen; its critical threads waited up to { $waited } of the time for a CPU

found-fits = no pool has more threads at work than CPUs; { $threads } threads want to run for each of its CPUs ({ $cpus }); its critical threads waited up to { $waited } of the time for a CPU
found-no-server = no inference server was found: collect while the service runs
found-no-delay = how long its threads waited for a CPU is not known
found-idle = it kept only { $busy } CPUs busy in the window: collect while the service runs
