title = Busy threads do not share physical cores (SMT policy)
why = Two threads that poll without rest on one core, or on its two hyper-threads, each lose a large part of their speed.
effect = Two processes that each need a whole core take turns on one, so every reply that they work on comes later and less evenly.
applicability = Bare metal; virtual machines, where siblings may be hidden; containers; any vendor
expected-effect = No published number for serving language models. A fork of vLLM for Gaudi and Huawei MindIE both ship maps of cores for this reason.

limit-busy = share of the window from which on a thread counts as busy
limit-busy-applies = threads of inference servers
limit-busy-source = our proposal: two threads below half a core each can share one

limit-some = share of readings at which two busy threads may share a core
limit-some-applies = busy threads of different processes
limit-some-source = our proposal: the scheduler may need that much to tell them apart

limit-many = share of readings at which sharing a core is a fault
limit-many-applies = busy threads of different processes
limit-many-source = our proposal: a thread that shares its core a fifth of the time loses about a tenth of its speed

problem-same-cpus = { $processes_count } processes of { $servers_count } servers are confined to { $cores_count ->
    [one] { $cores_count } core
   *[other] { $cores_count } cores
}
effect-same-cpus = These servers have fewer cores than processes that need one each, so under load they hold each other up and replies come later and less evenly.
detail-same-cpus = processes of different servers have the same CPUs { $cpus }, with fewer physical cores ({ $cores_count }) than processes that need one each ({ $processes_count })

problem-no-core-left = Pinned threads of the server leave no core for `{ $comm }`
effect-no-core-left = The process that schedules batches shares its core with a thread of a worker, so all other threads wait for that one in every step of every reply.
detail-no-core-left = `{ $comm }` may run on CPUs { $cpus }, and { $threads_count } threads of other processes of the server are pinned there one by one, to each core at least one: leave a core of each rank free

problem-often = Threads { $one_tid } and { $other_tid } shared a core at { $shared_count } of { $readings_count } readings
detail-often = both need a core ({ $one_share } and { $other_share } busy) and were on the same one at { $shared_count } of { $readings_count } readings

problem-sometimes = Threads { $one_tid } and { $other_tid } shared a core at { $shared_count } of { $readings_count } readings
effect-sometimes = Two processes that each need a whole core were at times on the same one, which can make single replies slower than others.
detail-sometimes = both need a core ({ $one_share } and { $other_share } busy) and were on the same one at { $shared_count } of { $readings_count } readings

found-apart = no two busy threads of different processes shared a physical core more often than is allowed (busy threads: { $busy_count }, readings: { $readings_count })
found-no-server = no inference server was found: collect while the service runs
found-idle = no thread of a server ran for half of the window (the busiest: { $busiest_share }): collect while the service runs
found-unplaced = { $unknown_count } of { $busy_count } busy threads cannot be judged: their process or the CPUs that they ran on are not known
