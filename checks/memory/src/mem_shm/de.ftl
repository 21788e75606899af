title = Gemeinsamer Speicher reicht für den Betrieb auf mehreren GPUs
why = Die Worker eines Modells und NCCL tauschen Daten über gemeinsamen Speicher aus. Mit den 64 MiB, die Container voreingestellt bekommen, stürzen sie ab oder weichen auf langsame Wege aus.
effect = Den Prozessen eines Modells kann der Speicher ausgehen, über den sie Daten austauschen: Der Server startet dann nicht, bricht unter Last ab oder weicht auf einen langsameren Weg zwischen seinen GPUs aus.
applicability = Vor allem Container; auf physischen Maschinen ist die Hälfte des Speichers voreingestellt
expected-effect = Stabilität. Keine Zahl veröffentlicht.

limit-many-gpus = Größe von /dev/shm für ein Modell auf mehreren GPUs
limit-many-gpus-applies = Modelle auf zwei oder mehr GPUs

limit-one-gpu = Größe von /dev/shm für ein Modell auf einer GPU
limit-one-gpu-applies = Modelle auf einer GPU
limit-one-gpu-source = unser Vorschlag

limit-default = Größe von /dev/shm, die Container-Laufzeiten voreingestellt vergeben
limit-default-applies = Container

problem-runtime-default = Der Server (PID { $server }) hat { $size } gemeinsamen Speicher für { $gpus_count ->
    [one] { $gpus_count } GPU
   *[other] { $gpus_count } GPUs
}
detail-runtime-default = /dev/shm hat { $size }, für ein Modell auf { $gpus_count ->
    [one] { $gpus_count } GPU
   *[other] { $gpus_count } GPUs
}: nicht mehr, als Container-Laufzeiten voreingestellt vergeben

problem-small = Der Server (PID { $server }) hat { $size } gemeinsamen Speicher für { $gpus_count ->
    [one] { $gpus_count } GPU
   *[other] { $gpus_count } GPUs
}
effect-small = Unter Last kann den Prozessen eines Modells der Speicher ausgehen, über den sie Daten austauschen; der Server bricht dann unter Umständen ab oder weicht auf einen langsameren Weg zwischen seinen GPUs aus.
detail-small = /dev/shm hat { $size }, für ein Modell auf { $gpus_count ->
    [one] { $gpus_count } GPU
   *[other] { $gpus_count } GPUs
}

found-enough = /dev/shm hat { $size }, für ein Modell auf { $gpus_count ->
    [one] { $gpus_count } GPU
   *[other] { $gpus_count } GPUs
}
problem-small-for-one = /dev/shm hat { $size }, genug für ein Modell auf einer GPU
detail-small-for-one = /dev/shm hat { $size }, für ein Modell auf einer GPU, das es kaum braucht
found-no-server = kein Inferenzserver gefunden: während des Betriebs sammeln
found-no-gpu = von keinem seiner Prozesse ist bekannt, dass er eine GPU nutzt
