title = Die CPUs sind zwischen System, Interrupts und Inferenz aufgeteilt (geteilte Hosts)
why = Ohne Aufteilung landet jeder neue Agent auf den CPU-Kernen, die GPU-Kernel starten.
effect = Was sonst auf diesem Knoten läuft, kann den Threads, die die GPUs versorgen, CPU-Zeit wegnehmen; sobald das geschieht, kommen Antworten später und ungleichmäßiger.
applicability = Physische und virtuelle Maschinen; Container lesen die Einstellung des Hosts
expected-effect = Außer der Zahl zu `sched.noisy-neighbours` ist keine veröffentlicht.
caveat = `isolcpus` schaltet den Lastausgleich auf seinen CPUs ab: Alle Threads eines Workers können auf einem Kern bleiben. Cpusets sind vorzuziehen. `nohz_full` hilft nur bei einem lauffähigen Thread je CPU.

limit-some = CPU-Zeit anderer Programme auf den Inferenz-CPUs
limit-some-applies = Inferenz-CPUs im Messfenster
limit-some-source = unser Vorschlag: Systemaufgaben eines dedizierten Hosts brauchen weniger

limit-much = CPU-Zeit anderer Programme auf den Inferenz-CPUs, ab der die Prüfung fehlschlägt
limit-much-applies = Inferenz-CPUs im Messfenster
limit-much-source = unser Vorschlag; eunomia.dev hat -8,8 % Durchsatz durch CPU-Störungen gemessen

limit-long = Wartezeit auf eine CPU, bezogen auf die Zeit, in der ein kritischer Thread lauffähig war, ab der die Prüfung fehlschlägt
limit-long-applies = kritische Threads unter Last
limit-long-source = unser Vorschlag: einer von zwanzig Schritten kommt zu spät

problem-unbalanced = Auf den CPUs { $cpus } der Server gibt es keinen Lastausgleich
effect-unbalanced = Threads des Dienstes können sich auf einem Prozessor stauen, während andere daneben unbeschäftigt sind; Antworten kommen dadurch später als nötig.
detail-unbalanced = Server mit vielen Threads dürfen auf CPUs laufen, die `isolcpus` vom Lastausgleich ausnimmt: Threads eines Workers können auf einem Kern bleiben

problem-no-tick = `nohz_full` ist für CPUs { $cpus } der Server gesetzt
effect-no-tick = Jeder Aufruf des Betriebssystems dauert auf diesen Prozessoren länger, und ein Dienst mit vielen Threads hat keinen Vorteil davon.
detail-no-tick = `nohz_full` ist für CPUs der Server gesetzt: es hilft nur bei einem lauffähigen Thread je CPU und verteuert jeden Systemaufruf

problem-service-confined = systemd lässt den Server (PID { $pid }) nur { $cpus_count } von { $online_count } CPUs
effect-service-confined = Der Dienst teilt sich wenige Prozessoren mit allen anderen Diensten dieses Knotens, während die meisten ungenutzt bleiben; Antworten kommen später als nötig.
detail-service-confined = Prozess { $pid } darf nur auf den CPUs { $cpus } laufen, { $cpus_count } von { $online_count }; es sind die, die systemd jedem Dienst ohne eigene CPU-Einstellung gibt

problem-services-confined = systemd lässt Diensten nur { $cpus_count } von { $online_count } CPUs
effect-services-confined = Ein als Dienst gestarteter Inferenz-Server bekommt wenige Prozessoren, wenn seine Unit keine anderen setzt; Antworten kommen dann später als nötig.
detail-services-confined = was systemd startet, darf nur auf den CPUs { $cpus } laufen ({ $cpus_count } von { $online_count }), sofern Unit oder Container keine eigenen CPUs setzen

problem-siblings = Isolierte CPUs { $cpus } teilen ihre Kerne mit anderen CPUs
effect-siblings = Arbeit, die fernbleiben sollte, läuft auf dem zweiten Thread dieser Kerne und nimmt ihnen einen Teil ihrer Geschwindigkeit; was dort läuft, ist also nicht ungestört.
detail-siblings = die CPUs { $cpus } wurden abgetrennt, auf denselben physischen Kernen liegen aber CPUs für alle übrige Arbeit

problem-shared = Andere Programme nutzen die CPUs der Server mit und belegten davon { $share }
detail-shared = keine Aufteilung: { $programs_count ->
    [one] { $programs_count } anderer Prozess ({ $programs }) darf auf den CPUs der Server laufen
   *[other] { $programs_count } andere Prozesse ({ $programs }) dürfen auf den CPUs der Server laufen
}; andere belegten davon { $share }{ $busiest ->
    [none] {""}
   *[other] {", "}am meisten { $busiest }, als Anteil an einer CPU
}

problem-late = Thread { $tid } ({ $comm }) wartet auf CPUs, die auch andere Programme nutzen
effect-late = Andere Programme laufen auf den Prozessoren des Dienstes, und dessen eigene Arbeit muss dort warten; Antworten kommen dadurch später und ungleichmäßiger.
detail-late = keine Aufteilung: { $programs_count ->
    [one] { $programs_count } anderer Prozess ({ $programs }) darf auf den CPUs der Server laufen
   *[other] { $programs_count } andere Prozesse ({ $programs }) dürfen auf den CPUs der Server laufen
}; andere belegten davon { $share }{ $busiest ->
    [none] {""}
   *[other] {", "}am meisten { $busiest }, als Anteil an einer CPU
}, und der kritische Thread { $tid } ({ $comm }) wartet auf eine CPU

problem-services-apart = systemd lässt seinen Diensten { $cpus_count } von { $online_count } CPUs
detail-services-apart = systemd lässt seinen Diensten die CPUs { $cpus } ({ $cpus_count } von { $online_count }); kein Inferenz-Server ist auf sie beschränkt
problem-in-bpf = Der Scheduler des Kernels ist ein BPF-Programm ({ $name })
detail-in-bpf = der Scheduler des Kernels ist ein BPF-Programm ({ $name }): es entscheidet selbst, was Nice-Werte, Gewichte von Kontrollgruppen und isolierte CPUs bedeuten
found-apart = die Server haben die CPUs { $inference } für sich; alle anderen Programme bleiben auf den CPUs { $others }
found-not-needed = keine Aufteilung: { $programs_count ->
    [one] { $programs_count } anderer Prozess ({ $programs }) darf auf den CPUs der Server laufen
   *[other] { $programs_count } andere Prozesse ({ $programs }) dürfen auf den CPUs der Server laufen
}, aber andere belegten davon { $share }{ $busiest ->
    [none] {""}
   *[other] {", "}am meisten { $busiest }, als Anteil an einer CPU
}: eine Aufteilung ist nicht nötig
found-unknown-use = keine Aufteilung: { $programs_count ->
    [one] { $programs_count } anderer Prozess ({ $programs }) darf auf den CPUs der Server laufen
   *[other] { $programs_count } andere Prozesse ({ $programs }) dürfen auf den CPUs der Server laufen
}; es ist nicht bekannt, ob dies geschieht: { $reason }
found-no-times = keine Aufteilung: { $programs_count ->
    [one] { $programs_count } anderer Prozess ({ $programs }) darf auf den CPUs der Server laufen
   *[other] { $programs_count } andere Prozesse ({ $programs }) dürfen auf den CPUs der Server laufen
}; die Zeiten der CPUs { $cpus } ergeben zusammen nicht die gemessene Zeit
found-seen-in-part = keine Aufteilung: { $programs_count ->
    [one] { $programs_count } anderer Prozess ({ $programs }) darf auf den CPUs der Server laufen
   *[other] { $programs_count } andere Prozesse ({ $programs }) dürfen auf den CPUs der Server laufen
}; andere belegten davon { $share }{ $busiest ->
    [none] {""}
   *[other] {", "}am meisten { $busiest }, als Anteil an einer CPU
}, soweit bekannt ist, welche CPUs die Server nutzen dürfen: { $reason }
found-uncounted = die Zeiten ergeben zusammen nicht die gemessene Zeit
found-unknown-wait = es ist nicht bekannt, ob kritische Threads auf eine CPU warten: { $reason }
found-stray = es ist nicht bekannt, ob kritische Threads auf eine CPU warten: Thread { $tid } ({ $comm }) gehört zu keinem bekannten Prozess
found-no-mask = für keinen Thread eines Inferenzservers ist bekannt, welche CPUs er nutzen darf
found-no-others = für kein anderes Programm ist bekannt, welche CPUs es nutzen darf
found-malformed = { $path } enthält `{ $text }`, was keine Liste von CPUs ist
found-no-server = kein Prozess eines Inferenzservers gefunden: während des Betriebs sammeln
