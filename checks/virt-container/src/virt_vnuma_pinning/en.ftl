title = The virtual machine's topology matches the hardware
why = Without a virtual topology that matches and without pinned vCPUs no binding inside of the guest can work.
effect = The service cannot be placed near its GPUs from inside of this machine, so its replies come later and less evenly, depending on where the host runs it.
applicability = Virtual machines; a bundle of the host raises the confidence
expected-effect = No published figure was read for NVIDIA GPUs.

limit-gpus-of-socket = GPUs of one board that hang on one socket
limit-gpus-of-socket-applies = SXM GPUs of NVIDIA in virtual machines
limit-gpus-of-socket-source = our reading of DGX and HGX servers: eight SXM GPUs hang on two sockets, four on each

problem-one-node = The guest shows { $gpus_count } GPUs of two sockets as one node
detail-one-node = { $gpus_count } GPUs of a board that hangs on two sockets, and one NUMA node: the guest cannot tell near from far

problem-lost-gpus = { $lost_count ->
    [one] { $lost_count } of { $gpus_count } GPUs of the guest belongs to no NUMA node
   *[other] { $lost_count } of { $gpus_count } GPUs of the guest belong to no NUMA node
}
detail-lost-gpus = { $nodes_count } NUMA nodes, but { $lost_count ->
    [one] { $lost_count } of { $gpus_count } GPUs belongs to none
   *[other] { $lost_count } of { $gpus_count } GPUs belong to none
}: the virtual PCI tree does not carry the host's nodes

problem-all-on-one = The guest shows { $gpus_count } GPUs of two sockets on node { $node }
detail-all-on-one = { $nodes_count } NUMA nodes, but all { $gpus_count } GPUs of a board that hangs on two sockets claim node { $node }

problem-balloon = The host may take memory back from this machine
effect-balloon = Memory can become short while the service runs, and it then answers more slowly or is ended.
detail-balloon = the machine has a balloon device: the host may take memory back while the service runs

problem-loose = { $loose_count ->
    [one] { $loose_count } of { $vcpus_count } vCPUs of virtual machine (pid { $pid }) is not pinned
   *[other] { $loose_count } of { $vcpus_count } vCPUs of virtual machine (pid { $pid }) are not pinned
}
effect-loose = What runs in this virtual machine can move away from its memory and GPUs at any time, and its replies then come later and less evenly; nothing inside of it can change that.
detail-loose = { $loose_count } of { $vcpus_count } vCPUs may run on several NUMA nodes of the host

problem-loose-emulator = The emulator of virtual machine (pid { $pid }) is not pinned
effect-loose-emulator = Input and output of the virtual machine can be served from the far side of the host, which makes its replies come less evenly.
detail-loose-emulator = its vCPUs ({ $vcpus_count }) are pinned, but { $threads_count ->
    [one] { $threads_count } thread
   *[other] { $threads_count } threads
} of the emulator may run on several NUMA nodes

problem-loose-memory = The memory of virtual machine (pid { $pid }) is tied to no node
effect-loose-memory = Memory of the virtual machine may lie on the far side of the host, so what runs in it can work more slowly; nothing inside of it can change that.
detail-loose-memory = its vCPUs ({ $vcpus_count }) are pinned to { $nodes_count ->
    [one] node { $nodes }
   *[other] nodes { $nodes }
}, but nothing that the kernel shows ties its memory to { $nodes_count ->
    [one] it
   *[other] them
} ({ $mems_count ->
    [one] node { $mems }
   *[other] nodes { $mems }
} allowed)

found-pinned = { $vcpus_count ->
    [one] { $vcpus_count } vCPU, emulator and memory
   *[other] { $vcpus_count } vCPUs, emulator and memory
} are pinned to { $nodes_count ->
    [one] node { $nodes }
   *[other] nodes { $nodes }
}
found-from-inside = the guest shows { $nodes_count ->
    [one] one NUMA node
   *[other] { $nodes_count } NUMA nodes{ $gpus_count ->
        [0] {""}
       *[other] {", GPUs on "}{ $gpu_nodes }
    }
}; whether its CPUs and memory are pinned cannot be seen from inside ({ $hypervisor }): collect on the host, or ask the provider
found-unreadable = { $processes_count ->
    [one] { $processes_count } process could not be read and may be a virtual machine
   *[other] { $processes_count } processes could not be read, and each may be a virtual machine
}
found-no-machine = bare metal without a virtual machine of KVM
found-one-node-host = all CPUs are in one NUMA node
