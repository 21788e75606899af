# What is to be done, as an instruction that names the object of this node, without a full stop.

do-governor = Set the frequency governor of CPUs { $cpus } to `{ $want }` (now `{ $was }`)
do-energy-preference = Set the energy preference of CPUs { $cpus } to `{ $want }` (now `{ $was }`)
do-energy-bias = Set the energy bias of CPUs { $cpus } to { $want } (now { $was })
do-frequency-cap = Lift the clock limit of CPUs { $cpus } from { $was } to { $want }
do-boost = Switch turbo on
do-idle-state = Keep CPUs { $cpus } out of idle state { $name } ({ $latency } to wake up)
do-value = Write `{ $want }` to { $path } (now `{ $was }`)
do-sysctl = Set { $name } to { $want } (now { $was })
do-kernel-argument-add = Start the kernel with `{ $argument }`
do-kernel-argument-remove = Start the kernel without `{ $argument }`
do-tuned-profile = Choose the TuneD profile `{ $want }` (now { $was ->
    [none] none
   *[other] `{ $was }`
})
do-unit-start = Start { $name } and keep it enabled
do-unit-stop = Stop { $name } and keep it disabled
do-place = Keep the threads and the memory of { $server } near to its GPUs
do-place-cpus = Keep { $server } on CPUs { $cpus }, near to its GPUs
also-options = Add `{ $options }` to the command line of { $server } as well: with it, the engine places each of its workers
do-cores = Give { $server } at least { $want ->
    [one] { $want } physical core
   *[other] { $want } physical cores
} (now { $was })
do-thread-pool = Limit the thread pools of { $server } to { $want ->
    [one] { $want } thread
   *[other] { $want } threads
} a process (now { $was })
do-variable-set = Start { $server } with { $name }={ $want }
do-variable-unset = Start { $server } without the variable { $name }
do-without-option = Start { $server } without `{ $option }`

do-firmware-boost = Enable turbo (core performance boost) in the firmware
do-firmware-hardware-p-states = Enable hardware P-states (Intel) or CPPC (AMD, Arm) in the firmware
do-firmware-power-limit = Raise the power limit of the packages to their design power in the firmware
do-firmware-fabric-clock = Choose the latency profile of uncore or fabric in the firmware
do-firmware-priority-cores = Enable priority cores (Intel SST-TF, PCT) in the firmware
do-hardware-cooling = Check air flow, filters, fans and inlet temperature
do-hardware-processor = Provide a machine with more physical cores
do-provider-governor = Ask the provider which frequency governor the host has
do-provider-more-cpus = Ask the provider for an instance with more virtual CPUs

server-in-unit = { $unit }
server-by-kind = the { $kind } server (process { $pid })
