title = A performance tuning profile is active and intact
why = One profile covers a dozen settings and survives reboots. Where it is missing, that mostly explains several other findings.
effect = Nothing keeps the settings that make the server fast: after a restart or an update they may be lost, and replies become slower.
applicability = Bare metal and virtual machines; containers read the host's, if they see it; CPUs of any vendor
expected-effect = There is no published number for language models for the profile as a whole.
caveat = Do not apply `cpu-partitioning` or `realtime` without need: they add `isolcpus` or `nohz_full`, and `cpu-partitioning` also `intel_pstate=disable`.

problem-fight = { $count } power managers run at once: { $names }
effect-fight = Settings of the processor change without anybody asking for it, and the speed of replies changes with them.
detail-fight = { $names } run at once, and each undoes what the others set

problem-inactive-slow = No TuneD profile is active, and { $slow ->
    [turbo] turbo is off
   *[governor] the governor is `{ $governor }`
}
effect-inactive-slow = The server saves power while it should serve: replies start later and come less evenly than the GPUs would allow.
detail-inactive-slow = no TuneD profile is active, and { $slow ->
    [turbo] turbo is off
   *[governor] the governor is `{ $governor }`
}

problem-inactive-fast = No TuneD profile is active
detail-inactive-fast = no TuneD profile is active; governor and turbo are set for performance in another way

problem-inactive = No TuneD profile is active
detail-inactive = no TuneD profile is active

problem-saving-slow = TuneD's profile `{ $profile }` saves power: { $slow ->
    [turbo] turbo is off
   *[governor] the governor is `{ $governor }`
}
effect-saving-slow = The server saves power while it should serve: replies start later and come less evenly than the GPUs would allow.
detail-saving-slow = TuneD's profile is `{ $profile }`, which saves power, and { $slow ->
    [turbo] turbo is off
   *[governor] the governor is `{ $governor }`
}

problem-saving-fast = TuneD's profile `{ $profile }` saves power
effect-saving-fast = The server is set for speed today, but the profile may set it back to saving power at any restart.
detail-saving-fast = TuneD's profile is `{ $profile }`, which saves power; governor and turbo are set for performance in another way

problem-saving = TuneD's profile `{ $profile }` saves power
effect-saving = The profile puts saving power before the speed of replies.
detail-saving = TuneD's profile is `{ $profile }`, which saves power

problem-unknown-aim = The aim of TuneD's profile `{ $profile }` is not known
effect-unknown-aim = Nobody can tell from the profile whether the server is set for speed or for saving power.
detail-unknown-aim = TuneD's profile is `{ $profile }`, and what it aims at is not known: have it documented

problem-guest = TuneD's profile `{ $profile }` is made for virtual machines
effect-guest = Settings that make a physical server fast are not part of this profile.
detail-guest = TuneD's profile is `{ $profile }`, which is made for virtual machines

problem-not-running = TuneD does not run to keep its profile `{ $profile }`
detail-not-running = TuneD's profile is `{ $profile }`, but no process `tuned` runs to keep it

problem-overridden = TuneD's profile `{ $profile }` is overridden: { $slow ->
    [turbo] turbo is off
   *[governor] the governor is `{ $governor }`
}
effect-overridden = The profile for performance is active, but something has changed what it sets, so that the server is slower than it is meant to be.
detail-overridden = TuneD's profile is `{ $profile }`, but it is not intact: { $slow ->
    [turbo] turbo is off
   *[governor] the governor is `{ $governor }`
}

found-in-force = TuneD's profile is `{ $profile }`, and governor and turbo are as it sets them
found-guest-in-force = TuneD's profile is `{ $profile }`; the hypervisor keeps governor and turbo
found-unknown-effect = TuneD's profile is `{ $profile }`; whether it is intact is not known: { $reason }
found-unseen-effect = TuneD's profile is `{ $profile }`; there is no frequency scaling to see its effect by
found-unknown-clocks = whether they are set in another way is not known: { $reason }
found-unknown-profile = which TuneD profile is active is not known: { $reason }
found-unknown-managers = which power managers run is not known: { $reason }
found-container = collected in a container ({ $container }), which does not show the host's TuneD
