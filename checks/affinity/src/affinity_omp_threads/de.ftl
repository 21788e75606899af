title = Thread-Pools von Bibliotheken passen zu den verfügbaren Kernen
why = Pools, die Bibliotheken nach dem ganzen Host statt nach dem Container bemessen, setzen mehr Threads auf die Kerne des Schedulers, als diese ausführen können.
effect = Die Threads, die Batches planen und Arbeit auf den GPUs starten, konkurrieren mit Hilfsthreads um die CPUs; Antworten kommen später und ungleichmäßiger.
applicability = Physische Maschinen, virtuelle Maschinen, Container (am stärksten in Containern mit wenigen CPUs)
expected-effect = Für die Inferenz auf GPUs ist keine Zahl veröffentlicht.

limit-runnable = Threads je nutzbarer CPU, die laufen wollen
limit-runnable-applies = Inferenzserver unter Last
limit-runnable-source = unser Vorschlag: darüber wartet immer jemand

limit-idle = CPUs, die ein Server unter Last beschäftigt
limit-idle-applies = Inferenzserver
limit-idle-source = unser Vorschlag: der Scheduler einer Inferenz-Engine beschäftigt einen Kern, solange Anfragen laufen

limit-delay = Anteil der Zeit, in der ein kritischer Thread auf eine CPU wartet
limit-delay-applies = Hauptthreads von Engine-Kernen, Workern und Servern mit einem Prozess unter Last
limit-delay-source = unser Vorschlag: 1 % eines Schritts von 20 ms sind 0,2 ms, mehr als jeder Kernelstart dauert

limit-active = Anteil der Zeit, in dem ein Thread eines Pools läuft oder laufen will
limit-active-applies = Threads von Inferenzservern unter Last
limit-active-source = unser Vorschlag: 56 Threads, die ein Server mit vLLM 0.25.1 auf einem H200 hielt, nahmen je 0,1 % einer CPU, und nichts war deshalb langsamer

problem-delaying = Prozess { $pid } hat einen Pool von { $size_count } Threads für { $cpus ->
    [one] { $cpus } CPU
   *[other] { $cpus } CPUs
}
detail-delaying = Prozess { $pid } hat einen Pool von { $size_count } arbeitenden Threads (`{ $name }`{ $library ->
    [unnamed] {", kein eigener Name, wie bei OpenMP, MKL und Rayon"}
    [tokio] {", von Tokio"}
    [python] {", von Pythons Executors"}
   *[unknown] {""}
}) für { $cpus ->
    [one] { $cpus } nutzbare CPU
   *[other] { $cpus } nutzbare CPUs
}{ $set ->
    [allowed] {", was "}{ $variables } zulässt
    [despite] {", trotz "}{ $variables }
    [none] {", ohne dass eine der üblichen Variablen gesetzt ist"}
    [unknown] {"; ob ihn eine Variable begrenzt, ist nicht bekannt"}
   *[other] {""}
}; die kritischen Threads warteten bis zu { $waited } der Zeit auf eine CPU

problem-oversized = Prozess { $pid } hat einen Pool von { $size_count } Threads für { $cpus ->
    [one] { $cpus } CPU
   *[other] { $cpus } CPUs
}
effect-oversized = Sobald alle diese Threads zu tun haben, konkurrieren sie mit denen, die Batches planen und Arbeit auf den GPUs starten, und Antworten kommen später; bisher war davon kaum etwas zu sehen.
detail-oversized = Prozess { $pid } hat einen Pool von { $size_count } arbeitenden Threads (`{ $name }`{ $library ->
    [unnamed] {", kein eigener Name, wie bei OpenMP, MKL und Rayon"}
    [tokio] {", von Tokio"}
    [python] {", von Pythons Executors"}
   *[unknown] {""}
}) für { $cpus ->
    [one] { $cpus } nutzbare CPU
   *[other] { $cpus } nutzbare CPUs
}{ $set ->
    [allowed] {", was "}{ $variables } zulässt
    [despite] {", trotz "}{ $variables }
    [none] {", ohne dass eine der üblichen Variablen gesetzt ist"}
    [unknown] {"; ob ihn eine Variable begrenzt, ist nicht bekannt"}
   *[other] {""}
}; die kritischen Threads warteten bis zu { $waited } der Zeit auf eine CPU

problem-unwatched = Prozess { $pid } hat einen Pool von { $size_count } Threads für { $cpus ->
    [one] { $cpus } CPU
   *[other] { $cpus } CPUs
}
effect-unwatched = Sobald alle diese Threads zu tun haben, konkurrieren sie mit denen, die jede Antwort braucht, und Antworten kommen später; ob es so ist, wurde nicht gemessen.
detail-unwatched = Prozess { $pid } hat einen Pool von { $size_count } Threads (`{ $name }`{ $library ->
    [unnamed] {", kein eigener Name, wie bei OpenMP, MKL und Rayon"}
    [tokio] {", von Tokio"}
    [python] {", von Pythons Executors"}
   *[unknown] {""}
}) für { $cpus ->
    [one] { $cpus } nutzbare CPU
   *[other] { $cpus } nutzbare CPUs
}{ $set ->
    [allowed] {", was "}{ $variables } zulässt
    [despite] {", trotz "}{ $variables }
    [none] {", ohne dass eine der üblichen Variablen gesetzt ist"}
    [unknown] {"; ob ihn eine Variable begrenzt, ist nicht bekannt"}
   *[other] {""}
}; ob Threads auf eine CPU warten, wurde nicht beobachtet: { $reason }

problem-together = { $shared ->
    [yes] Pools des Servers (PID { $pid }) und anderer haben
   *[no] Die Pools des Servers (PID { $pid }) haben
} { $size_count } Threads für { $cpus ->
    [one] { $cpus } CPU
   *[other] { $cpus } CPUs
}
effect-together = Sobald die Prozesse dieses Servers gleichzeitig arbeiten, konkurrieren ihre Threads um die CPUs, und Start und Antworten dauern länger.
detail-together = die Pools von { $pools } Prozessen haben zusammen { $size_count } Threads für { $cpus ->
    [one] { $cpus } nutzbare CPU
   *[other] { $cpus } nutzbare CPUs
}, obwohl jeder für sich zu seinem Prozess passt; { $seen ->
    [known] kritische Threads warteten bis zu { $waited } der Zeit auf eine CPU
   *[unknown] ob Threads auf eine CPU warten, wurde nicht beobachtet: { $reason }
}

problem-too-many-run = Der Server (PID { $pid }) hat je CPU { $threads } Threads, die laufen wollen
detail-too-many-run = kein Pool hat mehr arbeitende Threads als CPUs, dennoch wollen { $threads } Threads je CPU laufen (CPUs: { $cpus }); die kritischen Threads warteten bis zu { $waited } der Zeit auf eine CPU

problem-variable = { $name }={ $value } von Prozess { $pid } übersteigt dessen { $cpus ->
    [one] { $cpus } nutzbare CPU
   *[other] { $cpus } nutzbare CPUs
}
effect-variable = Bibliotheken, die dieser Einstellung folgen, starten mehr Threads, als CPUs für sie da sind; diese konkurrieren mit den Threads, die jede Antwort braucht.
detail-variable = `{ $name }={ $value }` von Prozess { $pid } verlangt mehr Threads, als laufen können (nutzbare CPUs: { $cpus }), auch wenn kein Pool dieser Größe zu sehen war; die kritischen Threads warteten bis zu { $waited } der Zeit auf eine CPU

found-fits = kein Pool hat mehr arbeitende Threads als CPUs; { $threads } Threads wollen je CPU laufen (CPUs: { $cpus }); die kritischen Threads warteten bis zu { $waited } der Zeit auf eine CPU
found-no-server = kein Inferenzserver gefunden: während des Betriebs sammeln
found-no-delay = wie lange die Threads auf eine CPU warteten, ist nicht bekannt
found-idle = der Server hat im Messfenster nur { $busy } CPUs beschäftigt: während des Betriebs sammeln
