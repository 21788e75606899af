title = The service restarts itself and is the last to be killed
why = It decides how long an outage lasts, and which process the kernel ends when memory runs out.
effect = An outage lasts until a person notices it and acts.
applicability = Services of systemd and containers
expected-effect = Shorter and fewer outages; no effect on speed.

limit-back-off = pause before a restart
limit-back-off-applies = services of systemd with the default StartLimit
limit-back-off-source = our reading of systemd.unit(5): five starts within 10 s and the unit stays down, so 2 s keep it trying

limit-start = time-out of a start that loads a model
limit-start-applies = services of systemd that are started only once they say so
limit-start-source = our proposal: ten minutes for a large model from a slow disk

limit-oom-pass = oom_score_adj that keeps a server
limit-oom-pass-applies = processes of inference servers
limit-oom-pass-source = our proposal: half the memory of the host is discounted

problem-nothing-starts = No unit or container starts the server (pid { $pid }) again
effect-nothing-starts = After a crash or a reboot the service stays down until a person starts it.
detail-nothing-starts = { $place ->
    [scope] it runs in { $unit }, not in a service
    [no-file] no file defines its unit { $unit }
   *[none] it runs in no unit and no container
}: nothing starts it again after a crash or a reboot

problem-no-restart = `Restart={ $restart }` leaves the server (pid { $pid }) down after a crash
effect-no-restart = After a crash the service stays down until a person starts it.
detail-no-restart = `Restart={ $restart }` of { $unit }: after a crash nothing starts it again

problem-short-pause = The server (pid { $pid }) stays down after a few quick failures
effect-short-pause = A fault that lasts for seconds, such as a driver that is not ready yet, becomes an outage that lasts until a person acts.
detail-short-pause = `Restart={ $restart }` after { $pause }: it stays down after { $burst } failures within { $interval }

problem-no-policy = Nothing starts the container of the server (pid { $pid }) again
effect-no-policy = After a crash or a reboot the service stays down until a person starts it.
detail-no-policy = restart policy `no`: after a crash nothing starts it again

problem-not-asked = The server (pid { $pid }) counts as started while it is still loading
effect-not-asked = While the model loads, requests can be sent to a server that cannot answer yet, and a start that fails can go unnoticed.
detail-not-asked = `Type={ $start }`: nothing asks whether it can serve, so it counts as started while it loads

problem-short-start = systemd gives the server (pid { $pid }) only { $limit } to start
effect-short-start = If loading the model takes longer, the start is broken off and begins again, and the service does not come up.
detail-short-start = systemd gives its start { $limit }, which a large model may exceed

problem-no-health-check = The container of the server (pid { $pid }) has no health check
effect-no-health-check = While the model loads, or when the server hangs, the container counts as running, and requests can be sent to a server that does not answer.
detail-no-health-check = the container has no health check: it counts as running while the model loads

problem-killed-first = Process { $pid } may be killed first when memory runs out
effect-killed-first = When another program uses up the memory of this node, the kernel may end the server for it, and all its requests fail.
detail-killed-first = process { $pid } has `oom_score_adj` { $score }: large as it is, it may be killed first when memory runs out{ $others_count ->
    [0] {""}
    [one] , and { $others_count } other server shares the memory
   *[other] , and { $others_count } other servers share the memory
}

found-restarts = `Restart={ $restart }` after { $pause }
found-policy = restart policy `{ $policy }`
found-waits = systemd waits until it can serve
found-health-check = the container has a health check
found-kept = process { $pid } has `oom_score_adj` { $score }
found-pod = the kubelet starts it again as the pod's manifest says, which is not on this node
found-unknown-engine = what the container engine was asked for is not known: { $reason }
found-unknown-policy = the restart policy of the container is not known
found-unknown-health-check = whether the container has a health check is not known
found-unknown-unit = the evidence does not describe the unit { $unit }
found-unknown-container = the evidence does not describe the container { $container }
found-odd-pause = the time of `RestartSec={ $value }` is not of a known form
found-odd-timeout = the time-out of its start, `{ $value }`, is not of a known form
found-no-server = no inference server was found: collect while the service runs
found-no-process = no process of the server was recorded
found-inside = seen from inside of a container ({ $container }): on its host, `{ $command }` shows it
