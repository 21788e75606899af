title = Zone reclaim is off
why = Where it is on, a full local node drops page cache instead of using remote memory: the service stalls while a model is loaded.
effect = When the memory near a processor is full, the kernel throws away files that it keeps in memory although there is room elsewhere, so loading models and other work on the node can come to a halt for moments.
applicability = Bare metal, virtual machines and containers; hosts with two or more NUMA nodes that have memory
expected-effect = No published number for language models.
caveat = Images of Azure for HPC set it to 1 for MPI programs.

problem-on = Zone reclaim is on (`vm.zone_reclaim_mode` is { $mode })
detail-on = zone reclaim is on (`vm.zone_reclaim_mode` is { $mode }): a full NUMA node drops page cache instead of using the memory of another

problem-at-work = Zone reclaim is on, and threads had to reclaim memory themselves
effect-at-work = The kernel threw files out of memory, or let threads wait for memory, while the service was observed; replies and the loading of models can be held up by it.
detail-at-work = zone reclaim is on (`vm.zone_reclaim_mode` is { $mode }), so that a full NUMA node drops page cache instead of using the memory of another, and memory was short in the window: `{ $counter }` grew by { $grown }

found-off = zone reclaim is off
found-one-node = all memory is in one NUMA node
problem-quiet = Zone reclaim is on, but nothing was reclaimed under load
detail-quiet = no zone was reclaimed and no thread had to reclaim memory, under load
