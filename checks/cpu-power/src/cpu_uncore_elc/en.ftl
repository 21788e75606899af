title = Uncore / fabric clock is not parked low
why = Latency of memory and of PCI Express rises when the mesh or the data fabric slows down at light load.
effect = At light load, access to memory and to the GPUs takes longer, which adds to the time of each reply.
applicability = Bare metal; not virtual machines; Intel Xeon of the 4th generation and later, AMD EPYC
expected-effect = There is no published number for language models.

limit-floor = lowest uncore clock as a share of the highest
limit-floor-applies = Intel server CPUs whose uncore clock the kernel shows
limit-floor-source = our proposal: below it, memory latency rises by a measurable part

problem-stayed = The uncore clock stayed near { $lowest } under load
effect-stayed = Even under load, access to memory and to the GPUs takes longer than the processor allows, which adds to the time of each reply.
detail-stayed = may fall to { $lowest }, far below { $highest }, and stayed there under load

problem-may-fall = The uncore clock may fall to { $lowest } of { $highest }
detail-may-fall = may fall to { $lowest }, far below { $highest }

found-high = may fall to { $lowest } of { $highest }
found-unread = the clock under load was not read
found-unknown-load = whether the uncore clock stays low under load is not known: { $reason }
found-not-shown = the kernel shows no uncore clock: load the module `intel_uncore_frequency`, and collect as root
found-only-firmware = only the firmware tells the clock of the data fabric: ask for APBDIS (1 holds it) and the fixed SOC P-state (P0 is the highest)
found-other-vendor = `{ $vendor }` CPUs have no uncore clock that can be set
found-virtual = virtual machine: the hypervisor keeps the uncore clock
