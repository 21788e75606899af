title = Cost per useful token is known and justified
why = Idle capacity, not the price of hardware, dominates the cost of a token.
effect = Most of the capacity that is paid for stands idle.
applicability = Services with a stated demand and a load test
expected-effect = On one and the same H100: 0.21 to 15.25 USD per million output tokens, by load; estimates that take full use for granted are too low by one over the utilisation.

limit-used = mean demand, as share of goodput, below which there is a warning
limit-used-applies = dedicated GPUs
limit-used-source = our proposal, after Patil 2026

limit-wasted = mean demand, as share of goodput, below which it is a failure
limit-wasted-applies = dedicated GPUs without another reason
limit-wasted-source = our proposal, after Patil 2026

problem-wasted = Demand uses only { $share } of what the replicas can serve
effect-wasted = Nearly all of the capacity that is paid for stands idle. { $peak ->
    [fits] Fewer replicas would serve the same demand at a lower cost.
    [needs] The peak needs the replicas; other work in idle hours would share their cost.
   *[unknown] Whether fewer replicas would do depends on the peak, which is not stated.
}
detail-wasted = the mean demand takes { $share } of the goodput of { $replicas_count ->
    [one] { $replicas_count } replica
   *[other] { $replicas_count } replicas
}{ $peak ->
    [fits] , and fewer would have room for the peak, also with one lost
    [needs] , but the peak needs them
   *[unknown] , and the demand at the peak is not stated
}

problem-idle = Demand uses only { $share } of what the replicas can serve
effect-idle = Most of the capacity that is paid for stands idle. { $peak ->
    [fits] Fewer replicas would serve the same demand at a lower cost.
    [needs] The peak needs the replicas; other work in idle hours would share their cost.
   *[unknown] Whether fewer replicas would do depends on the peak, which is not stated.
}
detail-idle = the mean demand takes { $share } of the goodput of { $replicas_count ->
    [one] { $replicas_count } replica
   *[other] { $replicas_count } replicas
}{ $peak ->
    [fits] , and fewer would have room for the peak, also with one lost
    [needs] , but the peak needs them
   *[unknown] , and the demand at the peak is not stated
}

found-used = the mean demand takes { $share } of the goodput of { $replicas_count ->
    [one] { $replicas_count } replica
   *[other] { $replicas_count } replicas
}
problem-cost = A million output tokens cost { $million } at the mean demand
detail-cost = { $million } per million output tokens at the mean demand (modelled: { $replicas_count ->
    [one] { $replicas_count } replica
   *[other] { $replicas_count } replicas
} with { $gpus_count ->
    [one] { $gpus_count } GPU
   *[other] { $gpus_count } GPUs
} each, { $basis ->
    [rented] price of a GPU hour
   *[owned] server{ $hosting ->
        [yes] {", hosting"}
       *[no] {""}
    }{ $energy ->
        [yes] {", energy of the GPUs"}
       *[no] {", without energy"}
    }
})
problem-cost-range = A million output tokens cost { $least } to { $most }
detail-cost-range = { $least } to { $most } per million output tokens at the mean demand (modelled: { $replicas_count ->
    [one] { $replicas_count } replica
   *[other] { $replicas_count } replicas
} with { $gpus_count ->
    [one] { $gpus_count } GPU
   *[other] { $gpus_count } GPUs
} each, { $basis ->
    [rented] prices of a GPU hour
   *[owned] server{ $hosting ->
        [yes] {", hosting"}
       *[no] {""}
    }{ $energy ->
        [yes] {", energy of the GPUs"}
       *[no] {", without energy"}
    }
})
found-unused-above = { $tests_count ->
    [one] { $tests_count } load test at a higher rate cannot be used: goodput may be higher
   *[other] { $tests_count } load tests at higher rates cannot be used: goodput may be higher
}
found-no-goodput = the service level is shown to be met at none of the tested rates: no token is within it
found-no-mean = the mean demand is not stated
found-no-replicas = the number of replicas that serve today is not stated
found-no-currency = the currency of the prices is not stated
