title = GPUs sind ausgelastet, wenn Anfragen warten
why = Wo Anfragen warten, obwohl GPUs frei sind, ist der Host der Engpass: das deutlichste Zeichen, dass sich Arbeit am Host lohnt.
effect = Antworten beginnen später, während bezahlte GPU-Zeit ungenutzt bleibt.
applicability = Dienste auf GPUs
expected-effect = Siehe `cpu.cores-per-gpu` (Zeit bis zum ersten Token um das 1,36- bis 5,40-Fache kürzer); eunomia.dev maß -20,5 % durch Störungen auf den CPUs.
caveat = Zuerst ansehen, was Befunde zu Platzierung, Nachbarn und CPU-Leistung nennen. Mehr API-Server (`--api-server-count` von vLLM) teilen sich die Annahme von Anfragen; einem Thread, der Batches plant, helfen sie nicht. Auch Tokenizer und CUDA-Graphen sind einen Blick wert.

limit-waiting = Anteil der Abfragen mit wartenden Anfragen, über dem GPUs ausgelastet sein müssen
limit-waiting-applies = Server mit Metriken
limit-waiting-source = unser Vorschlag: darunter ist eine Warteschlange Zufall

limit-busy = mittlere Auslastung einer GPU, unter der gewarnt wird
limit-busy-applies = NVIDIA-GPUs
limit-busy-source = unser Vorschlag; Meldungen zu vLLM nennen 60 bis 75 % mit einer CPU am Anschlag

limit-starved = mittlere Auslastung einer GPU, unter der die Prüfung fehlschlägt
limit-starved-applies = NVIDIA-GPUs
limit-starved-source = unser Vorschlag; Meldungen zu vLLM nennen 60 bis 75 % mit einer CPU am Anschlag

limit-hot = Anteil einer CPU, den ein Thread beansprucht und über dem gewarnt wird
limit-hot-applies = Threads, die Batches planen oder Anfragen annehmen
limit-hot-source = unser Vorschlag

limit-full = Anteil einer CPU, den ein Thread beansprucht und ab dem die Prüfung fehlschlägt
limit-full-applies = Threads, die Batches planen oder Anfragen annehmen
limit-full-source = unser Vorschlag: ein Thread kann nicht mehr als eine CPU nutzen

problem-starved = Anfragen warten, während eine GPU nur zu { $busy_percent } ausgelastet ist
effect-starved = Anfragen warten, obwohl die GPUs mehr leisten könnten, sodass Antworten unnötig spät beginnen; mehr GPUs würden nicht helfen, solange der Host sie warten lässt.
detail-starved = Anfragen warteten in { $waited_count } von { $scrapes_count ->
    [one] { $scrapes_count } Abfrage
   *[other] { $scrapes_count } Abfragen
}, während GPU { $gpu } zu { $busy_percent } ausgelastet war, weit entfernt von ihrer Grenze

problem-gaps = Anfragen warten, während eine GPU nur zu { $busy_percent } ausgelastet ist
effect-gaps = Anfragen warten, obwohl die GPUs noch etwas mehr leisten könnten, sodass Antworten unnötig spät beginnen.
detail-gaps = Anfragen warteten in { $waited_count } von { $scrapes_count ->
    [one] { $scrapes_count } Abfrage
   *[other] { $scrapes_count } Abfragen
}, während GPU { $gpu } zu { $busy_percent } ausgelastet war, also nicht ganz

problem-full-thread = Ein Server-Thread füllt seine CPU, während eine GPU zu { $busy_percent } ausgelastet ist
effect-full-thread = Ein Thread kann nicht mehr als eine CPU nutzen: der Server kann nicht mehr Arbeit verteilen, bezahlte GPU-Zeit bleibt ungenutzt, und mehr GPUs würden nicht helfen.
detail-full-thread = Thread `{ $comm }` von Prozess { $pid } ({ $role ->
    [requests] nimmt Anfragen an
    [batches] plant Batches
   *[all] nimmt Anfragen an und plant Batches
}) beanspruchte über { $seconds } hinweg { $share } einer CPU, während GPU { $gpu } zu { $busy_percent } ausgelastet war

problem-hot-thread = Ein Thread des Servers beansprucht { $share } einer CPU
effect-hot-thread = Ein Thread kann nicht mehr als eine CPU nutzen: mit etwas mehr Last begrenzt dieser den ganzen Server, was immer die GPUs leisten könnten.
detail-hot-thread = Thread `{ $comm }` von Prozess { $pid } ({ $role ->
    [requests] nimmt Anfragen an
    [batches] plant Batches
   *[all] nimmt Anfragen an und plant Batches
}) beanspruchte über { $seconds } hinweg { $share } einer CPU

found-busy = Anfragen warteten in { $waited_count } von { $scrapes_count ->
    [one] { $scrapes_count } Abfrage
   *[other] { $scrapes_count } Abfragen
}, und die GPUs waren ausgelastet, GPU { $gpu } mit { $busy_percent } am wenigsten
found-calm = Anfragen warteten kaum: in { $waited_count } von { $scrapes_count ->
    [one] { $scrapes_count } Abfrage
   *[other] { $scrapes_count } Abfragen
}
found-threads-fine = kein Thread des Servers ist nahe an der Grenze einer CPU: der am stärksten beschäftigte, `{ $comm }` von Prozess { $pid }, beanspruchte über { $seconds } hinweg { $share } davon
found-beyond-limit = alle Lasten gehörten zu einem Sweep und verfehlten dessen Ziele: bei der erwarteten Last messen
found-queue-untold = kein Server meldete, wie viele Anfragen warten
found-no-requests = der Server hatte keine Anfragen: während des Betriebs sammeln
found-not-sampled = die Auslastung von GPU { $gpu } wurde nicht aufgezeichnet
found-no-sample = keine GPU wurde beobachtet
found-no-window = der Zeitraum, über den Threads beobachtet wurden, hat keine Dauer
found-no-process = es ist nicht bekannt, zu welchem Prozess Thread { $tid } gehört
found-no-thread = kein Thread eines Servers, der Batches plant oder Anfragen annimmt, wurde gesehen
found-idle-gpus = die GPUs taten nichts: während des Betriebs sammeln
