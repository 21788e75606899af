title = Die Nummerierung der GPUs ist eindeutig
why = CUDA nummeriert GPUs nach Geschwindigkeit, `nvidia-smi` nach ihrem Platz am Bus. Werden beide verwechselt, wird ein Worker an den falschen Knoten gebunden, oder zwei Server teilen sich eine GPU, während eine andere nichts tut.
effect = Dieselbe Nummer kann für verschiedene Programme verschiedene GPUs bedeuten; Einstellungen, Messungen und ein Austausch können so die falsche GPU treffen.
applicability = Hosts mit zwei oder mehr GPUs von NVIDIA
expected-effect = Es ist keine Zahl veröffentlicht.
caveat = Mit einer anderen Reihenfolge kann eine Liste von Indizes andere GPUs bezeichnen als zuvor: nach der Änderung prüfen, welche GPUs jeder Server verwendet, oder sie über ihre eindeutigen Kennungen auswählen.

problem-by-speed = Der Server (PID { $pid }) nummeriert { $models_count } GPU-Modelle nach Geschwindigkeit
effect-by-speed = Der Server nummeriert die GPUs in anderer Reihenfolge als die Werkzeuge, die ihn überwachen und platzieren; Arbeit kann an die falsche GPU gebunden und die falsche GPU ausgetauscht werden.
detail-by-speed = GPUs werden nach Geschwindigkeit nummeriert und sind verschiedene Modelle ({ $models })

problem-by-index = Der Server (PID { $pid }) wählt GPUs über einen Index, der sich ändern kann
effect-by-index = Heute stimmen beide Nummerierungen überein, da alle GPUs von einem Modell sind; nach einem Austausch oder einer Aktualisierung kann derselbe Index eine andere GPU bedeuten.
detail-by-index = GPUs werden über ihren Index gewählt (`{ $variable }={ $list }`), und CUDA ordnet sie nach Geschwindigkeit: gleiche GPUs behalten ihre Reihenfolge nur durch Zufall

problem-wrong-node = Der Worker (PID { $worker }) erhält Knoten { $told_node }, seine GPU ist an Knoten { $gpu_node }
effect-wrong-node = Der Worker ist an den Prozessor gebunden, der von seiner GPU weit entfernt ist; Anweisungen und Daten laufen über die Verbindung zwischen den Prozessoren, und Antworten kommen später und ungleichmäßiger.
detail-wrong-node = `{ $option }` weist Worker { $worker } den Knoten { $told_node } zu, aber seine GPU { $gpu } ist an Knoten { $gpu_node }

found-by-bus = GPUs werden wie bei `nvidia-smi` nach ihrem Platz am Bus nummeriert
found-by-id = GPUs werden über ihre eindeutigen Kennungen gewählt
found-all-alike = alle GPUs werden verwendet und sind von einem Modell: keine Liste kann falsch gelesen werden
found-list-fits = { $workers_count ->
    [one] die Knoten von `{ $option }` passen zur GPU von { $workers_count } Worker
   *[other] die Knoten von `{ $option }` passen zu den GPUs von { $workers_count } Workern
}
found-some-fit = { $compared_count } von { $listed_count } Knoten von `{ $option }` konnten mit der GPU eines Workers verglichen werden und passen
found-no-worker = kein Worker von `{ $option } { $list }` war auf einer GPU mit bekanntem Knoten zu sehen
found-no-such-gpu = GPU { $gpu } ist nicht unter den GPUs der Nachweise
found-few-gpus = weniger als zwei GPUs von NVIDIA gefunden
found-no-server = kein Inferenzserver gefunden: während des Betriebs sammeln
found-no-process = kein Prozess des Servers wurde aufgezeichnet
