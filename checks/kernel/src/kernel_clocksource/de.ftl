title = Eine schnelle Zeitquelle ist in Gebrauch
why = Tokens, Scheduler, Python und CUDA nehmen ständig Zeitstempel, und jeder davon wird zu einem langsamen Zugriff auf ein Gerät oder einem Aufruf des Hypervisors.
effect = Die Software des Dienstes fragt die Uhrzeit ständig ab, und jede Abfrage dauert um ein Vielfaches länger als nötig; Antworten kommen dadurch später.
applicability = Physische und virtuelle Maschinen; für Container zählt der Host
expected-effect = Ein Bericht: gettimeofday dauert 4,5 µs mit hpet und etwa 100 ns mit tsc. Für Sprachmodelle ist keine Zahl veröffentlicht.

problem-slow = Der Kernel liest die Zeit aus der langsamen Quelle `{ $source }`
detail-slow = die Zeit wird aus `{ $source }` gelesen; diese Quelle ist { $source ->
    [jiffies] langsam und zudem grob
    [refined-jiffies] langsam und zudem grob
   *[other] um ein Vielfaches langsamer als ein Zähler der CPU
}

problem-tsc-unused = Die Zeit kommt aus dem langsamen `{ $source }`, obwohl `tsc` verfügbar ist
detail-tsc-unused = die Zeit wird aus `{ $source }` gelesen, was langsam ist, obwohl `tsc` verfügbar ist

problem-unstable = Der Kernel hat den Time Stamp Counter der CPU als instabil aufgegeben
effect-unstable = Ohne diesen Zähler muss die Zeit unter Umständen aus einer langsamen Quelle gelesen werden, was Antworten verzögert; Zeiten, die mit dem instabilen Zähler gemessen wurden, können falsch sein.
detail-unstable = der Kernel hat ihn für instabil befunden und aufgegeben

found-fast = die Zeit wird aus `{ $source }` gelesen
problem-nothing-faster = Die Zeit wird aus `{ $source }` gelesen; etwas Schnelleres gibt es nicht
detail-nothing-faster = die Zeit wird aus `{ $source }` gelesen, was langsam ist; der Hypervisor bietet nichts Schnelleres
problem-unknown-source = Die Zeit wird aus `{ $source }` gelesen, dessen Geschwindigkeit nicht bekannt ist
detail-unknown-source = die Zeit wird aus `{ $source }` gelesen; wie schnell das ist, ist Plumb nicht bekannt
found-no-hypervisor = die Zeit wird aus `{ $source }` gelesen, was ein Hypervisor bereitstellt, aber die CPU zeigt keinen
found-unknown-stability = ob er stabil ist, ist nicht bekannt: { $reason }
