title = Der Takt von Uncore und Fabric ist nicht niedrig festgehalten
why = Die Latenz von Speicher und PCI Express steigt, wenn das Mesh oder die Data Fabric bei geringer Last langsamer wird.
effect = Bei geringer Last dauern Zugriffe auf den Speicher und die GPUs länger; das verlängert jede Antwort.
applicability = Physische Maschinen; keine virtuellen Maschinen; Intel Xeon ab der 4. Generation, AMD EPYC
expected-effect = Für Sprachmodelle ist keine Zahl veröffentlicht.

limit-floor = niedrigster Uncore-Takt als Anteil des höchsten
limit-floor-applies = Intel-Server-CPUs, deren Uncore-Takt der Kernel zeigt
limit-floor-source = unser Vorschlag: Darunter steigt die Speicherlatenz um einen messbaren Teil

problem-stayed = Der Uncore-Takt blieb unter Last bei etwa { $lowest }
effect-stayed = Selbst unter Last dauern Zugriffe auf den Speicher und die GPUs länger, als der Prozessor es erlaubt; das verlängert jede Antwort.
detail-stayed = darf auf { $lowest } fallen, weit unter { $highest }, und blieb unter Last dort

problem-may-fall = Der Uncore-Takt darf auf { $lowest } von { $highest } fallen
detail-may-fall = darf auf { $lowest } fallen, weit unter { $highest }

found-high = darf auf { $lowest } von { $highest } fallen
found-unread = der Takt unter Last wurde nicht gelesen
found-unknown-load = ob der Uncore-Takt unter Last niedrig bleibt, ist nicht bekannt: { $reason }
found-not-shown = der Kernel zeigt keinen Uncore-Takt: das Modul `intel_uncore_frequency` laden und als root erheben
found-only-firmware = nur die Firmware kennt den Takt der Data Fabric: nach APBDIS (1 hält ihn fest) und dem festen SOC-P-State (P0 ist der höchste) fragen
found-other-vendor = CPUs von `{ $vendor }` haben keinen einstellbaren Uncore-Takt
found-virtual = virtuelle Maschine: Über den Uncore-Takt bestimmt der Hypervisor
