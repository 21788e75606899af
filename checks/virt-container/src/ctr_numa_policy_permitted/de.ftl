title = NUMA-Aufrufe sind im Container erlaubt
why = Die Bindung schlägt fehl oder wird stillschweigend übergangen, wenn der Filter für Systemaufrufe `set_mempolicy` und `mbind` sperrt.
effect = Die Engine sollte ihren Speicher nahe den GPUs halten und tut es nicht: Daten nehmen womöglich den längeren Weg, und Antworten kommen später und ungleichmäßiger.
applicability = Container und Kubernetes, auf Hosts mit zwei oder mehr NUMA-Knoten, die CPUs haben
expected-effect = Siehe `numa.memory-locality`.
caveat = Die Capability erlaubt dem Container auch, Prioritäten und Echtzeiteinstellungen zu ändern. Ein Filter, der `get_mempolicy`, `set_mempolicy` und `mbind` erlaubt, ist der engere Weg.

problem-blocked = Der Container verwehrt dem Server (PID { $pid }), seinen Speicher zu binden
effect-blocked = Die Engine sollte ihren Speicher nahe den GPUs halten, und ihr Container verbietet das: Daten nehmen womöglich den längeren Weg, und Antworten kommen später und ungleichmäßiger.
detail-blocked = der Server soll Speicher binden (`{ $told }`), aber die Aufrufe sind gesperrt, und kein Speicher hat eine Policy{ $starts ->
    [no] ; Worker dieser Version starten dann nicht
   *[yes] {""}
}

problem-excluded = Der Container gibt dem Server (PID { $pid }) dort keinen Speicher, wo er bindet
effect-excluded = Speicher lässt sich nicht nahe den GPUs binden: Worker scheitern beim Start, oder Daten nehmen den längeren Weg, und Antworten kommen später und ungleichmäßiger.
detail-excluded = der Server soll Speicher (`{ $told }`) an { $nodes_count ->
    [one] Knoten { $nodes }
   *[other] die Knoten { $nodes }
} seiner GPUs binden, aber seine Control Groups gewähren nur Speicher von { $mems }: der Aufruf scheitert, was auch immer der Filter erlaubt{ $starts ->
    [no] ; Worker dieser Version starten dann nicht
   *[yes] {""}
}

problem-confined = Der Server (PID { $pid }) kann Speicher nicht binden, sein Cpuset tut es
effect-confined = Antworten leiden derzeit nicht, weil die Grenzen des Containers den Speicher nahe den GPUs halten. Fallen diese Grenzen weg, hält ihn dort nichts mehr, obwohl die Engine es sollte.
detail-confined = sollte binden (`{ $told }`), was gesperrt ist; das Cpuset hält den Speicher trotzdem auf dem Knoten der GPUs

problem-unused = Der Server (PID { $pid }) sollte Speicher binden und hat es nicht getan
detail-unused = sollte binden (`{ $told }`) und darf es, aber kein Speicher hat eine Policy

found-in-force = Speicher-Policies sind in Kraft, die Aufrufe sind also erlaubt
found-allowed-unasked = Aufrufe zur Platzierung von Speicher sind erlaubt; die Engine wurde nicht angewiesen, sie zu verwenden
problem-blocked-unasked = Aufrufe zur Platzierung von Speicher sind gesperrt und werden nicht gebraucht
detail-blocked-unasked = Aufrufe zur Platzierung von Speicher sind gesperrt; die Engine wurde nicht angewiesen, sie zu verwenden, und könnte es auch nicht
problem-excluded-unasked = Ein Container gewährt keinen Speicher auf Knoten seiner GPUs
detail-excluded-unasked = die Engine wurde nicht angewiesen, Speicher zu binden, und könnte es auch nicht: ihre Control Groups gewähren nur Speicher von { $mems }, nicht von { $nodes_count ->
    [one] Knoten { $nodes }
   *[other] den Knoten { $nodes }
} ihrer GPUs
found-no-policies = keine Speicher-Policy der Prozesse ist bekannt
found-one-node = alle CPUs sind in einem NUMA-Knoten
found-no-server = kein Inferenzserver gefunden: während des Betriebs sammeln
found-no-container = kein Inferenzserver läuft in einem Container
found-unknown-container = es ist nicht bekannt, ob der Server in einem Container läuft: { $reason }
found-no-process = kein Prozess des Servers wurde aufgezeichnet
