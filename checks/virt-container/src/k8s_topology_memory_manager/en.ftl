title = Kubernetes aligns CPU, memory and GPU on one NUMA node
why = Otherwise CPUs and GPU of a pod may come from different sockets.
effect = A pod can get GPUs from one side of the machine and processors from the other, and its replies then come later and less evenly.
applicability = Kubernetes, on hosts with two or more NUMA nodes that have CPUs
expected-effect = No reliable published number for language models.
caveat = A pod that needs more GPUs than one node has is refused under `single-numa-node`, and under `restricted` where its memory fits on one node: use `best-effort` without the memory manager, and let the engine bind its workers. Devices of resource claims (DRA) take no part in the Topology Manager: align them by constraints of the claim.

problem-misaligned = Pod { $pod } has GPUs on { $gpus_count ->
    [one] node { $gpus }
   *[other] nodes { $gpus }
}, CPUs on { $cpus_count ->
    [one] node { $cpus }
   *[other] nodes { $cpus }
}
effect-misaligned = Instructions and data for the GPUs of this pod cross the link between the processors, so its replies come later and less evenly.
detail-misaligned = topology manager policy `{ $policy }`, and pod { $pod } has its GPUs on { $gpus_count ->
    [one] node { $gpus }
   *[other] nodes { $gpus }
} and its CPUs on { $cpus_count ->
    [one] node { $cpus }
   *[other] nodes { $cpus }
}

problem-nothing-aligns = Kubernetes keeps CPUs and GPUs of a pod on no common node
detail-nothing-aligns = topology manager policy `{ $policy }`: nothing keeps CPUs and GPU of a pod on one node

problem-best-effort = Kubernetes also starts pods whose CPUs and GPUs lie apart
detail-best-effort = policy `best-effort` starts a pod also where CPUs and GPU cannot be had on one node

problem-each-container = Kubernetes places each container of a pod for itself
effect-each-container = Containers of one pod can be put on different sides of the machine; what they exchange then takes the longer way, and replies come later and less evenly.
detail-each-container = policy `{ $policy }`, but each container is placed for itself (scope `container`)

problem-memory-open = Kubernetes does not keep a pod's memory near its GPUs
effect-memory-open = The memory of a pod can come from the other side of the machine than its GPUs and processors, and its replies then come later and less evenly.
detail-memory-open = policy `{ $policy }`, but memory is not reserved on the node (memory manager `None`), and an engine is not seen to bind it

problem-each-container-memory-open = Kubernetes places containers one by one, and their memory anywhere
effect-each-container-memory-open = Containers of one pod and their memory can lie on different sides of the machine, and replies then come later and less evenly.
detail-each-container-memory-open = policy `{ $policy }`, but each container is placed for itself (scope `container`), memory is not reserved on the node (memory manager `None`), and an engine is not seen to bind it

problem-shared-cpus = Kubernetes gives pods no CPUs near their GPUs
detail-shared-cpus = topology manager policy `{ $policy }`, but CPU manager policy `{ $manager }`: no pod gets CPUs of its own, and only those are aligned

problem-shared-cpus-not-guaranteed = Kubernetes gives pods no CPUs near their GPUs
detail-shared-cpus-not-guaranteed = topology manager policy `{ $policy }`, but CPU manager policy `{ $manager }`: no pod gets CPUs of its own, and only those are aligned; pod { $pod } would get none under `static` either, as it is { $class } and not guaranteed

problem-not-guaranteed = The { $class } pod of the server (pid { $pid }) has unaligned CPUs
detail-not-guaranteed = policy `{ $policy }` aligns CPUs of guaranteed pods with whole CPUs only, and pod { $pod } is { $class }

problem-no-own-cpus = CPUs of the pod of the server (pid { $pid }) are not aligned
detail-no-own-cpus = policy `{ $policy }` aligns CPUs of guaranteed pods with whole CPUs only; pod { $pod } is guaranteed, but has no CPUs of its own: it has to ask for a whole number of them

found-aligned = policy `{ $policy }` aligns CPUs, memory and devices of a pod
found-seen-aligned = policy `{ $policy }`, and CPUs and memory of all pods are on the nodes of their GPUs
found-not-shown-without-pod = policy `{ $policy }`, but { $known ->
    [known] devices of resource claims take no part in it ({ $told })
   *[unknown] it is not known whether devices come by resource claims, which take no part in it: { $told }
}; no inference server with a GPU was found in a pod, which would show what pods get
found-not-shown-by-free-pod = policy `{ $policy }`, but { $known ->
    [known] devices of resource claims take no part in it ({ $told })
   *[unknown] it is not known whether devices come by resource claims, which take no part in it: { $told }
}; pod { $pod } may run on all CPUs
found-not-shown-by-memory = policy `{ $policy }`, but { $known ->
    [known] devices of resource claims take no part in it ({ $told })
   *[unknown] it is not known whether devices come by resource claims, which take no part in it: { $told }
}; the memory of a pod is not seen to be bound to the nodes of its GPUs
found-unknown-cpus = policy `{ $policy }`, but it is not known whether the pod of each inference server gets CPUs of its own, which are the only ones that it aligns: { $reason }
found-hidden-kubelet = collected in a container ({ $container }), which does not show whether a kubelet runs on this node
found-no-kubelet = no kubelet runs on this node
found-one-node = all CPUs are in one NUMA node
found-no-pod = topology manager policy `{ $policy }`, but no inference server was found in a pod: collect while the service runs
found-no-process = no process of an inference server in a pod was recorded
found-unknown-gpus = it is not known which GPUs process { $pid } uses: { $reason }
found-no-such-gpu = GPU { $gpu } is not among the GPUs of the evidence
found-no-cpuset = no control group of an inference server in a pod says which CPUs and memory nodes it may use
