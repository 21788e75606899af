title = No critical driver or hardware errors
why = These errors precede outages or are outages: a GPU that has fallen off the bus, memory errors, faults of NVLink, a GPU system processor that does not answer.
effect = The GPU has reported a fault of the kind that ends requests in progress or comes before a failure; until it is dealt with, the servers on it are at risk.
applicability = Bare metal and virtual machines; containers need the kernel log of the host; NVIDIA; errors of other GPUs are not read
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
}, last { $last } hours ago

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
}, last { $last } hours ago

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

problem-other = { $device ->
    [none] A GPU
   *[other] GPU { $device }
} reported the error Xid { $number }
effect-other = What this error means for the service is not known here; NVIDIA's catalogue of Xid errors tells what to do about it.
detail-other = error that is neither critical nor known to come from applications, { $times_count ->
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
}, last { $last } hours ago

problem-switch-handled = NVSwitch { $device } reported SXid { $number }, a fatal error, { $last } hours ago
effect-switch-handled = Nothing points to a fault that goes on, but nothing shows that it was dealt with either; should it come again, models that span several GPUs are at risk.
detail-switch-handled = fatal error of an NVSwitch that may have been handled, { $times_count ->
    [one] once
   *[other] { $times_count } times
} in { $days_count ->
    [one] one day
   *[other] { $days_count } days
}, last { $last } hours ago

problem-switch-minor = NVSwitch { $device } reported the error SXid { $number }
effect-switch-minor = The switch recovered. If such errors become frequent, data between GPUs is delayed, and the switch may fail.
detail-switch-minor = error of an NVSwitch that is not fatal, { $times_count ->
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
found-gpus-unknown = no Xid error, but it is not known whether the node has GPUs: { $reason }
found-truncated = `{ $path }` holds more lines than were kept
found-lost = `{ $path }` goes back { $age } { $unit ->
    [hours] hours
   *[days] days
} only: what came before is lost
found-no-gpu = no GPU was found
found-other-vendor = the GPUs are of vendor `{ $vendor }`: only errors of NVIDIA GPUs are read so far
