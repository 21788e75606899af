title = Genug freier Speicher, auf jedem Knoten und in der Control Group
why = Wo Speicher ausgeht, warten Threads zuerst, bis welcher freigeräumt ist; dann beendet der Kernel einen Prozess, oft den größten: den Dienst.
effect = Geht der Speicher aus, werden Antworten zuerst langsamer, und dann beendet der Kernel unter Umständen den Dienst ohne Vorwarnung.
applicability = Physische Maschinen, virtuelle Maschinen, Container
expected-effect = Verfügbarkeit, nicht Geschwindigkeit. Keine Zahl veröffentlicht.

limit-recent = Zeit, seit ein Prozess aus Speichermangel beendet wurde
limit-recent-applies = alle Knoten
limit-recent-source = unser Vorschlag: eine Woche, so weit wie das Log abgefragt wird

limit-little = verfügbarer Speicher, wenig
limit-little-applies = alle Knoten
limit-little-source = unser Vorschlag

limit-scarce = verfügbarer Speicher, zu wenig
limit-scarce-applies = alle Knoten und jeder NUMA-Knoten mit einer GPU
limit-scarce-source = unser Vorschlag

limit-elsewhere = freier Speicher eines anderen Knotens, der einen vollen zum Fehler der Platzierung macht
limit-elsewhere-applies = Hosts mit zwei oder mehr NUMA-Knoten
limit-elsewhere-source = unser Vorschlag

limit-unused = für Huge Pages reservierter Speicher, den nichts nutzt
limit-unused-applies = alle Knoten
limit-unused-source = unser Vorschlag

limit-some-pressure = Anteil der Zeit, in der ein Thread auf Speicher wartet, merklich
limit-some-pressure-applies = Kernel mit Pressure Stall Information
limit-some-pressure-source = unser Vorschlag

limit-much-pressure = Anteil der Zeit, in der ein Thread auf Speicher wartet, zu viel
limit-much-pressure-applies = Kernel mit Pressure Stall Information
limit-much-pressure-source = unser Vorschlag

problem-scarce = Nur { $share } des Speichers dieses Knotens sind verfügbar
detail-scarce = { $share } des Speichers sind verfügbar ({ $available })

problem-little = Nur { $share } des Speichers dieses Knotens sind verfügbar
effect-little = Eine Lastspitze oder ein anderes Programm kann den restlichen Speicher aufbrauchen; Antworten werden dann langsamer, und der Kernel beendet unter Umständen den Dienst ohne Vorwarnung.
detail-little = { $share } des Speichers sind verfügbar ({ $available })

problem-server-killed = Der Kernel hat den Server { $name } aus Speichermangel beendet
effect-server-killed = { $limit ->
    [node] Der Speicher des ganzen Knotens war aufgebraucht, und der Kernel beendete den Server: seine Anfragen gingen verloren. Er braucht einen Knoten mit mehr Speicher oder weniger davon: eine Speichergrenze für ihn und für alles andere hier, einen kleineren Kontext oder Cache im Hauptspeicher.
   *[group] Der Server stieß an die Speichergrenze seiner Control Group, und der Kernel beendete ihn: seine Anfragen gingen verloren. Er braucht eine höhere Grenze oder weniger Speicher: einen kleineren Kontext oder Cache im Hauptspeicher.
}
detail-server-killed = laut Log des Kernels { $killed_count ->
    [one] wurde { $killed_count } Prozess
   *[other] wurden { $killed_count } Prozesse
} mit dem Namen des hiesigen Servers { $name } beendet, zuletzt { $ago } vor dem Auslesen

problem-no-overcommit = Der Kernel verweigert Speicher, den Programme nur reservieren
effect-no-overcommit = Die Engine reserviert weit mehr Speicher, als sie nutzt; mit dieser Einstellung startet sie unter Umständen nicht oder bricht ab, wenn sie weiteren anfordert.
detail-no-overcommit = der Kernel verweigert Speicher, der nur reserviert wird, wie CUDA und Python es mit Dutzenden GiB tun

problem-unused-huge-pages = { $unused } Speicher sind für Huge Pages reserviert und ungenutzt
effect-unused-huge-pages = Dieser Speicher fehlt dem Dienst: Der Speicher wird früher knapp, als die Größe der Maschine erwarten lässt.
detail-unused-huge-pages = { $unused } davon sind ungenutzt ({ $share } des Speichers)

problem-pressure = Threads warteten während { $share } des Messfensters auf Speicher
effect-pressure = Programme stehen still, während der Kernel für sie Speicher freiräumt; gehören sie zum Dienst, werden Antworten langsamer.
detail-pressure = während { $share } des Messfensters wartete mindestens ein Thread auf Speicher

problem-killed-recently = Der Kernel hat Prozesse aus Speichermangel beendet
effect-killed-recently = Vor Kurzem ist auf diesem Knoten der Speicher ausgegangen, und der Kernel hat Programme beendet; beim nächsten Mal kann es den Dienst treffen.
detail-killed-recently = das Kernel-Log nennt beendete Prozesse, zuletzt { $ago } vor dem Lesen des Logs

problem-killed-in-window = Der Kernel hat im Messfenster { $killed_count ->
    [one] { $killed_count } Prozess
   *[other] { $killed_count } Prozesse
} aus Speichermangel beendet
effect-killed-in-window = Während der Dienst beobachtet wurde, ist der Speicher ausgegangen, und der Kernel hat Programme beendet; beim nächsten Mal kann es den Dienst treffen.
detail-killed-in-window = { $killed_count } im Messfenster

problem-killed-long-ago = Der Kernel hat seit dem Start { $killed_count ->
    [one] { $killed_count } Prozess
   *[other] { $killed_count } Prozesse
} aus Speichermangel beendet
effect-killed-long-ago = Auf diesem Knoten oder in einem seiner Container ging der Speicher aus, und der Kernel beendete Programme; beim nächsten Mal kann es der Dienst sein.
detail-killed-long-ago = { $killed_count } seit dem Start, davon laut Log keiner in letzter Zeit

problem-killed-sometime = Der Kernel hat seit dem Start { $killed_count ->
    [one] { $killed_count } Prozess
   *[other] { $killed_count } Prozesse
} aus Speichermangel beendet
effect-killed-sometime = Auf diesem Knoten oder in einem seiner Container ist der Speicher ausgegangen, und der Kernel hat Programme beendet; wann, ist nicht bekannt, und beim nächsten Mal kann es den Dienst treffen.
detail-killed-sometime = { $killed_count } seit dem Start; wann, ist nicht bekannt: { $reason }

problem-full-node = NUMA-Knoten { $node } hat nur noch { $share } seines Speichers
effect-full-node = Programme nahe den GPUs dieses Knotens bekommen stattdessen Speicher eines anderen Prozessors, der langsamer zu erreichen ist; Antworten kommen später und ungleichmäßiger.
detail-full-node = { $share } seines Speichers sind frei oder können es werden, während ein anderer Knoten { $best } hat: neuer Speicher liegt fern

problem-limit-hit = Control Group { $group } stieß { $hits_count ->
    [one] einmal
   *[other] { $hits_count }-mal
} an ihre Speichergrenze
effect-limit-hit = Der Dienst bekommt den Speicher nicht, den er anfordert: Er wartet, bis innerhalb seiner Grenze Speicher frei wird, und wird beendet, wenn das nicht gelingt.
detail-limit-hit = sie stieß im Messfenster { $hits_count ->
    [one] einmal
   *[other] { $hits_count }-mal
} an ihre Speichergrenze; kein Prozess wurde beendet

problem-limit-below = Gruppen in { $group } stießen { $hits_count ->
    [one] einmal
   *[other] { $hits_count }-mal
} an eine Speichergrenze
effect-limit-below = Ein Programm, das mit dem Dienst eine Control Group teilt, oder der Dienst selbst bekommt den angeforderten Speicher nicht; es wartet und wird beendet, wenn kein Speicher frei wird.
detail-limit-below = sie oder eine Gruppe darunter stieß im Messfenster { $hits_count ->
    [one] einmal
   *[other] { $hits_count }-mal
} an eine Speichergrenze; kein Prozess wurde beendet

problem-group-killed = In { $group } { $killed_count ->
    [one] wurde { $killed_count } Prozess
   *[other] wurden { $killed_count } Prozesse
} aus Speichermangel beendet
effect-group-killed = Der Kernel hat aus Speichermangel einen Teil des Dienstes beendet oder etwas, das dessen Control Group teilt; laufende Anfragen gingen dort verloren.
detail-group-killed = im Messfenster { $killed_count ->
    [one] wurde { $killed_count } Prozess
   *[other] wurden { $killed_count } Prozesse
} beendet; { $hits_count ->
    [0] keine Speichergrenze wurde erreicht
    [one] sie oder eine Gruppe darunter stieß einmal an eine Speichergrenze
   *[other] sie oder eine Gruppe darunter stieß { $hits_count }-mal an eine Speichergrenze
}

problem-slowed = Control Group { $group } wurde { $slowed_count ->
    [one] einmal
   *[other] { $slowed_count }-mal
} gebremst, um Speicher zu sparen
effect-slowed = Der Kernel bremst den Dienst, sobald dieser mehr Speicher nutzt, als `memory.high` seiner Control Group zulässt; Antworten werden langsamer.
detail-slowed = sie wurde im Messfenster { $slowed_count ->
    [one] einmal
   *[other] { $slowed_count }-mal
} gebremst, um unter `memory.high` zu bleiben

found-available = { $share } des Speichers sind verfügbar ({ $available })
found-overcommit = Speicher darf reserviert werden, ohne vorhanden zu sein
found-no-huge-pages = es gibt keine
found-used-huge-pages = { $unused } davon sind ungenutzt ({ $share } des Speichers)
found-no-pressure = unter Last wartete während { $share } des Messfensters mindestens ein Thread auf Speicher
found-none-killed = keiner seit dem Start
found-killed-unlogged = { $killed_count } seit dem Start laut Zähler, keiner laut Log
found-free-nodes = mindestens { $share } von jedem sind frei oder können es werden
found-one-node = der gesamte Speicher liegt in einem NUMA-Knoten
found-no-limit-hit = { $groups_count ->
    [one] die einzige stieß nicht an eine Speichergrenze
   *[other] keine von { $groups_count } stieß an eine Speichergrenze
}
found-no-events = keine Control Group eines Servers nennt Speicherereignisse, wie es die der Version 2 tun
