title = Ein Leistungsprofil ist aktiv und unverändert
why = Ein einziges Profil umfasst ein Dutzend Einstellungen und übersteht Neustarts. Wo es fehlt, erklärt das meist mehrere andere Befunde.
effect = Nichts hält die Einstellungen fest, die den Server schnell machen: Nach einem Neustart oder Update können sie verloren sein, und Antworten werden langsamer.
applicability = Physische und virtuelle Maschinen; Container lesen das Profil des Hosts, falls sie es sehen; CPUs aller Hersteller
expected-effect = Für das Profil als Ganzes ist für Sprachmodelle keine Zahl veröffentlicht.
caveat = `cpu-partitioning` und `realtime` nicht ohne Not anwenden: Sie setzen `isolcpus` oder `nohz_full`, `cpu-partitioning` auch `intel_pstate=disable`.

problem-fight = { $count } Energiemanager laufen zugleich: { $names }
effect-fight = Einstellungen des Prozessors ändern sich, ohne dass jemand es verlangt, und mit ihnen die Geschwindigkeit der Antworten.
detail-fight = { $names } laufen zugleich, und jeder macht rückgängig, was die anderen einstellen

problem-inactive-slow = Kein TuneD-Profil ist aktiv: { $slow ->
    [turbo] Turbo ist aus
   *[governor] der Governor ist `{ $governor }`
}
effect-inactive-slow = Der Server spart Strom, während er Anfragen beantworten soll: Antworten beginnen später und kommen ungleichmäßiger, als die GPUs es erlauben würden.
detail-inactive-slow = kein TuneD-Profil ist aktiv: { $slow ->
    [turbo] Turbo ist aus
   *[governor] der Governor ist `{ $governor }`
}

problem-inactive-fast = Kein TuneD-Profil ist aktiv
detail-inactive-fast = kein TuneD-Profil ist aktiv; Governor und Turbo sind auf andere Weise auf Leistung gestellt

problem-inactive = Kein TuneD-Profil ist aktiv
detail-inactive = kein TuneD-Profil ist aktiv

problem-saving-slow = TuneD-Profil `{ $profile }` spart Strom: { $slow ->
    [turbo] Turbo ist aus
   *[governor] der Governor ist `{ $governor }`
}
effect-saving-slow = Der Server spart Strom, während er Anfragen beantworten soll: Antworten beginnen später und kommen ungleichmäßiger, als die GPUs es erlauben würden.
detail-saving-slow = TuneD-Profil `{ $profile }` spart Strom: { $slow ->
    [turbo] Turbo ist aus
   *[governor] der Governor ist `{ $governor }`
}

problem-saving-fast = TuneD-Profil `{ $profile }` spart Strom
effect-saving-fast = Der Server ist heute auf Leistung gestellt, aber das Profil kann ihn bei jedem Neustart wieder auf Stromsparen stellen.
detail-saving-fast = TuneD-Profil `{ $profile }` spart Strom; Governor und Turbo sind auf andere Weise auf Leistung gestellt

problem-saving = TuneD-Profil `{ $profile }` spart Strom
effect-saving = Das Profil stellt Stromsparen vor die Geschwindigkeit der Antworten.
detail-saving = TuneD-Profil `{ $profile }` spart Strom

problem-unknown-aim = Das Ziel des TuneD-Profils `{ $profile }` ist nicht bekannt
effect-unknown-aim = Am Profil ist nicht zu erkennen, ob der Server auf Leistung oder auf Stromsparen gestellt ist.
detail-unknown-aim = TuneD-Profil `{ $profile }`, dessen Ziel nicht bekannt ist: dokumentieren lassen

problem-guest = TuneD-Profil `{ $profile }` ist für virtuelle Maschinen gemacht
effect-guest = Einstellungen, die einen physischen Server schnell machen, gehören nicht zu diesem Profil.
detail-guest = TuneD-Profil `{ $profile }` ist für virtuelle Maschinen gemacht

problem-not-running = TuneD läuft nicht und hält sein Profil `{ $profile }` nicht ein
detail-not-running = TuneD-Profil ist `{ $profile }`, aber kein Prozess `tuned` läuft, um es zu halten

problem-overridden = TuneD-Profil `{ $profile }` ist überschrieben: { $slow ->
    [turbo] Turbo ist aus
   *[governor] der Governor ist `{ $governor }`
}
effect-overridden = Das Leistungsprofil ist aktiv, aber etwas hat geändert, was es einstellt; der Server ist dadurch langsamer als beabsichtigt.
detail-overridden = TuneD-Profil `{ $profile }` ist aktiv, aber nicht unverändert: { $slow ->
    [turbo] Turbo ist aus
   *[governor] der Governor ist `{ $governor }`
}

found-in-force = TuneD-Profil `{ $profile }` ist aktiv; Governor und Turbo sind so, wie es sie einstellt
found-guest-in-force = TuneD-Profil `{ $profile }` ist aktiv; über Governor und Turbo bestimmt der Hypervisor
found-unknown-effect = TuneD-Profil `{ $profile }` ist aktiv; ob es unverändert gilt, ist nicht bekannt: { $reason }
found-unseen-effect = TuneD-Profil `{ $profile }` ist aktiv; ohne Frequenzsteuerung ist seine Wirkung nicht zu sehen
found-unknown-clocks = ob sie auf andere Weise eingestellt sind, ist nicht bekannt: { $reason }
found-unknown-profile = welches TuneD-Profil aktiv ist, ist nicht bekannt: { $reason }
found-unknown-managers = welche Energiemanager laufen, ist nicht bekannt: { $reason }
found-container = in einem Container ({ $container }) erhoben, der TuneD des Hosts nicht zeigt
