title = The engine is not swapped
why = One major page fault in the path that launches kernels costs milliseconds.
effect = Memory of the node is kept in swap space; when the service needs it again, replies wait until it has been brought back.
applicability = Bare metal, virtual machines, containers
expected-effect = No published number for language models.

limit-swappiness = vm.swappiness on a host with swap
limit-swappiness-applies = hosts with a swap area
limit-swappiness-source = our proposal; TuneD profile throughput-performance sets 10

problem-engine-out = { $size } of the memory of the server (pid { $server }) is swapped out
effect-engine-out = Part of the memory of the service is in swap space; replies that need it wait until it has been brought back, above all the slowest ones.
detail-engine-out = { $size } of the memory of its processes is swapped out

problem-helpers-out = { $size } of helper memory of the server (pid { $server }) is swapped out
effect-helpers-out = Helpers of the service wait for swap space when they are needed again, and the memory of the engine may be the next to go.
detail-helpers-out = { $size } of the memory of its helpers is swapped out

problem-areas-used = { $size } of this node's memory is swapped out
effect-areas-used = The kernel already moves memory into swap space on this node; where it comes to the memory of the service, replies wait until it has been brought back.
detail-areas-used = { $size } of the memory of this node is swapped out

problem-eager-to-swap = The kernel swaps readily (`vm.swappiness` is { $value })
effect-eager-to-swap = When memory gets short, the kernel moves memory of programs into swap space sooner than it has to; replies that need that memory wait for it.
detail-eager-to-swap = `vm.swappiness` is { $value }, and there is a swap area

problem-swapped-in = { $came_count ->
    [one] { $came_count } page was swapped in
   *[other] { $came_count } pages were swapped in
} during the window
effect-swapped-in = While the service was observed, programs on this node waited for memory to come back from swap space; where these are part of the service, replies wait as well.
detail-swapped-in = { $came_count ->
    [one] { $came_count } page was swapped in
   *[other] { $came_count } pages were swapped in
} and { $went_count } out during the window

problem-swapped-out = { $went_count ->
    [one] { $went_count } page was swapped out
   *[other] { $went_count } pages were swapped out
} during the window
effect-swapped-out = Memory is moved into swap space while the service runs; whichever program needs it again has to wait, and that may be the service.
detail-swapped-out = { $went_count ->
    [one] { $went_count } page was swapped out
   *[other] { $went_count } pages were swapped out
} during the window, none in

found-nothing-out = nothing of its processes is swapped out
found-unknown-process = whether process { $pid } is swapped out is not known: { $reason }
found-no-process = its processes are not known
found-no-server = no inference server was found: collect while the service runs
found-no-area = there is no swap area
found-areas-unused = nothing is swapped out
found-slow-to-swap = `vm.swappiness` is { $value }, and there is a swap area
found-no-traffic = no page was swapped in or out, under load
