title = Boot arguments are consistent and intentional
why = Leftovers such as `maxcpus=`, `mem=`, `idle=`, `intel_pstate=disable` or `nosmt` change results for years, and nobody remembers them.
effect = Old experiments still decide how this server starts, and can slow it down for years without anybody knowing why.
applicability = Bare metal and virtual machines
expected-effect = No published number.

problem-fewer-cpus = Boot argument `{ $argument }` limits the number of CPUs
effect-fewer-cpus = CPUs that are there may stay unused: less work is prepared for the GPUs at the same time, and replies come later under load.
detail-fewer-cpus = limits the number of CPUs

problem-one-cpu = Boot argument `{ $argument }` leaves this machine one CPU
effect-one-cpu = All work of the service that is not done by GPUs runs one after the other, so replies come much later than they could.
detail-one-cpu = leaves one CPU

problem-less-memory = Boot argument `{ $argument }` limits the memory
effect-less-memory = Memory that is there may stay unused: models load more slowly because their files are not kept in memory, and the service runs short of it sooner.
detail-less-memory = limits the memory

problem-no-numa = Boot argument `{ $argument }` hides the NUMA nodes
effect-no-numa = Nothing can keep threads and memory near their GPU, so replies can come later and less evenly.
detail-no-numa = hides the NUMA nodes

problem-no-smt = Boot argument `{ $argument }` turns the second thread of each core off
effect-no-smt = The processor offers the service fewer hardware threads than it has, so less work is done side by side when many requests are served.
detail-no-smt = turns the second thread of each core off

problem-no-acpi = Boot argument `{ $argument }` hides topology and power management
effect-no-acpi = The kernel neither knows which memory is near which CPU nor sets the clock of the CPUs, so replies can come later and less evenly.
detail-no-acpi = hides topology and power management

problem-no-sleep = Boot argument `{ $argument }` never lets a CPU sleep
effect-no-sleep = CPUs without work use power that the busy ones need for a higher clock, so replies can come later, and others on this host pay for it as well.
detail-no-sleep = never lets a CPU sleep, which takes turbo from its neighbours

problem-old-driver = Boot argument `{ $argument }` does without the CPU maker's frequency driver
effect-old-driver = The clock of the CPUs follows the work less quickly and less well than the processor could, so replies can come later and less evenly.
detail-old-driver = does without the CPU maker's frequency driver

problem-no-scaling = Boot argument `{ $argument }` leaves the clock to the firmware
effect-no-scaling = Whether the CPUs run at full clock can neither be seen nor set from the system, so replies may come later than they could.
detail-no-scaling = leaves the clock to the firmware

problem-slow-clock = Boot argument `{ $argument }` makes each reading of the clock slow
effect-slow-clock = The software of the service reads the clock constantly, and each reading takes longer than it should, so replies come later.
detail-slow-clock = makes each reading of the clock slow

problem-work-around = Boot argument `{ $argument }` is a work-around for old hardware
effect-work-around = The kernel goes without a feature that current hardware handles well, and spends time on it that the service could use.
detail-work-around = is a work-around for old hardware

problem-no-machine-checks = Boot argument `{ $argument }` turns reports of hardware errors off
effect-no-machine-checks = Errors of memory and processors go unseen: they can falsify replies, and end the service without a trace of why.
detail-no-machine-checks = turns machine checks off, by which the processor reports errors of memory, caches and buses

problem-shared-interrupts = Boot argument `{ $argument }` takes their own interrupts from devices
effect-shared-interrupts = Network cards, disks and GPUs share interrupts, which no longer reach the CPUs near them; requests and replies can be held up.
detail-shared-interrupts = takes their own interrupts from devices

problem-runs-isolated = Process { $pid } may run on the isolated CPUs { $cpus }
effect-runs-isolated = Threads of the service can pile up on one of these CPUs while the others stay idle, so replies come much later.
detail-runs-isolated = process { $pid } ({ $comm }) may run there, where the scheduler does not spread threads over CPUs

problem-adds = The next start adds { $adds_count ->
    [one] { $adds_count } boot argument
   *[other] { $adds_count } boot arguments
}
effect-adds = This server will behave differently after its next start, whenever that is, and what was measured until then no longer holds.
detail-adds = the next start adds { $adds }, by { $path }

problem-drops = The next start drops { $drops_count ->
    [one] { $drops_count } boot argument
   *[other] { $drops_count } boot arguments
}
effect-drops = This server loses settings with its next start, whenever that is, and what was measured until then no longer holds.
detail-drops = the next start drops { $drops }, by { $path }

problem-adds-and-drops = The next start adds { $adds_count ->
    [one] { $adds_count } boot argument
   *[other] { $adds_count } boot arguments
} and drops { $drops_count }
effect-adds-and-drops = This server will behave differently after its next start, whenever that is, and what was measured until then no longer holds.
detail-adds-and-drops = the next start adds { $adds } and drops { $drops }, by { $path }

problem-no-sleep-alone = A boot argument never lets a CPU sleep
detail-no-sleep-alone = never lets a CPU sleep, which takes turbo from its neighbours; nobody else shares this host
found-unknown-sharing = whether others share this host is not known; say so in the engagement (`shared-host`)
problem-others = { $others_count ->
    [one] { $others_count } boot argument bears
   *[other] { $others_count } boot arguments bear
} on performance
detail-others = { $others_count ->
    [one] bears on performance; compare it with what was intended
   *[other] bear on performance; compare them with what was intended
}
found-none-running = none bears on performance
problem-isolates-none = `isolcpus` is set, but the kernel isolates no CPU
detail-isolates-none = it is set, but the kernel isolates no CPU
found-kept-off = no thread of an inference server may run there
found-no-busy-thread = no busy thread of an inference server was found: collect while the service runs
found-same = { $path } says what is running
found-no-configuration = no file was found that Plumb knows to configure boot arguments
