title = Die CPU wird weder wegen Wärme noch wegen Leistungsaufnahme gedrosselt
why = Drosselung halbiert den Takt zu Zeiten, die niemand wählt, und weist meist auf einen Fehler der Kühlung hin.
effect = Solange ein Prozessor gedrosselt ist, läuft er weit unter seinem üblichen Takt; Antworten dauern in dieser Zeit länger.
applicability = Physische Maschinen; keine virtuellen Maschinen; Zähler nur auf Intel-CPUs, bei anderen über den Management-Controller
expected-effect = Es ist keine Zahl veröffentlicht.

problem-now = { $part ->
    [core] Kerne der CPUs { $cpus } wurden
   *[package] Das Package der CPUs { $cpus } wurde
} während der Messung { $times ->
    [one] einmal
   *[other] { $times }-mal
} gedrosselt
detail-now = { $part ->
    [core] der Kern
   *[package] das Package
} wurde im Zeitfenster { $times ->
    [one] einmal
   *[other] { $times }-mal
} gedrosselt{ $of_several ->
    [yes] {" "}(der höchste der Zähler seiner CPUs)
   *[no] {""}
}

problem-before = { $part ->
    [core] Kerne der CPUs { $cpus } wurden
   *[package] Das Package der CPUs { $cpus } wurde
} seit dem Start { $times ->
    [one] einmal
   *[other] { $times }-mal
} gedrosselt
effect-before = Während der Messung ist es nicht geschehen. Geschieht es wieder, läuft der Prozessor eine Zeit lang weit unter seinem üblichen Takt, und Antworten dauern länger.
detail-before = { $part ->
    [core] der Kern
   *[package] das Package
} wurde seit dem Start { $times ->
    [one] einmal
   *[other] { $times }-mal
} gedrosselt, aber nicht im Zeitfenster{ $of_several ->
    [yes] {" "}(der höchste der Zähler seiner CPUs)
   *[no] {""}
}

problem-since-boot = { $part ->
    [core] Kerne der CPUs { $cpus } wurden
   *[package] Das Package der CPUs { $cpus } wurde
} seit dem Start { $times ->
    [one] einmal
   *[other] { $times }-mal
} gedrosselt
detail-since-boot = { $part ->
    [core] der Kern
   *[package] das Package
} wurde seit dem Start { $times ->
    [one] einmal
   *[other] { $times }-mal
} gedrosselt{ $of_several ->
    [yes] {" "}(der höchste der Zähler seiner CPUs)
   *[no] {""}
}

problem-logged = Das Kernel-Log nennt gedrosselte CPU-Takte in { $lines ->
    [one] { $lines } Zeile
   *[other] { $lines } Zeilen
}
detail-logged = das Kernel-Log nennt gedrosselte CPU-Takte (Zeilen: { $lines })

problem-limited = Die Plattform hat den Takt der CPUs { $cpus } begrenzt
effect-limited = Firmware oder Hardware hielt diese Prozessoren unter dem verlangten Takt, wegen Wärme, Leistung oder Strom; Antworten kamen später.
detail-limited = CPPC hält fest, dass die Plattform { $below ->
    [lowest] weniger als die niedrigste verlangte Leistung
   *[wanted] weniger Leistung als gewünscht
} lieferte, seit das zuletzt gelöscht wurde

found-not-limited = CPPC hält seit dem Start keine Begrenzung durch die Plattform fest
found-never = { $part ->
    [core] der Kern
   *[package] das Package
} wurde seit dem Start nicht gedrosselt
found-unknown-now = ob { $part ->
    [core] der Kern
   *[package] das Package
} noch gedrosselt wird, zeigen erst zwei Lesungen: { $reason }
found-names-no-cpu = ein Zähler der Drosselung nennt keine CPU
found-no-counters = { $vendor ->
    [unknown] diese CPUs
   *[other] { $vendor }-CPUs
} zählen keine Drosselung, wo der Kernel sie lesen könnte, und sein Log nennt keine: Temperaturen und Leistungsaufnahme im Management-Controller nachsehen
found-virtual = virtuelle Maschine: Der Hypervisor reicht Drosselung nicht durch
