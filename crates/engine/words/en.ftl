# What the assessment says. Sentences have no capital and no full stop: they are joined to longer ones, and reports give them both.

## The client's questions

question-placement = Are workers on GPU-local cores and memory?
question-governor = Is the CPU frequency governor suited to low latency?
question-neighbours = Is the service undisturbed by its neighbours?
fine-placement = the workers run on cores next to their GPUs, and their memory lies there
fine-governor = the governor and what belongs to it keep the clock up
fine-neighbours = nothing else took noticeable time from the inference cores while they were watched
cannot-be-said = this cannot be said: { $gap }
not-all-known = not all of it is known: { $gap }
does-not-arise = the question does not arise on this node: { $reason }
accepted = accepted by waiver: { $what }
gap-no-check = no pack that was asked has a check that decides it
gap-unanswered = { $subject }: { $message }
gap-share = only { $percent } % of the checks behind it, weighted by severity, were answered
several-findings = { $clause } (and { $n } more{ $alike ->
    [0] {""}
   *[other] , { $alike } of them { $grade ->
        [high] high
        [medium] medium
       *[low] low
    }
})
more-causes = { $n ->
    [one] { $n } more problem was found
   *[other] { $n } more problems were found
}

## The worst of the node

none-but-accepted = no deviation was found besides { $n } accepted by waiver
none-found = no deviation was found
nothing-judged = nothing was found that could be judged
none-in-answered = no deviation was found in what was answered; { $n ->
    [one] { $n } answer is missing
   *[other] { $n } answers are missing
}
nothing-answered = nothing was answered; { $n ->
    [one] { $n } answer is missing
   *[other] { $n } answers are missing
}

## The grade of the node, and why

accepted-not-counted = { $reason }; { $n ->
    [one] { $n } deviation accepted by waiver is not counted
   *[other] { $n } deviations accepted by waiver are not counted
}
categories-high = { $n ->
    [one] { $n } category is High
   *[other] { $n } categories are High
}: { $categories }
no-risk-applies = no check that carries risk applies to this node
too-little-answered = only { $percent } % of what applies to this node, weighted by severity, could be answered
not-under-load = the node was not seen under load ({ $reason })
low-needs-more = no finding above low risk, but only { $percent } % of what applies, weighted by severity, was answered; low needs { $needed } %
top-absent = no finding above low risk, but { $n } of the 15 checks with the greatest impact are not in the packs that were asked
top-unanswered = no finding above low risk, but { $n } of the checks with the greatest impact could not be answered
all-answered = every check that applies was answered without a finding of risk
low-adds-up = many findings of low risk add up in { $categories }
findings-of-risk = { $n ->
    [one] { $n } finding of { $grade } risk: { $first }
   *[other] { $n } findings of { $grade } risk, first: { $first }
}
risk-not-assessable = not assessable
risk-low = low
risk-medium = medium
risk-high = high
category-placement = Placement
category-cpu-performance = CPU performance
category-interference = Interference
category-memory = Memory
category-gpu-health = GPU health
category-platform = Platform
category-service-level = Service level and capacity
no-answer-of-pack = the pack gave no answer for this check

## Whether the node was seen under load

load-tests =
    { $n ->
        [one] { $n } valid load test is part of the evidence
       *[other] { $n } valid load tests are part of the evidence
    }
load-once = the node was read once only; collect with --sample while it serves requests
load-between = between the two readings: { $seen }
load-not-shown = nothing shows that requests were served between the two readings: { $why }

## What the node and its workload are taken to be

given = given by the client
given-and-seen = given by the client; { $seen }
given-overrides = given by the client, who overrides what the evidence says: { $platform } ({ $seen })
in-pod = the collector ran in a pod
in-container = the collector ran in a container ({ $runtime })
no-hypervisor = no hypervisor shows itself
hypervisor = the hypervisor shows itself ({ $name })
platform-not-told = the evidence does not tell
trait-given-but = the client says no, but { $why }
trait-unknown = nobody said, and the evidence does not tell; taken as sensitive
trait-without = the workload is known to be without { $traits }
trait-small-batch = `--{ $option } { $limit }` of { $server } allows no more
trait-tensor-parallel = a server runs with a tensor parallel size of { $size }
trait-one-gpu = no server uses more than one GPU
trait-option = `--{ $option } { $value }` of { $server }
trait-runs-with = { $server } runs with `--{ $option }`
trait-shared-platform = the platform is a shared host
trait-shared-units = inference servers run in { $n ->
    [one] { $n } unit or container
   *[other] { $n } units or containers
}
trait-strict-percentile = the objectives hold for the { $percentile }th percentile
trait-strict-tokens = { $time } between tokens are promised
trait-not-strict = the objectives ask for { $time } between tokens at the { $percentile }th percentile

## The node at a glance

fact-machine = Machine
fact-os = Operating system
fact-kernel = Kernel
fact-virtualisation = Virtualisation
fact-container = Container
fact-processor = Processor
fact-topology = Topology
fact-numa = NUMA nodes
fact-gpus = GPUs
fact-governors = Frequency governors
fact-driver = GPU driver
fact-processes = Processes
value-processes = { $processes } with { $threads } threads
value-not-known = not known: { $reason } ({ $kind })
value-sockets = { $n ->
    [one] { $n } socket
   *[other] { $n } sockets
}
value-cores = { $n ->
    [one] { $n } core
   *[other] { $n } cores
}
value-threads = { $n ->
    [one] { $n } hardware thread
   *[other] { $n } hardware threads
}
value-node = node { $node }: { $cpus }, { $memory }
value-cpus = CPUs { $cpus }
value-no-cpus = no CPUs
value-memory-not-known = memory not known
value-none = none
value-devices = { $kind } at { $addresses }
value-several-devices = { $n } × { $kind } at { $addresses }

## Capacity

no-load-test = without a load test against the service level there is no number of GPUs
level-never-met = the service level is met at none of the tested rates: there is no goodput to plan with
no-demand = the demand is not stated
no-peak = the demand at the peak is not stated
no-gpus-no-money = without a number of GPUs there is no money
no-replica-no-money = the GPUs of a replica are not known, so there is no money
no-prices = prices are not stated, so there is no money

## Where authorities disagree: what they say

topic-numa-balancing = Automatic NUMA balancing
says-numa-balancing-perfspect = switch it on wherever there is more than one NUMA node
says-numa-balancing-suse = it can help workloads that nobody has pinned
says-numa-balancing-amd = switch it off for GPU work
says-numa-balancing-nvidia = switch it off on Grace hosts
says-numa-balancing-azure = switched off in the image that runs RCCL
says-numa-balancing-tuned = off in the profile network-latency
topic-idle-states = Idle states of the CPU
says-idle-states-tuned-latency = the profile latency-performance allows a wake-up time of a few microseconds at most
says-idle-states-tuned-accelerator = the profile accelerator-performance allows 99 µs
says-idle-states-amd = leave idle states on in the firmware and disable only C2, from Linux
says-idle-states-intel = the highest turbo clocks of priority cores need other cores to sleep
topic-smt = SMT (Hyper-Threading)
says-smt-perfspect = switch it on
says-smt-amd = switch it off, or leave it to the firmware where the CPU is not the bottleneck
says-smt-vllm = count physical cores: a hardware thread is worth about half of one
topic-isolation = isolcpus, nohz_full and the profile cpu-partitioning
says-isolation-linux = isolcpus takes CPUs out of load balancing: a thread must be placed on each by hand
says-isolation-tuned = the profile cpu-partitioning isolates CPUs, and changes the frequency driver as well
topic-acs = PCIe access control services (ACS)
says-acs-nccl = on bare metal, disable it: it sends traffic between GPUs through the CPU
says-acs-virtual = on the path of a GPU that is passed through, set it and enable ATS, and not one value everywhere
topic-huge-pages = Transparent huge pages
says-huge-pages-tuned = never in the profile network-latency, the default in throughput-performance
says-huge-pages-huawei = always
says-huge-pages-nvidia = with pages of 64 KiB, as Grace hosts use them, a huge page is too large
topic-zone-reclaim = vm.zone_reclaim_mode
says-zone-reclaim-linux = 0 by default; other values help where data is worth more near than cached
says-zone-reclaim-azure = 1 in its images for HPC
topic-cpu-limits = CPU limits in Kubernetes
says-cpu-limits-buffer = remove them: its services became faster
says-cpu-limits-kubernetes = a guaranteed pod with whole CPUs under the static policy gets CPUs of its own, and no quota
topic-engine-binding = What serving engines bind by themselves
says-engine-binding-tensorrt = binds by itself where nothing else does, and may clear a binding from outside
says-engine-binding-vllm = binds engine core and workers where a flag asks for it, API servers never
says-engine-binding-sglang = binds by flag or environment; the defaults changed several times
topic-vendor-bias = Tools that recommend a purchase
says-vendor-bias-perfspect = advises a processor of its vendor on any other

## Where authorities disagree: the position for this node, and why

numa-balancing-placed = switch it off: the workers are placed, and moving their pages can only disturb them
numa-balancing-not-placed = pin the workers first, then switch it off; measure both ways
numa-balancing-leave = leave it as it is
numa-balancing-wait = decide when it is known whether the workers are pinned
pins-pass = the check { $check } passes ({ $subject }: { $message })
pins-deviate = the check { $check } deviates ({ $subject }: { $message })
pins-not-applicable = there is no placement to protect ({ $message })
pins-unanswered = the check { $check } has no answer ({ $subject }: { $message })
pins-no-check = no pack that was asked looks at the pins
idle-states-priority = limit the wake-up time to 99 µs on the inference CPUs only, and let the others sleep
priority-cores = priority cores are at stake ({ $subject }: { $message })
idle-states-limit = limit the wake-up time to 99 µs on the inference CPUs, and never forbid idle states on all of them
idle-states-strict = the tail is promised, and a wake-up from a deeper state costs hundreds of microseconds; a few microseconds gain nothing beyond 99 that a client could measure
idle-states-not-strict = 99 µs keeps the deepest states away; to forbid all of them costs turbo clock and gains nothing that was ever published for inference
smt-either = no finding for either setting; physical cores are counted, and two busy threads must not share one
smt-on = SMT is on: { $threads } hardware threads are counted as { $cores } cores
smt-off = SMT is off or absent here: { $cores } cores are what they seem
smt-hidden = a virtual machine with { $threads } CPUs, which it counts as { $cores } cores: whether one of them is a core or half of one, only the provider knows
smt-unknown = it is not known whether SMT is on
isolation-by-cpuset = divide the CPUs by cpuset, not by isolcpus; nohz_full only with proof
isolation-given = the kernel was started with `{ $argument }`: workers with many threads are not balanced over such CPUs
isolation-quiet = the kernel was started with `{ $argument }`: that keeps ticks or interrupts off CPUs, while workers are balanced over them as before
isolation-none = the kernel was started without isolation, and serving needs none: its workers have many threads
isolation-unknown = the kernel's command line is not known
acs-bare-metal = disable it on the bridges between GPUs, unless this node hosts virtual machines: there it is a security boundary
acs-vm-guest = do not touch it from the guest; ask the provider for ACS with ATS on the path of the GPUs
acs-container = decide it on the host, by what the host is; a container cannot
acs-shared-host = leave it on: it separates the tenants
acs-unknown = decide when the platform is known; the two rules contradict each other
acs-platform = the platform is { $platform } ({ $source })
platform-bare-metal = bare metal
platform-vm-guest = a virtual machine
platform-container = a container
platform-kubernetes = Kubernetes
platform-shared-host = a shared host
platform-unknown = not known
huge-pages-madvise = madvise with deferred defragmentation, and a finding of low severity at most without stalls
huge-pages-stalls = stall counters decide, not the setting
huge-pages-found = stall counters decide, not the setting: { $message }
zone-reclaim-off = 0 for serving; another value is a warning until stalls are counted
zone-reclaim-is = it is { $value } here; reclaim stalls the server where remote memory would do
zone-reclaim-unknown = its value is not known here
cpu-limits-pods = whole CPUs for a guaranteed pod under the static policy; else no limit, and reservations for the system
cpu-limits-none = no quota on the serving processes; a share of the CPUs by cpuset where there are neighbours
cpu-limits-platform = the platform is { $platform }
cpu-limits-no-pods = the platform is { $platform }, so the advice for pods does not apply
cpu-limits-in-the-way = { $reason }, and a limit is in the way today ({ $message })
engine-binding-masks = judge the masks and the memory as they are found, not what a flag promises
engine-binding-any = flags and defaults differ by engine and version; the mask that a thread has is what counts
engine-binding-here = this node serves with { $engines }; the mask that a thread has is what counts, not the flag
vendor-bias-none = no check recommends a purchase; hardware is a question of capacity, with numbers
vendor-bias-here = the processor is by { $vendor }; its settings are judged by the rules of its own vendor
vendor-bias-unknown = whose processor it is makes no difference to a finding

## Contradictions

contradiction-memory = two sources tell the size of the memory differently: { $one } for the node, { $other } for its NUMA nodes together
contradiction-free-memory = more memory is free than there is: { $one }
contradiction-cpus-of-nodes = CPUs { $one } are online, but the NUMA nodes together have only CPUs { $other }
contradiction-cpu-time = threads used more CPU time than there was: { $one }, { $other }
contradiction-throttled = a quota was enforced in more periods than there were: { $one }
contradiction-outcomes = one check finds { $one_subject } both in order ({ $other }) and not ({ $one })
contradiction-statements = two findings exclude each other: { $one } ({ $one_subject }), and { $other } ({ $other_subject })
contradiction-advice = two findings want opposite changes: { $one } ({ $one_subject }), and { $other } ({ $other_subject })
contradiction-in-force = what is asked for { $subject } is in force already ({ $goal }: { $found })

## Two states of a node: what a reader has to know first

compare-synthetic = the evidence is synthetic: it was made up, and the node does not exist
compare-two-nodes = the two bundles are of two nodes (`{ $first }` and `{ $second }`): differences between nodes look like changes
compare-perhaps-two-nodes = the bundles do not tell whether they are of one node, and their host names differ (`{ $first }` and `{ $second }`)
compare-older = the second bundle is the older one; the order of the two may be mistaken
compare-less-root = only the first bundle was collected by root: the second shows less
compare-load-first = only the first bundle shows the node under load: effects that appear under load cannot be compared
compare-load-second = only the second bundle shows the node under load: effects that appear under load cannot be compared
compare-coverage-fell = the coverage fell from { $before } to { $after }: a lower risk may be a view that is narrower

## What became of a deviation, and why

compare-weaker = the evidence for it is weaker: likelihood { $before } before and { $after } after, confidence { $sure } and { $surer }
compare-stronger = the evidence for it is stronger: likelihood { $before } before and { $after } after, confidence { $sure } and { $surer }
compare-part-open = a part of the check was not answered after
compare-moved = the same is told, with { $after } where it was { $before }
compare-others = the check deviates in both, of other subjects: { $before } before, { $after } after
compare-gone = what deviated is not named any more; all that the check looks at now is in order
compare-gone-not-mended = what deviated is gone rather than mended, as far as one can tell: { $why }
compare-come = what deviates was not named before; all that the check looked at then was in order
compare-come-perhaps = the subject may not have been there before: { $why }
compare-no-pack-before = no pack answered for this check before
compare-no-pack-after = no pack answered for this check after
compare-not-named-before = the first bundle does not name the subject
compare-not-named-after = the second bundle does not name the subject
compare-inapplicable-before = the check does not apply before: { $message }
compare-inapplicable-after = the check does not apply after: { $message }
compare-contradictory-before = the check has contradictory evidence before: { $message }
compare-contradictory-after = the check has contradictory evidence after: { $message }
compare-info-before = the check is for information only before: { $message }
compare-info-after = the check is for information only after: { $message }
compare-unanswered-before = the check was not answered before: { $message }
compare-unanswered-after = the check was not answered after: { $message }
compare-fewer = there were { $more } { $what } and are { $fewer }
compare-more = there are { $more } { $what } and were { $fewer }
compare-unknown-number = an unknown number
compare-cpus = CPUs
compare-nodes = NUMA nodes
compare-gpus = GPUs
compare-devices = PCI devices
compare-processes = processes of inference servers
compare-links = network interfaces
compare-subjects = { $subjects } and { $n } more

## What was measured in both states

measured-once-before = { $model } under { $load } was measured before only
measured-once-after = { $model } under { $load } was measured after only
measured-invalid-before = { $model } under { $load }: no valid run before: { $why }
measured-invalid-after = { $model } under { $load }: no valid run after: { $why }
measured-cut-short = ended before their time
measured-cached = { $model } under { $load }: the server's prefix cache gave { $before } of the prompt tokens before and { $after } after, so that latencies and rates differ by that
measured-unknown-share = an unknown share
measured-few-runs = fewer than three runs in a state: how runs differ is not estimable; repeat each at least three times
measured-beyond-floor = the 95 % interval over runs leaves out no change; and it exceeds the noise floor of { $floor }
measured-beyond-chance = the 95 % interval over runs leaves out no change; no noise floor was measured
measured-within-floor = the difference is within the noise floor of { $floor } that was measured for no change
measured-no-change = the 95 % interval over runs holds no change
measured-beyond-runs = beyond the spread within the runs and the noise floor of { $floor }; fewer than three runs in a state
measured-within-runs = fewer than three runs in a state: the interval is that within the runs, and how runs differ is not estimable; repeat each at least three times
