title = Ressourcengrenzen passen zum Dienst
why = Zu wenige offene Dateien führen zu abgewiesenen Verbindungen; zu wenig gesperrter Speicher stört RDMA und Pinned Memory; zu wenige Tasks verhindern, dass neue Threads starten.
effect = Anfragen scheitern, sobald der Server mehr braucht, als ihm erlaubt ist.
applicability = Physische Maschinen, virtuelle Maschinen, Container
expected-effect = Verfügbarkeit; kein Einfluss auf die Geschwindigkeit.

limit-files-fail = offene Dateien, weiche Grenze, die als Fehler gilt
limit-files-fail-applies = Prozesse von Inferenzservern
limit-files-fail-source = unser Vorschlag: die Voreinstellung von Shells und älteren Container-Engines

limit-files-pass = offene Dateien, weiche Grenze, die genügt
limit-files-pass-applies = Prozesse von Inferenzservern
limit-files-pass-source = unser Vorschlag

limit-use-warn = genutzter Anteil einer Grenze, Warnung
limit-use-warn-applies = offene Dateien und Tasks
limit-use-warn-source = unser Vorschlag

limit-use-fail = genutzter Anteil einer Grenze, Fehler
limit-use-fail-applies = offene Dateien und Tasks
limit-use-fail-source = unser Vorschlag

limit-locked = gesperrter Speicher, der für RDMA zu wenig ist
limit-locked-applies = Server, die RDMA verwenden
limit-locked-source = unser Vorschlag: die größte Voreinstellung von Distributionen (8 MiB); die HPC-Images von Azure heben die Grenze auf

problem-files-in-use = Prozess { $pid } nutzt { $share } seiner Grenze für offene Dateien
effect-files-in-use = Ist die Grenze erreicht, weist der Server neue Verbindungen ab, und Anfragen scheitern.
detail-files-in-use = Prozess { $pid } hat { $open_count ->
    [one] { $open_count } Datei
   *[other] { $open_count } Dateien
} offen, { $share } der erlaubten { $limit_count }

problem-few-files = Prozess { $pid } darf nur { $limit_count ->
    [one] { $limit_count } Datei
   *[other] { $limit_count } Dateien
} öffnen
effect-few-files = Jede Verbindung ist eine offene Datei: verbinden sich viele Clients zugleich, weist der Server manche ab, und ihre Anfragen scheitern.
detail-few-files = Prozess { $pid } darf { $limit_count ->
    [one] { $limit_count } Datei
   *[other] { $limit_count } Dateien
} öffnen, und höchstens { $share } einer Grenze ist genutzt

problem-locked-between-nodes = Prozess { $pid } darf für RDMA nur { $locked } Speicher sperren
effect-locked-between-nodes = Übertragungen zu anderen Knoten können beim Start oder unter Last scheitern, sobald sie mehr gesperrten Speicher brauchen.
detail-locked-between-nodes = Prozess { $pid } darf { $locked } sperren, was den Speicher für RDMA begrenzt, und der Server spricht mit anderen Knoten (`{ $option }`)

problem-little-locked = Prozess { $pid } darf nur { $locked } Speicher sperren
effect-little-locked = Soll der Server über RDMA Daten mit anderen Knoten austauschen, können die Übertragungen scheitern; solange er das nicht tut, geschieht nichts.
detail-little-locked = Prozess { $pid } darf { $locked } sperren, zu wenig für die Netzwerkadapter dieses Knotens, falls er RDMA verwendet

problem-many-tasks = Der Server (PID { $pid }) nutzt { $share } seiner Grenze für Threads
effect-many-tasks = Ist die Grenze erreicht, kann der Server keine weiteren Threads oder Prozesse starten: Anfragen scheitern, oder der Server beendet sich.
detail-many-tasks = { $threads_count ->
    [one] { $threads_count } Thread
   *[other] { $threads_count } Threads
}, { $share } der Grenze für Tasks ({ $limit } in { $group })

found-many-files = Prozess { $pid } darf { $limit_count ->
    [one] { $limit_count } Datei
   *[other] { $limit_count } Dateien
} öffnen, und höchstens { $share } einer Grenze ist genutzt
found-all-files = die Zahl der offenen Dateien ist nicht begrenzt
found-unlimited = unbegrenzt
found-no-adapter = Prozess { $pid } darf { $locked } sperren; kein Netzwerkadapter pinnt Speicher des Hosts
problem-not-told = Prozess { $pid } darf { $locked } sperren und nutzt kein RDMA
detail-not-told = Prozess { $pid } darf { $locked } sperren; keine Option verlangt RDMA
found-unknown-adapters = Prozess { $pid } darf { $locked } sperren; ob ein Netzwerkadapter mehr braucht, ist nicht bekannt: { $reason }
found-tasks-unlimited = { $threads_count ->
    [one] { $threads_count } Thread
   *[other] { $threads_count } Threads
} und keine Grenze für Tasks
found-few-tasks = { $threads_count ->
    [one] { $threads_count } Thread
   *[other] { $threads_count } Threads
}, { $share } der Grenze für Tasks ({ $limit })
found-no-limit = { $path } enthält kein `{ $name }`
found-no-thread = kein Thread des Servers wurde aufgezeichnet
found-no-server = kein Inferenzserver gefunden: während des Betriebs sammeln
found-no-process = kein Prozess des Servers wurde aufgezeichnet
