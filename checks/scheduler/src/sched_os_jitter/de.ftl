title = Der gemessene CPU-Jitter des Betriebssystems ist gering (optionale Messung)
why = Es ist die eine Zahl, die zeigt, was alle Störquellen zusammen bewirken.
effect = Was auf diesen CPUs läuft, kann jederzeit so lange angehalten werden; sind es Threads des Dienstes, kommen einzelne Tokens sichtbar zu spät.
applicability = Physische Maschinen; virtuelle Maschinen, wo er entzogene Zeit zeigt; Container
expected-effect = Für Sprachmodelle ist keine Zahl veröffentlicht.

limit-short = längste Unterbrechung eines Threads, der ohne Pause läuft
limit-short-applies = CPUs für die Inferenz, ohne Last
limit-short-source = unser Vorschlag: der kürzeste Schritt eines kleinen Modells

limit-long = längste Unterbrechung eines Threads, der ohne Pause läuft, ab der die Prüfung fehlschlägt
limit-long-applies = CPUs für die Inferenz, ohne Last
limit-long-source = unser Vorschlag: eine sichtbare Lücke zwischen Tokens

limit-firmware = System-Management-Interrupts
limit-firmware-applies = x86-CPUs
limit-firmware-source = unser Vorschlag

limit-watched = Länge der Messung, ab der die Prüfung besteht
limit-watched-applies = CPUs für die Inferenz
limit-watched-source = unser Vorschlag: regelmäßige Arbeit kommt alle paar Sekunden

problem-interrupted = CPU { $cpu } wurde { $longest } am Stück unterbrochen
detail-interrupted = längste Unterbrechung { $longest }, auf CPU { $cpu }, { $lost } ihrer Zeit verloren, { $management ->
    [unknown] System-Management-Interrupts nicht gezählt
    [0] keine System-Management-Interrupts
    [one] { $management } System-Management-Interrupt
   *[other] { $management } System-Management-Interrupts
}

problem-stalled = { $kind ->
    [cpu] Der Kernel meldete CPUs, die stillstanden
   *[task] Der Kernel meldete Prozesse, die stillstanden
}
effect-stalled = { $kind ->
    [cpu] Eine CPU tat viele Sekunden lang nichts anderes; Threads des Dienstes, die dort laufen sollten, warteten ebenso lange.
   *[task] Ein Programm wartete minutenlang auf Platte, Netz oder eine Sperre des Kernels; gehörte es zum Dienst, hingen Anfragen ebenso lange.
}
detail-stalled = { $lines_count ->
    [one] { $lines_count } Meldung
   *[other] { $lines_count } Meldungen
} der Wächter des Kernels in seinem Log, die letzte { $last }, bevor es gelesen wurde

problem-management = Die Firmware unterbrach CPUs { $management }-mal, unbemerkt vom Betriebssystem
effect-management = Solange die Firmware die Prozessoren hat, steht der ganze Dienst still, und keine Einstellung des Betriebssystems kann das verhindern.
detail-management = längste Unterbrechung { $longest }, auf CPU { $cpu }, { $lost } ihrer Zeit verloren, { $management ->
    [unknown] System-Management-Interrupts nicht gezählt
    [0] keine System-Management-Interrupts
    [one] { $management } System-Management-Interrupt
   *[other] { $management } System-Management-Interrupts
}

found-quiet = längste Unterbrechung { $longest }, auf CPU { $cpu }, { $lost } ihrer Zeit verloren, { $management ->
    [unknown] System-Management-Interrupts nicht gezählt
    [0] keine System-Management-Interrupts
    [one] { $management } System-Management-Interrupt
   *[other] { $management } System-Management-Interrupts
}
found-too-short = längste Unterbrechung { $longest }, auf CPU { $cpu }, { $lost } ihrer Zeit verloren, { $management ->
    [unknown] System-Management-Interrupts nicht gezählt
    [0] keine System-Management-Interrupts
    [one] { $management } System-Management-Interrupt
   *[other] { $management } System-Management-Interrupts
}, aber weniger als { $least } lang gemessen
found-unusable = die Messung nennt keine Dauer oder keine längste Unterbrechung
found-no-causes = die Messung nennt keine Ursachen, sodass System-Management-Interrupts unbemerkt blieben
found-not-measured = CPU-Jitter wurde auf keiner CPU gemessen
