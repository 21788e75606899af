title = Der Frequenz-Governor der CPUs begünstigt Leistung
why = Kernel zu starten und Batches zu planen ist serielle Arbeit weniger CPU-Threads. Sie läuft mit dem Takt, den der Governor zulässt; das zeigt sich als Schwankung der Zeit bis zum ersten Token und zwischen den Tokens, vor allem bei geringer und mittlerer Last.
effect = Antworten beginnen später und kommen ungleichmäßiger, als die GPUs es erlauben würden, vor allem bei geringer und mittlerer Last.
applicability = Physische Maschinen; virtuelle Maschinen nur, wenn der Hypervisor die Frequenzsteuerung durchreicht (sonst den Anbieter fragen); Container lesen die Einstellung des Hosts; CPUs aller Hersteller
expected-effect = Phoronix: Xeon Scalable von powersave auf performance +11 % Leistung bei +7 % mittlerer CPU-Leistungsaufnahme; i9-9900K etwa +3,5 %. Huawei MindIE: CPU-Hochleistungsmodus etwa +3 % Tokens pro Sekunde bei gleicher Latenzgrenze. Für Sprachmodelle auf NVIDIA-GPUs ist keine Zahl veröffentlicht.
caveat = Den zusätzlichen Energiebedarf gegenrechnen (RAPL vorher und nachher). Auf Intel-Hosts mit SST-TF oder PCT müssen unbeschäftigte Kerne weiter schlafen können.

problem-lowest = { $cpus_count ->
    [one] { $cpus_count } CPU wird auf ihrem niedrigsten Takt gehalten
   *[other] { $cpus_count } CPUs werden auf ihrem niedrigsten Takt gehalten
}
effect-lowest = Die CPUs, die die GPUs versorgen, verlassen ihren niedrigsten Takt nie; jeder Schritt jeder Antwort dauert daher länger als nötig.
detail-lowest = Governor `{ $governor }` des Treibers `{ $driver }` hält den niedrigsten Takt

problem-after-load = { $cpus_count ->
    [one] { $cpus_count } CPU wird erst schneller, wenn Last da ist
   *[other] { $cpus_count } CPUs werden erst schneller, wenn Last da ist
}
detail-after-load = Governor `{ $governor }` des Treibers `{ $driver }` erhöht den Takt erst, wenn er Last gesehen hat

problem-program = Ein Programm bestimmt den Takt von { $cpus_count ->
    [one] { $cpus_count } CPU
   *[other] { $cpus_count } CPUs
}
detail-program = Governor `userspace` des Treibers `{ $driver }` überlässt den Takt einem Programm, das die Nachweise nicht zeigen

problem-unknown-governor = Governor `{ $governor }` kann den Takt von { $cpus_count ->
    [one] { $cpus_count } CPU
   *[other] { $cpus_count } CPUs
} senken
detail-unknown-governor = es ist nicht bekannt, dass Governor `{ $governor }` des Treibers `{ $driver }` den höchsten Takt hält

problem-saving = { $cpus_count ->
    [one] { $cpus_count } CPU stellt Stromsparen vor Geschwindigkeit
   *[other] { $cpus_count } CPUs stellen Stromsparen vor Geschwindigkeit
}
detail-saving = Governor `powersave` des Treibers `{ $driver }` mit Energiepräferenz `{ $preference }` lässt die Hardware zuerst Strom sparen

problem-balanced = { $cpus_count ->
    [one] { $cpus_count } CPU verzichtet auf Geschwindigkeit, um Strom zu sparen
   *[other] { $cpus_count } CPUs verzichten auf Geschwindigkeit, um Strom zu sparen
}
detail-balanced = Governor `powersave` des Treibers `{ $driver }` mit Energiepräferenz `{ $preference }` lässt die Hardware etwas Geschwindigkeit für Strom aufgeben

problem-firmware = Die Firmware entscheidet, wie schnell { $cpus_count ->
    [one] { $cpus_count } CPU läuft
   *[other] { $cpus_count } CPUs laufen
}
detail-firmware = Governor `powersave` des Treibers `{ $driver }` mit Energiepräferenz `{ $preference }` überlässt der Firmware die Abwägung zwischen Geschwindigkeit und Strom

problem-follows-load = { $cpus_count ->
    [one] Der Takt von { $cpus_count } CPU folgt ihrer Last
   *[other] Der Takt von { $cpus_count } CPUs folgt ihrer Last
}
detail-follows-load = unter Governor `powersave` des Treibers `{ $driver }` folgt der Takt der Last, und eine Energiepräferenz gibt es nicht

problem-speed-preference = { $cpus_count ->
    [one] { $cpus_count } CPU verlangt Geschwindigkeit unter Governor `powersave`
   *[other] { $cpus_count } CPUs verlangen Geschwindigkeit unter Governor `powersave`
}
detail-speed-preference = Energiepräferenz `{ $preference }` verlangt von der Hardware Geschwindigkeit, obwohl der Governor des Treibers `{ $driver }` `powersave` ist

problem-speed-beside-others = { $cpus_count ->
    [one] { $cpus_count } CPU hat einen anderen Governor als die übrigen
   *[other] { $cpus_count } CPUs haben einen anderen Governor als die übrigen
}
detail-speed-beside-others = Energiepräferenz `{ $preference }` verlangt von der Hardware Geschwindigkeit, aber der Governor des Treibers `{ $driver }` ist `powersave`, und andere CPUs dieses Knotens haben einen anderen

found-performance = Governor `performance`
found-unknown-driver = die Wirkung von Governor `{ $governor }` hängt vom Treiber ab, der nicht bekannt ist: { $reason }
found-unknown-preference = die Wirkung von Governor `powersave` hängt von der Energiepräferenz ab, die nicht bekannt ist: { $reason }
found-empty-governor = `scaling_governor` ist leer und nennt keinen Governor
found-no-scaling = keine Frequenzsteuerung gefunden; möglicherweise bestimmt die Firmware den Takt allein: { $reason }
found-virtual = virtuelle Maschine ({ $virtualization }) ohne Frequenzsteuerung: den Anbieter fragen
found-no-policy = online, aber für sie wurde keine Frequenzrichtlinie gelesen
