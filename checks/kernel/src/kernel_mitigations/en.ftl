title = CPU vulnerability mitigations follow a stated policy
why = Mitigations are a decision of security, not a defect of performance. What matters is that the state is known and was decided.
effect = Programs on this host may be able to read data that they must not see. Leaving protections off buys a little speed for some workloads; whether that is worth the risk is for the client to decide.
applicability = Bare metal, virtual machines, containers (which have the state of the host)
expected-effect = Phoronix has measured what mitigations cost by kernel and generation of CPU. There is no published number for serving language models.

problem-open = { $names_count ->
    [one] { $names_count } weakness of the CPU is
   *[other] { $names_count } weaknesses of the CPU are
} not fully mitigated
detail-open = not fully mitigated: { $names }{ $shared ->
    [yes] , on a host that others share
   *[no] {""}
}

problem-off = Boot argument `{ $argument }` turns protections of the CPU off
detail-off = `{ $argument }` is set

problem-off-and-open = `{ $argument }` leaves { $names_count ->
    [one] { $names_count } weakness of the CPU
   *[other] { $names_count } weaknesses of the CPU
} open
detail-off-and-open = `{ $argument }` is set; not fully mitigated: { $names }{ $shared ->
    [yes] , on a host that others share
   *[no] {""}
}

found-mitigated = { $all_count ->
    [one] the { $all_count } weakness that the kernel knows of is not left open
   *[other] none of { $all_count } weaknesses that the kernel knows of is left open
}
found-unknown = not known: { $names }
found-none-listed = the kernel lists no weaknesses
found-unknown-sharing = whether others share this host is not known; say so in the engagement (`shared-host`)
