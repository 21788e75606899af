title = Deep idle states do not add wake-up latency on serving cores
why = Each sleep and wake-up adds microseconds to requests and interrupts. It matters at low and bursty load, and hardly where cores spin.
effect = Requests that meet a CPU in a deep idle state wait until it has woken up, which shows in the slowest replies at low and uneven load.
applicability = Bare metal; not virtual machines; containers read the host's; Intel and AMD CPUs
expected-effect = The kernel's table for Sapphire Rapids has exit latencies of 1 µs for C1, 2 µs for C1E and 290 µs for C6 (target residency 800 µs). There is no published number for language models.
caveat = Leave C-states enabled in the firmware (AMD advises against disabling them). Keeping all cores out of C6 takes away power that turbo and PCT need: limit it to the inference CPUs.

limit-latency = exit latency of an idle state that counts as deep
limit-latency-applies = bare metal
limit-latency-source = profile accelerator-performance, force_latency=99

limit-some = time that serving CPUs may spend in deep idle states
limit-some-applies = serving CPUs under load
limit-some-source = our proposal

limit-much = time in deep idle states above which a missed objective is laid to them
limit-much-applies = serving CPUs under load
limit-much-source = our proposal

limit-serving = CPU time of a thread that makes its CPUs serving ones
limit-serving-applies = threads of inference servers
limit-serving-source = our proposal: less is background

problem-idle = Serving CPUs spent { $share } of the time in deep idle states
detail-idle = serving CPUs spent { $share } of the time in idle states { $states }, CPU { $cpu } most with { $most }

problem-idle-and-missed = Serving CPUs spent { $share } of the time in deep idle states
effect-idle-and-missed = Requests that meet a CPU in a deep idle state wait until it has woken up, and the slowest replies miss what was promised.
detail-idle-and-missed = serving CPUs spent { $share } of the time in idle states { $states }, CPU { $cpu } most with { $most }, and p99 latency misses the objective

problem-idle-and-met = Serving CPUs spent { $share } of the time in deep idle states
effect-idle-and-met = Requests that meet a CPU in a deep idle state wait until it has woken up; the slowest replies keep what was promised all the same.
detail-idle-and-met = serving CPUs spent { $share } of the time in idle states { $states }, CPU { $cpu } most with { $most }; p99 latency meets the objective all the same

problem-open = CPUs { $cpus }, which serve, may sleep in { $states }
effect-open = A processor that sleeps so deep takes that long to wake up, and work for the GPUs waits for it; tokens come late, most of all under light load.
detail-open = idle states { $states } are enabled on CPUs that servers run on{ $share ->
    [unknown] ; how long CPUs were in them was not recorded
   *[other] , which were in them for { $share } of the time since boot
}

found-rarely = serving CPUs spent { $share } of the time in idle states { $states }, CPU { $cpu } most with { $most }
found-request = a program asks the kernel for an exit latency of { $latency } or less
found-shallow = the deepest idle state that serving CPUs can enter is { $state } ({ $latency })
found-none-enabled = no idle state up to { $latency } is enabled
found-unread-time = their time in deep idle states was not read twice
found-unknown-objective = whether p99 latency misses the objective is not known: { $reason }
found-unknown-use = idle states { $states } are enabled on CPUs { $cpus }, but whether serving CPUs use them is not known: { $reason }
found-no-busy-thread = idle states { $states } are enabled on CPUs { $cpus }, but no thread of an inference server was busy: collect while the service runs
found-unknown-servers = idle states { $states } are enabled on CPUs { $cpus }, but where inference servers ran is not known: { $reason }
found-no-load = idle states { $states } are enabled on CPUs { $cpus }, but { $reason }
found-unknown-time = idle states { $states } are enabled on CPUs { $cpus }, but the time spent in them is not known: { $reason }
found-no-states = no idle states were found on bare metal: { $reason }
found-virtual = virtual machine ({ $virtualization }) without idle states: ask the provider
problem-enabled = Idle states { $states } are enabled
detail-enabled = idle states { $states } are enabled on CPUs { $cpus }: a CPU that sleeps in one takes that long to wake up
