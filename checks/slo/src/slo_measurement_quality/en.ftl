title = The measurement itself can be trusted
why = A closed loop, or a short test, hides exactly the delays that are looked for.
effect = Figures of this load test can be off, and promises and capacity plans that rest on it can be wrong.
applicability = Bundles with a load test
expected-effect = None: it is about the measurement.

limit-steady = shortest measured time at a rate
limit-steady-applies = open-loop load tests
limit-steady-source = least duration of the server scenario

limit-rates = fewest rates
limit-rates-applies = open-loop load tests
limit-rates-source = our proposal: a knee needs points on both sides

limit-repeats = fewest repetitions of the decisive rate
limit-repeats-applies = load tests
limit-repeats-source = our proposal: spread between runs is seen from three on

limit-requests = fewest completed requests at the decisive rate
limit-requests-applies = load tests
limit-requests-source = computed: 299 without a miss prove a 99th percentile with 95 % confidence

problem-few-requests = The decisive load test completed only { $completed_count ->
    [one] { $completed_count } request
   *[other] { $completed_count } requests
}
effect-few-requests = So few requests prove nothing about the slowest ones, which decide whether a service level is kept.
detail-few-requests = { $completed_count } of { $requests_count } requests were answered in the measured time at the decisive rate, where { $least } are needed

problem-closed-loop = No load test sent its requests on a schedule
effect-closed-loop = Tests that wait for each answer before they ask again hide the waiting that customers would see, so promises should not rest on them.
detail-closed-loop = no test kept to a schedule: a closed loop hides waiting

problem-invalid = No load test is valid
effect-invalid = What the service can carry is not known, and no promise can rest on these tests.
detail-invalid = no test was valid

problem-incomplete = The load test misses { $missed_count } of 5 rules for reliable results
detail-incomplete = { $seconds } at the decisive rate (at least { $least_seconds } wanted), { $rates_count ->
    [one] { $rates_count } rate
   *[other] { $rates_count } rates
} (at least { $least_rates }), { $runs_count ->
    [one] run once
   *[other] run { $runs_count } times
} (at least { $least_runs }), latency { $corrected ->
    [yes] counts
   *[no] does not count
} from the intended time of sending, { $warmed_up ->
    [yes] with
   *[no] without
} a warm-up

found-sound = open loop, { $seconds } at the decisive rate, { $runs_count ->
    [one] run once
   *[other] run { $runs_count } times
}, { $rates_count ->
    [one] { $rates_count } rate
   *[other] { $rates_count } rates
}, with a warm-up, latency from the intended time of sending
