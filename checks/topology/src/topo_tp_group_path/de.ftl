title = Die GPUs einer Tensorparallel-Gruppe nutzen die beste vorhandene Verbindung
why = Jede Schicht jedes Tokens läuft über die Verbindung zwischen den GPUs einer Tensorparallel-Gruppe. Ein schlechterer Weg wird in jedem Schritt bezahlt.
effect = Die GPUs dieses Servers tauschen in jedem Schritt jeder Antwort Daten aus, und hier dauert das länger, als es diese Maschine erlaubt.
applicability = Physische Maschinen, virtuelle Maschinen, Container; Tensorparallelität ab 2; NVIDIA, da der Zustand der Verbindungen von NVML kommt
expected-effect = Hugging Face misst Kopien zwischen GPUs über Infinity Fabric etwa 1,7-mal so schnell wie über den PCIe-Switch (MI210). Eine veröffentlichte Zahl für einen ganzen Dienst wurde nicht gefunden.

problem-better = Der Server (PID { $pid }) nutzt weit entfernte GPUs, obwohl nähere frei sind
detail-better = { $a } und { $b } erreichen einander über { $level } und ohne NVLink, obwohl die GPUs { $better } paarweise NVLink oder keine Host-Bridge zwischen sich haben

problem-across = Zwei GPUs des Servers (PID { $pid }) erreichen einander nur über die Sockel hinweg
effect-across = Die GPUs dieses Servers tauschen in jedem Schritt jeder Antwort Daten aus, und das dauert über die Sockel hinweg länger; keine freien GPUs dieser Maschine wären besser.
detail-across = { $a } und { $b } erreichen einander über SYS und ohne NVLink; keine andere Gruppe von GPUs dieses Knotens ist besser

problem-nearer = Der Server (PID { $pid }) nutzt weit entfernte GPUs, obwohl nähere frei sind
detail-nearer = { $a } und { $b } erreichen einander über { $level } und ohne NVLink; von den GPUs { $better }, die frei sind oder ihm schon gehören, liegen keine zwei weiter auseinander als { $most }

problem-no-peer = Die GPUs { $a } und { $b } können gegenseitig ihren Speicher nicht lesen
effect-no-peer = Was diese GPUs in jedem Schritt jeder Antwort austauschen, nimmt den Umweg über den Speicher des Hosts; jede Antwort dauert dadurch länger.
detail-no-peer = { $a } und { $b } können gegenseitig ihren Speicher nicht lesen: { $status }

problem-switched-off = `{ $name }={ $value }` hält die GPUs von Prozess { $pid } vom direkten Zugriff ab
detail-switched-off = `{ $name }={ $value }` in der Umgebung von Prozess { $pid } hält NCCL davon ab, die GPUs gegenseitig ihren Speicher lesen zu lassen, über NVLink oder PCIe

found-good = alle Paare haben NVLink oder keine Host-Bridge zwischen sich
problem-no-better = { $a } und { $b } haben kein NVLink; keine Gruppe ist besser verbunden
detail-no-better = { $a } und { $b } erreichen einander über { $level } und ohne NVLink; keine andere Gruppe von GPUs dieses Knotens ist besser
found-unknown-better = { $a } und { $b } erreichen einander über { $level } und ohne NVLink; ob andere GPUs besser liegen, ist nicht bekannt
found-unknown-free = { $a } und { $b } erreichen einander über { $level } und ohne NVLink; welche GPUs Server { $server } nutzt, ist nicht bekannt: { $reason }
found-not-told-by-nvml = NVML gibt `{ $what }` von { $a } und { $b } nicht an
found-no-path = der Weg zwischen { $a } und { $b } wurde nicht abgeleitet
found-unknown-groups = die { $gpus_count } GPUs bilden Gruppen von { $size }, und nichts sagt, welche zusammengehören; nicht alle Paare haben einen guten Weg
found-too-few-gpus = die Tensorparallelität ist { $size }, aber der Server nutzt { $gpus_count ->
    [0] keine GPU dieses Knotens
    [one] { $gpus_count } GPU dieses Knotens
   *[other] { $gpus_count } GPUs dieses Knotens
}
found-single = die Tensorparallelität ist 1
found-few-gpus = der Knoten hat { $gpus_count ->
    [0] keine GPU
    [one] { $gpus_count } GPU
   *[other] { $gpus_count } GPUs
}
found-no-server = kein Inferenzserver gefunden: während des Betriebs sammeln
