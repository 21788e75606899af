title = Model store is on local, reasonably placed NVMe
why = Decides how long start, scale-out and recovery take, not how fast tokens come.
effect = After a crash, a restart or a scale-out the service is down until the model is loaded, and a rotating disk makes that last longer.
applicability = Bare metal, virtual machines, containers
expected-effect = No published number.

problem-turning = The server (pid { $server }) seems to load from a rotating disk
detail-turning = `{ $folder }` is on { $mount }, on { $disks }: { $disk } is said to be a disk that turns

found-local = `{ $folder }` is on { $mount }, on { $disks }, local NVMe{ $nodes_count ->
    [0] {""}
    [one] {" of NUMA node "}{ $nodes }
   *[other] {" of the NUMA nodes "}{ $nodes }
}; how long a cold load takes was not measured
found-in-memory = `{ $folder }` is on { $mount }, in memory
found-not-local = `{ $folder }` is on { $mount }, which is no local disk: time a start of the service
found-not-nvme = `{ $folder }` is on { $mount }, on { $disks }, which is no NVMe device: time a start of the service
found-over-network = `{ $folder }` is on { $mount }, on { $disks }, which is reached over { $transport }: time a start of the service
found-unknown-disk = `{ $folder }` is on { $mount }: { $reason }
found-unknown-kind = `{ $folder }` is on { $mount }, on { $disks }: { $reason }
found-no-server = no inference server was found: collect while the service runs
