title = Die Platzierung ist Teil der Definition des Dienstes
why = Was von Hand mit `taskset` gesetzt wurde, ist beim nächsten Start des Servers verloren, und was nur vorläufig gesetzt wurde, beim nächsten Neustart des Knotens.
effect = Die Platzierung, mit der der Dienst gemessen wurde, übersteht den nächsten Neustart nicht; Antworten kommen dann später und ungleichmäßiger, ohne dass etwas auf die Ursache hinweist.
applicability = Dienste von systemd und Container auf Hosts mit zwei oder mehr NUMA-Knoten, die CPUs haben
expected-effect = Bewahrt die Wirkung von `numa.gpu-affinity`.
caveat = `CPUAffinity=` ist eine Maske, die ein Prozess ändern kann; `AllowedCPUs=` setzt das Cpuset durch. `NUMAPolicy=bind` kann dazu führen, dass der Kernel Prozesse wegen Speichermangels beendet; im Zweifel `preferred` verwenden.

limit-remote-time = Anteil der CPU-Zeit von GPU-Prozessen fern von ihren GPUs
limit-remote-time-applies = Hosts mit zwei oder mehr NUMA-Knoten, die CPUs haben
limit-remote-time-source = unser Vorschlag, die Grenze von `numa.gpu-affinity`

problem-until-reboot = Die Platzierung des Servers (PID { $pid }) ist nach dem nächsten Neustart des Knotens verloren
detail-until-reboot = der Server ist durch eine Einstellung in { $path } gebunden, die nach einem Neustart des Knotens verloren ist

problem-undefined = Der Server (PID { $pid }) verliert beim nächsten Start seine Platzierung
detail-undefined = die Threads sind gebunden, aber weder die Definition des Servers noch eine Option der Engine bestimmt das: beim nächsten Start ist es verloren

problem-not-restarted = Der Server (PID { $pid }) läuft ohne die Platzierung, die seine Definition vorsieht
effect-not-restarted = Bis zu einem Neustart kann der Server fern von seinen GPUs laufen; Antworten kommen dann später und ungleichmäßiger.
detail-not-restarted = die Definition bindet den Server, aber seine Threads dürfen auf allen CPUs laufen: er wurde seither nicht neu gestartet

problem-engine-only = Nur die Engine platziert den Server (PID { $pid }), und nur seine GPU-Worker
effect-engine-only = Die Teile des Servers, die Anfragen annehmen und Text verarbeiten, können überall laufen, auch auf den CPUs der GPU-Worker; Antworten können ungleichmäßiger kommen.
detail-engine-only = nur die Engine bindet den Server (`{ $option }`); API-Server und Hilfsprozesse können überall laufen

problem-away = Keine Definition platziert den Server (PID { $pid }), der fern von seinen GPUs lief
effect-away = Solange der Server fern von seinen GPUs arbeitet, laufen Anweisungen und Daten über die Verbindung zwischen den Prozessoren; Antworten kommen später und ungleichmäßiger.
detail-away = weder die Definition noch eine Option der Engine bindet den Server, und Threads mit { $share } der CPU-Zeit seiner GPU-Prozesse liefen zuletzt fern von ihren GPUs

problem-unbound = Keine Definition hält den Server (PID { $pid }) in der Nähe seiner GPUs
effect-unbound = Der Server kann jederzeit fern von seinen GPUs laufen, und Antworten kämen dann später und ungleichmäßiger; wo er läuft, kann sich mit der Last und mit jedem Neustart ändern.
detail-unbound = weder die Definition noch eine Option der Engine bindet den Server, auch wenn er in der Nähe seiner GPUs blieb

problem-ignored = Der Server (PID { $pid }) sollte seine Worker binden und hat es nicht getan
effect-ignored = Der Server kann jederzeit fern von seinen GPUs laufen, obwohl er als gebunden gilt; Antworten kämen dann später und ungleichmäßiger.
detail-ignored = der Server soll seine Worker binden (`{ $option }`), aber deren Threads dürfen auf allen CPUs laufen

problem-unbound-memory = Keine Definition hält den Server (PID { $pid }) in der Nähe seines Speichers
effect-unbound-memory = Der Server rechnet auf den Prozessoren, und seine Threads können jederzeit fern von dem Speicher laufen, den sie lesen; Tokens dauern dann länger und kommen ungleichmäßiger.
detail-unbound-memory = weder die Definition noch eine Option der Engine bindet den Server, und seine Threads dürfen auf den CPUs aller Knoten laufen

found-defined = die Definition bindet den Server, und seine Threads zeigen es
found-one-node = alle CPUs sind in einem NUMA-Knoten
found-idle = die Threads haben keine CPU-Zeit verbraucht: unter Last sammeln
found-no-gpu-process = kein Prozess des Servers hat erkennbar eine GPU verwendet
found-no-thread = kein Thread von Prozess { $pid } wurde aufgezeichnet
found-no-such-gpu = GPU { $gpu } ist nicht unter den GPUs der Nachweise
found-unknown-unit = die Nachweise beschreiben die Unit { $unit } nicht
found-unknown-container = die Nachweise beschreiben den Container { $container } nicht
found-no-server = kein Inferenzserver gefunden: während des Betriebs sammeln
found-inside = von innerhalb eines Containers gesehen ({ $container }): auf dem Host zeigt es `{ $command }`
