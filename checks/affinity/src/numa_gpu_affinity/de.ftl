title = GPU-Worker laufen auf CPUs nahe ihrer GPU
why = Kernelstarts, Kopien und Steuernachrichten eines Workers auf dem fernen Sockel laufen über die Verbindung zwischen den Sockeln. Das zeigt sich zuerst in p95 und p99 und in der Streuung von Lauf zu Lauf.
effect = Anweisungen und Daten für die GPU laufen über die Verbindung zwischen den Prozessoren; Antworten kommen später und ungleichmäßiger, vor allem die ohnehin langsamsten.
applicability = Physische Maschinen; virtuelle Maschinen mit vNUMA; Container; Hosts mit zwei oder mehr NUMA-Knoten, die CPUs haben; GPUs von NVIDIA und AMD
expected-effect = PyTorch: meist insgesamt 1-10 %, manchmal viel mehr oder nichts. vLLM auf 4x GB200 mit Auslagerung auf die CPU: etwa das 1,5-Fache gegenüber jeder anderen Zuordnung. V100 mit Tensorparallelität 4: Lokalität von 72,6 % auf 98,2 %, Decode +1,9 %; derselbe Autor sah in seinen anderen Tests keinen Gewinn. NVIDIA srt-slurm: der aggregierte Modus profitiert nicht, der disaggregierte schon.
caveat = Eine falsche Bindung ist schlechter als keine: TensorRT-LLM PR #9549 nennt einen disaggregierten Test mit 691,9 s mit der neuen voreingestellten Bindung und 390,8 s ohne. Immer erneut messen und jedem Worker immer genug Kerne lassen.

limit-remote-time = Anteil der CPU-Zeit eines Workers fern von seinen GPUs
limit-remote-time-applies = Hosts mit zwei oder mehr NUMA-Knoten, die CPUs haben
limit-remote-time-source = unser Vorschlag: einer von zwanzig Hilfsthreads darf abweichen, bevor der Worker als falsch platziert gilt

problem-wrong-place = Der Worker (PID { $pid }) muss { $share } seiner Arbeit fern von { $gpus_count ->
    [one] seiner GPU
   *[other] seinen GPUs
} tun
detail-wrong-place = an den falschen Ort gebunden: Threads mit { $share } der CPU-Zeit dürfen auf keiner der CPUs { $near_cpus } von { $nodes_count ->
    [one] Knoten { $nodes }
   *[other] den Knoten { $nodes }
}{ $reach ->
    [socket] {" (auf dem Sockel seiner GPU)"}
   *[node] {""}
} laufen

problem-away = Der Worker (PID { $pid }) ist nicht gebunden und lief zuletzt fern von { $gpus_count ->
    [one] seiner GPU
   *[other] seinen GPUs
}
effect-away = Solange dieser Worker fern von seiner GPU arbeitet, laufen Anweisungen und Daten über die Verbindung zwischen den Prozessoren; Antworten kommen später und ungleichmäßiger, vor allem die ohnehin langsamsten.
detail-away = nicht gebunden, und Threads mit { $share } der CPU-Zeit liefen zuletzt nicht auf den CPUs { $near_cpus } von { $nodes_count ->
    [one] Knoten { $nodes }
   *[other] den Knoten { $nodes }
}{ $reach ->
    [socket] {" (auf dem Sockel seiner GPU)"}
   *[node] {""}
}

problem-open = Nichts hält den Worker (PID { $pid }) in der Nähe { $gpus_count ->
    [one] seiner GPU
   *[other] seiner GPUs
}
effect-open = Dieser Worker kann jederzeit fern von seiner GPU laufen, und Antworten kämen dann später und ungleichmäßiger; wo er läuft, kann sich mit der Last und mit jedem Neustart ändern.
detail-open = nicht an die CPUs { $near_cpus } von { $nodes_count ->
    [one] Knoten { $nodes }
   *[other] den Knoten { $nodes }
}{ $reach ->
    [socket] {" (auf dem Sockel seiner GPU)"}
   *[node] {""}
} gebunden; Threads mit { $share } der CPU-Zeit liefen zuletzt auf diesen oder können nur dort laufen

problem-tight = Der Worker (PID { $pid }) ist an die CPUs { $cpus } gebunden, keinen ganzen Kern
effect-tight = Andere Programme können auf dem zweiten Thread jedes Kerns laufen, den dieser Worker nutzen darf; seine Antworten können dadurch später und ungleichmäßiger kommen.
detail-tight = nahe der GPU gebunden, aber die CPUs { $cpus } enthalten keinen ganzen physischen Kern

found-pinned = mit { $share } der CPU-Zeit an die CPUs { $cpus } gebunden ({ $cores_count ->
    [one] { $cores_count } ganzer Kern
   *[other] { $cores_count } ganze Kerne
}), alle unter den CPUs { $near_cpus } von { $nodes_count ->
    [one] Knoten { $nodes }
   *[other] den Knoten { $nodes }
}{ $reach ->
    [socket] {" (auf dem Sockel seiner GPU)"}
   *[node] {""}
}
found-pinned-to-unknown-cores = mit { $share } der CPU-Zeit an die CPUs { $cpus } gebunden, alle unter den CPUs { $near_cpus } von { $nodes_count ->
    [one] Knoten { $nodes }
   *[other] den Knoten { $nodes }
}{ $reach ->
    [socket] {" (auf dem Sockel seiner GPU)"}
   *[node] {""}
}
problem-spread = Keine CPU ist von allen GPUs dieses Workers weit entfernt
detail-spread = { $gpus_count ->
    [one] der Sockel der GPU enthält alle Knoten, sodass keine CPU weit von ihr entfernt ist
   *[other] die GPUs sind über alle Sockel oder Knoten verteilt, sodass keine CPU von allen weit entfernt ist
}
found-one-node = alle CPUs sind in einem NUMA-Knoten
found-unknown-place = für Threads mit { $share } der CPU-Zeit ist die Maske oder der Ort nicht bekannt
found-no-time = die CPU-Zeit von Thread { $tid } ist nicht bekannt: { $reason }
found-idle = die Threads haben keine CPU-Zeit verbraucht: unter Last sammeln
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
