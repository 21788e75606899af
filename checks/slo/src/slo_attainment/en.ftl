title = The service meets its SLO at today's peak, with statistical confidence
why = This is what the client pays for; all other checks are about causes.
effect = More requests than agreed take longer than was promised.
applicability = Every service
expected-effect = None: it is the outcome.
caveat = Where it is missed, other findings tell whether the host or too few GPUs are the reason. Fewer requests at a time (`--max-num-seqs` of vLLM) make each of them faster and more of them wait.

problem-missed = Only { $share } of requests meet the service level { $place ->
    [below] below the peak
   *[at] at the peak
}
effect-missed = { $place ->
    [below] Before demand reaches its peak, more requests than agreed take longer than was promised.
   *[at] When demand is at its peak, more requests than agreed take longer than was promised.
}
detail-missed = { $place ->
    [below] at { $rate } requests per second, below the peak
    [above] at { $rate } requests per second, above the peak
   *[at] at the peak
}{ $of ->
    [replica] {" of one replica"}
   *[service] {""}
} ({ $peak } requests per second){ $place ->
    [at] {""}
   *[other] ,
} { $share } of requests meet the service level, { $place ->
    [below] at most
   *[other] at least
} { $bound } with 95 % confidence; the target is { $target }{ $agreed ->
    [percentile] {", which is the percentile, as no share of requests is agreed"}
   *[share] {""}
}

problem-unproven = The load test is too short to prove the service level
effect-unproven = The service level was met in the test, but the test was too short to show that it is met in operation.
detail-unproven = { $place ->
    [below] at { $rate } requests per second, below the peak
    [above] at { $rate } requests per second, above the peak
   *[at] at the peak
}{ $of ->
    [replica] {" of one replica"}
   *[service] {""}
} ({ $peak } requests per second){ $place ->
    [at] {""}
   *[other] ,
} { $share } of requests meet the service level, { $place ->
    [below] at most
   *[other] at least
} { $bound } with 95 % confidence; the target is { $target }{ $agreed ->
    [percentile] {", which is the percentile, as no share of requests is agreed"}
   *[share] {""}
}; { $met_count } of { $requests_count ->
    [one] { $requests_count } request
   *[other] { $requests_count } requests
} met it, and since requests close together resemble each other they prove as much as { $independent_count ->
    [one] { $independent_count } independent one
   *[other] { $independent_count } independent ones
} would{ $provable ->
    [yes] ; it takes about { $needed_count } of these, which is a test of { $longer } at this rate instead of { $seconds }
   *[no] ; the share is so close to the target that no longer test at this rate would prove it
}

problem-seen-missed = Too few of the users' requests meet the service level
effect-seen-missed = More requests than agreed take longer than was promised, at the load that there is.
detail-seen-missed = requests of users were observed: with no more of them than at the peak{ $of ->
    [replica] {" of one replica"}
   *[service] {""}
} ({ $peak } requests per second), at most { $share } meet the service level; the target is { $target }

found-met = { $place ->
    [below] at { $rate } requests per second, below the peak
    [above] at { $rate } requests per second, above the peak
   *[at] at the peak
}{ $of ->
    [replica] {" of one replica"}
   *[service] {""}
} ({ $peak } requests per second){ $place ->
    [at] {""}
   *[other] ,
} { $share } of requests meet the service level, { $place ->
    [below] at most
   *[other] at least
} { $bound } with 95 % confidence; the target is { $target }{ $agreed ->
    [percentile] {", which is the percentile, as no share of requests is agreed"}
   *[share] {""}
}
found-invalid = { $place ->
    [below] at { $rate } requests per second, below the peak
    [above] at { $rate } requests per second, above the peak
   *[at] at the peak
}{ $of ->
    [replica] {" of one replica"}
   *[service] {""}
} ({ $peak } requests per second){ $place ->
    [at] {""}
   *[other] ,
} { $share } of requests meet the service level, { $place ->
    [below] at most
   *[other] at least
} { $bound } with 95 % confidence; the target is { $target }{ $agreed ->
    [percentile] {", which is the percentile, as no share of requests is agreed"}
   *[share] {""}
}, but a test is not valid: { $reason }
found-invalid-unexplained = { $place ->
    [below] at { $rate } requests per second, below the peak
    [above] at { $rate } requests per second, above the peak
   *[at] at the peak
}{ $of ->
    [replica] {" of one replica"}
   *[service] {""}
} ({ $peak } requests per second){ $place ->
    [at] {""}
   *[other] ,
} { $share } of requests meet the service level, { $place ->
    [below] at most
   *[other] at least
} { $bound } with 95 % confidence; the target is { $target }{ $agreed ->
    [percentile] {", which is the percentile, as no share of requests is agreed"}
   *[share] {""}
}, but a test is not valid, for a reason that was not recorded
found-undetermined = { $place ->
    [below] at { $rate } requests per second, below the peak
    [above] at { $rate } requests per second, above the peak
   *[at] at the peak
}{ $of ->
    [replica] {" of one replica"}
   *[service] {""}
} ({ $peak } requests per second){ $place ->
    [at] {""}
   *[other] ,
} { $share } of requests meet the service level, { $place ->
    [below] at most
   *[other] at least
} { $bound } with 95 % confidence; the target is { $target }{ $agreed ->
    [percentile] {", which is the percentile, as no share of requests is agreed"}
   *[share] {""}
}; of { $unknown } it is not known
found-contradiction = the service level is missed at { $missed_rate } requests per second ({ $missed_share } of requests meet it), and met at { $met_rate } requests per second ({ $met_share } of requests meet it), which is more to carry
found-between = the service level is { $below_shown ->
    [met] met
    [missed] missed
   *[open] neither shown to be met nor missed
} at { $below_rate } requests per second ({ $below_share } of requests meet it), and { $above_shown ->
    [met] met
    [missed] missed
   *[open] neither shown to be met nor missed
} at { $above_rate } requests per second ({ $above_share } of requests meet it); the peak{ $of ->
    [replica] {" of one replica"}
   *[service] {""}
} ({ $peak } requests per second) lies between and was not tested: run a load test at { $peak } requests per second
found-only-above = the service level is { $above_shown ->
    [met] met
    [missed] missed
   *[open] neither shown to be met nor missed
} at { $above_rate } requests per second ({ $above_share } of requests meet it); the peak{ $of ->
    [replica] {" of one replica"}
   *[service] {""}
} ({ $peak } requests per second) lies below and was not tested: run a load test at { $peak } requests per second
found-not-reached = no load test reached the peak{ $of ->
    [replica] {" of one replica"}
   *[service] {""}
} ({ $peak } requests per second)
found-not-reached-for = no usable load test reached the peak{ $of ->
    [replica] {" of one replica"}
   *[service] {""}
} ({ $peak } requests per second); { $reason }
found-unused = a load test that may tell more cannot be used: { $reason }
found-unknown-rate = a load test that may tell more cannot be used: it names no rate at which requests were sent
found-no-peak = the demand at the peak is not stated
found-seen-kept = requests of users were observed: at { $rate } requests per second and above, at least { $share } meet the service level by the server's own account; the peak{ $of ->
    [replica] {" of one replica"}
   *[service] {""}
} is { $peak } requests per second and the target { $target }
found-seen-open = no load test decides, nor do requests of users that were observed, { $busiest } per second at most; the peak{ $of ->
    [replica] {" of one replica"}
   *[service] {""}
} is { $peak } requests per second
