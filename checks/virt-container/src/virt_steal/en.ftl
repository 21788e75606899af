title = The hypervisor gives the VM its processor time
why = A virtual CPU that is stolen stops whatever runs on it, such as the scheduler loop of the engine. The guest cannot repair it.
effect = Whenever the host runs something else, parts of the service stand still, and replies come later and less evenly. Nothing inside of this machine can change that.
applicability = Virtual machines only
expected-effect = No published number for language models; the effect is that of losing the same share of the busiest core.

limit-steal-warn = share of CPU time stolen, warning
limit-steal-warn-applies = virtual machines whose hypervisor reports steal
limit-steal-warn-source = our proposal; Red Hat warns against more vCPUs than CPUs in production without naming a number

limit-steal-fail = share of CPU time stolen, failure
limit-steal-fail-applies = virtual machines whose hypervisor reports steal
limit-steal-fail-source = our proposal; Red Hat warns against more vCPUs than CPUs in production without naming a number

limit-steal-gate = share of CPU time stolen that alone makes the node a high risk
limit-steal-gate-applies = virtual machines whose hypervisor reports steal
limit-steal-gate-source = our proposal; Red Hat warns against more vCPUs than CPUs in production without naming a number

limit-window = shortest window that can show that nothing is stolen
limit-window-applies = virtual machines
limit-window-source = our proposal: neighbours come and go within seconds

limit-load = share of CPU time in use that makes a window worth judging
limit-load-applies = virtual machines
limit-load-source = our proposal: time can be stolen only from a CPU that wants to run

problem-stolen = The host withheld { $share } of the CPU time
detail-stolen = { $share } of CPU time was stolen in { $seconds } at { $load } load (hypervisor: { $hypervisor })

found-given = { $share } of CPU time was stolen in { $seconds } at { $load } load
found-bare-metal = bare metal: there is no hypervisor
found-unreported = no steal was reported, but the hypervisor `{ $hypervisor }` is not known to report it: measure the noise of a CPU instead
found-idle = { $share } of CPU time was stolen in { $seconds } at { $load } load: an idle machine wants no time, so collect while the service runs
found-short = { $share } of CPU time was stolen in { $seconds } at { $load } load: too short to show that nothing is stolen, so collect for longer
found-no-time = no CPU time passed between the readings
found-incomplete = a CPU of the window has no `{ $kind }`
