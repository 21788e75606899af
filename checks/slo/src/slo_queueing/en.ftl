title = Queue, preemption and cache pressure are under control
why = Where requests wait for GPUs that are busy, or for room in the KV cache, latency grows with every further request, and no tuning of the host helps.
effect = Replies start later or stop in between, and each further request makes it worse.
applicability = Servers with metrics
expected-effect = None by itself: it tells a problem of the host from too few GPUs.
caveat = Before more replicas: `--gpu-memory-utilization` of vLLM gives the KV cache more memory, `--max-num-seqs` lets fewer requests share it, and a model that is spread over more GPUs leaves more memory on each.

limit-some-wait = share of scrapes with waiting requests from which there is a warning
limit-some-wait-applies = servers with metrics
limit-some-wait-source = our proposal

limit-many-wait = share of scrapes with waiting requests above which it is a failure
limit-many-wait-applies = servers with metrics, at a normal peak
limit-many-wait-source = our proposal

limit-cache-high = 95th percentile of the use of the KV cache from which there is a warning
limit-cache-high-applies = servers with metrics
limit-cache-high-source = our proposal

limit-cache-full = 95th percentile of the use of the KV cache above which it is a failure
limit-cache-full-applies = servers with metrics
limit-cache-full-source = our proposal: the next long request preempts another

problem-many-wait = Requests wait for the server { $waited } of the time
effect-many-wait = Replies start late, since requests wait much of the time before the server begins with them. { $gpus_are ->
    [busy] The GPUs are busy: with more load replies come ever later, and only more capacity or less load helps.
    [gaps] The GPUs have room, so more of them would not help as long as the host keeps them waiting.
   *[unknown] Whether the host or too few GPUs make them wait is not known, as it was not recorded how busy the GPUs were.
}
detail-many-wait = requests waited in { $waited_count } of { $scrapes_count ->
    [one] { $scrapes_count } scrape
   *[other] { $scrapes_count } scrapes
}{ $gpus_are ->
    [busy] {"; the GPUs were busy"}
    [gaps] {"; a GPU was not fully busy"}
   *[unknown] {""}
}

problem-some-wait = Requests wait for the server { $waited } of the time
effect-some-wait = Some replies start late, since requests at times wait before the server begins with them. { $gpus_are ->
    [busy] The GPUs are busy: with more load replies come ever later, and only more capacity or less load helps.
    [gaps] The GPUs have room, so more of them would not help as long as the host keeps them waiting.
   *[unknown] Whether the host or too few GPUs make them wait is not known, as it was not recorded how busy the GPUs were.
}
detail-some-wait = requests waited in { $waited_count } of { $scrapes_count ->
    [one] { $scrapes_count } scrape
   *[other] { $scrapes_count } scrapes
}{ $gpus_are ->
    [busy] {"; the GPUs were busy"}
    [gaps] {"; a GPU was not fully busy"}
   *[unknown] {""}
}

problem-preempts = Lack of KV cache made the server interrupt requests { $preemptions_count ->
    [one] once
   *[other] { $preemptions_count } times
}
effect-preempts = Replies that had begun stop and are computed again, so customers see pauses and GPU time is spent twice.
detail-preempts = { $preemptions_count ->
    [one] { $preemptions_count } preemption
   *[other] { $preemptions_count } preemptions
} in { $seconds } because KV cache ran out

problem-cache-full = The server's KV cache is full, at { $used_share }
effect-cache-full = The next long request interrupts another or has to wait, so replies pause or start late.
detail-cache-full = its KV cache was used to { $used_share } at the 95th percentile

problem-cache-high = The server's KV cache is nearly full, at { $used_share }
effect-cache-high = With a little more load, or longer requests, replies pause or start late.
detail-cache-high = its KV cache was used to { $used_share } at the 95th percentile

found-calm = requests waited in { $waited_count } of { $scrapes_count ->
    [one] { $scrapes_count } scrape
   *[other] { $scrapes_count } scrapes
}, none was preempted, and the KV cache has room
found-not-asked = no server was asked for its metrics
found-beyond-limit = all loads were of a sweep and missed its objectives: measure at the load that is expected
found-queue-untold = it did not tell how many requests wait
found-no-requests = it had no requests: collect while the service runs
found-preemptions-untold = it did not count preemptions
found-cache-untold = it did not tell the use of its KV cache
