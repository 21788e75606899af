title = Peak demand fits into measured goodput, also with one replica lost
why = Without headroom every incident becomes a breach of the service level.
effect = At the peak a little more demand, or one fault, makes replies later than was promised.
applicability = Services with a stated demand and a load test
expected-effect = None: it is a margin.

limit-roomy = peak demand, as share of goodput, up to which there is room
limit-roomy-applies = services with a load test
limit-roomy-source = our proposal

limit-tight = peak demand, as share of goodput, above which it is a failure
limit-tight-applies = services with a load test
limit-tight-source = our proposal

problem-full = Peak demand is { $share } of what { $replicas_count ->
    [one] { $replicas_count } replica provably serves
   *[other] { $replicas_count } replicas provably serve
}
effect-full = Little or nothing is left at the peak: a little more demand or one fault, and replies come later than was promised.
detail-full = peak demand is { $share } of the goodput of { $replicas_count ->
    [one] { $replicas_count } replica
   *[other] { $replicas_count } replicas
}; modelled need { $growth ->
    [stated] with { $growth_percent } growth
   *[unknown] without growth, as none is stated
}: { $need_count ->
    [one] { $need_count } replica
   *[other] { $need_count } replicas
} (utilisation { $utilisation }, balancing { $balancing }, 1 spare: assumed)

problem-tight = Peak demand is { $share } of what { $replicas_count ->
    [one] { $replicas_count } replica provably serves
   *[other] { $replicas_count } replicas provably serve
}
effect-tight = Today's peak fits, but growth or a fault soon makes replies later than was promised.
detail-tight = peak demand is { $share } of the goodput of { $replicas_count ->
    [one] { $replicas_count } replica
   *[other] { $replicas_count } replicas
}; modelled need { $growth ->
    [stated] with { $growth_percent } growth
   *[unknown] without growth, as none is stated
}: { $need_count ->
    [one] { $need_count } replica
   *[other] { $need_count } replicas
} (utilisation { $utilisation }, balancing { $balancing }, 1 spare: assumed)

problem-no-goodput = The service level is missed at every rate that was tested
effect-no-goodput = How many requests a replica can serve in time is not known, so nobody can say how many replicas the demand needs.
detail-no-goodput = the service level is missed even at the lowest rate that shows anything, so there is no goodput to plan with: test at lower rates

problem-loss-with-penalty = { $replicas_count ->
    [one] Nothing serves the peak if the only replica fails
   *[other] The peak does not fit if one of { $replicas_count } replicas fails
}
effect-loss-with-penalty = If a replica fails at the peak, replies come later than was promised or not at all, and the agreed penalty becomes due.
detail-loss-with-penalty = { $replicas_count ->
    [one] there is only one, and a penalty is agreed
   *[other] the peak does not fit into what is left when one of { $replicas_count } replicas is lost, and a penalty is agreed
}

problem-loss = { $replicas_count ->
    [one] Nothing serves the peak if the only replica fails
   *[other] The peak does not fit if one of { $replicas_count } replicas fails
}
effect-loss = If a replica fails at the peak, replies come later than was promised or not at all.
detail-loss = { $replicas_count ->
    [one] there is only one: add capacity, or agree on what the service does without it
   *[other] the peak does not fit into what is left when one of { $replicas_count } replicas is lost: add capacity, or agree on what the service does then
}

found-roomy = peak demand is { $share } of the goodput of { $replicas_count ->
    [one] { $replicas_count } replica
   *[other] { $replicas_count } replicas
}; modelled need { $growth ->
    [stated] with { $growth_percent } growth
   *[unknown] without growth, as none is stated
}: { $need_count ->
    [one] { $need_count } replica
   *[other] { $need_count } replicas
} (utilisation { $utilisation }, balancing { $balancing }, 1 spare: assumed)
found-spare = the peak fits also when one replica is lost
found-no-penalty = whether a penalty is agreed for a breach is not stated
found-no-peak = the demand at the peak is not stated
found-no-replicas = the number of replicas that serve today is not stated
