title = Die Engine ist nicht ausgelagert
why = Ein einziger Seitenfehler mit Plattenzugriff auf dem Weg, der Kernel startet, kostet Millisekunden.
effect = Speicher des Knotens liegt im Swap; braucht der Dienst ihn wieder, warten Antworten, bis er zurückgeholt ist.
applicability = Physische Maschinen, virtuelle Maschinen, Container
expected-effect = Für Sprachmodelle ist keine Zahl veröffentlicht.

limit-swappiness = vm.swappiness auf einem Host mit Swap
limit-swappiness-applies = Hosts mit einem Swap-Bereich
limit-swappiness-source = unser Vorschlag; das TuneD-Profil throughput-performance setzt 10

problem-engine-out = { $size } des Speichers des Servers (PID { $server }) sind ausgelagert
effect-engine-out = Ein Teil des Speichers des Dienstes liegt im Swap; Antworten, die ihn brauchen, warten, bis er zurückgeholt ist, vor allem die ohnehin langsamsten.
detail-engine-out = { $size } des Speichers seiner Prozesse sind ausgelagert

problem-helpers-out = { $size } des Speichers von Hilfsprozessen des Servers (PID { $server }) sind ausgelagert
effect-helpers-out = Hilfsprozesse des Dienstes warten auf den Swap, wenn sie wieder gebraucht werden, und als Nächstes kann der Speicher der Engine an der Reihe sein.
detail-helpers-out = { $size } des Speichers seiner Hilfsprozesse sind ausgelagert

problem-areas-used = { $size } des Speichers dieses Knotens sind ausgelagert
effect-areas-used = Der Kernel lagert auf diesem Knoten bereits Speicher in den Swap aus; trifft es den Speicher des Dienstes, warten Antworten, bis er zurückgeholt ist.
detail-areas-used = { $size } des Speichers dieses Knotens sind ausgelagert

problem-eager-to-swap = Der Kernel lagert bereitwillig aus (`vm.swappiness` ist { $value })
effect-eager-to-swap = Wird der Speicher knapp, lagert der Kernel Speicher von Programmen früher aus als nötig; Antworten, die diesen Speicher brauchen, warten darauf.
detail-eager-to-swap = `vm.swappiness` ist { $value }, und es gibt einen Swap-Bereich

problem-swapped-in = { $came_count ->
    [one] { $came_count } Seite wurde
   *[other] { $came_count } Seiten wurden
} im Messfenster aus dem Swap geholt
effect-swapped-in = Während der Dienst beobachtet wurde, warteten Programme dieses Knotens darauf, dass Speicher aus dem Swap zurückkommt; gehören sie zum Dienst, warten auch Antworten.
detail-swapped-in = im Messfenster { $came_count ->
    [one] wurde { $came_count } Seite
   *[other] wurden { $came_count } Seiten
} aus dem Swap geholt und { $went_count } ausgelagert

problem-swapped-out = { $went_count ->
    [one] { $went_count } Seite wurde
   *[other] { $went_count } Seiten wurden
} im Messfenster ausgelagert
effect-swapped-out = Während der Dienst läuft, wird Speicher in den Swap ausgelagert; das Programm, das ihn wieder braucht, muss warten, und das kann der Dienst sein.
detail-swapped-out = im Messfenster { $went_count ->
    [one] wurde { $went_count } Seite
   *[other] wurden { $went_count } Seiten
} ausgelagert und keine zurückgeholt

found-nothing-out = nichts von seinen Prozessen ist ausgelagert
found-unknown-process = ob Prozess { $pid } ausgelagert ist, ist nicht bekannt: { $reason }
found-no-process = seine Prozesse sind nicht bekannt
found-no-server = kein Inferenzserver gefunden: während des Betriebs sammeln
found-no-area = es gibt keinen Swap-Bereich
found-areas-unused = nichts ist ausgelagert
found-slow-to-swap = `vm.swappiness` ist { $value }, und es gibt einen Swap-Bereich
found-no-traffic = unter Last wurde keine Seite aus- oder eingelagert
