title = Geräte-Interrupts bleiben den wichtigsten Inferenz-Kernen fern
why = Auf einem Host, der nur Inferenz rechnet, kosten Interrupts fast nichts. Auf einem mit viel Netz- oder Speicherverkehr treffen sie die Threads, die GPU-Kernel starten.
effect = Die CPUs, die die GPUs versorgen, halten immer wieder an, um Geräte zu bedienen; Antworten kommen ungleichmäßiger, vor allem die ohnehin langsamsten.
applicability = Physische und virtuelle Maschinen; in einem Container zählt der Host
expected-effect = eunomia.dev: 0,0276 % der Laufzeit in einem ungestörten Lauf; einen Gewinn also nur versprechen, wenn der gemessene Anteil hoch ist. Meta, dort zitiert, zählt Interrupts, die wichtige Aufgaben verdrängen, zu den häufigen Problemen im Betrieb. Für Sprachmodelle ist keine Zahl veröffentlicht.
caveat = Kernel ohne `CONFIG_IRQ_TIME_ACCOUNTING` schätzen die Zeit in Interrupts nur bei jedem Tick, und kurze entgehen ihnen.

limit-some-time = Anteil der Zeit in Interrupts auf einer Inferenz-CPU, merklich
limit-some-time-applies = CPUs, auf denen Scheduler und GPU-Worker laufen, unter Last
limit-some-time-source = unser Vorschlag: das Dreißigfache dessen, was eunomia.dev auf einem ungestörten Host gemessen hat (0,03 %)

limit-much-time = Anteil der Zeit in Interrupts auf einer Inferenz-CPU, zu viel
limit-much-time-applies = CPUs, auf denen Scheduler und GPU-Worker laufen, unter Last
limit-much-time-source = unser Vorschlag: einer von zwanzig Kernelstarts wartet dann auf einen Interrupt

limit-one-core = Anteil aller Interrupts von Netzwerkkarten auf einer Inferenz-CPU
limit-one-core-applies = Knoten, deren Netzwerkkarten mehr als eine Warteschlange haben
limit-one-core-source = unser Vorschlag

limit-low-rate = Rate der Interrupts von Netzwerkkarten, ab der ihr Ort zählt
limit-low-rate-applies = alle Knoten
limit-low-rate-source = unser Vorschlag: bei etwa 2 µs je Interrupt brauchen 1000 je Sekunde 0,2 % einer CPU

problem-time = Interrupts nehmen { $cpus_count ->
    [one] der Inferenz-CPU { $cpus }
   *[other] den Inferenz-CPUs { $cpus }
} bis zu { $worst } der Zeit
detail-time = Interrupts brauchten unter Last bis zu { $worst } der Zeit von CPUs, auf denen Modelle laufen

problem-one-core = CPU { $cpu } dient Modellen und bearbeitet { $share } aller Netz-Interrupts
effect-one-core = Je mehr Anfragen eintreffen, desto öfter hält die CPU, die die GPUs versorgt, für das Netz an; Antworten kommen ungleichmäßiger, vor allem die ohnehin langsamsten.
detail-one-core = CPU { $cpu } bearbeitete { $share } von { $rate } Interrupts je Sekunde, und auf ihr läuft ein beschäftigter Thread des Dienstes

found-little-time = Interrupts brauchten unter Last bis zu { $worst } der Zeit von CPUs, auf denen Modelle laufen
found-no-time = `/proc/stat` enthält für sie keine Zeit im Messfenster
found-other-core = CPU { $cpu } bearbeitete { $share } von { $rate } Interrupts je Sekunde, und auf ihr läuft kein beschäftigter Thread des Dienstes
found-spread-interrupts = keine CPU bearbeitete mehr als CPU { $cpu } mit { $share } von { $rate } Interrupts je Sekunde
problem-few-interrupts = Die Netzwerkkarten lösen nur { $rate } Interrupts je Sekunde aus
detail-few-interrupts = { $rate } je Sekunde über alle Netzwerkkarten, zu wenige, als dass ihr Ort zählte
found-no-server = kein Inferenzserver gefunden: während des Betriebs sammeln
found-no-busy-thread = kein Thread eines Schedulers oder GPU-Workers brauchte im Messfenster 1 % einer CPU: während des Betriebs sammeln
found-unknown-cpu = die CPU des beschäftigten Threads { $tid } ({ $comm }) ist nicht bekannt
