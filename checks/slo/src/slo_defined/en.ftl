title = There is a service level to measure against
why = Without a service level neither a risk nor a number of GPUs can be stated.
effect = Nobody can say whether the service is fast enough, how many GPUs it needs, or what a delay costs.
applicability = Every service
expected-effect = None: it is what effects are measured against.

problem-none = No service level is stated
detail-none = none is stated; a start may be the limits of MLPerf's interactive scenario, 450 ms to the first token and 40 ms per output token at the 99th percentile

problem-incomplete = The service level lacks { $lacking_count } of its 5 parts
effect-incomplete = The same measurement can be read as a service level that was kept or as one that was missed.
detail-incomplete = percentile { $percentile ->
    [yes] stated
   *[no] missing
}; limit for the time to first token { $first ->
    [yes] stated
   *[no] missing
}; limit between tokens or for the whole request { $pace ->
    [yes] stated
   *[no] missing
}; share of requests that must meet it { $share ->
    [yes] stated
   *[no] missing
}; time over which it is judged { $window ->
    [yes] stated
   *[no] missing
}

found-full = it is stated in full
