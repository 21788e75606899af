title = Clocks are synchronised
why = Evidence of service levels, traces and bills across nodes cannot be trusted otherwise.
effect = Times that are measured on this node and on others do not fit together: reports of service levels, traces across nodes and bills made from them may be wrong.
applicability = Bare metal and virtual machines; a container has the clock of its host
expected-effect = Quality of measurements, no speed.

limit-off = error of the clock, noticeable
limit-off-applies = all nodes
limit-off-source = our proposal: as long as an inter-token latency

limit-wrong = error of the clock, too large
limit-wrong-applies = all nodes
limit-wrong-source = our proposal: as long as a time to first token

problem-unsynchronised = The clock of this node is not synchronised
effect-unsynchronised = The clock of this node drifts away from the others unnoticed: reports of service levels, traces across nodes and bills made from its times cannot be trusted.
detail-unsynchronised = neither a time service nor the hypervisor sets it, as the kernel has it

problem-off = The clock of this node may be off by { $error_ms }
detail-off = synchronised, but off by up to { $error_ms } as far as the kernel knows

problem-one-source = The clock of this node depends on `{ $name }` alone
effect-one-source = If this source is wrong or does not answer, the clock of this node is wrong without anybody noticing, and reports that rest on its times are wrong as well.
detail-one-source = there is no second source beside { $name }

found-synchronised = synchronised, off by up to { $error_ms } as far as the kernel knows
found-sources = { $names }
problem-no-source = No time source is configured
detail-no-source = none is configured; a daemon may use those that it was built with
problem-no-configuration = No configuration of a time service was found
detail-no-configuration = no configuration of a time daemon that Plumb knows was found
