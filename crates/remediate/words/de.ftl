# Was zu tun ist, als Anweisung, die das Objekt dieses Knotens nennt, ohne Punkt.

do-governor = Den Frequenz-Governor der CPUs { $cpus } auf `{ $want }` setzen (jetzt `{ $was }`)
do-energy-preference = Die Energiepräferenz der CPUs { $cpus } auf `{ $want }` setzen (jetzt `{ $was }`)
do-energy-bias = Den Energy Bias der CPUs { $cpus } auf { $want } setzen (jetzt { $was })
do-frequency-cap = Die Taktgrenze der CPUs { $cpus } von { $was } auf { $want } anheben
do-boost = Turbo einschalten
do-idle-state = Die CPUs { $cpus } vom Schlafzustand { $name } fernhalten ({ $latency } zum Aufwachen)
do-value = `{ $want }` nach { $path } schreiben (jetzt `{ $was }`)
do-sysctl = { $name } auf { $want } setzen (jetzt { $was })
do-kernel-argument-add = Den Kernel mit `{ $argument }` starten
do-kernel-argument-remove = Den Kernel ohne `{ $argument }` starten
do-tuned-profile = Das TuneD-Profil `{ $want }` wählen (jetzt { $was ->
    [none] keines
   *[other] `{ $was }`
})
do-unit-start = { $name } starten und aktiviert lassen
do-unit-stop = { $name } anhalten und deaktiviert lassen
do-place = Threads und Speicher von { $server } in der Nähe der eigenen GPUs halten
do-place-cpus = { $server } auf den CPUs { $cpus } halten, nahe an den eigenen GPUs
also-options = Zusätzlich `{ $options }` in die Kommandozeile von { $server } aufnehmen: damit platziert die Engine jeden ihrer Worker selbst
do-cores = { $server } mindestens { $want ->
    [one] { $want } physischen Kern
   *[other] { $want } physische Kerne
} geben (jetzt { $was })
do-thread-pool = Die Thread-Pools von { $server } auf { $want ->
    [one] { $want } Thread
   *[other] { $want } Threads
} je Prozess begrenzen (jetzt { $was })
do-variable-set = { $server } mit { $name }={ $want } starten
do-variable-unset = { $server } ohne die Variable { $name } starten
do-without-option = { $server } ohne `{ $option }` starten

do-firmware-boost = Turbo (Core Performance Boost) in der Firmware einschalten
do-firmware-hardware-p-states = Hardware-P-States (Intel) oder CPPC (AMD, Arm) in der Firmware einschalten
do-firmware-power-limit = Die Leistungsgrenze der Prozessoren in der Firmware auf die Auslegungsleistung anheben
do-firmware-fabric-clock = In der Firmware das Latenzprofil für Uncore oder Fabric wählen
do-firmware-priority-cores = Priority Cores (Intel SST-TF, PCT) in der Firmware einschalten
do-hardware-cooling = Luftstrom, Filter, Lüfter und Zulufttemperatur prüfen
do-hardware-processor = Eine Maschine mit mehr physischen Kernen bereitstellen
do-provider-governor = Beim Anbieter erfragen, welchen Frequenz-Governor der Host hat
do-provider-more-cpus = Beim Anbieter eine Instanz mit mehr virtuellen CPUs anfordern

server-in-unit = { $unit }
server-by-kind = dem { $kind }-Server (Prozess { $pid })
