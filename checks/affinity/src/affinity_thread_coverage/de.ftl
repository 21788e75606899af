title = Die Bindung gilt für alle Threads, nicht nur für den Hauptthread
why = Threads, die vor der Bindung gestartet wurden oder die Bibliotheken starten, behalten die alte, weite Maske. Darunter sind Threads für Kommunikation und Fortschritt, deren Arbeit die Latenz bestimmt.
effect = Threads, die an jeder Antwort arbeiten, laufen dort, wo der Scheduler sie hinsetzt; Antworten kommen ungleichmäßiger, als es mit der Bindung beabsichtigt war.
applicability = Physische Maschinen, virtuelle Maschinen, Container; gebundene Prozesse
expected-effect = Keine Zahl veröffentlicht; laut NVIDIA verschlechtert sich die Dauer eines Schritts deutlich und hängt davon ab, wo Threads zufällig landen.

limit-unpinned = Anteil der CPU-Zeit eines Prozesses in Threads, für die die Bindung nicht gilt
limit-unpinned-applies = Prozesse, deren Hauptthread gebunden ist
limit-unpinned-source = unser Vorschlag, nach TensorRT-LLM PR #18701 (Threads für Kommunikation behielten die weite Maske)

limit-busy = Anteil der CPU-Zeit eines Prozesses, ab dem ein Thread für sich zählt
limit-busy-applies = Threads von Inferenzservern
limit-busy-source = unser Vorschlag: schlafende Hilfsthreads schaden nirgends

problem-uncovered = Die Bindung von Prozess { $pid } gilt für { $stray_count } von { $threads_count } Threads nicht
detail-uncovered = der Hauptthread ist an die CPUs { $cpus } gebunden, aber { $stray_count } von { $threads_count } Threads können auch anderswo laufen, mit { $share } der CPU-Zeit { $since ->
    [window] im Messfenster
   *[start] seit dem Start
}

problem-partly = Die Bindung von Prozess { $pid } gilt für { $stray_count } von { $threads_count } Threads nicht
effect-partly = Ein kleiner Teil der Arbeit dieses Prozesses läuft dort, wo der Scheduler ihn hinsetzt; einzelne Antworten können dadurch langsamer sein als andere.
detail-partly = der Hauptthread ist an die CPUs { $cpus } gebunden, aber { $stray_count } von { $threads_count } Threads können auch anderswo laufen, mit { $share } der CPU-Zeit { $since ->
    [window] im Messfenster
   *[start] seit dem Start
}

found-covered = der Hauptthread ist an die CPUs { $cpus } gebunden, und diese Maske gilt für die CPU-Zeit { $since ->
    [window] im Messfenster
   *[start] seit dem Start
} bis auf { $share }
problem-own-threads = Einige Threads sind gebunden, der Hauptthread nicht
detail-own-threads = einige Threads sind gebunden, der Hauptthread aber nicht; was für alle gemeint war, lässt sich nicht erkennen
found-unpinned = kein Thread ist gebunden (siehe `numa.gpu-affinity`)
found-no-server = kein Inferenzserver gefunden: während des Betriebs sammeln
found-no-process = kein Prozess eines Servers wurde aufgezeichnet
found-no-main-thread = der Hauptthread wurde nicht aufgezeichnet
found-group-unknown = die Threads haben verschiedene Masken, und welche CPUs die Control Group gewährt, ist nicht bekannt
found-no-time = die CPU-Zeit von Thread { $tid } ist nicht bekannt: { $reason }
found-idle = die Threads haben { $since ->
    [window] im Messfenster
   *[start] seit dem Start
} keine CPU-Zeit verbraucht: unter Last sammeln
found-unseen = Thread { $tid } ({ $comm }), für den die Bindung nicht gilt, ist nicht im Messfenster und kann CPU-Zeit verbraucht haben
