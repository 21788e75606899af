title = Automatisches NUMA-Balancing passt zur Bindung
why = Seine Seitenfehler halten Threads an und können einer ausdrücklichen Platzierung entgegenwirken; die ROCm-Dokumentation warnt, dass eine GPU stillstehen kann, bis ein Durchgang des Balancing beendet ist.
effect = Der Kernel unterbricht Threads des Dienstes immer wieder, um zu sehen, wo ihr Speicher liegen sollte, obwohl sie dort sind, wo sie hingehören; Antworten kommen ungleichmäßiger, und gewonnen ist nichts.
applicability = Physische Maschinen; virtuelle Maschinen mit vNUMA; Hosts mit zwei oder mehr NUMA-Knoten, die Speicher haben; für Container zählt der Host
expected-effect = Hugging Face zeigt für TGI mit Llama 70B auf MI250 stark erhöhte Leistung, wenn es aus ist (eine Abbildung ohne Zahlen). Für NVIDIA-GPUs ist keine Zahl veröffentlicht.
caveat = AMD rät, beides zu testen: Manche Anwendungen werden ohne Balancing langsamer.

limit-faults = Seitenfehler des NUMA-Balancing pro Zeit
limit-faults-applies = gebundene Worker unter Last
limit-faults-source = unser Vorschlag: bei einer Mikrosekunde oder mehr je Fehler ein Tausendstel einer CPU, verteilt auf die wartenden Threads

limit-migrations = Seiten, die NUMA-Balancing verschiebt, pro Zeit
limit-migrations-applies = gebundene Worker unter Last
limit-migrations-source = unser Vorschlag

problem-on-and-pinned = NUMA-Balancing ist an, obwohl { $workers_count ->
    [one] { $workers_count } Worker gebunden ist
   *[other] { $workers_count } Worker gebunden sind
}
effect-on-and-pinned = Der Kernel kann Threads des Dienstes unterbrechen, um zu sehen, wo ihr Speicher liegen sollte, obwohl sie dort sind, wo sie hingehören; Antworten können ungleichmäßiger kommen, und gewonnen ist nichts.
detail-on-and-pinned = Balancing ist an, obwohl sie gebunden sind; das kostet Seitenfehler und bringt nichts

problem-at-work = NUMA-Balancing verursacht { $faults_rate } Seitenfehler pro Sekunde trotz gebundener Worker
detail-at-work = Balancing ist an, obwohl { $workers_count ->
    [one] der Worker gebunden ist
   *[other] die { $workers_count } Worker gebunden sind
}; das kostet Seitenfehler und bringt nichts: { $faults_rate } Seitenfehler und { $moves_rate } verschobene Seiten pro Sekunde auf diesem Knoten

problem-off-and-free = Nichts hält den Speicher von { $workers_count ->
    [one] { $workers_count } Worker nahe seinen
   *[other] { $workers_count } Workern nahe ihren
} Threads
effect-off-and-free = Threads des Dienstes laufen unter Umständen dauerhaft fern von ihrem Speicher; Antworten können später und ungleichmäßiger kommen, nach jedem Neustart anders.
detail-off-and-free = Balancing ist aus, und sie sind nicht gebunden; nichts bringt ihren Speicher in ihre Nähe

problem-on-with-amd = NUMA-Balancing ist an, obwohl hier GPUs von AMD arbeiten
effect-on-with-amd = Nach der Dokumentation von AMD kann eine GPU stillstehen, bis ein Durchgang des Balancing beendet ist; so lange bleiben Antworten aus.
detail-on-with-amd = Balancing ist an; AMD verlangt, es abzuschalten, wo seine GPUs arbeiten; sie sind nicht gebunden

found-off-and-pinned = Balancing ist aus, und sie sind an je einen NUMA-Knoten gebunden
found-bound = ihr Speicher hat eine eigene Policy, die das Balancing nicht anrührt
found-on-and-free = Balancing ist an, und sie sind nicht gebunden
found-off-for-amd = Balancing ist aus, wie AMD es für seine GPUs verlangt; sie sind nicht gebunden
found-unknown-gpus = ob Balancing an sein soll, hängt von den GPUs ab, die nicht bekannt sind: { $reason }
problem-few-faults = Die automatische NUMA-Verteilung verursacht wenige Seitenfehler
detail-few-faults = unter Last { $faults_rate } Seitenfehler pro Sekunde, wenige
found-one-node = der gesamte Speicher liegt in einem NUMA-Knoten
found-no-worker = kein Prozess eines Inferenzservers gefunden, der Arbeit auf GPUs startet: während des Betriebs sammeln
