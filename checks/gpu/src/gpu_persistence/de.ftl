title = Der Persistenzmodus ist eingeschaltet
why = Ohne ihn entlädt der Treiber eine GPU, sobald ihr letzter Prozess endet: Neustarts dauern lange, und Einstellungen von Takt und Leistung gehen verloren.
effect = Sobald das letzte Programm eine GPU verlässt, entlädt der Treiber sie: Der nächste Start des Dienstes dauert länger, und an der GPU gesetzte Grenzen gehen verloren.
applicability = Physische und virtuelle Maschinen, der Host von Containern; NVIDIA-GPUs für Rechenzentren
expected-effect = Nur die Startzeit, solange ein Server die GPU in Gebrauch hält. Für Sprachmodelle ist keine Zahl veröffentlicht.

problem-off = Der Persistenzmodus ist auf { $gpus_count ->
    [one] GPU { $gpu }
   *[other] { $gpus_count } von { $all_count } GPUs
} ausgeschaltet
detail-off = der Persistenzmodus ist ausgeschaltet

problem-not-kept = Nach einem Neustart des Knotens schaltet nichts den Persistenzmodus { $gpus_count ->
    [one] der GPU { $gpu }
   *[other] von { $gpus_count } der { $all_count } GPUs
} ein
effect-not-kept = Ab dem nächsten Neustart des Knotens entlädt der Treiber eine GPU, sobald das letzte Programm sie verlässt: Starts des Dienstes dauern länger, und an der GPU gesetzte Grenzen gehen verloren.
detail-not-kept = der Persistenzmodus ist eingeschaltet, aber nach einem Neustart setzt ihn nichts: `nvidia-persistenced` läuft nicht

found-kept = der Persistenzmodus ist eingeschaltet, und der Daemon, der ihn setzt, läuft
found-daemon-unknown = der Persistenzmodus ist eingeschaltet, aber ob der Daemon läuft, der ihn setzt, ist nicht bekannt: { $reason }
found-in-container = der Persistenzmodus ist eingeschaltet; ob der Daemon läuft, der ihn setzt, ist innerhalb eines Containers ({ $container }) nicht zu sehen
found-no-gpu = keine NVIDIA-GPU gefunden
found-no-device = NVML führt keine GPU auf, und aus PCI geht nicht hervor, dass es keine gibt
