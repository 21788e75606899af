title = Kritische Threads bekommen sofort einen Kern
why = Das Warten auf einen Kern verzögert unmittelbar den Start von GPU-Kerneln und die Ausgabe von Tokens.
effect = Arbeit, die bereit ist, muss auf einen Prozessor warten; Tokens kommen dadurch später und ungleichmäßiger.
applicability = Physische Maschinen, virtuelle Maschinen und Container
expected-effect = eunomia.dev, Qwen3 0.6B: Scheduling kostet auf einem sauberen Host 1,2 % der Laufzeit; CPU-Störungen erhöhten die Kontextwechsel auf das 524-Fache und kosteten 8,8 % des Durchsatzes.

limit-short = Wartezeit auf eine CPU, bezogen auf die Zeit, in der ein kritischer Thread lauffähig war
limit-short-applies = kritische Threads unter Last
limit-short-source = gemessen auf zwei Knoten mit H200-GPUs und vLLM 0.25.1: bis 0,5 % war nichts langsamer; ab 1,2 % kamen bei einem Modell mit 1 Milliarde Parametern Token oder erste Token später, bei einem mit 8 Milliarden nicht

limit-pressed = Zeit, in der mindestens ein Thread auf eine CPU wartete
limit-pressed-applies = Control Group des Servers oder der Knoten
limit-pressed-source = unser Vorschlag

limit-stalled = Zeit, in der mindestens ein Thread auf eine CPU wartete, ab der die Prüfung fehlschlägt
limit-stalled-applies = Control Group des Servers oder der Knoten
limit-stalled-source = unser Vorschlag

limit-long = Wartezeit auf eine CPU, bezogen auf die Zeit, in der ein kritischer Thread lauffähig war, ab der die Prüfung fehlschlägt
limit-long-applies = kritische Threads unter Last
limit-long-source = unser Vorschlag: einer von zwanzig Schritten kommt zu spät

problem-waits = Thread { $tid } ({ $comm }) wartete { $waited } der Zeit, in der er laufen wollte, auf eine CPU
detail-waits = Thread { $tid } ({ $comm }) { $role ->
    [api-server] des API-Servers
    [engine-core] des Engine Core
    [gpu-worker] des GPU-Workers
    [tokenizer] des Tokenizers
    [router] des Routers
    [server] des Servers
   *[helper] des Hilfsprozesses
}, { $threads_count ->
    [one] der einzige kritische
   *[other] der am längsten wartende von { $threads_count } kritischen
}, wartete { $waited } der Zeit, in der er laufen wollte, auf eine CPU{ $others ->
    [none] {""}
   *[other] {"; "}andere Programme belegten { $others } der CPUs der Server
}

problem-pressed = { $reach ->
    [group] Für den Server (PID { $pid }) waren { $share } der Zeit CPUs knapp
   *[node] Auf diesem Knoten waren { $share } der Zeit CPUs knapp
}
effect-pressed = { $reach ->
    [group] Arbeit, die bereit ist, muss auf einen Prozessor warten; Tokens kommen dadurch später und ungleichmäßiger.
   *[node] Arbeit auf diesem Knoten muss auf einen Prozessor warten; ist es die des Dienstes, kommen Tokens später und ungleichmäßiger.
}
detail-pressed = { $share } der Zeit wartete mindestens ein Thread { $reach ->
    [group] der Control Group des Servers
   *[node] des Knotens
} auf eine CPU{ $others ->
    [none] {""}
   *[other] {"; "}andere Programme belegten { $others } der CPUs der Server
}

found-at-once = Thread { $tid } ({ $comm }) { $role ->
    [api-server] des API-Servers
    [engine-core] des Engine Core
    [gpu-worker] des GPU-Workers
    [tokenizer] des Tokenizers
    [router] des Routers
    [server] des Servers
   *[helper] des Hilfsprozesses
}, { $threads_count ->
    [one] der einzige kritische
   *[other] der am längsten wartende von { $threads_count } kritischen
}, wartete { $waited } der Zeit, in der er laufen wollte, auf eine CPU
found-unloaded = Thread { $tid } ({ $comm }) { $role ->
    [api-server] des API-Servers
    [engine-core] des Engine Core
    [gpu-worker] des GPU-Workers
    [tokenizer] des Tokenizers
    [router] des Routers
    [server] des Servers
   *[helper] des Hilfsprozesses
}, { $threads_count ->
    [one] der einzige kritische
   *[other] der am längsten wartende von { $threads_count } kritischen
}, wartete { $waited } der Zeit, in der er laufen wollte, auf eine CPU, aber { $reason }
found-relaxed = unter Last wartete { $share } der Zeit mindestens ein Thread { $reach ->
    [group] der Control Group des Servers
   *[node] des Knotens
} auf eine CPU
found-no-pressure = Threads warteten auf eine CPU, aber die Pressure-Werte stiegen nicht
found-no-critical = kein kritischer Thread war lange lauffähig: während des Betriebs sammeln
found-unknown-wait = es ist nicht bekannt, wie lange einige kritische Threads warteten: { $reason }
found-stray = es ist nicht bekannt, wie lange einige kritische Threads warteten: Thread { $tid } ({ $comm }) gehört zu keinem bekannten Prozess
found-no-server = kein Prozess eines Inferenzservers gefunden: während des Betriebs sammeln
