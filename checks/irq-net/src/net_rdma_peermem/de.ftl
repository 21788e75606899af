title = Der Weg für GPUDirect RDMA steht bereit, wo er gebraucht wird
why = Ohne ihn werden KV-Übertragungen bei disaggregiertem Betrieb über den Hauptspeicher geleitet.
effect = Server, die zusammenarbeiten, warten länger auf Daten voneinander; Antworten beginnen später.
applicability = Physische Maschinen und virtuelle mit durchgereichten Geräten; Engines, die disaggregiert sind oder mehrere Knoten umfassen
expected-effect = Eine veröffentlichte Zahl wurde nicht gelesen.

problem-no-device = Dieser Knoten hat kein RDMA-Gerät für Übertragungen zwischen Servern
effect-no-device = Daten zwischen Servern nehmen den langsameren Weg über das gewöhnliche Netz und den Hauptspeicher; Antworten beginnen später.
detail-no-device = { $need ->
    [option] { $server } läuft mit `{ $what }`, aber
    [gpus] { $server } verteilt sein Modell auf { $what } GPUs, mehr als dieser Knoten hat, aber
   *[engagement] die Arbeitslast ist disaggregiert oder umfasst mehrere Knoten, aber
} der Kernel kennt kein RDMA-Gerät: Übertragungen laufen über TCP

problem-staged = Das Netz erreicht den Speicher der GPUs nicht direkt
effect-staged = Daten zwischen Servern nehmen einen Umweg über den Hauptspeicher; Antworten beginnen später.
detail-staged = { $need ->
    [option] { $server } läuft mit `{ $what }`, aber
    [gpus] { $server } verteilt sein Modell auf { $what } GPUs, mehr als dieser Knoten hat, aber
   *[engagement] die Arbeitslast ist disaggregiert oder umfasst mehrere Knoten, aber
} weder ist `nvidia_peermem` geladen noch kann dma-buf verwendet werden: Übertragungen laufen über den Hauptspeicher

problem-none-active = { $ports_count ->
    [one] Der einzige RDMA-Port dieses Knotens ist nicht aktiv
   *[other] Keiner von { $ports_count } RDMA-Ports ist aktiv
}
effect-none-active = Daten zwischen Servern nehmen den langsameren Weg über das gewöhnliche Netz, wenn sie überhaupt ankommen; Antworten beginnen später.
detail-none-active = { $need ->
    [option] { $server } läuft mit `{ $what }`, aber
    [gpus] { $server } verteilt sein Modell auf { $what } GPUs, mehr als dieser Knoten hat, aber
   *[engagement] die Arbeitslast ist disaggregiert oder umfasst mehrere Knoten, aber
} kein RDMA-Port ist aktiv

problem-not-active = { $ports_count } von { $all_count } RDMA-Ports { $ports_count ->
    [one] ist
   *[other] sind
} nicht aktiv
effect-not-active = Sollen alle Ports genutzt werden, tragen die übrigen die Daten allein, und Server, die zusammenarbeiten, warten länger darauf.
detail-not-active = nicht aktiv, während andere Ports es sind

problem-slower = RDMA-Port { $port } läuft mit { $rate } statt { $best }
detail-slower = läuft mit { $rate }, ein anderer desselben Modells mit { $best }

problem-errors-grew = RDMA-Ports melden Fehler, während Daten gesendet werden
effect-errors-grew = Verlorene oder beschädigte Daten werden erneut gesendet; Server, die zusammenarbeiten, warten länger darauf.
detail-errors-grew = { $counters_count ->
    [one] { $counters_count } Fehlerzähler ist im Messfenster gestiegen
   *[other] { $counters_count } Fehlerzähler sind im Messfenster gestiegen
}

found-one-node = kein Inferenzserver dieses Knotens ist disaggregiert oder umfasst mehrere Knoten
found-peer-module = das Modul `{ $module }` ist geladen
found-dma-buf = die offenen Kernelmodule von NVIDIA bieten dma-buf; ein Modul für fremden Gerätespeicher ist nicht nötig
found-active = aktiv, nicht langsamer als andere desselben Modells
found-unknown-state = der Zustand ist nicht bekannt
found-unknown-model = womit zu vergleichen ist, ist nicht bekannt: { $reason }
found-no-counter = kein Fehlerzähler wurde an beiden Enden des Messfensters gelesen
found-nothing-sent = die Ports haben im Messfenster nichts gesendet: während des Betriebs sammeln
found-no-errors = { $counters_count ->
    [one] { $counters_count } Zähler wurde gelesen, der nicht stieg, während Daten gesendet wurden
   *[other] keiner von { $counters_count } Zählern stieg, während Daten gesendet wurden
}
