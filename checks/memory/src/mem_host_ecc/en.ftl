title = Host memory reports no errors
why = Errors that cannot be corrected kill processes, and a rising number of corrected ones announces them.
effect = A memory module of this node is likely to fail soon; when it does, the service or the whole node stops without warning.
applicability = Bare metal; in a virtual machine the host counts them
expected-effect = Availability. No published number.

limit-daily = corrected errors of one memory module a day
limit-daily-applies = bare metal with ECC memory; less than a day counts as one
limit-daily-source = our proposal

limit-in-window = corrected errors of one memory controller during the window
limit-in-window-applies = bare metal with ECC memory
limit-in-window-source = our proposal: as many in minutes as are too many in a day

problem-uncorrected = Memory controller { $controller } could not correct { $errors_count ->
    [one] { $errors_count } error
   *[other] { $errors_count } errors
}
effect-uncorrected = Memory of this node has lost data; programs that used it were ended or may have computed with wrong values, and it can happen again at any time.
detail-uncorrected = { $errors_count ->
    [one] { $errors_count } memory error
   *[other] { $errors_count } memory errors
} could not be corrected

problem-many = Memory controller { $controller } corrected { $errors_count ->
    [one] { $errors_count } error
   *[other] { $errors_count } errors
}, too many
detail-many = { $errors_count ->
    [one] { $errors_count } memory error was
   *[other] { $errors_count } memory errors were
} corrected, up to { $day_rate } a day on one module, { $window_count } of them in the window

problem-many-in-window = Memory controller { $controller } corrected { $window_count ->
    [one] { $window_count } error
   *[other] { $window_count } errors
} during the window
detail-many-in-window = { $errors_count ->
    [one] { $errors_count } memory error was
   *[other] { $errors_count } memory errors were
} corrected over an unknown time, { $window_count } of them in the window

problem-few = Memory controller { $controller } corrected { $errors_count ->
    [one] { $errors_count } error
   *[other] { $errors_count } errors
}
effect-few = Nothing is lost as long as errors are corrected, but a rising number of them announces that a memory module fails, and the service with it.
detail-few = { $errors_count ->
    [one] { $errors_count } memory error was
   *[other] { $errors_count } memory errors were
} corrected, up to { $day_rate } a day on one module, { $window_count } of them in the window

problem-machine-checks = The kernel's log has { $lines_count ->
    [one] { $lines_count } line
   *[other] { $lines_count } lines
} of hardware errors
effect-machine-checks = The processor reports faults of the hardware, of memory or another part; such faults can end the service or the whole node without warning.
detail-machine-checks = the kernel's log has { $lines_count ->
    [one] { $lines_count } line
   *[other] { $lines_count } lines
} of machine check errors

problem-logged = The kernel logged memory errors { $kind ->
    [corrected] that were corrected
   *[uncorrected] that could not be corrected
}
effect-logged = { $kind ->
    [corrected] Nothing is lost now. A memory module with such errors is more likely to fail.
   *[uncorrected] Data was lost: a program or the whole node ended, or will the next time.
}
detail-logged = { $lines_count ->
    [one] { $lines_count } line
   *[other] { $lines_count } lines
} of memory errors { $kind ->
    [corrected] that were corrected
   *[uncorrected] that could not be corrected
} in the kernel's log

found-no-error = no error since the counters were reset
found-unknown-time = { $errors_count ->
    [one] { $errors_count } memory error was
   *[other] { $errors_count } memory errors were
} corrected over an unknown time
found-no-driver = no driver counts memory errors: load the EDAC module of this platform, or ask the management controller
found-virtual = virtual machine ({ $virtualization }): its host counts the errors, ask the provider
