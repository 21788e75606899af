title = CPUs und Speicherknoten des Containers schließen den Knoten der GPU ein
why = Keine Option der Engine kann einen Container reparieren, der auf den anderen Sockel gelegt wurde.
effect = Anweisungen und Daten für die GPUs laufen über die Verbindung zwischen den Prozessoren; Antworten kommen später und ungleichmäßiger, und keine Einstellung der Engine kann das ändern.
applicability = Container und Kubernetes, auf Hosts mit zwei oder mehr NUMA-Knoten, die CPUs haben
expected-effect = Wie bei `numa.gpu-affinity`. Es gibt einen Test, den sein Autor selbst veröffentlicht hat; er ist zu schwach, um ihn zu zitieren.

problem-no-cpu-near = Der Container des Servers (PID { $pid }) hat keine CPU nahe { $nodes_count ->
    [one] Knoten { $nodes }
   *[other] den Knoten { $nodes }
}
detail-no-cpu-near = das Cpuset (CPUs { $cpus }) enthält keine CPU von { $nodes_count ->
    [one] Knoten { $nodes }
   *[other] den Knoten { $nodes }
}, wo der Server GPUs hat

problem-no-memory-near = Der Container des Servers (PID { $pid }) bekommt keinen Speicher nahe seinen GPUs
effect-no-memory-near = Puffer für die GPUs liegen im Speicher des anderen Prozessors; Daten nehmen den längeren Weg, und Antworten kommen später. Keine Einstellung der Engine kann das ändern.
detail-no-memory-near = der Speicher darf nur von { $mems_count ->
    [one] Knoten { $mems }
   *[other] den Knoten { $mems }
} kommen, und der Server hat GPUs an { $nodes_count ->
    [one] Knoten { $nodes }
   *[other] den Knoten { $nodes }
}

problem-anywhere = Nichts hält den Container des Servers (PID { $pid }) nahe seinen GPUs
effect-anywhere = Der Dienst kann jederzeit fern von seinen GPUs laufen, und Antworten kämen dann später und ungleichmäßiger; wo er läuft, kann sich mit der Last und mit jedem Neustart ändern.
detail-anywhere = das Cpuset enthält alle CPUs, und die GPUs sind an { $nodes_count ->
    [one] Knoten { $nodes }
   *[other] den Knoten { $nodes }
}: nichts gibt dem Server einen Platz

found-near = die CPUs { $cpus } und Speicher von { $mems_count ->
    [one] Knoten { $mems }
   *[other] den Knoten { $mems }
} schließen { $nodes_count ->
    [one] Knoten { $nodes }
   *[other] die Knoten { $nodes }
} der GPUs ein
problem-engine-binds = Die Engine bindet ihre GPU-Prozesse selbst
detail-engine-binds = das Cpuset enthält alle CPUs; die Engine hat ihre GPU-Prozesse selbst an die Knoten der GPUs gebunden
found-one-node = alle CPUs sind in einem NUMA-Knoten
found-no-gpu = der Server verwendet keine GPU
found-no-server = kein Inferenzserver gefunden: während des Betriebs sammeln
found-no-container = kein Inferenzserver läuft in einem Container
found-unknown-container = es ist nicht bekannt, ob der Server in einem Container läuft: { $reason }
found-no-process = kein Prozess des Servers wurde aufgezeichnet
found-unknown-gpus = es ist nicht bekannt, welche GPUs Prozess { $pid } verwendet: { $reason }
found-no-such-gpu = GPU { $gpu } ist nicht unter den GPUs der Nachweise
found-no-cpuset = keine der Control Groups nennt die CPUs und Speicherknoten, die der Server nutzen darf
