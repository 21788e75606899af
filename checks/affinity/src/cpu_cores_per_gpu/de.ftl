title = Genug physische Kerne für die Prozesse der Inferenz
why = Der Scheduler einer Inferenz-Engine hält einen eigenen Kern beschäftigt. Mit weniger physischen Kernen als Prozessen wechseln sich diese ab, GPUs stehen zwischen den Schritten still, und Anfragen laufen in Zeitüberschreitungen.
effect = Die GPUs warten auf Prozesse, die auf einen Prozessorkern warten; der Dienst beantwortet weniger Anfragen, und das später; unter Last können Anfragen in Zeitüberschreitungen laufen.
applicability = Physische Maschinen, virtuelle Maschinen und Container (am häufigsten in Pods und virtuellen Maschinen); Knoten mit GPUs; alle Hersteller
expected-effect = Georgia Tech 2026: mit mehr Kernen kam das erste Token bei mittlerer Last 1,36- bis 5,40-mal so schnell, und unterversorgte Konfigurationen liefen in Zeitüberschreitungen; etwa 1,5 % höhere Kosten der Instanz (Kosten aus Presseberichten). vLLM nennt es eine häufige Ursache schlechter Leistung.

limit-minimum = mindestens nötige physische Kerne je Prozess, der einen braucht
limit-minimum-applies = vLLM; für andere Server eine Schätzung
limit-minimum-source = 2 + N physische Kerne für N GPUs

limit-headroom = physische Kerne je Prozess, der einen braucht
limit-headroom-applies = Server, die GPUs verwenden
limit-headroom-source = gemessen auf zwei Knoten mit H200-GPUs und vLLM 0.25.1, für die drei Prozesse einer GPU: mit 4 CPUs war nichts langsamer, mit 3 waren es die langsamsten Token eines Modells mit 1 Milliarde Parametern

limit-delay = Anteil der Zeit, in der ein kritischer Thread auf eine CPU wartet
limit-delay-applies = Hauptthreads von Engine-Kernen, Workern und Servern mit einem Prozess unter Last
limit-delay-source = gemessen auf zwei Knoten mit H200-GPUs und vLLM 0.25.1: bis 0,5 % war nichts langsamer, ab 1,2 % war es ein Modell mit 1 Milliarde Parametern

problem-too-few = { $shared ->
    [yes] Der Server (PID { $pid }) und andere haben
   *[no] Der Server (PID { $pid }) hat
} { $limit ->
    [quota] { $quota } CPUs
   *[mask] { $cores_count ->
        [one] { $cores_count } physischen Kern
       *[other] { $cores_count } physische Kerne
    }
} für { $wanted_count } Prozesse
detail-too-few = { $limit ->
    [quota] eine Quota von { $quota } CPUs
   *[mask] CPUs { $cpus } (physische Kerne: { $cores_count })
} für { $wanted_count } Prozesse, die jeweils einen Kern brauchen{ $shared ->
    [yes] {", die der anderen Server auf denselben CPUs eingeschlossen"}
   *[no] {""}
}

problem-no-headroom = { $shared ->
    [yes] Der Server (PID { $pid }) und andere haben nur
   *[no] Der Server (PID { $pid }) hat nur
} { $limit ->
    [quota] { $quota } CPUs
   *[mask] { $cores_count ->
        [one] { $cores_count } physischen Kern
       *[other] { $cores_count } physische Kerne
    }
} für { $wanted_count } Prozesse
effect-no-headroom = Jeder Prozess hat einen Kern, aber wenig bleibt für den Kernel, die Tokenisierung und die Überwachung; Antworten kommen ungleichmäßiger, sobald diese zu tun haben.
detail-no-headroom = { $limit ->
    [quota] eine Quota von { $quota } CPUs
   *[mask] CPUs { $cpus } (physische Kerne: { $cores_count })
} für { $wanted_count } Prozesse, die jeweils einen Kern brauchen{ $shared ->
    [yes] {", die der anderen Server auf denselben CPUs eingeschlossen"}
   *[no] {""}
}: zu wenig Reserve

problem-more-threads = Der Server (PID { $pid }) rechnet mit { $threads_count } Threads auf { $limit ->
    [quota] { $quota } CPUs
   *[mask] { $cores_count ->
        [one] { $cores_count } physischen Kern
       *[other] { $cores_count } physischen Kernen
    }
}
effect-more-threads = Threads wechseln sich auf einem Kern ab, während die übrigen auf den langsamsten warten; jedes Token dauert länger.
detail-more-threads = { $threads_count } Threads rechnen, von denen jeder auf den langsamsten wartet, auf { $limit ->
    [quota] einer Quote von { $quota } CPUs
   *[mask] { $cores_count ->
        [one] { $cores_count } physischen Kern
       *[other] { $cores_count } physischen Kernen
    }
}

found-core-each = { $threads_count ->
    [one] { $threads_count } Thread rechnet
   *[other] { $threads_count } Threads rechnen
} auf { $limit ->
    [quota] einer Quote von { $quota } CPUs
   *[mask] { $cores_count ->
        [one] { $cores_count } physischen Kern
       *[other] { $cores_count } physischen Kernen
    }
}
found-enough = { $limit ->
    [quota] eine Quota von { $quota } CPUs
   *[mask] CPUs { $cpus } (physische Kerne: { $cores_count })
} für { $wanted_count } Prozesse, die jeweils einen Kern brauchen{ $shared ->
    [yes] {", die der anderen Server auf denselben CPUs eingeschlossen"}
   *[no] {""}
}
found-no-gpu = keine GPU gefunden
found-uses-no-gpu = verwendet keine GPU
found-no-server = kein Inferenzserver gefunden: während des Betriebs sammeln
found-as-far-as-known = { $limit ->
    [quota] eine Quota von { $quota } CPUs
   *[mask] CPUs { $cpus } (physische Kerne: { $cores_count })
} für { $wanted_count } Prozesse, die jeweils einen Kern brauchen{ $shared ->
    [yes] {", die der anderen Server auf denselben CPUs eingeschlossen"}
   *[no] {""}
}, soweit bekannt: { $reason }
found-hidden-siblings = { $limit ->
    [quota] eine Quota von { $quota } CPUs
   *[mask] CPUs { $cpus } (physische Kerne: { $cores_count })
} für { $wanted_count } Prozesse, die jeweils einen Kern brauchen{ $shared ->
    [yes] {", die der anderen Server auf denselben CPUs eingeschlossen"}
   *[no] {""}
}; ob eine virtuelle CPU ein Kern oder ein halber ist, bleibt verborgen: den Anbieter fragen
found-unknown-machine = { $limit ->
    [quota] eine Quota von { $quota } CPUs
   *[mask] CPUs { $cpus } (physische Kerne: { $cores_count })
} für { $wanted_count } Prozesse, die jeweils einen Kern brauchen{ $shared ->
    [yes] {", die der anderen Server auf denselben CPUs eingeschlossen"}
   *[no] {""}
}; ob dies eine virtuelle Maschine ist, deren CPUs jeweils ein halber Kern sein können, ist nicht bekannt: { $reason }
