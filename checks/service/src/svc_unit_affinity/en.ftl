title = Placement is part of the service definition
why = What was set by hand with `taskset` is gone at the next start of the server, and what was set for the time being is gone at the next reboot.
effect = The placement that the service was measured with does not outlive the next restart; replies then come later and less evenly, and nothing says why.
applicability = Services of systemd and containers, on hosts with two or more NUMA nodes that have CPUs
expected-effect = Keeps the effect of `numa.gpu-affinity`.
caveat = `CPUAffinity=` is a mask that a process can change; `AllowedCPUs=` is enforced by the cpuset. `NUMAPolicy=bind` can end in out-of-memory kills; use `preferred` if unsure.

limit-remote-time = share of CPU time of GPU processes away from their GPUs
limit-remote-time-applies = hosts with two or more NUMA nodes that have CPUs
limit-remote-time-source = our proposal, the limit of `numa.gpu-affinity`

problem-until-reboot = The next reboot undoes the placement of the server (pid { $pid })
detail-until-reboot = it is bound by a setting in { $path }, which is gone after a reboot

problem-undefined = The server (pid { $pid }) loses its placement at its next start
detail-undefined = its threads are bound, but neither its definition nor an option of the engine says so: at the next start that is gone

problem-not-restarted = The server (pid { $pid }) runs without the placement that its definition has
effect-not-restarted = Until the server is started again, it may run far from its GPUs, and replies come later and less evenly.
detail-not-restarted = its definition binds it, but its threads may run on all CPUs: it was not restarted since

problem-engine-only = Only the engine places the server (pid { $pid }): its GPU workers alone
effect-engine-only = The parts of the server that take requests and handle text may run anywhere, also on the CPUs of the GPU workers, and replies can come less evenly.
detail-engine-only = only the engine binds it (`{ $option }`), which leaves the API server and helpers anywhere

problem-away = No definition places the server (pid { $pid }), which ran far from GPUs
effect-away = While the server runs away from its GPUs, instructions and data cross the link between the processors, and replies come later and less evenly.
detail-away = neither its definition nor an option of the engine binds it, and threads with { $share } of the CPU time of its GPU processes were last seen away from their GPUs

problem-unbound = No definition keeps the server (pid { $pid }) near its GPUs
effect-unbound = The server may run away from its GPUs at any time, and replies would then come later and less evenly; where it runs can change with the load and with every restart.
detail-unbound = neither its definition nor an option of the engine binds it, though it was seen to stay near its GPUs

problem-ignored = The server (pid { $pid }) was told to bind workers and did not
effect-ignored = The server may run away from its GPUs at any time, although its operator believes it bound; replies would then come later and less evenly.
detail-ignored = it is to bind its workers (`{ $option }`), but threads of them may run on all CPUs

problem-unbound-memory = No definition keeps the server (pid { $pid }) near its memory
effect-unbound-memory = The server computes on the processors, and its threads may run away from the memory that they read at any time; tokens then take longer and come less evenly.
detail-unbound-memory = neither its definition nor an option of the engine binds it, and its threads may run on the CPUs of all nodes

found-defined = its definition binds it, and its threads show it
found-one-node = all CPUs are in one NUMA node
found-idle = its threads have used no CPU time: collect under load
found-no-gpu-process = none of its processes was seen to use a GPU
found-no-thread = no thread of process { $pid } was recorded
found-no-such-gpu = GPU { $gpu } is not among the GPUs of the evidence
found-unknown-unit = the evidence does not describe the unit { $unit }
found-unknown-container = the evidence does not describe the container { $container }
found-no-server = no inference server was found: collect while the service runs
found-inside = seen from inside of a container ({ $container }): on its host, `{ $command }` shows it
