title = Leistungsgrenze und Takt der GPUs sind wie beabsichtigt
why = Eine vergessene Grenze oder ein fester Takt senkt den Durchsatz beim Prefill. Eine bewusste kann ein guter Tausch sein.
effect = Die GPU rechnet langsamer, als sie könnte: Lange Prompts warten länger auf das erste Token, und der Knoten bedient weniger Anfragen.
applicability = Physische und virtuelle Maschinen; NVIDIA; die Grenzen anderer GPUs werden nicht gelesen
expected-effect = Keine veröffentlichte Zahl gefunden; das Decodieren ist weniger empfindlich als der Prefill. Tokens je Watt mit und ohne Grenze messen.

limit-loaded = Auslastung einer GPU, ab der eine Probe als belastet zählt
limit-loaded-applies = Proben von NVML, etwa im Abstand einer Sekunde
limit-loaded-source = unser Vorschlag: GPUs ohne Arbeit zeigen 0 %, arbeitende weit mehr

limit-full = Leistungsgrenze als Anteil der Vorgabe, unter dem gewarnt wird
limit-full-applies = NVIDIA-GPUs
limit-full-source = unser Vorschlag: Grenzen werden in ganzen Watt gesetzt

limit-deep = Leistungsgrenze als Anteil der Vorgabe, unter dem es ein Fehler ist
limit-deep-applies = NVIDIA-GPUs
limit-deep-source = unser Vorschlag: Darunter wird der Prefill im selben Verhältnis langsamer

limit-capped = Anteil der Proben unter Last, in denen die Grenze sichtbar wirkt
limit-capped-applies = NVIDIA-GPUs unter Last
limit-capped-source = unser Vorschlag: häufiger als nicht

problem-limited = { $gpus_count ->
    [one] GPU { $gpu } ist
   *[other] { $gpus_count } von { $all_count } GPUs sind
} auf { $share } der vorgegebenen Leistung begrenzt
detail-limited = Leistungsgrenze bei { $share } der Vorgabe{ $gpus_count ->
    [one] {" "}({ $least_limit } von { $most_default })
   *[other] {""}
}

problem-low-clocks = { $gpus_count ->
    [one] Der Takt von GPU { $gpu } ist
   *[other] Die Takte von { $gpus_count } der { $all_count } GPUs sind
} unter die Vorgabe gesetzt
detail-low-clocks = { $gpus_count ->
    [one] der Anwendungstakt ist auf { $least_clock } gesetzt, unter die Vorgabe von { $most_default }
   *[other] die Anwendungstakte sind unter die Vorgabe gesetzt, bis hinunter zu { $least_clock }
}

problem-set-clocks = Jemand hat den Takt von { $gpus_count ->
    [one] GPU { $gpu }
   *[other] { $gpus_count } der { $all_count } GPUs
} festgelegt
effect-set-clocks = Die GPU läuft mit einem gewählten Takt und nicht mit dem, den Last und Wärme zulassen; ist er nur vergessen worden, warten Anfragen ohne Grund.
detail-set-clocks = jemand hat den Takt festgelegt

problem-unequal = { $gpus_count } gleiche GPUs haben Leistungsgrenzen von { $lowest } bis { $highest }
effect-unequal = Erstreckt sich ein Modell über diese GPUs, warten alle auf die mit der niedrigsten Grenze; sonst hängt die Geschwindigkeit einer Antwort davon ab, welche GPU sie gerade bekommt.
detail-unequal = { $gpus_count } GPUs des Modells { $model } haben verschiedene Leistungsgrenzen, { $lowest } bis { $highest }

found-as-made = Leistungsgrenze und Takt sind, wie der Hersteller sie gesetzt hat
found-no-default = die von NVML gemeldete Vorgabe der Leistungsgrenze ist keine Grenze
found-nameless = welche GPUs gleich sind, ist nicht bekannt: { $gpus_count ->
    [one] Das Modell von { $gpus_count } GPU ist unbekannt
   *[other] Das Modell von { $gpus_count } GPUs ist unbekannt
}
found-no-gpu = keine GPU gefunden
found-other-vendor = die GPUs sind vom Hersteller `{ $vendor }`: Bisher werden nur Grenzen und Takte von NVIDIA-GPUs gelesen
found-no-device = NVML führt keine GPU auf, und aus PCI geht nicht hervor, dass es keine gibt
