title = There is a CPU split between system, interrupts and inference (shared hosts)
why = Without a plan every new agent lands on the cores that launch kernels.
effect = Whatever else runs on this node can take CPU time from the threads that feed the GPUs, so replies come later and less evenly whenever it does.
applicability = Bare metal and virtual machines; containers read the host's
expected-effect = There is no published number apart from that of `sched.noisy-neighbours`.
caveat = `isolcpus` switches off load balancing on its CPUs: all threads of a worker may stay on one core. Prefer cpusets. `nohz_full` helps only with one runnable thread per CPU.

limit-some = CPU time of other programs on the inference CPUs
limit-some-applies = inference CPUs in the window
limit-some-source = our proposal: housekeeping of a dedicated host takes less

limit-much = CPU time of other programs on the inference CPUs that fails
limit-much-applies = inference CPUs in the window
limit-much-source = our proposal; eunomia.dev measured -8.8 % throughput from CPU noise

limit-long = time waiting for a CPU, of the time in which a critical thread was runnable, that fails
limit-long-applies = critical threads under load
limit-long-source = our proposal: one step in twenty is late

problem-unbalanced = CPUs { $cpus } of the servers get no load balancing
effect-unbalanced = Threads of the service can pile up on one processor while others beside it are idle, so replies come later than they need to.
detail-unbalanced = servers with many threads may run on CPUs that `isolcpus` takes out of load balancing: threads of a worker may stay on one core

problem-no-tick = `nohz_full` is set for CPUs { $cpus } of the servers
effect-no-tick = Each call to the operating system takes longer on these processors, and a service with many threads gains nothing in return.
detail-no-tick = `nohz_full` is set for CPUs of the servers: it helps only with one runnable thread on each, and makes each system call more expensive

problem-service-confined = systemd leaves the server (pid { $pid }) { $cpus_count } of { $online_count } CPUs
effect-service-confined = The service shares few processors with all other services of this node while most of them are left out, so replies come later than they could.
detail-service-confined = process { $pid } may run on CPUs { $cpus } only, { $cpus_count } of { $online_count }, which are those that systemd gives every service that sets no CPUs of its own

problem-services-confined = systemd leaves services { $cpus_count } of { $online_count } CPUs
effect-services-confined = An inference server that is started as a service gets few processors unless its unit sets others, and its replies then come later than they could.
detail-services-confined = what systemd starts may run on CPUs { $cpus } only ({ $cpus_count } of { $online_count }), unless its unit or its container sets CPUs of its own

problem-siblings = Isolated CPUs { $cpus } share their cores with other CPUs
effect-siblings = Work that was meant to stay away runs on the second thread of these cores and takes part of their speed, so what runs there is not undisturbed.
detail-siblings = CPUs { $cpus } were set apart, but on the same physical cores are CPUs for all other work

problem-shared = Other programs share the servers' CPUs and used { $share } of them
detail-shared = no split: { $programs_count ->
    [one] { $programs_count } other process ({ $programs }) may run on the CPUs of the servers
   *[other] { $programs_count } other processes ({ $programs }) may run on the CPUs of the servers
}; others used { $share } of them{ $busiest ->
    [none] {""}
   *[other] {", "}most by { $busiest }, in shares of one CPU
}

problem-late = Thread { $tid } ({ $comm }) waits for CPUs that other programs also use
effect-late = Other programs run on the processors of the service, and its own work has to wait there, so replies come later and less evenly.
detail-late = no split: { $programs_count ->
    [one] { $programs_count } other process ({ $programs }) may run on the CPUs of the servers
   *[other] { $programs_count } other processes ({ $programs }) may run on the CPUs of the servers
}; others used { $share } of them{ $busiest ->
    [none] {""}
   *[other] {", "}most by { $busiest }, in shares of one CPU
}, and critical thread { $tid } ({ $comm }) waits for a CPU

problem-services-apart = systemd leaves its services { $cpus_count } of { $online_count } CPUs
detail-services-apart = systemd leaves its services CPUs { $cpus } ({ $cpus_count } of { $online_count }); no inference server is confined to them
problem-in-bpf = The kernel's scheduler is a BPF program ({ $name })
detail-in-bpf = the kernel's scheduler is a BPF program ({ $name }): it decides itself what niceness, weights of control groups and isolated CPUs mean
found-apart = servers have CPUs { $inference } for themselves; all other programs keep to CPUs { $others }
found-not-needed = no split: { $programs_count ->
    [one] { $programs_count } other process ({ $programs }) may run on the CPUs of the servers
   *[other] { $programs_count } other processes ({ $programs }) may run on the CPUs of the servers
}, but others used { $share } of them{ $busiest ->
    [none] {""}
   *[other] {", "}most by { $busiest }, in shares of one CPU
}: no split is needed
found-unknown-use = no split: { $programs_count ->
    [one] { $programs_count } other process ({ $programs }) may run on the CPUs of the servers
   *[other] { $programs_count } other processes ({ $programs }) may run on the CPUs of the servers
}; it is not known whether they do: { $reason }
found-no-times = no split: { $programs_count ->
    [one] { $programs_count } other process ({ $programs }) may run on the CPUs of the servers
   *[other] { $programs_count } other processes ({ $programs }) may run on the CPUs of the servers
}; the times of CPUs { $cpus } do not add up to the measured time
found-seen-in-part = no split: { $programs_count ->
    [one] { $programs_count } other process ({ $programs }) may run on the CPUs of the servers
   *[other] { $programs_count } other processes ({ $programs }) may run on the CPUs of the servers
}; others used { $share } of them{ $busiest ->
    [none] {""}
   *[other] {", "}most by { $busiest }, in shares of one CPU
}, as far as it is known which CPUs the servers may use: { $reason }
found-uncounted = their times do not add up to the measured time
found-unknown-wait = it is not known whether critical threads wait for a CPU: { $reason }
found-stray = it is not known whether critical threads wait for a CPU: thread { $tid } ({ $comm }) belongs to no process that is known
found-no-mask = no thread of an inference server tells which CPUs it may use
found-no-others = no other program tells which CPUs it may use
found-malformed = { $path } holds `{ $text }`, which is no list of CPUs
found-no-server = no process of an inference server was found: collect while the service runs
