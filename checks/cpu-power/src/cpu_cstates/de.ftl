title = Tiefe Schlafzustände verlängern die Latenz der Kerne des Dienstes nicht
why = Jedes Einschlafen und Aufwachen kostet Anfragen und Interrupts Mikrosekunden. Das zählt bei geringer und stoßweiser Last und kaum dort, wo Kerne aktiv warten.
effect = Anfragen, die auf eine CPU in tiefem Schlafzustand treffen, warten, bis sie aufgewacht ist; das zeigt sich in den langsamsten Antworten bei geringer und ungleichmäßiger Last.
applicability = Physische Maschinen; keine virtuellen Maschinen; Container lesen die Zustände des Hosts; CPUs von Intel und AMD
expected-effect = Die Tabelle des Kernels für Sapphire Rapids nennt Aufwachzeiten von 1 µs für C1, 2 µs für C1E und 290 µs für C6 (lohnende Verweildauer 800 µs). Für Sprachmodelle ist keine Zahl veröffentlicht.
caveat = C-States in der Firmware eingeschaltet lassen (AMD rät davon ab, sie abzuschalten). Alle Kerne von C6 fernzuhalten nimmt die elektrische Leistung weg, die Turbo und PCT brauchen: auf die Inferenz-CPUs beschränken.

limit-latency = Aufwachzeit eines Schlafzustands, der als tief zählt
limit-latency-applies = physische Maschinen
limit-latency-source = Profil accelerator-performance, force_latency=99

limit-some = Zeit, die CPUs des Dienstes in tiefen Schlafzuständen verbringen dürfen
limit-some-applies = CPUs des Dienstes unter Last
limit-some-source = unser Vorschlag

limit-much = Zeit in tiefen Schlafzuständen, ab der ihnen ein verfehltes Ziel zugeschrieben wird
limit-much-applies = CPUs des Dienstes unter Last
limit-much-source = unser Vorschlag

limit-serving = CPU-Zeit eines Threads, ab der seine CPUs als solche des Dienstes zählen
limit-serving-applies = Threads von Inferenzservern
limit-serving-source = unser Vorschlag: Weniger ist Hintergrund

problem-idle = Inferenz-CPUs verbrachten { $share } der Zeit in tiefen Schlafzuständen
detail-idle = CPUs des Dienstes verbrachten { $share } der Zeit in den Schlafzuständen { $states }, am meisten CPU { $cpu } mit { $most }

problem-idle-and-missed = Inferenz-CPUs verbrachten { $share } der Zeit in tiefen Schlafzuständen
effect-idle-and-missed = Anfragen, die auf eine CPU in tiefem Schlafzustand treffen, warten, bis sie aufgewacht ist, und die langsamsten Antworten verfehlen das Zugesagte.
detail-idle-and-missed = CPUs des Dienstes verbrachten { $share } der Zeit in den Schlafzuständen { $states }, am meisten CPU { $cpu } mit { $most }, und die p99-Latenz verfehlt das Ziel

problem-idle-and-met = Inferenz-CPUs verbrachten { $share } der Zeit in tiefen Schlafzuständen
effect-idle-and-met = Anfragen, die auf eine CPU in tiefem Schlafzustand treffen, warten, bis sie aufgewacht ist; die langsamsten Antworten halten das Zugesagte dennoch ein.
detail-idle-and-met = CPUs des Dienstes verbrachten { $share } der Zeit in den Schlafzuständen { $states }, am meisten CPU { $cpu } mit { $most }; die p99-Latenz hält das Ziel dennoch ein

problem-open = Die CPUs { $cpus } des Dienstes dürfen in { $states } schlafen
effect-open = Ein Prozessor, der so tief schläft, braucht so lange zum Aufwachen, und Arbeit für die GPUs wartet darauf; Tokens kommen spät, vor allem bei geringer Last.
detail-open = Ruhezustände { $states } sind auf CPUs erlaubt, auf denen Server laufen{ $share ->
    [unknown] ; wie lange CPUs darin waren, wurde nicht aufgezeichnet
   *[other] , die { $share } der Zeit seit dem Start darin waren
}

found-rarely = CPUs des Dienstes verbrachten { $share } der Zeit in den Schlafzuständen { $states }, am meisten CPU { $cpu } mit { $most }
found-request = ein Programm verlangt vom Kernel eine Aufwachzeit von höchstens { $latency }
found-shallow = der tiefste Schlafzustand, in den CPUs des Dienstes gehen können, ist { $state } ({ $latency })
found-none-enabled = kein Schlafzustand bis { $latency } ist eingeschaltet
found-unread-time = ihre Zeit in tiefen Schlafzuständen wurde nicht zweimal gelesen
found-unknown-objective = ob die p99-Latenz das Ziel verfehlt, ist nicht bekannt: { $reason }
found-unknown-use = Schlafzustände { $states } sind auf den CPUs { $cpus } eingeschaltet, aber ob CPUs des Dienstes sie nutzen, ist nicht bekannt: { $reason }
found-no-busy-thread = Schlafzustände { $states } sind auf den CPUs { $cpus } eingeschaltet, aber kein Thread eines Inferenzservers war beschäftigt: erheben, während der Dienst läuft
found-unknown-servers = Schlafzustände { $states } sind auf den CPUs { $cpus } eingeschaltet, aber wo Inferenzserver liefen, ist nicht bekannt: { $reason }
found-no-load = Schlafzustände { $states } sind auf den CPUs { $cpus } eingeschaltet, aber { $reason }
found-unknown-time = Schlafzustände { $states } sind auf den CPUs { $cpus } eingeschaltet, aber die Zeit in ihnen ist nicht bekannt: { $reason }
found-no-states = keine Schlafzustände auf einer physischen Maschine gefunden: { $reason }
found-virtual = virtuelle Maschine ({ $virtualization }) ohne Schlafzustände: den Anbieter fragen
problem-enabled = Die Schlafzustände { $states } sind erlaubt
detail-enabled = die Schlafzustände { $states } sind auf den CPUs { $cpus } erlaubt: eine CPU, die darin schläft, wacht erst nach dieser Zeit auf
