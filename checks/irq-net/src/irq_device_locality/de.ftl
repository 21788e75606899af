title = Interrupts von Netzwerkkarten und GPUs werden auf dem NUMA-Knoten des Geräts bearbeitet
why = Ein Gerät, dessen Interrupts auf dem anderen Sockel bearbeitet werden, nutzt mit jedem die Verbindung zwischen den Sockeln, und seine Paketpuffer liegen im falschen Speicher.
effect = Daten dieses Geräts nehmen den Weg über den anderen Prozessor; Anfragen und Ergebnisse kommen später an, vor allem wenn es viele sind.
applicability = Physische Maschinen; virtuelle Maschinen mit durchgereichten Geräten; Hosts mit zwei oder mehr NUMA-Knoten, die CPUs haben; in einem Container zählt der Host
expected-effect = ESnet: TCP und UDP auf dem falschen Sockel bis zu 2x langsamer (40 und 100 Gbit/s). Für Sprachmodelle ist keine Zahl veröffentlicht.

limit-local = Anteil der Interrupts eines Geräts auf dem eigenen Knoten, wie er sein soll
limit-local-applies = Hosts mit zwei oder mehr NUMA-Knoten, die CPUs haben
limit-local-source = unser Vorschlag

limit-far = Anteil der Interrupts eines Geräts auf dem eigenen Knoten, zu niedrig für ein ausgelastetes Gerät
limit-far-applies = Hosts mit zwei oder mehr NUMA-Knoten, die CPUs haben
limit-far-source = unser Vorschlag

limit-busy-link = Verkehr, ab dem der Ort der Interrupts zählt
limit-busy-link-applies = Netzwerkkarten, beide Richtungen zusammen
limit-busy-link-source = unser Vorschlag: ESnet hat die Wirkung bei 40 und 100 Gbit/s gesehen

limit-busy-lines = Rate der Interrupts eines Geräts, ab der ihr Ort zählt
limit-busy-lines-applies = Netzwerkkarten und GPUs
limit-busy-lines-source = unser Vorschlag

limit-quiet = Rate der Interrupts eines Geräts, unter der das Messfenster nichts aussagt
limit-quiet-applies = Netzwerkkarten und GPUs
limit-quiet-source = unser Vorschlag

problem-away = Ein anderer NUMA-Knoten bearbeitet { $away } der Interrupts von { $device_kind ->
    [gpu] GPU { $name }
   *[card] Netzwerkkarte { $name }
}
detail-away = { $share } der { $rate } Interrupts je Sekunde werden auf dem eigenen Knoten bearbeitet (CPUs { $cpus }){ $counted ->
    [yes] , bei { $traffic }
   *[no] {""}
}

problem-set-away = Interrupts von { $device_kind ->
    [gpu] GPU { $name }
   *[card] Netzwerkkarte { $name }
} sind auf einen anderen NUMA-Knoten gelegt
effect-set-away = Sobald dieses Gerät beschäftigt ist, nehmen seine Daten den Weg über den anderen Prozessor; Anfragen und Ergebnisse kommen später an.
detail-set-away = nur { $share } der Interrupts seit dem Start kamen über Interrupt-Leitungen, die jetzt auf den eigenen Knoten zeigen (CPUs { $cpus })

found-no-line = keiner seiner Interrupts wurde am Namen erkannt: Ob sie in seiner Nähe bedient werden, ist nicht bekannt
found-own-node = Interrupts werden auf dem NUMA-Knoten des Geräts bearbeitet
found-quiet = zu wenige Interrupts, um zu beurteilen, wo sie bearbeitet werden: mit `--sample` unter Last sammeln
found-unknown-traffic = { $share } der { $rate } Interrupts je Sekunde werden auf dem eigenen Knoten bearbeitet (CPUs { $cpus }); der Verkehr im Messfenster, der entscheiden würde, ist nicht bekannt
found-unknown-line = wohin Interrupt { $irq } geht oder wie oft er kam, ist nicht bekannt
found-no-node = die Firmware nennt den NUMA-Knoten nicht: `{ $file }` ist { $node }
found-no-cpus = der zugehörige NUMA-Knoten { $node } hat keine CPUs
found-one-node = alle CPUs sind in einem NUMA-Knoten
found-no-device = keine Netzwerkkarte in Betrieb und keine GPU löst Interrupts aus, die ihr zugeordnet werden konnten
