title = Das Modell liegt auf lokalem, sinnvoll platziertem NVMe
why = Entscheidet, wie lange Start, Erweiterung und Wiederanlauf dauern, nicht wie schnell Tokens kommen.
effect = Nach einem Absturz, einem Neustart oder einer Erweiterung fehlt der Dienst, bis das Modell geladen ist, und mit einer Festplatte (HDD) dauert das länger.
applicability = Physische Maschinen, virtuelle Maschinen, Container
expected-effect = Keine Zahl veröffentlicht.

problem-turning = Das Modell des Servers (PID { $server }) liegt anscheinend auf einer Festplatte (HDD)
detail-turning = `{ $folder }` liegt auf { $mount }, auf { $disks }: { $disk } gibt an, eine Festplatte (HDD) zu sein

found-local = `{ $folder }` liegt auf { $mount }, auf { $disks }, lokalem NVMe{ $nodes_count ->
    [0] {""}
    [one] {" in NUMA-Knoten "}{ $nodes }
   *[other] {" in den NUMA-Knoten "}{ $nodes }
}; wie lange ein kalter Start dauert, wurde nicht gemessen
found-in-memory = `{ $folder }` liegt auf { $mount }, im Arbeitsspeicher
found-not-local = `{ $folder }` liegt auf { $mount }, keiner lokalen Platte: einen Start des Dienstes messen
found-not-nvme = `{ $folder }` liegt auf { $mount }, auf { $disks }, keinem NVMe-Gerät: einen Start des Dienstes messen
found-over-network = `{ $folder }` liegt auf { $mount }, auf { $disks }, erreichbar über { $transport }: einen Start des Dienstes messen
found-unknown-disk = `{ $folder }` liegt auf { $mount }: { $reason }
found-unknown-kind = `{ $folder }` liegt auf { $mount }, auf { $disks }: { $reason }
found-no-server = kein Inferenzserver gefunden: während des Betriebs sammeln
