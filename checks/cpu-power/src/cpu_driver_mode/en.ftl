title = A modern frequency driver is in use
why = The older driver `acpi-cpufreq` offers only a few coarse steps, and takes no hint as to speed or power.
effect = The clock of the CPUs follows the load in coarse steps only, so that some replies take longer than the hardware requires.
applicability = Bare metal; not virtual machines; Intel, AMD and Arm CPUs
expected-effect = There is no published number for serving language models.
caveat = TuneD's profile `cpu-partitioning` adds `intel_pstate=disable` on purpose.

problem-coarse = { $cpus_count ->
    [one] { $cpus_count } CPU uses
   *[other] { $cpus_count } CPUs use
} the old frequency driver `{ $driver }`
detail-coarse = driver `{ $driver }` offers a few coarse steps, though the CPU has `{ $feature }`

problem-disabled = Boot argument `{ $argument }` turns the modern frequency driver off
detail-disabled = `{ $argument }` turns the modern driver off

found-modern = driver `{ $driver }` sets the clock through the interface made for this CPU
problem-passive = The frequency driver is intel_pstate in passive mode
detail-passive = driver `{ $driver }` is intel_pstate in passive mode: the kernel's governor chooses the clock
problem-old-hardware = `{ $driver }` is the only frequency driver for this CPU
detail-old-hardware = driver `{ $driver }` is the only one for this CPU as the firmware presents it
problem-unknown-driver = The frequency driver `{ $driver }` is not known to this check
detail-unknown-driver = this check does not know driver `{ $driver }`
found-unknown-features = driver `{ $driver }` may fall short of what the CPU can do: { $reason }
found-no-driver = there is no frequency driver, so the firmware sets the clock alone; ask which power profile it has: { $reason }
found-virtual = virtual machine: the hypervisor keeps the driver
