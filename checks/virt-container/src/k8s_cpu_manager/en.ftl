title = Kubernetes gives the pod exclusive, whole cores
why = With the default policy the pod floats over CPUs that it shares, under a quota.
effect = The service shares processors with other pods, so replies come later and less evenly whenever these are busy.
applicability = Kubernetes
expected-effect = No published number for this switch alone; see `sched.noisy-neighbours` and `sched.cfs-throttling`.
caveat = Exclusive means exclusive among pods: services of the system may still run there, so combine it with `reservedSystemCPUs` and systemd's `CPUAffinity=`.

problem-shared-with-pods = { $others ->
    [one] Inference shares all CPUs with { $others } other pod
   *[other] Inference shares all CPUs with { $others } other pods
}
detail-shared-with-pods = CPU manager policy `{ $policy }`: inference shares all CPUs with { $others ->
    [one] { $others } other pod
   *[other] { $others } other pods
}

problem-nothing-kept = Nothing keeps CPUs free of pods that come later
effect-nothing-kept = No other pod is on this node now. The next one shares the processors with the service, and replies then come later and less evenly.
detail-nothing-kept = CPU manager policy `{ $policy }`: nothing keeps CPUs free of pods that come later

problem-shared-cores = Two pods may share a physical core
effect-shared-cores = Another pod may run on the second thread of a core that the service uses, which then works more slowly.
detail-shared-cores = policy `static`, but pods may share a core (no `full-pcpus-only`)

problem-no-reserve = Kubernetes keeps no CPUs named for the system
effect-no-reserve = Services of the system may run on the processors that pods use, and then replies come later and less evenly.
detail-no-reserve = policy `static`, but no CPUs are named for the system (no `reservedSystemCPUs`)

problem-shared-cores-no-reserve = Pods may share cores, and no CPUs are named for the system
effect-shared-cores-no-reserve = Other pods and services of the system may run on the cores that the service uses, which then works more slowly and less evenly.
detail-shared-cores-no-reserve = policy `static`, but pods may share a core (no `full-pcpus-only`) and no CPUs are named for the system (no `reservedSystemCPUs`)

problem-not-guaranteed = The { $class } pod of the server (pid { $pid }) gets no own CPUs
detail-not-guaranteed = policy `static`, but the pod is { $class }: it gets no CPUs of its own

problem-no-own-cpus = The guaranteed pod of the server (pid { $pid }) has no own CPUs
detail-no-own-cpus = the pod is guaranteed, but has no CPUs of its own: it has to ask for a whole number of them

found-static = policy `static`, CPUs { $reserved } kept for the system
found-own-cpus = it has CPUs of its own
found-hidden-kubelet = collected in a container ({ $container }), which does not show whether a kubelet runs on this node
found-no-kubelet = no kubelet runs on this node
found-no-pod = no inference server was found in a pod: collect while the service runs
found-policy-without-pod = CPU manager policy `{ $policy }`, but no inference server was found in a pod: collect while the service runs
found-policy-unknown-pods = CPU manager policy `{ $policy }`, but the pods of inference servers are not known: { $reason }
found-policy-unknown-others = CPU manager policy `{ $policy }`, but the other pods of the node are not known: { $reason }
found-unknown-state = it is not known what it was given: { $reason }
