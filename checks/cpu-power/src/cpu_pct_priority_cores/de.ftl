title = Vorrangkerne (Intel SST-TF / PCT) und größere Kerne bedienen die Anfragen
why = Auf solchen Hosts laufen die Kerne ohne Vorrang nahe an ihrem Basistakt. Die Vorrangkerne zu verfehlen kostet weit mehr als eine falsche Platzierung sonst.
effect = Die Threads, die die GPUs versorgen, laufen mit niedrigerem Takt, als der Prozessor für sie vorsieht; die GPUs warten, und Antworten dauern länger.
applicability = Physische Maschinen; Intel Xeon 6 mit PCT (6776P, Hosts wie HGX B300) und Intel-Server, deren Kerne verschiedene Stufen nennen und Maschinen mit zweierlei Kernen; sonst nichts
expected-effect = Intel als Hersteller: 218 gegenüber 121 Tokens pro Sekunde Goodput, das 1,8-Fache, für Qwen3-235B mit 100K Kontext auf 8x HGX B300 bei einem Ziel von 400 ms. NVIDIA Megatron-Bridge: Der Verlust der PCT-Bindung kostete im Training auf 64x B300 etwa 7,3 % Durchsatz. Ein früherer Pull Request dort (#1928) sagt, die PCT-Bindung hole 60 % eines Rückgangs zurück, in Worten, die sich zweierlei lesen lassen.
caveat = Die übrigen Kerne vom Schlafen abzuhalten nimmt die elektrische Leistung weg, die die Vorrangkerne brauchen.

limit-step = Abstand zwischen Leistungsstufen, ab dem die höheren Vorrangkerne sind
limit-step-applies = Intel-Server-CPUs mit CPPC sowie Kapazitäten oder Höchsttakte aller CPUs
limit-step-source = unser Vorschlag: Bevorzugte Kerne ohne Vorrang unterscheiden sich um wenige Prozent

limit-partly = CPU-Zeit kritischer Threads abseits der Vorrangkerne
limit-partly-applies = Hosts, auf denen Vorrangkerne wirksam sind
limit-partly-source = unser Vorschlag

limit-mostly = CPU-Zeit kritischer Threads abseits der Vorrangkerne, ab der die Prüfung nicht bestanden ist
limit-mostly-applies = Hosts, auf denen Vorrangkerne wirksam sind
limit-mostly-source = unser Vorschlag

limit-critical = CPU-Zeit eines Threads, ab der er kritisch ist
limit-critical-applies = Threads von Schedulern und GPU-Workern
limit-critical-source = unser Vorschlag: Weniger ist Hintergrund

problem-off = Keine CPU hat Vorrang, obwohl der Prozessor Vorrangkerne hat
detail-off = `{ $model }` hat Vorrangkerne, aber alle CPUs nennen dieselbe höchste Stufe: Serviceklassen sind nicht eingerichtet, oder die Firmware reicht sie nicht durch

problem-off-on-b300 = Keine CPU hat Vorrang, obwohl der Prozessor Vorrangkerne hat
detail-off-on-b300 = `{ $model }` hat Vorrangkerne, aber alle CPUs nennen dieselbe höchste Stufe: Serviceklassen sind nicht eingerichtet, oder die Firmware reicht sie nicht durch; Hosts der Klasse B300 sind dafür gebaut, sie zu nutzen

problem-away = Kritische Threads verbrachten { $share } ihrer CPU-Zeit { $kind ->
    [uneven] auf langsameren Kernen
   *[priority] abseits der Vorrangkerne
}
detail-away = kritische Threads verbrachten { $share } ihrer CPU-Zeit abseits der { $kind ->
    [uneven] CPUs { $cpus }, deren Kerne die schnellsten sind ({ $level } gegenüber { $other })
   *[priority] Vorrang-CPUs { $cpus } (Stufe { $level } gegenüber { $other })
}

found-used = kritische Threads verbrachten { $share } ihrer CPU-Zeit abseits der { $kind ->
    [uneven] CPUs { $cpus }, deren Kerne die schnellsten sind ({ $level } gegenüber { $other })
   *[priority] Vorrang-CPUs { $cpus } (Stufe { $level } gegenüber { $other })
}
found-unknown-kinds = ob alle Kerne von einer Art sind, ist nicht bekannt: weder Kapazität noch Höchsttakt jeder CPU sind aufgezeichnet
found-other-vendor = CPUs von `{ $vendor }` haben keine solchen Vorrangkerne, und ihre Kerne sind nicht ungleich
found-virtual = virtuelle Maschine: Über die Vorrangkerne bestimmt der Hypervisor
found-older-model = `{ $model }` ist älter als alle Prozessoren mit Vorrangkernen
found-unknown-model = von `{ $model }` sind keine Vorrangkerne bekannt, und kein Kern nennt eine deutlich höhere Stufe als die anderen
found-unknown-levels = welche Kerne Vorrang haben, ist nicht bekannt: { $reason }
found-no-process = kein Prozess eines Schedulers oder GPU-Workers gefunden: erheben, während der Dienst läuft
found-no-busy-thread = kein Thread eines Schedulers oder GPU-Workers war beschäftigt: unter Last erheben
found-unknown-place = wo Thread { $thread } ({ $name }) lief, ist nicht bekannt
found-unknown-process = zu welchem Prozess Thread { $thread } ({ $name }) gehört, ist nicht bekannt
