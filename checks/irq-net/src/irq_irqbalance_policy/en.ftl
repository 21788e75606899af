title = Interrupt placement has one owner
why = irqbalance overwrites affinities that were set by hand, and without any balancing interrupts pile up on one CPU.
effect = One CPU is interrupted by nearly all devices, so what else runs there, and the network behind it, is slowed down under load.
applicability = Bare metal and virtual machines; in a container, the host is what counts
expected-effect = No published number for language models.

limit-one-cpu = share of device interrupts on one CPU
limit-one-cpu-applies = nodes with two CPUs or more on which irqbalance does not run
limit-one-cpu-source = our proposal

limit-on-isolated = rate of device interrupts on isolated CPUs
limit-on-isolated-applies = hosts that isolate CPUs
limit-on-isolated-source = our proposal: isolation is there to have none

problem-list-lacks = irqbalance may send interrupts to isolated { $open_count ->
    [one] CPU { $open }
   *[other] CPUs { $open }
}
effect-list-lacks = Devices may interrupt CPUs that were set apart so that nothing disturbs them, and replies can then come less evenly.
detail-list-lacks = its ban list { $banned } leaves interrupts to { $open_count ->
    [one] CPU { $open }
   *[other] CPUs { $open }
}, which the kernel isolates

problem-on-isolated = Isolated { $cpus_count ->
    [one] CPU { $cpus } serves
   *[other] CPUs { $cpus } serve
} { $rate } device interrupts a second
effect-on-isolated = Devices interrupt CPUs that were set apart so that nothing disturbs them, so replies come less evenly.
detail-on-isolated = { $rate } device interrupts a second were served here

problem-piled-up = CPU { $cpu } serves { $share } of all device interrupts
detail-piled-up = irqbalance does not run, and CPU { $cpu } serves { $share } of { $basis ->
    [window] { $rate } device interrupts a second
   *[boot] the device interrupts since boot, by where each line goes now
}

found-spread-out = irqbalance does not run, and no CPU serves more than CPU { $cpu }, with { $share } of { $basis ->
    [window] { $rate } device interrupts a second
   *[boot] the device interrupts since boot, by where each line goes now
}
found-nothing-isolated = places interrupts, and no CPU is isolated
found-no-list = no ban list, and so it leaves out CPUs { $isolated }, which the kernel isolates
found-list-holds = its ban list { $banned } holds the isolated CPUs { $isolated }
found-off-isolated = { $rate } device interrupts a second were served here
found-one-cpu-only = there is one CPU only, which serves all interrupts
found-none-of-a-cpu = of no device interrupt it is known which CPU served it: collect with `--sample`
found-in-container = collected inside a container ({ $container }), which sees neither the host's processes nor its configuration: collect on the host
