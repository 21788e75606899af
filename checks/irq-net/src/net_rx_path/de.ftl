title = Empfangswarteschlangen und Rückstau halten mit
why = Verworfene Pakete werden erneut gesendet, und das erste Token einer Anfrage wartet darauf. Das zeigt sich bei hohen Anfrageraten.
effect = Pakete gehen verloren und werden erneut gesendet; die Anfragen darin warten so lange, vor allem wenn viele zugleich eintreffen.
applicability = Physische und virtuelle Maschinen; in einem Container zählt der Host
expected-effect = Für Sprachmodelle ist keine Zahl veröffentlicht.

limit-squeezed = Rate, mit der das Paketbudget einer CPU ausgeht
limit-squeezed-applies = jede CPU, die Pakete verarbeitet
limit-squeezed-source = unser Vorschlag

limit-quiet = Paketrate des Knotens, unter der nichts bewiesen ist
limit-quiet-applies = alle Knoten
limit-quiet-source = unser Vorschlag

limit-fast = Geschwindigkeit einer Verbindung, ab der eine Warteschlange zu wenig ist
limit-fast-applies = physische Schnittstellen
limit-fast-source = unser Vorschlag: eine CPU verarbeitet etwa eine Million Pakete je Sekunde, 10 Gbit/s bringen 0,8 Millionen voller Größe

limit-queues = Empfangswarteschlangen einer schnellen Schnittstelle, wenn ihr Knoten nicht weniger CPUs hat
limit-queues-applies = physische Schnittstellen
limit-queues-source = unser Vorschlag

problem-dropped = { $packets_count ->
    [one] Der Kernel hat { $packets_count } eingetroffenes Paket verworfen
   *[other] Der Kernel hat { $packets_count } eingetroffene Pakete verworfen
}
detail-dropped = { $packets_count ->
    [one] der Kernel hat { $packets_count } Paket verworfen, weil sein Rückstau voll war
   *[other] der Kernel hat { $packets_count } Pakete verworfen, weil sein Rückstau voll war
}

problem-squeezed = { $cpus_count ->
    [one] CPU { $cpus } kann nicht alle zugleich eintreffenden Pakete verarbeiten
   *[other] Die CPUs { $cpus } können nicht alle zugleich eintreffenden Pakete verarbeiten
}
effect-squeezed = Pakete warten auf eine weitere Runde des Prozessors; Anfragen beginnen später, wenn viele zugleich eintreffen.
detail-squeezed = { $cpus_count ->
    [one] das Budget von CPU { $cpus } war aufgebraucht
   *[other] das Budget der CPUs { $cpus } war aufgebraucht
}, bevor alle Pakete verarbeitet waren

problem-errors = Schnittstelle { $interface } meldet Fehler bei ihren Paketen
detail-errors = Fehlerzähler stiegen, während { $packets_count ->
    [one] { $packets_count } Paket eintraf
   *[other] { $packets_count } Pakete eintrafen
}: { $errors }

problem-no-buffer = Schnittstelle { $interface } hat Pakete mangels Puffern verloren
detail-no-buffer = für eintreffende Pakete war kein Puffer frei, während { $packets_count ->
    [one] { $packets_count } Paket ankam
   *[other] { $packets_count } Pakete ankamen
}: { $errors }

problem-one-queue = Eine CPU erledigt den ganzen Empfang für Schnittstelle { $interface }
effect-one-queue = Wenn viele Anfragen eintreffen, kommt diese CPU nicht nach; sie warten oder gehen verloren und werden erneut gesendet.
detail-one-queue = eine Empfangswarteschlange bei { $speed }: eine CPU erledigt die ganze Arbeit

problem-to-isolated = Schnittstelle { $interface } übergibt Pakete { $cpus_count ->
    [one] der isolierten CPU { $cpus }
   *[other] den isolierten CPUs { $cpus }
}
effect-to-isolated = Pakete stören CPUs, die freigehalten werden, damit nichts sie stört; Antworten kommen ungleichmäßiger.
detail-to-isolated = Pakete werden { $cpus_count ->
    [one] der CPU { $cpus } übergeben, die
   *[other] den CPUs { $cpus } übergeben, die
} der Kernel isoliert

problem-to-far = Schnittstelle { $interface } übergibt Pakete { $cpus_count ->
    [one] der CPU { $cpus }
   *[other] den CPUs { $cpus }
} eines anderen NUMA-Knotens
effect-to-far = Anfragen nehmen den Weg über den anderen Prozessor, bevor ein Server sie erhält, und beginnen daher später.
detail-to-far = Pakete werden { $cpus_count ->
    [one] der CPU { $cpus }
   *[other] den CPUs { $cpus }
} eines anderen NUMA-Knotens übergeben

problem-slower-link = Schnittstelle { $interface } läuft mit { $speed } statt { $best }
effect-slower-link = Daten für diesen Knoten sind länger unterwegs, als die Netzwerkkarte es erlauben würde.
detail-slower-link = die Verbindung läuft mit { $speed }, eine andere desselben Modells auf diesem Knoten mit { $best }

found-none-dropped = { $rate } Pakete je Sekunde, keines verworfen
found-few-packets = { $rate } Pakete je Sekunde beweisen nichts: während des Betriebs sammeln
found-none-physical = keine physische Schnittstelle zu sehen: in einem Container auf dem Host sammeln
found-none-up = keine physische Schnittstelle ist in Betrieb
found-no-errors = keine im Messfenster
found-idle = weniger als 100 Pakete kamen an, was nichts beweist: während des Betriebs sammeln
found-unread = nicht an beiden Enden des Messfensters gelesen
problem-few-queues = Eine Netzwerkkarte hat { $queues_count ->
    [one] { $queues_count } Empfangswarteschlange
   *[other] { $queues_count } Empfangswarteschlangen
} bei { $speed }
detail-few-queues = { $queues_count ->
    [one] { $queues_count } Empfangswarteschlange bei { $speed }; üblich wären { $usual }
   *[other] { $queues_count } Empfangswarteschlangen bei { $speed }; üblich wären { $usual }
}
found-enough-queues = es sind genug
found-no-node = der zugehörige Knoten { $node } ist nicht unter den NUMA-Knoten
found-unknown-model = das Modell ist nicht bekannt: { $reason }
