title = Inferenz hat Vorrang vor Hintergrundarbeit
why = Gewichte entscheiden, wer wartet, wenn alle CPUs des Hosts beschäftigt sind. Ohne ein eigenes Gewicht zählen Sicherungen, Agenten und Sitzungen so viel wie der Server.
effect = Wenn die CPUs ausgelastet sind, wartet der Server auf andere Arbeit dieses Knotens, und Antworten kommen später.
applicability = Physische und virtuelle Maschinen, Control Groups der Version 2
expected-effect = Es ist keine Zahl veröffentlicht.

limit-active = Anteil an einer CPU, ab dem ein Nachbar als aktiv gilt
limit-active-applies = Control Groups neben der des Servers
limit-active-source = unser Vorschlag

limit-ratio = Gewicht der Gruppe des Servers als Vielfaches des Gewichts ihrer Nachbarn
limit-ratio-applies = Hosts, auf denen andere Gruppen CPU-Zeit verbrauchen
limit-ratio-source = unser Vorschlag: bei Konkurrenz erhält der Server dann fünf Sechstel der CPU-Zeit

problem-outweighed = `{ $neighbour }` hat bei ausgelasteten CPUs Vorrang vor dem Server (PID { $pid })
effect-outweighed = Wenn die CPUs ausgelastet sind, erhält andere Arbeit dieses Knotens mehr davon als der Server, und Antworten kommen später.
detail-outweighed = bei Konkurrenz teilen sich `{ $group }`, wo der Server läuft, und `{ $neighbour }` die CPU-Zeit nach ihren Gewichten wie { $own_weight } zu { $neighbour_weight }

problem-hardly-ahead = Der Server (PID { $pid }) hat keinen klaren Vorrang vor `{ $neighbour }`
detail-hardly-ahead = bei Konkurrenz teilen sich `{ $group }`, wo der Server läuft, und `{ $neighbour }` die CPU-Zeit nach ihren Gewichten wie { $own_weight } zu { $neighbour_weight }

found-ahead = bei Konkurrenz teilen sich `{ $group }`, wo der Server läuft, und `{ $neighbour }` die CPU-Zeit nach ihren Gewichten wie { $own_weight } zu { $neighbour_weight }
found-alone = keine Gruppe daneben, von denen anderer Server abgesehen, die auf den CPUs des Servers laufen darf, hat nennenswert CPU-Zeit verbraucht
found-version-one = Control Groups der Version 1 teilen CPU-Zeit anders auf, als hier beurteilt wird
found-no-groups = die Control Groups des Servers unterhalb der Wurzel sind nicht bekannt
found-no-weight = { $path } wurde nicht gelesen
found-not-read-twice = { $path } wurde nicht zweimal gelesen
found-no-time = zwischen den Ablesungen verging keine Zeit
found-no-server = kein Inferenzserver gefunden: während des Betriebs sammeln
found-no-process = kein Prozess des Servers wurde aufgezeichnet
found-inside = von innerhalb eines Containers gesehen ({ $container }): auf dem Host zeigt es `{ $command }`
found-in-bpf = der Scheduler des Kernels ist ein BPF-Programm ({ $name }): was Gewichte von Control Groups bedeuten, entscheidet es selbst
