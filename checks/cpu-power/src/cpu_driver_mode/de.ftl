title = Ein moderner Frequenztreiber ist in Gebrauch
why = Der ältere Treiber `acpi-cpufreq` bietet nur wenige grobe Stufen und nimmt keinen Hinweis auf Geschwindigkeit oder Stromverbrauch an.
effect = Der Takt der CPUs folgt der Last nur in groben Stufen; manche Antworten dauern dadurch länger, als die Hardware es erfordert.
applicability = Physische Maschinen; keine virtuellen Maschinen; CPUs von Intel, AMD und Arm
expected-effect = Für den Betrieb von Sprachmodellen ist keine Zahl veröffentlicht.
caveat = Das TuneD-Profil `cpu-partitioning` setzt `intel_pstate=disable` mit Absicht.

problem-coarse = { $cpus_count ->
    [one] { $cpus_count } CPU nutzt
   *[other] { $cpus_count } CPUs nutzen
} den alten Frequenztreiber `{ $driver }`
detail-coarse = Treiber `{ $driver }` bietet wenige grobe Stufen, obwohl die CPU `{ $feature }` hat

problem-disabled = Bootargument `{ $argument }` schaltet den modernen Frequenztreiber ab
detail-disabled = `{ $argument }` schaltet den modernen Treiber ab

found-modern = Treiber `{ $driver }` setzt den Takt über die für diese CPU gemachte Schnittstelle
problem-passive = Der Frequenztreiber ist intel_pstate im passiven Modus
detail-passive = Treiber `{ $driver }` ist intel_pstate im passiven Modus: Der Governor des Kernels wählt den Takt
problem-old-hardware = `{ $driver }` ist der einzige Frequenztreiber für diese CPU
detail-old-hardware = Treiber `{ $driver }` ist der einzige für diese CPU, so wie die Firmware sie darstellt
problem-unknown-driver = Der Frequenztreiber `{ $driver }` ist dieser Prüfung nicht bekannt
detail-unknown-driver = Treiber `{ $driver }` ist dieser Prüfung nicht bekannt
found-unknown-features = Treiber `{ $driver }` nutzt möglicherweise nicht alles, was die CPU kann: { $reason }
found-no-driver = kein Frequenztreiber vorhanden, die Firmware bestimmt den Takt also allein; nach ihrem Energieprofil fragen: { $reason }
found-virtual = virtuelle Maschine: Über den Treiber bestimmt der Hypervisor
