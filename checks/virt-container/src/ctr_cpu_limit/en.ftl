title = CPU limits are set with intent
why = An engine that polls keeps its threads busy. A quota below what they use stops all of them for the rest of the period, sooner or later.
effect = Under load the service can be stopped for a part of each period, so that replies stall and come less evenly.
applicability = Containers
expected-effect = See `cpu.cores-per-gpu` and `sched.cfs-throttling`.

limit-headroom = quota as a multiple of the processes that want a CPU at once
limit-headroom-applies = inference servers in containers
limit-headroom-source = our proposal: a quarter more than the minimum that vLLM documents

problem-below = The server (pid { $pid }) needs { $processes } CPUs, but its quota is { $quota }
effect-below = The limit is lower than what the service needs to run at all: under load it is stopped again and again, and replies stall and come later.
detail-below = its quota is { $quota } CPUs, and { $processes } processes want one at once

problem-fraction = The CPU quota of the server (pid { $pid }) is fractional: { $quota }
detail-fraction = its quota is { $quota } CPUs, which is no whole number, and { $processes } processes want one at once

problem-tight = The CPU quota of the server (pid { $pid }) leaves little to spare
detail-tight = its quota is { $quota } CPUs, and { $processes } processes want one at once; that leaves too little for threads of the tokenizer and the runtime

problem-wide = The server (pid { $pid }) has { $cpus_count } CPUs, but a quota for { $quota }
detail-wide = its quota is { $quota } CPUs, and { $processes } processes want one at once; it may run on { $cpus_count } CPUs and uses the quota up early once threads run on more than { $quota } of them

problem-threads-exceed = The server (pid { $pid }) has { $threads_count } threads under a quota of { $quota }
effect-threads-exceed = The threads use up the quota together and are then stopped together, again and again, so that each token takes several times as long.
detail-threads-exceed = its quota is { $quota } CPUs, and it computes with { $threads_count } threads, each of which waits for the slowest

found-threads-fit = its quota is { $quota } CPUs, and it computes with { $threads_count ->
    [one] { $threads_count } thread
   *[other] { $threads_count } threads
}
found-unlimited = no control group limits its CPU time
found-enough = its quota is { $quota } CPUs, and { $processes } processes want one at once; it may run on { $cpus_count ->
    [one] { $cpus_count } CPU
   *[other] { $cpus_count } CPUs
}
found-no-server = no inference server was found: collect while the service runs
found-no-container = no inference server runs in a container
found-unknown-container = it is not known whether it runs in a container: { $reason }
found-no-process = no process of the server was recorded
found-no-group = no control group of its main process was recorded
found-no-cpuset = none of its control groups says on which CPUs it may run
