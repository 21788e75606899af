title = Bootargumente sind einheitlich und gewollt
why = Überbleibsel wie `maxcpus=`, `mem=`, `idle=`, `intel_pstate=disable` oder `nosmt` verändern Ergebnisse über Jahre, und niemand erinnert sich daran.
effect = Alte Versuche bestimmen noch immer, wie dieser Server startet, und können ihn jahrelang bremsen, ohne dass jemand den Grund kennt.
applicability = Physische und virtuelle Maschinen
expected-effect = Keine Zahl veröffentlicht.

problem-fewer-cpus = Bootargument `{ $argument }` begrenzt die Anzahl der CPUs
effect-fewer-cpus = Vorhandene CPUs bleiben unter Umständen ungenutzt: Es wird weniger Arbeit gleichzeitig für die GPUs vorbereitet, und Antworten kommen unter Last später.
detail-fewer-cpus = begrenzt die Anzahl der CPUs

problem-one-cpu = Bootargument `{ $argument }` lässt dieser Maschine nur eine CPU
effect-one-cpu = Alle Arbeit des Dienstes, die nicht auf den GPUs geschieht, läuft nacheinander; Antworten kommen viel später als möglich.
detail-one-cpu = lässt nur eine CPU übrig

problem-less-memory = Bootargument `{ $argument }` begrenzt den Arbeitsspeicher
effect-less-memory = Vorhandener Speicher bleibt unter Umständen ungenutzt: Modelle laden langsamer, weil ihre Dateien nicht im Speicher bleiben, und der Dienst gerät früher in Speichernot.
detail-less-memory = begrenzt den Arbeitsspeicher

problem-no-numa = Bootargument `{ $argument }` verbirgt die NUMA-Knoten
effect-no-numa = Nichts kann Threads und Speicher nahe ihrer GPU halten; Antworten können später und ungleichmäßiger kommen.
detail-no-numa = verbirgt die NUMA-Knoten

problem-no-smt = Bootargument `{ $argument }` schaltet den zweiten Thread jedes Kerns ab
effect-no-smt = Der Prozessor bietet dem Dienst weniger Hardware-Threads, als er hat; bei vielen Anfragen läuft weniger Arbeit nebeneinander.
detail-no-smt = schaltet den zweiten Thread jedes Kerns ab

problem-no-acpi = Bootargument `{ $argument }` verbirgt Topologie und Energieverwaltung
effect-no-acpi = Der Kernel weiß weder, welcher Speicher welcher CPU nahe ist, noch regelt er den Takt der CPUs; Antworten können später und ungleichmäßiger kommen.
detail-no-acpi = verbirgt Topologie und Energieverwaltung

problem-no-sleep = Bootargument `{ $argument }` lässt keine CPU schlafen
effect-no-sleep = CPUs ohne Arbeit verbrauchen Leistung, die den beschäftigten für einen höheren Takt fehlt; Antworten können später kommen, und andere auf diesem Host sind ebenfalls betroffen.
detail-no-sleep = lässt keine CPU schlafen, was ihren Nachbarn Turbo nimmt

problem-old-driver = Bootargument `{ $argument }` verzichtet auf den Frequenztreiber des Herstellers
effect-old-driver = Der Takt der CPUs folgt der Arbeit langsamer und schlechter, als der Prozessor es könnte; Antworten können später und ungleichmäßiger kommen.
detail-old-driver = verzichtet auf den Frequenztreiber des Herstellers

problem-no-scaling = Bootargument `{ $argument }` überlässt den Takt der Firmware
effect-no-scaling = Ob die CPUs mit vollem Takt laufen, lässt sich vom System aus weder sehen noch einstellen; Antworten kommen unter Umständen später als möglich.
detail-no-scaling = überlässt den Takt der Firmware

problem-slow-clock = Bootargument `{ $argument }` macht jede Abfrage der Uhrzeit langsam
effect-slow-clock = Die Software des Dienstes fragt die Uhrzeit ständig ab, und jede Abfrage dauert länger als nötig; Antworten kommen dadurch später.
detail-slow-clock = macht jede Abfrage der Uhrzeit langsam

problem-work-around = Bootargument `{ $argument }` ist ein Behelf für alte Hardware
effect-work-around = Der Kernel verzichtet auf eine Funktion, mit der aktuelle Hardware gut umgeht, und braucht dafür Zeit, die dem Dienst fehlt.
detail-work-around = ist ein Behelf für alte Hardware

problem-no-machine-checks = Bootargument `{ $argument }` schaltet Meldungen von Hardwarefehlern ab
effect-no-machine-checks = Fehler von Speicher und Prozessoren bleiben unbemerkt: Sie können Antworten verfälschen und den Dienst beenden, ohne dass jemand erfährt, warum.
detail-no-machine-checks = schaltet die Machine-Checks ab, mit denen der Prozessor Fehler von Speicher, Caches und Bussen meldet

problem-shared-interrupts = Bootargument `{ $argument }` nimmt Geräten ihre eigenen Interrupts
effect-shared-interrupts = Netzwerkkarten, Datenträger und GPUs teilen sich Interrupts, die nicht mehr die nahen CPUs erreichen; Anfragen und Antworten können aufgehalten werden.
detail-shared-interrupts = nimmt Geräten ihre eigenen Interrupts

problem-runs-isolated = Prozess { $pid } kann auf den isolierten CPUs { $cpus } laufen
effect-runs-isolated = Threads des Dienstes können sich auf einer dieser CPUs stauen, während die übrigen nichts tun; Antworten kommen dadurch viel später.
detail-runs-isolated = Prozess { $pid } ({ $comm }) kann dort laufen, wo der Scheduler Threads nicht auf CPUs verteilt

problem-adds = Mit dem nächsten Start { $adds_count ->
    [one] kommt { $adds_count } Bootargument
   *[other] kommen { $adds_count } Bootargumente
} hinzu
effect-adds = Dieser Server verhält sich nach dem nächsten Start anders, wann immer der ist; was bis dahin gemessen wurde, gilt dann nicht mehr.
detail-adds = mit dem nächsten Start kommt laut { $path } hinzu: { $adds }

problem-drops = Mit dem nächsten Start { $drops_count ->
    [one] entfällt { $drops_count } Bootargument
   *[other] entfallen { $drops_count } Bootargumente
}
effect-drops = Dieser Server verliert mit dem nächsten Start Einstellungen, wann immer der ist; was bis dahin gemessen wurde, gilt dann nicht mehr.
detail-drops = mit dem nächsten Start entfällt laut { $path }: { $drops }

problem-adds-and-drops = Mit dem nächsten Start { $adds_count ->
    [one] kommt { $adds_count } Bootargument
   *[other] kommen { $adds_count } Bootargumente
} hinzu, { $drops_count ->
    [one] { $drops_count } entfällt
   *[other] { $drops_count } entfallen
}
effect-adds-and-drops = Dieser Server verhält sich nach dem nächsten Start anders, wann immer der ist; was bis dahin gemessen wurde, gilt dann nicht mehr.
detail-adds-and-drops = mit dem nächsten Start kommt laut { $path } hinzu: { $adds }; es entfällt: { $drops }

problem-no-sleep-alone = Ein Bootargument lässt keine CPU schlafen
detail-no-sleep-alone = lässt keine CPU schlafen, was ihren Nachbarn Turbo nimmt; niemand sonst nutzt diesen Host
found-unknown-sharing = ob andere diesen Host mitnutzen, ist nicht bekannt; in der Auftragsdatei angeben (`shared-host`)
problem-others = { $others_count ->
    [one] { $others_count } Bootargument beeinflusst
   *[other] { $others_count } Bootargumente beeinflussen
} die Leistung
detail-others = { $others_count ->
    [one] beeinflusst die Leistung; mit der Absicht vergleichen
   *[other] beeinflussen die Leistung; mit der Absicht vergleichen
}
found-none-running = keines beeinflusst die Leistung
problem-isolates-none = `isolcpus` ist gesetzt, aber der Kernel isoliert keine CPU
detail-isolates-none = es ist gesetzt, aber der Kernel isoliert keine CPU
found-kept-off = kein Thread eines Inferenzservers kann dort laufen
found-no-busy-thread = kein beschäftigter Thread eines Inferenzservers gefunden: während des Betriebs sammeln
found-same = { $path } nennt, was läuft
found-no-configuration = keine Datei gefunden, von der Plumb weiß, dass sie Bootargumente festlegt
