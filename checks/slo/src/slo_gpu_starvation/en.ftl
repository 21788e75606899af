title = GPUs are busy when requests are waiting
why = Where requests wait although GPUs are idle, the host is the bottleneck: the clearest sign that mending the host will pay.
effect = Replies start later while GPU time that is paid for goes unused.
applicability = Services on GPUs
expected-effect = See `cpu.cores-per-gpu` (time to first token 1.36 to 5.40 times shorter); eunomia.dev measured -20.5 % from CPU noise.
caveat = Look at what findings about placement, neighbours and CPU performance name first. More API servers (`--api-server-count` of vLLM) share the work of taking requests; they do not help a thread that schedules batches. Tokenisers and CUDA graphs are worth a look, too.

limit-waiting = share of scrapes with waiting requests above which GPUs must be busy
limit-waiting-applies = servers with metrics
limit-waiting-source = our proposal: below, a queue is chance

limit-busy = mean utilisation of a GPU below which there is a warning
limit-busy-applies = NVIDIA GPUs
limit-busy-source = our proposal; vLLM issues report 60 to 75 % with a CPU at its limit

limit-starved = mean utilisation of a GPU below which it is a failure
limit-starved-applies = NVIDIA GPUs
limit-starved-source = our proposal; vLLM issues report 60 to 75 % with a CPU at its limit

limit-hot = share of a CPU that one thread takes above which there is a warning
limit-hot-applies = threads that schedule or take requests
limit-hot-source = our proposal

limit-full = share of a CPU that one thread takes from which it is a failure
limit-full-applies = threads that schedule or take requests
limit-full-source = our proposal: a thread cannot use more than one CPU

problem-starved = Requests wait while a GPU is only { $busy_percent } busy
effect-starved = Requests wait although the GPUs could do more, so replies start later than they need to; more GPUs would not help as long as the host keeps them waiting.
detail-starved = requests waited in { $waited_count } of { $scrapes_count ->
    [one] { $scrapes_count } scrape
   *[other] { $scrapes_count } scrapes
} while GPU { $gpu } was { $busy_percent } busy, far from its limit

problem-gaps = Requests wait while a GPU is only { $busy_percent } busy
effect-gaps = Requests wait although the GPUs could do somewhat more, so replies start later than they need to.
detail-gaps = requests waited in { $waited_count } of { $scrapes_count ->
    [one] { $scrapes_count } scrape
   *[other] { $scrapes_count } scrapes
} while GPU { $gpu } was { $busy_percent } busy, not fully

problem-full-thread = One server thread fills its CPU while a GPU is { $busy_percent } busy
effect-full-thread = A thread cannot use more than one CPU: the server cannot hand out more work, GPU time that is paid for goes unused, and more GPUs would not help.
detail-full-thread = thread `{ $comm }` of process { $pid }, which { $role ->
    [requests] takes requests
    [batches] schedules batches
   *[all] takes requests and schedules batches
}, took { $share } of a CPU during { $seconds }, while GPU { $gpu } was { $busy_percent } busy

problem-hot-thread = One thread of the server takes { $share } of a CPU
effect-hot-thread = A thread cannot use more than one CPU: with a little more load this one limits the whole server, whatever the GPUs could do.
detail-hot-thread = thread `{ $comm }` of process { $pid }, which { $role ->
    [requests] takes requests
    [batches] schedules batches
   *[all] takes requests and schedules batches
}, took { $share } of a CPU during { $seconds }

found-busy = requests waited in { $waited_count } of { $scrapes_count ->
    [one] { $scrapes_count } scrape
   *[other] { $scrapes_count } scrapes
}, and the GPUs were busy, GPU { $gpu } the least, at { $busy_percent }
found-calm = requests hardly waited: in { $waited_count } of { $scrapes_count ->
    [one] { $scrapes_count } scrape
   *[other] { $scrapes_count } scrapes
}
found-threads-fine = no thread of the server is near the limit of a CPU: the busiest, `{ $comm }` of process { $pid }, took { $share } of one during { $seconds }
found-beyond-limit = all loads were of a sweep and missed its objectives: measure at the load that is expected
found-queue-untold = no server told how many requests wait
found-no-requests = the server had no requests: collect while the service runs
found-not-sampled = the utilisation of GPU { $gpu } was not sampled
found-no-sample = no GPU was sampled
found-no-window = the window over which threads were observed has no length
found-no-process = it is not known which process thread { $tid } belongs to
found-no-thread = no thread of a server that schedules or takes requests was seen
found-idle-gpus = the GPUs did nothing: collect while the service runs
