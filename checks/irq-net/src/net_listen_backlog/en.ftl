title = Connection queues and tables are large enough
why = A queue or table that overflows in a burst turns clients away, which they see as random time-outs.
effect = When many clients come at once, some of them are not let in: they wait for a time-out and have to try again.
applicability = Bare metal, virtual machines, and containers, each per network namespace
expected-effect = No published number for language models.

limit-somaxconn = longest queue of a listening socket
limit-somaxconn-applies = kernels before 5.4 default to 128, later ones to 4096
limit-somaxconn-source = throughput-performance

limit-table-filling = entries of the connection tracking table in use, high
limit-table-filling-applies = nodes that track connections
limit-table-filling-source = our proposal

limit-table-full = entries of the connection tracking table in use, too high
limit-table-full-applies = nodes that track connections
limit-table-full-source = our proposal

limit-ports = local ports in use
limit-ports-applies = nodes that open connections, such as routers
limit-ports-source = our proposal; the limit is per remote address and port, so this is on the safe side

problem-turned-away = { $connections_count ->
    [one] { $connections_count } connection was turned away within { $length }
   *[other] { $connections_count } connections were turned away within { $length }
}
effect-turned-away = Clients were turned away although the server was running: they wait for a time-out and have to try again.
detail-turned-away = { $connections_count ->
    [one] { $connections_count } connection was turned away in { $length } because a queue was full
   *[other] { $connections_count } connections were turned away in { $length } because a queue was full
}

problem-short-queue = Only { $connections } new connections can wait for a server
detail-short-queue = a listening socket may queue at most { $connections } connections, whatever its server asks for

problem-table-was-full = The table of connections was full, and packets were dropped
effect-table-was-full = Clients ran into time-outs at that time, and it will happen again with the same number of connections.
detail-table-was-full = it was full, and packets were dropped

problem-table-filling = The table of connections is { $share } full
effect-table-filling = Once the table is full, packets of new clients are dropped, and they run into time-outs.
detail-table-filling = { $used } of { $most } entries are in use ({ $share })

problem-few-ports = { $share } of the ports for outgoing connections are in use
effect-few-ports = Once they run out, this node opens no further connection to the same address, and requests that it passes on fail.
detail-few-ports = { $used_count ->
    [one] { $used_count } of the ports { $first } to { $last } is in use ({ $share })
   *[other] { $used_count } of the ports { $first } to { $last } are in use ({ $share })
}

found-all-taken = { $connections_count ->
    [one] { $connections_count } connection came in and was not turned away
   *[other] { $connections_count } connections came in, none was turned away
}
found-no-connection = no connection came in during the window: collect while clients connect
found-long-queue = a listening socket may queue at most { $connections } connections
found-not-tracked = the kernel does not track connections here
problem-no-limit = The table of connections has no limit
detail-no-limit = it has no limit
found-room-in-table = { $used } of { $most } entries are in use ({ $share })
found-unknown-past = { $used } of { $most } entries are in use ({ $share }); whether it was full before is not known: { $reason }
found-free-ports = { $used_count ->
    [one] { $used_count } of the ports { $first } to { $last } is in use ({ $share })
   *[other] { $used_count } of the ports { $first } to { $last } are in use ({ $share })
}
found-other-namespace = { $servers_count ->
    [one] has a network namespace of its own, or may have one, whose queues are not seen from here: collect inside its container as well
   *[other] have network namespaces of their own, or may have them, whose queues are not seen from here: collect inside their containers as well
}
problem-open = The service accepts connections from outside this machine
detail-open = accepts connections from outside this machine at { $addresses }
