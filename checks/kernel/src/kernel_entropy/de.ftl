title = Zufallszahlen blockieren nicht
why = Das betrifft nur alte Kernel und ungewöhnliche virtuelle Maschinen: Programme können stillstehen, während der Kernel Zufall sammelt.
effect = Verschlüsselte Verbindungen zum Dienst können stillstehen, während die Maschine auf Zufallszahlen wartet.
applicability = Vor allem virtuelle Maschinen
expected-effect = Keine Zahl veröffentlicht.

limit-enough = Zufallsbits im Vorrat
limit-enough-applies = Linux vor 5.6
limit-enough-source = unser Vorschlag: so viele, wie ein Schlüssel braucht

limit-little = Zufallsbits im Vorrat, zu wenige
limit-little-applies = Linux vor 5.6
limit-little-source = unser Vorschlag

problem-few = Nur { $bits_count ->
    [one] { $bits_count } Zufallsbit ist
   *[other] { $bits_count } Zufallsbits sind
} für wartende Programme übrig
effect-few = Ein Programm, das sichere Zufallszahlen verlangt, etwa für eine verschlüsselte Verbindung, kann stillstehen, bis die Maschine mehr Zufall gesammelt hat.
detail-few = { $bits_count ->
    [one] { $bits_count } Bit ist
   *[other] { $bits_count } Bits sind
} im Vorrat eines Kernels, der darauf warten kann

problem-few-with-tls = Nur { $bits_count ->
    [one] { $bits_count } Zufallsbit ist
   *[other] { $bits_count } Zufallsbits sind
} für verschlüsselte Verbindungen übrig
detail-few-with-tls = { $bits_count ->
    [one] { $bits_count } Bit ist
   *[other] { $bits_count } Bits sind
} im Vorrat eines Kernels, der darauf warten kann, und auf Port { $port } kommen Verbindungen mit TLS an

found-enough = { $bits_count ->
    [one] { $bits_count } Bit ist
   *[other] { $bits_count } Bits sind
} im Vorrat eines Kernels, der darauf warten kann
found-never-blocks = Linux { $release } wartet nach dem Start nicht mehr auf Zufallszahlen
found-no-release = `{ $release }` ist keine Kernel-Version
