title = The container or unit is not CPU-throttled
why = When the quota is used up, all threads stop for the rest of its period, which is 100 ms by default: one such stop adds tens of milliseconds to every active stream.
effect = Each time the quota is used up, the whole service stands still for a moment, even if processors are free, and all replies in progress stall together.
applicability = Mostly containers; systemd units with `CPUQuota=`; bare metal and virtual machines
expected-effect = There is no published number for language models. Buffer reports clearly faster web services after removing limits; configurations that Georgia Tech starved of CPUs had 1.36 to 5.40 times the time to first token.
caveat = Without any limit, work that runs away can take the CPUs of everything else: keep some back for the system, on Kubernetes for the kubelet as well.

limit-periods = periods in which the group was throttled
limit-periods-applies = control groups with a quota, period 100 ms
limit-periods-source = our proposal: one stop of every stream in ten seconds

limit-gate = throttled periods that alone make the node a high risk
limit-gate-applies = control groups with a quota, period 100 ms
limit-gate-source = measured on two nodes with H200 GPUs and vLLM 0.25.1: with up to 9 % of the periods throttled nothing was slower, from 23 % on the longest gaps between tokens grew

limit-time = throttled time, summed over CPUs, of the window
limit-time-applies = control groups with a quota
limit-time-source = measured on two nodes with H200 GPUs and vLLM 0.25.1: with up to 0.5 % of the time nothing was slower, from 2 % on the longest gaps between tokens grew

limit-watched = length of the window from which a quota that did not throttle passes
limit-watched-applies = control groups with a quota
limit-watched-source = our proposal: bursts come less often than once in ten seconds

problem-stopped = { $share ->
    [unknown] { $stopped ->
        [unknown] A CPU quota stopped the server (pid { $pid }) during the measurement
       *[other] A CPU quota stopped the server (pid { $pid }) for { $stopped } in all
    }
   *[other] { $rate ->
        [unknown] A quota stopped the server (pid { $pid }) in { $throttled } of { $all } periods
       *[other] A CPU quota stopped the server (pid { $pid }) { $rate } times a second
    }
}
detail-stopped = { $share ->
    [unknown] throttled
   *[other] throttled in { $throttled } of { $all } periods ({ $share })
}{ $stopped ->
    [unknown] {""}
   *[other] {", "}for { $stopped } summed over CPUs
}{ $lost ->
    [unknown] {""}
   *[other] {" "}({ $lost } of the time)
}

problem-gone = The CPU quota that stopped the server (pid { $pid }) is gone
detail-gone = throttled in { $throttled } of { $all } periods ({ $share }) since the group began, before its quota was lifted: it has none now

problem-since-start = The server (pid { $pid }) was throttled in { $throttled } of { $all } past periods
effect-since-start = Each time the quota was used up, the whole service stood still for a moment and all replies in progress stalled; whether it still does was not watched.
detail-since-start = throttled in { $throttled } of { $all } periods ({ $share }) since the group began; when that was is not known

problem-lifted = A CPU quota stopped the server until it was lifted
detail-lifted = { $share ->
    [unknown] throttled
   *[other] throttled in { $throttled } of { $all } periods ({ $share })
}{ $stopped ->
    [unknown] {""}
   *[other] {", "}for { $stopped } summed over CPUs
}{ $lost ->
    [unknown] {""}
   *[other] {" "}({ $lost } of the time)
}, until its quota was lifted
found-no-quota = no CPU quota, and not throttled
found-quiet = quota `{ $quota }`, and not throttled in { $seconds } under load
found-extent = how much it was throttled is known in part only: { $reason }
found-no-period = how much it was throttled is known in part only: no period of the quota was counted
found-unknown-quota = it is not known whether there is a CPU quota: { $reason }
found-unwatched = quota `{ $quota }`; it is not known whether it throttles: { $reason }
found-not-read-twice = quota `{ $quota }`; it is not known whether it throttles: the counters were not read twice
found-too-short = quota `{ $quota }`; it is not known whether it throttles: { $seconds } are too short to tell, collect with `--sample { $least }` or more
found-unknown-group = the control group is not known: { $reason }
found-no-group = no control group of an inference server is known
found-no-server = no process of an inference server was found: collect while the service runs
