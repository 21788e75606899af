title = Runtime settings survive a reboot
why = What was set by hand is lost at the next reboot, and with it what was measured and agreed on.
effect = After the next restart of the node the service runs with other settings than those it was measured with, and its speed may change without anybody having changed anything.
applicability = Bare metal and virtual machines, collected on the host
expected-effect = It protects all other gains.

limit-fail = settings that change at the next boot
limit-fail-applies = bare metal and virtual machines
limit-fail-source = our proposal: one or two are an oversight, more are a habit

problem-changes = { $changes_count ->
    [one] { $changes_count } setting of this node changes at the next boot
   *[other] { $changes_count } settings of this node change at the next boot
}
detail-changes = { $changes_count ->
    [one] { $changes_count } of { $compared_count } settings changes at the next boot
   *[other] { $changes_count } of { $compared_count } settings change at the next boot
}{ $values ->
    [none] {""}
   *[other] {"; to what a file says: "}{ $values }
}{ $defaults ->
    [none] {""}
   *[other] {"; to the kernel's default: "}{ $defaults }
}{ $arguments ->
    [none] {""}
   *[other] {"; the kernel is started with "}{ $arguments }
}{ $stopping ->
    [none] {""}
   *[other] {"; no longer running: "}{ $stopping }
}{ $starting ->
    [none] {""}
   *[other] {"; running again: "}{ $starting }
}

found-same = { $compared_count ->
    [one] the { $compared_count } setting in force that could be compared is that of the next boot
   *[other] { $compared_count } settings in force are those of the next boot
}
found-not-compared = not compared: { $settings }
found-default-governor = not compared: governor `performance`, which may be the kernel's default or set by hand ({ $reason })
found-nothing-compared = no setting could be compared
found-in-container = collected inside of a container ({ $runtime }), which does not see the host's files
