title = Device interrupts stay off the busiest inference cores
why = On a host that does nothing but inference, interrupts cost next to nothing. On one with much network or storage traffic they land in the path that launches kernels.
effect = The CPUs that feed the GPUs keep stopping to serve devices, so replies come less evenly, above all the slowest ones.
applicability = Bare metal and virtual machines; in a container, the host is what counts
expected-effect = eunomia.dev: 0.0276 % of run time in a clean run, so promise no gain unless the share measured is high. Meta, quoted there, lists interrupts that preempt important tasks among common production problems. There is no published number for language models.
caveat = Kernels without `CONFIG_IRQ_TIME_ACCOUNTING` sample the time in interrupts at each tick, which misses short ones.

limit-some-time = share of time in interrupts on an inference CPU, noticeable
limit-some-time-applies = CPUs on which schedulers and GPU workers run, under load
limit-some-time-source = our proposal: thirty times what eunomia.dev measured on a clean host (0.03 %)

limit-much-time = share of time in interrupts on an inference CPU, too much
limit-much-time-applies = CPUs on which schedulers and GPU workers run, under load
limit-much-time-source = our proposal: one kernel launch in twenty then waits for an interrupt

limit-one-core = share of all interrupts of network cards on one inference CPU
limit-one-core-applies = nodes whose network cards have more than one queue
limit-one-core-source = our proposal

limit-low-rate = rate of interrupts of network cards from which their place matters
limit-low-rate-applies = all nodes
limit-low-rate-source = our proposal: at about 2 µs each, 1000 a second take 0.2 % of one CPU

problem-time = Interrupts take up to { $worst } of the time of { $cpus_count ->
    [one] serving CPU { $cpus }
   *[other] serving CPUs { $cpus }
}
detail-time = interrupts took up to { $worst } of the time of CPUs that serve models, under load

problem-one-core = CPU { $cpu } serves models and { $share } of all network interrupts
effect-one-core = The more requests come in, the more often the CPU that feeds the GPUs stops to serve the network, so replies come less evenly, above all the slowest ones.
detail-one-core = CPU { $cpu } served { $share } of { $rate } interrupts a second, and runs a busy thread of the service

found-little-time = interrupts took up to { $worst } of the time of CPUs that serve models, under load
found-no-time = `/proc/stat` has no time of them in the window
found-other-core = CPU { $cpu } served { $share } of { $rate } interrupts a second, and runs no busy thread of the service
found-spread-interrupts = no CPU served more than CPU { $cpu }, with { $share } of { $rate } interrupts a second
problem-few-interrupts = Network cards cause only { $rate } interrupts a second
detail-few-interrupts = { $rate } a second over all network cards, too few for their place to matter
found-no-server = no inference server was found: collect while the service runs
found-no-busy-thread = no thread of a scheduler or GPU worker used 1 % of a CPU in the window: collect while the service runs
found-unknown-cpu = the CPU of busy thread { $tid } ({ $comm }) is not known
