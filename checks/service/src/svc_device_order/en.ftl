title = GPU numbering is unambiguous
why = CUDA numbers GPUs by speed and `nvidia-smi` by bus. Where the two are mixed up, a worker is pinned to the wrong node, or two servers share a GPU while another one is idle.
effect = The same number can mean different GPUs to different programs, so that settings, measurements and replacements can meet the wrong GPU.
applicability = Hosts with two or more GPUs of NVIDIA
expected-effect = No published number.
caveat = With another order, a list of indices can name other GPUs than before: check which GPUs each server uses after the change, or choose them by their unique ids.

problem-by-speed = The server (pid { $pid }) numbers { $models_count } models of GPU by speed
effect-by-speed = The server numbers the GPUs in another order than the tools that monitor and place it, so that work can be bound to the wrong GPU and the wrong GPU replaced.
detail-by-speed = GPUs are numbered by speed, and they are of different models ({ $models })

problem-by-index = The server (pid { $pid }) chooses GPUs by an index that can change
effect-by-index = Today both ways of numbering agree, as all GPUs are of one model; after a replacement or an update, the same index can mean another GPU.
detail-by-index = GPUs are chosen by index (`{ $variable }={ $list }`), and CUDA orders them by speed: identical GPUs keep their order only by luck

problem-wrong-node = The worker (pid { $worker }) is told node { $told_node }, its GPU’s is { $gpu_node }
effect-wrong-node = The worker is bound to the processor that is far from its GPU; instructions and data cross the link between the processors, and replies come later and less evenly.
detail-wrong-node = worker { $worker } is told node { $told_node } by `{ $option }`, but its GPU { $gpu } is on node { $gpu_node }

found-by-bus = GPUs are numbered by bus, as `nvidia-smi` does
found-by-id = GPUs are chosen by their unique ids
found-all-alike = it uses all GPUs, which are of one model: no list can be misread
found-list-fits = { $workers_count ->
    [one] the nodes of `{ $option }` fit the GPU of { $workers_count } worker
   *[other] the nodes of `{ $option }` fit the GPUs of { $workers_count } workers
}
found-some-fit = { $compared_count } of { $listed_count } nodes of `{ $option }` could be compared with the GPU of a worker, and fit
found-no-worker = no worker of `{ $option } { $list }` was seen on a GPU of a known node
found-no-such-gpu = GPU { $gpu } is not among the GPUs of the evidence
found-few-gpus = fewer than two GPUs of NVIDIA were found
found-no-server = no inference server was found: collect while the service runs
found-no-process = no process of the server was recorded
