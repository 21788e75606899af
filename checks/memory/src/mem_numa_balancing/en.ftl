title = Automatic NUMA balancing fits the pinning state
why = Its page faults stop threads and can fight explicit placement; the ROCm documentation warns that a GPU may hang until a round of balancing is done.
effect = The kernel keeps interrupting threads of the service to see where their memory should be, although they are where they belong; replies come less evenly, and nothing is gained.
applicability = Bare metal; virtual machines with vNUMA; hosts with two or more NUMA nodes that have memory; in a container, the host is what counts
expected-effect = Hugging Face shows greatly increased performance of TGI with Llama 70B on MI250 when it is off (a figure without numbers). There is no published number for NVIDIA GPUs.
caveat = AMD says to test both ways: some workloads get worse without it.

limit-faults = rate of page faults of NUMA balancing
limit-faults-applies = pinned workers under load
limit-faults-source = our proposal: at a microsecond or more each, a thousandth of one CPU, spread over the threads that wait

limit-migrations = rate of pages that NUMA balancing moves
limit-migrations-applies = pinned workers under load
limit-migrations-source = our proposal

problem-on-and-pinned = NUMA balancing is on, though { $workers_count ->
    [one] { $workers_count } worker is
   *[other] { $workers_count } workers are
} pinned
effect-on-and-pinned = The kernel may interrupt threads of the service to see where their memory should be, although they are where they belong; replies can come less evenly, and nothing is gained.
detail-on-and-pinned = balancing is on although they are pinned, which costs page faults and gains nothing

problem-at-work = NUMA balancing causes { $faults_rate } page faults a second despite pinned workers
detail-at-work = balancing is on although { $workers_count ->
    [one] the worker is
   *[other] the { $workers_count } workers are
} pinned, which costs page faults and gains nothing: { $faults_rate } page faults and { $moves_rate } page migrations a second on this node

problem-off-and-free = Nothing keeps the memory of { $workers_count ->
    [one] { $workers_count } worker near its
   *[other] { $workers_count } workers near their
} threads
effect-off-and-free = Threads of the service may run far from their memory for as long as they live, so replies can come later and less evenly, and every restart can turn out differently.
detail-off-and-free = balancing is off and they are not pinned, so nothing brings memory close to them

problem-on-with-amd = NUMA balancing is on, though AMD GPUs work here
effect-on-with-amd = By AMD's documentation a GPU may stand still until a round of balancing is done; replies then stop for as long.
detail-on-with-amd = balancing is on, which AMD asks to switch off where its GPUs work; they are not pinned

found-off-and-pinned = balancing is off, and they are pinned to one NUMA node each
found-bound = their memory has a policy of its own, which balancing leaves alone
found-on-and-free = balancing is on, and they are not pinned
found-off-for-amd = balancing is off, as AMD asks for its GPUs; they are not pinned
found-unknown-gpus = whether balancing should be on depends on the GPUs, which are not known: { $reason }
problem-few-faults = Automatic NUMA balancing causes few page faults
detail-few-faults = { $faults_rate } page faults a second under load, few
found-one-node = all memory is in one NUMA node
found-no-worker = no process of an inference server that launches work on GPUs was found: collect while the service runs
