title = Interrupts werden von genau einer Stelle verteilt
why = irqbalance überschreibt von Hand gesetzte Zuordnungen, und ohne jede Verteilung sammeln sich Interrupts auf einer CPU.
effect = Eine CPU wird von fast allen Geräten unterbrochen; was sonst dort läuft und das Netz dahinter werden unter Last langsamer.
applicability = Physische und virtuelle Maschinen; in einem Container zählt der Host
expected-effect = Für Sprachmodelle ist keine Zahl veröffentlicht.

limit-one-cpu = Anteil der Geräte-Interrupts auf einer CPU
limit-one-cpu-applies = Knoten mit zwei oder mehr CPUs, auf denen irqbalance nicht läuft
limit-one-cpu-source = unser Vorschlag

limit-on-isolated = Rate der Geräte-Interrupts auf isolierten CPUs
limit-on-isolated-applies = Hosts, die CPUs isolieren
limit-on-isolated-source = unser Vorschlag: Isolation soll sie gerade verhindern

problem-list-lacks = irqbalance darf Interrupts auf { $open_count ->
    [one] die isolierte CPU { $open }
   *[other] die isolierten CPUs { $open }
} legen
effect-list-lacks = Geräte können CPUs unterbrechen, die freigehalten werden, damit nichts sie stört; Antworten können dann ungleichmäßiger kommen.
detail-list-lacks = die Ausschlussliste { $banned } überlässt Interrupts { $open_count ->
    [one] der CPU { $open }, die
   *[other] den CPUs { $open }, die
} der Kernel isoliert

problem-on-isolated = { $cpus_count ->
    [one] Die isolierte CPU { $cpus } bearbeitet
   *[other] Die isolierten CPUs { $cpus } bearbeiten
} { $rate } Geräte-Interrupts je Sekunde
effect-on-isolated = Geräte unterbrechen CPUs, die freigehalten werden, damit nichts sie stört; Antworten kommen ungleichmäßiger.
detail-on-isolated = hier wurden { $rate } Geräte-Interrupts je Sekunde bearbeitet

problem-piled-up = CPU { $cpu } bearbeitet { $share } aller Geräte-Interrupts
detail-piled-up = irqbalance läuft nicht, und CPU { $cpu } bearbeitet { $share } { $basis ->
    [window] von { $rate } Geräte-Interrupts je Sekunde
   *[boot] der Geräte-Interrupts seit dem Start, danach, wohin jede Leitung jetzt geht
}

found-spread-out = irqbalance läuft nicht, und keine CPU bearbeitet mehr als CPU { $cpu } mit { $share } { $basis ->
    [window] von { $rate } Geräte-Interrupts je Sekunde
   *[boot] der Geräte-Interrupts seit dem Start, danach, wohin jede Leitung jetzt geht
}
found-nothing-isolated = verteilt Interrupts, und keine CPU ist isoliert
found-no-list = keine Ausschlussliste; irqbalance lässt daher die CPUs { $isolated } aus, die der Kernel isoliert
found-list-holds = die Ausschlussliste { $banned } enthält die isolierten CPUs { $isolated }
found-off-isolated = hier wurden { $rate } Geräte-Interrupts je Sekunde bearbeitet
found-one-cpu-only = es gibt nur eine CPU, die alle Interrupts bearbeitet
found-none-of-a-cpu = von keinem Geräte-Interrupt ist bekannt, welche CPU ihn bearbeitet hat: mit `--sample` sammeln
found-in-container = in einem Container gesammelt ({ $container }), der weder die Prozesse noch die Konfiguration des Hosts sieht: auf dem Host sammeln
