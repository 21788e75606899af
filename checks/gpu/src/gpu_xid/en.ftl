title = No critical driver or hardware errors
why = These errors precede outages or are outages: a GPU that has fallen off the bus, memory errors, faults of NVLink, a GPU system processor that does not answer.
effect = The GPU has reported a fault of the kind that ends requests in progress or comes before a failure; until it is dealt with, the servers on it are at risk.
applicability = Bare metal and virtual machines; containers need the kernel log of the host; NVIDIA; errors of other GPUs are not read, PCIe errors of any device are
expected-effect = Availability. There is no published number.

limit-recent = age up to which one critical error is a failure
limit-recent-applies = critical Xid errors
limit-recent-source = our proposal: one day

limit-old = age up to which errors count
limit-old-applies = Xid errors
limit-old-source = our proposal: seven days

limit-repeated = critical errors of one kind within the longer time that are a failure
limit-repeated-applies = critical Xid errors
limit-repeated-source = our proposal: once may be handled, twice is not

limit-logged = lines of corrected errors in the kernel's log from which there is a warning
limit-logged-applies = links of GPUs and of the bridges above them
limit-logged-source = our proposal: single ones are common, and the kernel logs only a part of many

problem-critical = { $device ->
    [none] A GPU
   *[other] GPU { $device }
} reported the critical error Xid { $number }
detail-critical = critical error, { $times_count ->
    [one] once
   *[other] { $times_count } times
} in { $days_count ->
    [one] one day
   *[other] { $days_count } days
}, last { $last } hours ago; NVIDIA's catalogue asks to { $action ->
    [reset] reset the GPU once its work was moved away
    [restart-node] boot the machine again
    [restart-guest] start the virtual machine again
    [drain-peers] move away the work that uses links to other GPUs
    [check-links] look at the links of the GPU and to reset it
    [check-power] look at the power cables of the GPU
   *[other] ask the maker of the machine
}

problem-handled = { $device ->
    [none] A GPU
   *[other] GPU { $device }
} reported Xid { $number }, a critical error, { $last } hours ago
effect-handled = Nothing points to a fault that goes on, but nothing shows that it was dealt with either; should it come again, the servers on this GPU are at risk.
detail-handled = critical error that may have been handled, { $times_count ->
    [one] once
   *[other] { $times_count } times
} in { $days_count ->
    [one] one day
   *[other] { $days_count } days
}, last { $last } hours ago; NVIDIA's catalogue asks to { $action ->
    [reset] reset the GPU once its work was moved away
    [restart-node] boot the machine again
    [restart-guest] start the virtual machine again
    [drain-peers] move away the work that uses links to other GPUs
    [check-links] look at the links of the GPU and to reset it
    [check-power] look at the power cables of the GPU
   *[other] ask the maker of the machine
}

problem-note = { $device ->
    [none] A GPU
   *[other] GPU { $device }
} repaired or corrected memory (Xid { $number })
effect-note = Nothing is lost now. Memory that needs repair is more likely to fail later, so the GPU is worth watching.
detail-note = repair or correction of memory that the driver notes, { $times_count ->
    [one] once
   *[other] { $times_count } times
} in { $days_count ->
    [one] one day
   *[other] { $days_count } days
}, last { $last } hours ago

problem-application = A program on { $device ->
    [none] a GPU
   *[other] GPU { $device }
} caused the error Xid { $number }
effect-application = The program that did it lost its work on the GPU; if that was the server, its requests in progress ended.
detail-application = error of the kind that applications cause, { $times_count ->
    [one] once
   *[other] { $times_count } times
} in { $days_count ->
    [one] one day
   *[other] { $days_count } days
}, last { $last } hours ago

problem-ended = { $device ->
    [none] A GPU
   *[other] GPU { $device }
} ended its programs with the error Xid { $number }
effect-ended = What ran on the GPU lost its work; if that was the server, its requests in progress ended. NVIDIA asks to start the programs again; the GPU itself can go on.
detail-ended = error after which the programs on the GPU are to be started again, { $times_count ->
    [one] once
   *[other] { $times_count } times
} in { $days_count ->
    [one] one day
   *[other] { $days_count } days
}, last { $last } hours ago

problem-other = { $device ->
    [none] A GPU
   *[other] GPU { $device }
} reported the error Xid { $number }
effect-other = NVIDIA's catalogue lists this error but asks for nothing at once; should it come often, its support has to be asked.
detail-other = error for which NVIDIA's catalogue gives no action to take at once, { $times_count ->
    [one] once
   *[other] { $times_count } times
} in { $days_count ->
    [one] one day
   *[other] { $days_count } days
}, last { $last } hours ago

problem-unknown = { $device ->
    [none] A GPU
   *[other] GPU { $device }
} reported Xid { $number }, which is not in NVIDIA's catalogue
effect-unknown = What this error means for the service is not known; the line is in the evidence and has to be read by a person.
detail-unknown = error whose number is not in NVIDIA's catalogue as it is known here, { $times_count ->
    [one] once
   *[other] { $times_count } times
} in { $days_count ->
    [one] one day
   *[other] { $days_count } days
}, last { $last } hours ago

problem-info-rom = The stored settings of { $device ->
    [none] a GPU
   *[other] GPU { $device }
} are corrupted
effect-info-rom = The GPU may lose its history of memory errors and its settings at the next restart, and may then fail to start.
detail-info-rom = the driver reports that the InfoROM is corrupted, { $times_count ->
    [one] once
   *[other] { $times_count } times
} in { $days_count ->
    [one] one day
   *[other] { $days_count } days
}, last { $last } hours ago

problem-mismatch = Kernel driver and libraries of the GPUs differ in version
effect-mismatch = Programs with libraries of the other version cannot use the GPUs: a server that is started again may not come back.
detail-mismatch = the driver refused a program whose libraries are of another version, { $times_count ->
    [one] once
   *[other] { $times_count } times
} in { $days_count ->
    [one] one day
   *[other] { $days_count } days
}, last { $last } hours ago

problem-unreadable = The log has an Xid error that cannot be read
effect-unreadable = A GPU reported an error, and it is not known which; the line is in the evidence and has to be read by a person.
detail-unreadable = a line of the log tells of an Xid error in words that are not known

problem-fallen = { $device ->
    [none] A GPU
   *[other] GPU { $device }
} has fallen off the bus
effect-fallen = This GPU is lost to the node until it is restarted or mended: servers that used it have ended, and none can start on it.
detail-fallen = the driver reports that it has fallen off the bus, { $times_count ->
    [one] once
   *[other] { $times_count } times
} in { $days_count ->
    [one] one day
   *[other] { $days_count } days
}, last { $last } hours ago

problem-not-started = The driver could not start { $device ->
    [none] a GPU
   *[other] GPU { $device }
}
effect-not-started = No server can use this GPU; a model that needs all GPUs of the node does not start.
detail-not-started = the driver reports that it could not be initialised, { $times_count ->
    [one] once
   *[other] { $times_count } times
} in { $days_count ->
    [one] one day
   *[other] { $days_count } days
}, last { $last } hours ago

problem-switch = NVSwitch { $device } reported the fatal error SXid { $number }
effect-switch = Models that span several GPUs of this node can end or hang, since their data goes through this switch.
detail-switch = fatal error of an NVSwitch, { $times_count ->
    [one] once
   *[other] { $times_count } times
} in { $days_count ->
    [one] one day
   *[other] { $days_count } days
}, last { $last } hours ago; NVIDIA asks to { $action ->
    [restart-node] boot the machine again, as the whole fabric has failed
   *[other] reset the GPUs on it, or to start the virtual machine again
}

problem-switch-handled = NVSwitch { $device } reported SXid { $number }, a fatal error, { $last } hours ago
effect-switch-handled = Nothing points to a fault that goes on, but nothing shows that it was dealt with either; should it come again, models that span several GPUs are at risk.
detail-switch-handled = fatal error of an NVSwitch that may have been handled, { $times_count ->
    [one] once
   *[other] { $times_count } times
} in { $days_count ->
    [one] one day
   *[other] { $days_count } days
}, last { $last } hours ago; NVIDIA asks to { $action ->
    [restart-node] boot the machine again, as the whole fabric has failed
   *[other] reset the GPUs on it, or to start the virtual machine again
}

problem-switch-minor = NVSwitch { $device } reported the error SXid { $number }
effect-switch-minor = The switch recovered. If such errors become frequent, data between GPUs is delayed, and the switch may fail.
detail-switch-minor = error of an NVSwitch that is not fatal, { $times_count ->
    [one] once
   *[other] { $times_count } times
} in { $days_count ->
    [one] one day
   *[other] { $days_count } days
}, last { $last } hours ago

problem-gone = The driver has lost GPU { $device }
effect-gone = No server can use this GPU; a model that needs all GPUs of the node does not start.
detail-gone = { $reason }

problem-short = { $gpus_count } GPUs are found, where such boards hold { $all_count }
effect-short = A GPU of this machine seems to be missing: models that need all of them do not start, and the node serves less than was paid for.
detail-short = { $gpus_count } GPUs of a kind that comes on boards of { $all_count }

problem-logged = The kernel logged PCIe errors towards { $gpus_count ->
    [one] GPU { $gpu }
   *[other] { $gpus_count } of { $all_count } GPUs
}
effect-logged = Transfers are repeated or lost. Such errors come before a GPU falls off the bus, and then its servers end.
detail-logged = { $gpus_count ->
    [one] lines in the kernel's log since boot: { $most_corrected } of corrected errors, { $most_lost } of others
   *[other] lines in the kernel's log since boot, on one GPU: { $most_corrected } of corrected errors, { $most_lost } of others
}

problem-link-fatal = PCIe device { $device } reported fatal errors
effect-link-fatal = Unless the kernel has brought the device back, what it serves has stopped: a network adapter takes its connections along, a port everything behind it, and requests that need it hang until the node is restarted.
detail-link-fatal = fatal PCIe errors, or a recovery that failed, { $events_count ->
    [one] once
   *[other] { $events_count } times
} since boot

problem-link-lost = PCIe device { $device } had errors that were not corrected
effect-link-lost = Transfers of this device were lost. Programs repeat them or fail; such errors often come before the link is lost altogether.
detail-link-lost = PCIe errors that were not corrected, { $events_count ->
    [one] once
   *[other] { $events_count } times
} since boot

problem-refused = The IOMMU refused memory accesses of { $gpus_count ->
    [one] GPU { $gpu }
   *[other] { $gpus_count } of { $all_count } GPUs
}
effect-refused = Transfers of the GPU to or from memory, a peer or a network adapter failed; what relied on them ended or hung.
detail-refused = { $gpus_count ->
    [one] { $most_faults ->
        [one] { $most_faults } fault
       *[other] { $most_faults } faults
    } in the kernel's log since boot
   *[other] faults in the kernel's log since boot, on one GPU { $most_faults }
}

problem-harmless = The log has Xid { $number }, which asks for nothing
detail-harmless = Xid { $number }, for which NVIDIA's catalogue asks for nothing, { $times_count ->
    [one] once
   *[other] { $times_count } times
} in { $days_count ->
    [one] one day
   *[other] { $days_count } days
}, last { $last } hours ago
found-none = no Xid error in the last { $age } { $unit ->
    [hours] hours
   *[days] days
}
found-none-since-boot = no Xid error since the node was booted { $age } { $unit ->
    [hours] hours
   *[days] days
} ago
found-gpus-unknown = it is not known which GPUs the node has: { $reason }
found-census-unknown = whether bus, driver and NVML all list each GPU is not known: { $reason }
found-truncated = `{ $path }` holds more lines than were kept
found-lost = `{ $path }` goes back { $age } { $unit ->
    [hours] hours
   *[days] days
} only: what came before is lost
found-no-gpu = no GPU was found
found-other-vendor = the GPUs are of vendor `{ $vendor }`: only errors of NVIDIA GPUs are read so far
