title = Die Sub-NUMA-Aufteilung (AMD NPS, Intel SNC) passt zum Serving
why = Kleinere Knoten helfen nur, wenn jeder Worker gebunden ist und hineinpasst. Sonst fehlen den Workern lokale Kerne und lokaler Speicher.
effect = Worker laufen auf zu wenigen Kernen oder mit Speicher eines anderen Prozessorteils; Antworten kommen später und ungleichmäßiger.
applicability = Physische Maschinen; virtuelle Maschinen nur, wo die Aufteilung durchgereicht wird; Container; Knoten mit GPUs; AMD EPYC und Intel Xeon
expected-effect = Für Serving auf GPUs ist keine Zahl veröffentlicht. Intel zeigt +30 % für Java, wenn Gruppen von Prozessen zu drei Knoten eines Sockels passten: der Gewinn kam aus der Übereinstimmung, nicht aus der Aufteilung.

limit-little = zu wenig freier Speicher im Knoten einer GPU, während ein anderer Knoten reichlich hat
limit-little-applies = Sockel, die in mehrere Knoten geteilt sind
limit-little-source = unser Vorschlag: darunter gehen Anforderungen an andere Knoten, da der Kernel eine Reserve hält

limit-plenty = reichlich freier Speicher eines anderen Knotens
limit-plenty-applies = Sockel, die in mehrere Knoten geteilt sind
limit-plenty-source = unser Vorschlag

problem-full = Nur { $free } des Speichers von NUMA-Knoten { $node } sind frei
effect-full = Worker neben diesem Speicher bekommen Speicher eines anderen Teils der Maschine, der langsamer zu erreichen ist; Antworten kommen später und ungleichmäßiger.
detail-full = { $free } des Speichers sind frei, in Knoten { $other } dagegen { $other_free }: Worker bekommen Speicher anderer Knoten

problem-unbound = Der Worker (PID { $pid }) ist nicht an einen Sockel gebunden
effect-unbound = Dieser Worker und sein Speicher können über mehrere Prozessoren verteilt sein; Antworten kommen später und ungleichmäßiger.
detail-unbound = nicht an einen Sockel gebunden, auf einem Knoten, dessen Sockel in mehrere NUMA-Knoten geteilt sind

problem-crowded = { $processes_count ->
    [one] { $processes_count } Prozess des Servers (PID { $server }) hat
   *[other] { $processes_count } Prozesse des Servers (PID { $server }) haben
} { $cores_count ->
    [0] keinen ganzen Kern
    [one] nur { $cores_count } ganzen Kern
   *[other] nur { $cores_count } ganze Kerne
}
effect-crowded = Diese Prozesse warten aufeinander; Antworten kommen später und ungleichmäßiger.
detail-crowded = an { $nodes_count ->
    [one] Knoten { $nodes }
   *[other] die Knoten { $nodes }
} gebunden, { $cores_count ->
    [0] kein ganzer Kern
    [one] { $cores_count } ganzer Kern
   *[other] { $cores_count } ganze Kerne
} für { $processes_count ->
    [one] { $processes_count } Prozess des Servers, der darauf beschränkt ist
   *[other] { $processes_count } Prozesse des Servers, die darauf beschränkt sind
}

found-bound = an { $nodes_count ->
    [one] Knoten { $nodes }
   *[other] die Knoten { $nodes }
} gebunden, { $cores_count ->
    [one] { $cores_count } ganzer Kern
   *[other] { $cores_count } ganze Kerne
} für { $processes_count ->
    [one] { $processes_count } Prozess des Servers
   *[other] { $processes_count } Prozesse des Servers
}
found-room = kein Knoten einer GPU ist voll, während ein anderer leer ist
found-not-split = kein Sockel ist in mehrere Knoten geteilt
found-no-node = keine Quelle nennt den NUMA-Knoten (siehe `topo.gpu-numa-known`)
found-no-worker = kein Prozess mit GPU gefunden: während des Betriebs sammeln
found-no-gpu = keine GPU gefunden
