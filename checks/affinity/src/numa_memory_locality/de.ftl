title = Der Hostspeicher jedes GPU-Workers liegt auf dem Knoten der GPU
why = Gepinnte Puffer, ausgelagerter KV-Cache und bereitgehaltene Gewichte werden, solange der Prozess läuft, über die Verbindung zwischen den Sockeln gelesen. Threads später zu verschieben, verschiebt den Speicher nicht.
effect = Was die GPU aus diesem Speicher liest, läuft über die Verbindung zwischen den Prozessoren, solange der Prozess besteht; Kopien dauern länger, und Antworten, die sie brauchen, kommen später.
applicability = Physische Maschinen; virtuelle Maschinen mit vNUMA; Container; Hosts mit zwei oder mehr NUMA-Knoten, die Speicher haben
expected-effect = 1Cat-vLLM: von 72,6 % auf 98,2 % lokalen Speicher brachte +1,9 % Decode. vLLM auf GB200 mit Auslagerung auf die CPU: etwa das 1,5-Fache. Hugging Face auf MI250: Kopien zwischen Host und GPU mit 47,7 GB/s aus lokalem und 36 bis 38 GB/s aus fernem Speicher.
caveat = Ein gebundener Worker auf einem Knoten, der voll wird, wird wegen Speichermangels beendet: zuerst den freien Speicher jedes Knotens prüfen.

limit-local = Anteil des Speichers eines Workers nahe seinen GPUs
limit-local-applies = Hosts mit zwei oder mehr NUMA-Knoten, die CPUs haben
limit-local-source = unser Vorschlag, zwischen 72,6 % vor und 98,2 % nach der Bindung (1Cat-vLLM Issue #678)

limit-least-local = geringster Anteil des Speichers eines Workers nahe seinen GPUs
limit-least-local-applies = Worker, die weder Gewichte noch KV-Cache im Hostspeicher halten
limit-least-local-source = unser Vorschlag: späte Bindung lässt etwa 22 % auf dem falschen Knoten (TensorRT-LLM PR #18117)

problem-far = { $far } des Hostspeichers des Workers (PID { $pid }) liegen fern von { $gpus_count ->
    [one] seiner GPU
   *[other] seinen GPUs
}
detail-far = { $share } seiner { $memory_size } Hostspeicher liegen auf { $nodes_count ->
    [one] Knoten { $nodes }
   *[other] den Knoten { $nodes }
}, nahe { $gpus_count ->
    [one] seiner GPU
   *[other] seinen GPUs
}

problem-offload = { $far } des Hostspeichers des Workers (PID { $pid }) liegen fern von { $gpus_count ->
    [one] seiner GPU
   *[other] seinen GPUs
}
effect-offload = Dieser Worker hält Gewichte oder zwischengespeicherten Kontext im Hostspeicher; was davon beim anderen Prozessor liegt, wird für jede Antwort, die es braucht, langsamer gelesen.
detail-offload = { $share } seiner { $memory_size } Hostspeicher liegen auf { $nodes_count ->
    [one] Knoten { $nodes }
   *[other] den Knoten { $nodes }
}, nahe { $gpus_count ->
    [one] seiner GPU
   *[other] seinen GPUs
}, und Option `{ $option }` hält Gewichte oder KV-Cache im Hostspeicher

problem-partly = { $far } des Hostspeichers des Workers (PID { $pid }) liegen fern von { $gpus_count ->
    [one] seiner GPU
   *[other] seinen GPUs
}
effect-partly = Ein Teil dessen, was die GPU aus dem Hostspeicher liest, läuft über die Verbindung zwischen den Prozessoren; Kopien und die Antworten, die sie brauchen, können dadurch langsamer sein.
detail-partly = { $share } seiner { $memory_size } Hostspeicher liegen auf { $nodes_count ->
    [one] Knoten { $nodes }
   *[other] den Knoten { $nodes }
}, nahe { $gpus_count ->
    [one] seiner GPU
   *[other] seinen GPUs
}

problem-away-from-threads = Der Server (PID { $pid }) hat { $far } seines Speichers auf einem anderen Knoten
effect-away-from-threads = Der Server liest für jedes Token sein ganzes Modell, und was davon beim anderen Prozessor liegt, kommt über die Verbindung zwischen beiden: jedes Token dauert länger.
detail-away-from-threads = { $share } der { $memory_size } Speicher liegen auf { $nodes_count ->
    [one] Knoten { $nodes }
   *[other] den Knoten { $nodes }
}, wo die Threads laufen dürfen

problem-one-sided = Der Server (PID { $pid }) rechnet überall, sein Speicher liegt auf einem Knoten
effect-one-sided = Der Server liest für jedes Token sein ganzes Modell: die Threads auf den anderen Prozessoren lesen alles über die Verbindung, und alle warten auf sie.
detail-one-sided = die Threads dürfen auf { $nodes_count ->
    [one] { $nodes_count } Knoten
   *[other] { $nodes_count } Knoten
} laufen, und { $share } der { $memory_size } Speicher liegen auf Knoten { $node }

found-with-threads = { $share } der { $memory_size } Speicher liegen auf { $nodes_count ->
    [one] Knoten { $nodes }
   *[other] den Knoten { $nodes }
}, wo die Threads laufen dürfen
problem-evenly-spread = Threads und { $memory_size } Speicher sind über mehrere NUMA-Knoten verteilt
detail-evenly-spread = Threads und { $memory_size } Speicher sind über { $nodes_count ->
    [one] { $nodes_count } Knoten
   *[other] { $nodes_count } Knoten
} verteilt: jeder Thread liest einen Teil über die Verbindung zwischen den Prozessoren
found-near = { $share } seiner { $memory_size } Hostspeicher liegen auf { $nodes_count ->
    [one] Knoten { $nodes }
   *[other] den Knoten { $nodes }
}, nahe { $gpus_count ->
    [one] seiner GPU
   *[other] seinen GPUs
}
problem-spread = Kein Speicher ist von allen GPUs dieses Workers weit entfernt
detail-spread = { $gpus_count ->
    [one] der Sockel der GPU enthält alle Knoten, sodass kein Speicher weit von ihr entfernt ist
   *[other] die GPUs sind über alle Sockel oder Knoten verteilt, sodass kein Speicher von allen weit entfernt ist
}
found-one-node = der gesamte Speicher ist in einem NUMA-Knoten
found-offload-unknown = es ist nicht bekannt, ob Gewichte oder KV-Cache in den Hostspeicher ausgelagert werden: { $reason }
found-no-memory = { $path } nennt keinen residenten Speicher
found-contradiction = die Zahlen für Knoten { $node } in { $path } passen nicht zusammen
found-no-gpu = keine GPU gefunden
found-no-server = kein Inferenzserver gefunden: während des Betriebs sammeln
found-no-process = kein Prozess des Servers wurde aufgezeichnet
found-unknown-users = { $processes_count ->
    [one] es ist nicht bekannt, ob { $processes_count } Prozess eine GPU verwendet: { $first }: { $reason }
   *[other] es ist nicht bekannt, ob { $processes_count } Prozesse eine GPU verwenden, der erste ist { $first }: { $reason }
}
found-no-such-gpu = GPU { $gpu } ist nicht unter den GPUs der Nachweise
found-no-node = der NUMA-Knoten von GPU { $gpu } ist nicht bekannt: { $reason }
found-offline = GPU { $gpu } nennt Knoten { $node }, der nicht online ist
found-no-cpus = { $nodes_count ->
    [one] Knoten { $nodes } der GPUs hat keine CPUs
   *[other] die Knoten { $nodes } der GPUs haben keine CPUs
}
