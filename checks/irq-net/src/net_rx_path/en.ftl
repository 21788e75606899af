title = Receive queues and backlog keep up
why = Dropped packets are sent again, and the first token of a request waits for them. It shows at high request rates.
effect = Packets are lost and sent again, and the requests in them wait until then, above all when many come in at once.
applicability = Bare metal and virtual machines; in a container, the host is what counts
expected-effect = No published number for language models.

limit-squeezed = rate at which a CPU runs out of its packet budget
limit-squeezed-applies = each CPU that processes packets
limit-squeezed-source = our proposal

limit-quiet = rate of packets of the node below which nothing is proved
limit-quiet-applies = all nodes
limit-quiet-source = our proposal

limit-fast = speed of a link from which one queue is too few
limit-fast-applies = physical interfaces
limit-fast-source = our proposal: one CPU processes about a million packets a second, 10 Gbit/s bring 0.8 million of full size

limit-queues = receive queues of a fast interface, unless its node has fewer CPUs
limit-queues-applies = physical interfaces
limit-queues-source = our proposal

problem-dropped = { $packets_count ->
    [one] The kernel dropped { $packets_count } packet that had arrived
   *[other] The kernel dropped { $packets_count } packets that had arrived
}
detail-dropped = { $packets_count ->
    [one] the kernel dropped { $packets_count } packet because its backlog was full
   *[other] the kernel dropped { $packets_count } packets because its backlog was full
}

problem-squeezed = { $cpus_count ->
    [one] CPU { $cpus } cannot process all packets that arrive at once
   *[other] CPUs { $cpus } cannot process all packets that arrive at once
}
effect-squeezed = Packets wait for another turn of the processor, so requests start later when many come in at once.
detail-squeezed = { $cpus_count ->
    [one] CPU { $cpus } ran out of its budget before all packets were processed
   *[other] CPUs { $cpus } ran out of their budget before all packets were processed
}

problem-errors = Interface { $interface } reports errors of its packets
detail-errors = errors grew while { $packets_count ->
    [one] { $packets_count } packet came in
   *[other] { $packets_count } packets came in
}: { $errors }

problem-no-buffer = Interface { $interface } lost packets because no buffer was free
detail-no-buffer = no buffer was free for packets that arrived, while { $packets_count ->
    [one] { $packets_count } packet came in
   *[other] { $packets_count } packets came in
}: { $errors }

problem-one-queue = One CPU does all the receiving for interface { $interface }
effect-one-queue = When many requests come in, that CPU cannot keep up, so they wait, or are lost and sent again.
detail-one-queue = one receive queue at { $speed }: one CPU does all the work

problem-to-isolated = Interface { $interface } hands packets to isolated { $cpus_count ->
    [one] CPU { $cpus }
   *[other] CPUs { $cpus }
}
effect-to-isolated = Packets disturb CPUs that were set apart so that nothing disturbs them, so replies come less evenly.
detail-to-isolated = packets are handed to { $cpus_count ->
    [one] CPU { $cpus }
   *[other] CPUs { $cpus }
}, which the kernel isolates

problem-to-far = Interface { $interface } hands packets to { $cpus_count ->
    [one] CPU { $cpus }
   *[other] CPUs { $cpus }
} of another NUMA node
effect-to-far = Requests take the way over the other processor before a server gets them, so they start later.
detail-to-far = packets are handed to { $cpus_count ->
    [one] CPU { $cpus }
   *[other] CPUs { $cpus }
} of another NUMA node

problem-slower-link = Interface { $interface } runs at { $speed } instead of { $best }
effect-slower-link = Data for this node takes longer on its way than the network card would allow.
detail-slower-link = the link runs at { $speed }, another of the same model on this node at { $best }

found-none-dropped = { $rate } packets a second, none dropped
found-few-packets = { $rate } packets a second prove nothing: collect while the service runs
found-none-physical = no physical interface is to be seen: in a container, collect on the host
found-none-up = no physical interface is up
found-no-errors = none in the window
found-idle = fewer than 100 packets came in, which proves nothing: collect while the service runs
found-unread = not read at both ends of the window
problem-few-queues = A network card has { $queues_count ->
    [one] { $queues_count } receive queue
   *[other] { $queues_count } receive queues
} at { $speed }
detail-few-queues = { $queues_count ->
    [one] { $queues_count } receive queue at { $speed }; { $usual } would be usual
   *[other] { $queues_count } receive queues at { $speed }; { $usual } would be usual
}
found-enough-queues = there are enough
found-no-node = its node { $node } is not among the NUMA nodes
found-unknown-model = its model is not known: { $reason }
