title = Echtzeit-Scheduling wird nicht missbraucht
why = Ein Thread, der mit der Policy FIFO ohne Pause läuft, kann Threads des Kernels aushungern und den Knoten blockieren.
effect = Läuft ein solcher Thread einmal ohne Pause, bekommt andere Arbeit auf seinem Prozessor, auch die des Dienstes selbst, wenig oder keine Zeit.
applicability = Physische Maschinen, virtuelle Maschinen und Container mit der Capability `SYS_NICE`
expected-effect = Es ist keine Zahl veröffentlicht.

limit-spins = CPU-Zeit eines Threads, der ohne Pause läuft
limit-spins-applies = Threads mit einer Echtzeit-Policy
limit-spins-source = unser Vorschlag: ein Thread, der auf irgendetwas wartet, belegt weniger

problem-real-time = { $threads_count ->
    [one] { $threads_count } Thread von Prozess { $pid } kann
   *[other] { $threads_count } Threads von Prozess { $pid } können
} alle andere Arbeit verdrängen
detail-real-time = { $threads_count ->
    [one] { $threads_count } Thread hat
   *[other] { $threads_count } Threads haben
} die Policy `{ $policy }`{ $state ->
    [limited] {"; "}das Laufzeitlimit des Kernels für Echtzeit-Threads ist in Kraft
    [fair-server] {" "}ohne Laufzeitlimit für Echtzeit-Threads; der Fair Server dieses Kernels hält einen Anteil für gewöhnliche Threads frei
    [unlimited] {" "}ohne Laufzeitlimit für Echtzeit-Threads
   *[unknown] {""}
}

problem-pauses = { $threads_count ->
    [one] { $threads_count } Thread von Prozess { $pid } kann
   *[other] { $threads_count } Threads von Prozess { $pid } können
} alle andere Arbeit verdrängen
detail-pauses = { $threads_count ->
    [one] { $threads_count } Thread hat
   *[other] { $threads_count } Threads haben
} die Policy `{ $policy }` ohne Laufzeitlimit für Echtzeit-Threads; der aktivste belegte { $share } einer CPU

problem-spins = Prozess { $pid } belegt { $share } einer CPU vor aller anderen Arbeit
effect-spins = Dieser Thread hält andere Arbeit von seinem Prozessor fern, auch die des Kernels selbst; das kann den ganzen Knoten blockieren.
detail-spins = { $threads_count ->
    [one] { $threads_count } Thread hat
   *[other] { $threads_count } Threads haben
} die Policy `{ $policy }` ohne Laufzeitlimit für Echtzeit-Threads, und einer belegte { $share } einer CPU: er kann die Threads des Kernels selbst aushungern

found-ordinary = { $threads_count ->
    [one] { $threads_count } Thread hat keine Echtzeit-Policy
   *[other] keiner von { $threads_count } Threads hat eine Echtzeit-Policy
}, und das Laufzeitlimit für Echtzeit-Threads entspricht der Voreinstellung
problem-other-limit = Das Laufzeitlimit für Echtzeit-Threads ist { $limit } µs
detail-other-limit = { $threads_count ->
    [one] { $threads_count } Thread hat keine Echtzeit-Policy
   *[other] keiner von { $threads_count } Threads hat eine Echtzeit-Policy
}; das Laufzeitlimit für Echtzeit-Threads ist { $limit } µs, nicht die Voreinstellung von 950000
found-unknown-limit = es ist nicht bekannt, ob die Laufzeit von Echtzeit-Threads begrenzt ist: { $reason }
found-unknown-load = es ist nicht bekannt, ob diese Threads ohne Pause laufen: { $reason }
found-gone = es ist nicht bekannt, ob diese Threads ohne Pause laufen: keiner von ihnen war bei beiden Messungen da
found-unknown-policies = { $threads_count ->
    [one] die Policy von { $threads_count } Thread ist nicht bekannt: { $reason }
   *[other] die Policy von { $threads_count } Threads ist nicht bekannt, beim ersten: { $reason }
}
found-no-thread = { $processes_count ->
    [one] kein Thread von Prozess { $pid } ({ $comm }) wurde gelesen
   *[other] kein Thread von { $processes_count } Prozessen wurde gelesen, der erste ist { $pid } ({ $comm })
}
found-no-server = kein Prozess eines Inferenzservers gefunden: während des Betriebs sammeln
