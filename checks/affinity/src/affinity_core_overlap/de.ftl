title = Beschäftigte Threads teilen sich keine physischen Kerne (SMT-Regel)
why = Zwei Threads, die ohne Pause auf einem Kern oder auf dessen beiden Hyper-Threads arbeiten, verlieren jeweils einen großen Teil ihrer Geschwindigkeit.
effect = Zwei Prozesse, die jeweils einen ganzen Kern brauchen, wechseln sich auf einem ab; jede Antwort, an der sie arbeiten, kommt später und ungleichmäßiger.
applicability = Physische Maschinen; virtuelle Maschinen, in denen Geschwister-CPUs verborgen sein können; Container; alle Hersteller
expected-effect = Für das Bereitstellen von Sprachmodellen ist keine Zahl veröffentlicht. Eine Abspaltung von vLLM für Gaudi und Huawei MindIE liefern aus diesem Grund Kernzuordnungen mit.

limit-busy = Anteil des Messfensters, ab dem ein Thread als beschäftigt gilt
limit-busy-applies = Threads von Inferenzservern
limit-busy-source = unser Vorschlag: zwei Threads mit jeweils weniger als einem halben Kern können sich einen teilen

limit-some = Anteil der Ablesungen, bei denen sich zwei beschäftigte Threads einen Kern teilen dürfen
limit-some-applies = beschäftigte Threads verschiedener Prozesse
limit-some-source = unser Vorschlag: so viel kann der Scheduler brauchen, um sie zu trennen

limit-many = Anteil der Ablesungen, ab dem ein geteilter Kern ein Fehler ist
limit-many-applies = beschäftigte Threads verschiedener Prozesse
limit-many-source = unser Vorschlag: ein Thread, der seinen Kern ein Fünftel der Zeit teilt, verliert etwa ein Zehntel seiner Geschwindigkeit

problem-same-cpus = { $processes_count } Prozesse von { $servers_count } Servern sind auf { $cores_count ->
    [one] { $cores_count } Kern
   *[other] { $cores_count } Kerne
} beschränkt
effect-same-cpus = Diese Server haben weniger Kerne als Prozesse, die jeweils einen brauchen; unter Last halten sie sich gegenseitig auf, und Antworten kommen später und ungleichmäßiger.
detail-same-cpus = Prozesse verschiedener Server haben dieselben CPUs { $cpus } mit weniger physischen Kernen ({ $cores_count }) als Prozessen, die jeweils einen brauchen ({ $processes_count })

problem-no-core-left = Festgelegte Threads des Servers lassen keinen Kern für `{ $comm }`
effect-no-core-left = Der Prozess, der die Batches plant, teilt sich seinen Kern mit einem Thread eines Workers, und so warten alle anderen Threads in jedem Schritt jeder Antwort auf diesen einen.
detail-no-core-left = `{ $comm }` darf auf den CPUs { $cpus } laufen, und { $threads_count } Threads anderer Prozesse des Servers sind dort einzeln festgelegt, auf jedem Kern mindestens einer: je Rang einen Kern frei lassen

problem-often = Die Threads { $one_tid } und { $other_tid } teilten sich bei { $shared_count } von { $readings_count } Ablesungen einen Kern
detail-often = beide brauchen einen Kern ({ $one_share } und { $other_share } ausgelastet) und waren bei { $shared_count } von { $readings_count } Ablesungen auf demselben

problem-sometimes = Die Threads { $one_tid } und { $other_tid } teilten sich bei { $shared_count } von { $readings_count } Ablesungen einen Kern
effect-sometimes = Zwei Prozesse, die jeweils einen ganzen Kern brauchen, waren zeitweise auf demselben; einzelne Antworten können dadurch langsamer sein als andere.
detail-sometimes = beide brauchen einen Kern ({ $one_share } und { $other_share } ausgelastet) und waren bei { $shared_count } von { $readings_count } Ablesungen auf demselben

found-apart = keine zwei beschäftigten Threads verschiedener Prozesse teilten sich öfter als erlaubt einen physischen Kern (beschäftigte Threads: { $busy_count }, Ablesungen: { $readings_count })
found-no-server = kein Inferenzserver gefunden: während des Betriebs sammeln
found-idle = kein Thread eines Servers lief während der Hälfte des Messfensters (der aktivste: { $busiest_share }): während des Betriebs sammeln
found-unplaced = nicht zu beurteilen: { $unknown_count } von { $busy_count } beschäftigten Threads; Prozess oder CPUs sind nicht bekannt
