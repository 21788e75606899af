title = Andere Workloads nutzen die Inferenz-CPUs nicht
why = Batch-Jobs, Agenten, Backups und Log-Shipper teilen sich Kerne, Caches und Speicherbandbreite mit den Threads, die GPU-Kernel starten.
effect = Arbeit, die nicht zum Dienst gehört, nimmt den Threads, die die GPUs versorgen, CPU-Zeit weg; Antworten kommen dadurch später und ungleichmäßiger.
applicability = Physische Maschinen, virtuelle Maschinen und Container
expected-effect = eunomia.dev: Störungen von CPU, Netz und Platte zusammen kosten 20,5 % des Durchsatzes, die der CPU allein 8,8 %; Binden senkte die Kontextwechsel um 96,3 % und gewann das meiste zurück, aber nicht alles.

limit-watched = Länge des Messfensters, ab der das Fehlen anderer Programme besteht
limit-watched-applies = Inferenz-CPUs
limit-watched-source = unser Vorschlag: Timer und Log-Shipper laufen alle paar Sekunden

limit-some = CPU-Zeit anderer Programme auf den Inferenz-CPUs
limit-some-applies = Inferenz-CPUs im Messfenster
limit-some-source = unser Vorschlag: Systemaufgaben eines dedizierten Hosts brauchen weniger

limit-much = CPU-Zeit anderer Programme auf den Inferenz-CPUs, ab der die Prüfung fehlschlägt, wenn fast keine CPU frei bleibt
limit-much-applies = Inferenz-CPUs im Messfenster
limit-much-source = unser Vorschlag; eunomia.dev hat -8,8 % Durchsatz durch CPU-Störungen gemessen

limit-free = Anteil freier Inferenz-CPUs, unter dem starke Nutzung durch andere fehlschlägt
limit-free-applies = Inferenz-CPUs im Messfenster
limit-free-source = unser Vorschlag: die Grenze in CPUs für Maschinen mit vielen davon; auf einem H200 waren mit 5 % freien CPUs die langsamsten Token langsamer, mit 30 % nichts

limit-left = freie Inferenz-CPUs, unter denen starke Nutzung durch andere fehlschlägt
limit-left-applies = Inferenz-CPUs im Messfenster
limit-left-source = gemessen auf zwei Knoten mit H200-GPUs und vLLM 0.25.1: mit 2,4 freien CPUs war nichts langsamer, mit 0,4 waren es die langsamsten Token eines Modells mit 1 Milliarde Parametern (mit 0,9 keine eines Modells mit 8 Milliarden), ohne freie CPU sank der Durchsatz bei gleichem Gewicht um ein Fünftel oder mehr

problem-busy = Andere Programme belegten { $share } der CPUs der Inferenzserver
detail-busy = andere Programme belegten { $share } der Inferenz-CPUs, { $left } CPUs blieben frei{ $busiest ->
    [none] {""}
   *[other] {", "}am meisten { $busiest }, als Anteil an einer CPU
}

problem-confined = Der Server (PID { $pid }) hat { $cpus_count } von { $online_count } CPUs und teilt sie sich
effect-confined = Der Dienst kann nicht auf einen anderen Prozessor ausweichen, während andere auf seinen wenigen laufen; seine Arbeit wartet, und Antworten kommen später und ungleichmäßiger.
detail-confined = seine Threads dürfen nur auf den CPUs { $cpus } laufen, { $cpus_count } von { $online_count }, und andere belegten davon { $share }, { $left } CPUs blieben frei{ $busiest ->
    [none] {""}
   *[other] {", "}am meisten { $busiest }, als Anteil an einer CPU
}

problem-runs = { $spread ->
    [all] Der Server darf alle { $online_count } CPUs nutzen
   *[some] Der Server darf { $cpus_count } von { $online_count } CPUs nutzen
}
detail-runs = { $spread ->
    [all] seine Threads dürfen auf allen { $online_count } CPUs laufen
   *[some] seine Threads dürfen auf den CPUs { $cpus } laufen, { $cpus_count } von { $online_count }
}; { $busiest ->
    [unwatched] wer dort sonst läuft, wurde nicht beobachtet
    [none] kein anderes Programm fällt dort auf
   *[other] dort liefen auch { $busiest }, als Anteil an einer CPU
}
found-quiet = andere Programme belegten { $share } der Inferenz-CPUs{ $busiest ->
    [none] {""}
   *[other] {", "}am meisten { $busiest }, als Anteil an einer CPU
}
found-too-short = andere Programme belegten { $share } der Inferenz-CPUs{ $busiest ->
    [none] {""}
   *[other] {", "}am meisten { $busiest }, als Anteil an einer CPU
}, aber { $seconds } sind für eine Aussage zu kurz: mit `--sample { $least }` oder mehr sammeln
found-uncounted = die Zeiten ergeben zusammen nicht die gemessene Zeit
found-unknown-masks = es ist nicht bekannt, welche CPUs einige Threads der Server nutzen dürfen: { $reason }
found-no-mask = für keinen Thread eines Inferenzservers ist bekannt, welche CPUs er nutzen darf
found-no-times = die Zeiten der Inferenz-CPUs { $cpus } sind nicht bekannt
found-no-server = kein Prozess eines Inferenzservers gefunden: während des Betriebs sammeln
