title = NIC and GPU interrupts are served on the device's own NUMA node
why = A device whose interrupts are served on the other socket crosses the link between sockets with each of them, and its packet buffers end up in the wrong memory.
effect = Data of this device takes the way over the other processor, so requests and results arrive later, above all when there are many.
applicability = Bare metal; virtual machines with devices passed through; hosts with two or more NUMA nodes that have CPUs; in a container, the host is what counts
expected-effect = ESnet: TCP and UDP up to 2x slower on the wrong socket (40 and 100 Gbit/s). There is no published number for language models.

limit-local = share of a device's interrupts on its own node, as it should be
limit-local-applies = hosts with two or more NUMA nodes that have CPUs
limit-local-source = our proposal

limit-far = share of a device's interrupts on its own node, too low for a busy device
limit-far-applies = hosts with two or more NUMA nodes that have CPUs
limit-far-source = our proposal

limit-busy-link = traffic from which the place of interrupts matters
limit-busy-link-applies = network cards, both directions together
limit-busy-link-source = our proposal: ESnet saw the effect at 40 and 100 Gbit/s

limit-busy-lines = rate of a device's interrupts from which their place matters
limit-busy-lines-applies = network cards and GPUs
limit-busy-lines-source = our proposal

limit-quiet = rate of a device's interrupts below which the window says nothing
limit-quiet-applies = network cards and GPUs
limit-quiet-source = our proposal

problem-away = Another NUMA node serves { $away } of the interrupts of { $device_kind ->
    [gpu] GPU { $name }
   *[card] network card { $name }
}
detail-away = { $share } of its { $rate } interrupts a second are served on its own node (CPUs { $cpus }){ $counted ->
    [yes] , at { $traffic }
   *[no] {""}
}

problem-set-away = Interrupts of { $device_kind ->
    [gpu] GPU { $name }
   *[card] network card { $name }
} are set up for another NUMA node
effect-set-away = Whenever this device is busy, its data takes the way over the other processor, so requests and results arrive later.
detail-set-away = only { $share } of its interrupts since boot came on lines that now go to its own node (CPUs { $cpus })

found-no-line = none of its interrupts was found by name: whether they are served near it is not known
found-own-node = interrupts are served on the device's own NUMA node
found-quiet = too few interrupts to judge where they are served: collect with `--sample` under load
found-unknown-traffic = { $share } of its { $rate } interrupts a second are served on its own node (CPUs { $cpus }); its traffic in the window, which would decide, is not known
found-unknown-line = where interrupt { $irq } goes, or how often it came, is not known
found-no-node = the firmware does not tell its NUMA node: `{ $file }` is { $node }
found-no-cpus = its NUMA node { $node } has no CPUs
found-one-node = all CPUs are in one NUMA node
found-no-device = no network card in use and no GPU raises interrupts that could be told to be its own
