title = Warteschlangen und Tabellen für Verbindungen sind groß genug
why = Eine Warteschlange oder Tabelle, die bei einer Lastspitze überläuft, weist Clients ab; diese sehen zufällige Zeitüberschreitungen.
effect = Wenn viele Clients zugleich kommen, werden einige nicht angenommen: sie warten bis zur Zeitüberschreitung und müssen es erneut versuchen.
applicability = Physische und virtuelle Maschinen und Container, jeweils je Netzwerk-Namespace
expected-effect = Für Sprachmodelle ist keine Zahl veröffentlicht.

limit-somaxconn = längste Warteschlange eines lauschenden Sockets
limit-somaxconn-applies = Kernel vor 5.4 geben 128 vor, spätere 4096
limit-somaxconn-source = throughput-performance

limit-table-filling = belegte Einträge der Tabelle verfolgter Verbindungen, viele
limit-table-filling-applies = Knoten, die Verbindungen verfolgen
limit-table-filling-source = unser Vorschlag

limit-table-full = belegte Einträge der Tabelle verfolgter Verbindungen, zu viele
limit-table-full-applies = Knoten, die Verbindungen verfolgen
limit-table-full-source = unser Vorschlag

limit-ports = belegte lokale Ports
limit-ports-applies = Knoten, die Verbindungen öffnen, etwa Router
limit-ports-source = unser Vorschlag; die Grenze gilt je entfernter Adresse und Port, dies liegt also auf der sicheren Seite

problem-turned-away = { $connections_count ->
    [one] { $connections_count } Verbindung wurde innerhalb von { $length } abgewiesen
   *[other] { $connections_count } Verbindungen wurden innerhalb von { $length } abgewiesen
}
effect-turned-away = Clients wurden abgewiesen, obwohl der Server lief: sie warten bis zur Zeitüberschreitung und müssen es erneut versuchen.
detail-turned-away = { $connections_count ->
    [one] { $connections_count } Verbindung wurde in { $length } abgewiesen, weil eine Warteschlange voll war
   *[other] { $connections_count } Verbindungen wurden in { $length } abgewiesen, weil eine Warteschlange voll war
}

problem-short-queue = Nur { $connections } neue Verbindungen können auf einen Server warten
detail-short-queue = ein lauschender Socket darf höchstens { $connections } Verbindungen anstehen lassen, was auch immer der Server verlangt

problem-table-was-full = Die Tabelle der Verbindungen war voll, und Pakete wurden verworfen
effect-table-was-full = Clients liefen zu dieser Zeit in Zeitüberschreitungen, und bei ebenso vielen Verbindungen wird es wieder geschehen.
detail-table-was-full = sie war voll, und Pakete wurden verworfen

problem-table-filling = Die Tabelle der Verbindungen ist zu { $share } voll
effect-table-filling = Ist die Tabelle voll, werden Pakete neuer Clients verworfen, und diese laufen in Zeitüberschreitungen.
detail-table-filling = { $used } von { $most } Einträgen sind belegt ({ $share })

problem-few-ports = { $share } der Ports für ausgehende Verbindungen sind belegt
effect-few-ports = Sind sie aufgebraucht, öffnet dieser Knoten keine weitere Verbindung zur selben Adresse, und weitergereichte Anfragen schlagen fehl.
detail-few-ports = { $used_count ->
    [one] { $used_count } der Ports { $first } bis { $last } ist belegt ({ $share })
   *[other] { $used_count } der Ports { $first } bis { $last } sind belegt ({ $share })
}

found-all-taken = { $connections_count ->
    [one] { $connections_count } Verbindung kam an und wurde nicht abgewiesen
   *[other] { $connections_count } Verbindungen kamen an, keine wurde abgewiesen
}
found-no-connection = im Messfenster kam keine Verbindung an: sammeln, während Clients sich verbinden
found-long-queue = ein lauschender Socket darf höchstens { $connections } Verbindungen anstehen lassen
found-not-tracked = der Kernel verfolgt hier keine Verbindungen
problem-no-limit = Die Verbindungstabelle hat keine Grenze
detail-no-limit = sie hat keine Grenze
found-room-in-table = { $used } von { $most } Einträgen sind belegt ({ $share })
found-unknown-past = { $used } von { $most } Einträgen sind belegt ({ $share }); ob sie früher voll war, ist nicht bekannt: { $reason }
found-free-ports = { $used_count ->
    [one] { $used_count } der Ports { $first } bis { $last } ist belegt ({ $share })
   *[other] { $used_count } der Ports { $first } bis { $last } sind belegt ({ $share })
}
found-other-namespace = { $servers_count ->
    [one] hat einen eigenen Netzwerk-Namespace oder kann einen haben, dessen Warteschlangen von hier nicht zu sehen sind: auch im Container sammeln
   *[other] haben eigene Netzwerk-Namespaces oder können sie haben, deren Warteschlangen von hier nicht zu sehen sind: auch in den Containern sammeln
}
problem-open = Der Dienst nimmt Verbindungen von außerhalb dieser Maschine an
detail-open = nimmt unter { $addresses } Verbindungen von außerhalb dieser Maschine an
