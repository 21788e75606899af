title = Critical threads really run at a high clock
why = Settings may look right while power, heat or firmware hold the clocks down. Only the clock under load shows it.
effect = The threads that feed the GPUs run more slowly than the processor is able to, so replies take longer than they need to.
applicability = Bare metal; virtual machines with low confidence where they show a clock; containers read the host's
expected-effect = For context: with small batches inference is bound by the host, and the speed of one thread sets latency; a GH200 stays so up to four times larger batches than x86 hosts. There is no published number for a clock that is too low.

limit-high-clock = clock while busy, as a share of the highest clock, that passes
limit-high-clock-applies = CPUs with turbo and few busy cores
limit-high-clock-source = our proposal: bins of one or two active cores differ by less

limit-low-clock = clock while busy, as a share of the highest clock, below which something limits it
limit-low-clock-applies = CPUs with turbo and few busy cores
limit-low-clock-source = our proposal: below the all-core turbo of current server CPUs

limit-few-busy = share of CPUs busy up to which each can reach the highest clock
limit-few-busy-applies = CPUs with turbo
limit-few-busy-source = our proposal: turbo tables of current server CPUs fall beyond about one core in eight

limit-critical = CPU time of a thread that makes it critical
limit-critical-applies = threads of inference servers
limit-critical-source = our proposal: threads that schedule, launch or serve use more under load

problem-slow = CPU { $cpu } ran at { $share } of its highest clock under load
detail-slow = CPU { $cpu }, the slowest, ran at { $clock } while it served, { $share } of the { $highest } that it can reach

problem-below-base = CPU { $cpu } ran below its base clock under load
detail-below-base = CPU { $cpu }, the slowest, ran at { $clock } while it served, { $share } of the { $highest } that it can reach, and below its base clock of { $base }

problem-below-base-alone = CPU { $cpu } ran below its base clock under load
detail-below-base-alone = CPU { $cpu }, the slowest, ran at { $clock } while it served, below its base clock of { $base }; its highest clock is not known

found-fast = CPU { $cpu }, the slowest, ran at { $clock } while it served, { $share } of the { $highest } that it can reach
found-no-highest = CPU { $cpu }, the slowest, ran at { $clock } while it served; its highest clock is not known
found-all-core-turbo = CPU { $cpu }, the slowest, ran at { $clock } while it served, { $share } of the { $highest } that it can reach: with this many CPUs busy the all-core turbo is the measure, which no file of the node tells
found-unknown-busy = CPU { $cpu }, the slowest, ran at { $clock } while it served, { $share } of the { $highest } that it can reach: how many CPUs were busy is not known: { $reason }
found-not-counted = no clock was counted for them
found-not-always-busy = nothing counts their clock, and they were not busy all the time, so that the clock of a moment says nothing
found-no-busy-thread = no thread of an inference server was busy (all together used { $load } of a CPU): collect while the service runs
found-no-scaling = no frequency scaling was found on bare metal: { $reason }
found-virtual = virtual machine ({ $virtualization }) without frequency scaling: ask the provider
