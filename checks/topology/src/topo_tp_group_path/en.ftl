title = GPUs of one tensor-parallel group use the best interconnect available
why = Every layer of every token crosses the link between the GPUs of a tensor-parallel group. A worse path is paid for in each step.
effect = The GPUs of this server exchange data in every step of every reply, and here that takes longer than this machine allows.
applicability = Bare metal, virtual machines, containers; tensor parallel size of 2 or more; NVIDIA, since the state of the links is NVML's
expected-effect = Hugging Face measures copies between GPUs about 1.7 times as fast over Infinity Fabric as over the PCIe switch (MI210). No published number for a whole service was read.

problem-better = The server (pid { $pid }) uses distant GPUs although closer ones are free
detail-better = { $a } and { $b } reach each other over { $level } and without NVLink, though the GPUs { $better } have NVLink or no host bridge between each two

problem-across = Two GPUs of the server (pid { $pid }) meet only across sockets
effect-across = The GPUs of this server exchange data in every step of every reply, and that takes longer across the sockets; no free GPUs of this machine would do better.
detail-across = { $a } and { $b } reach each other over SYS and without NVLink; no other group of GPUs on this node does better

problem-nearer = The server (pid { $pid }) uses distant GPUs although closer ones are free
detail-nearer = { $a } and { $b } reach each other over { $level } and without NVLink; of the GPUs { $better }, which are free or its own, no two are further apart than { $most }

problem-no-peer = GPUs { $a } and { $b } cannot read each other's memory
effect-no-peer = What these GPUs exchange in every step of every reply takes the detour through the memory of the host, so each reply takes longer.
detail-no-peer = { $a } and { $b } cannot read each other's memory: { $status }

problem-switched-off = `{ $name }={ $value }` keeps the GPUs of process { $pid } from direct access
detail-switched-off = `{ $name }={ $value }` in the environment of process { $pid } keeps NCCL from letting its GPUs read each other's memory, over NVLink or PCIe

found-good = all pairs have NVLink or no host bridge in between
problem-no-better = { $a } and { $b } have no NVLink; no group does better
detail-no-better = { $a } and { $b } reach each other over { $level } and without NVLink; no other group of GPUs on this node does better
found-unknown-better = { $a } and { $b } reach each other over { $level } and without NVLink; whether other GPUs would be better placed is not known
found-unknown-free = { $a } and { $b } reach each other over { $level } and without NVLink; which GPUs server { $server } uses is not known: { $reason }
found-not-told-by-nvml = NVML does not say `{ $what }` of { $a } and { $b }
found-no-path = the path between { $a } and { $b } was not derived
found-unknown-groups = its { $gpus_count } GPUs form groups of { $size }, and nothing tells which belong together; not all pairs have a good way
found-too-few-gpus = its tensor parallel size is { $size }, but it uses { $gpus_count ->
    [0] no GPU of this node
    [one] { $gpus_count } GPU of this node
   *[other] { $gpus_count } GPUs of this node
}
found-single = its tensor parallel size is 1
found-few-gpus = the node has { $gpus_count ->
    [0] no GPU
    [one] { $gpus_count } GPU
   *[other] { $gpus_count } GPUs
}
found-no-server = no inference server was found: collect while the service runs
