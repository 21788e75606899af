title = NICs für Anfragen und RDMA liegen im NUMA-Knoten der GPUs oder Threads, die sie versorgen
why = Wichtig, wenn Prefill und Decode getrennt sind, bei mehreren Knoten und bei sehr hohen Raten gestreamter Tokens; wenig wichtig für einen Chatdienst auf einem Knoten.
effect = Daten zwischen GPUs und Netzwerk laufen über die Verbindung zwischen den Prozessoren; Übertragungen zwischen Maschinen dauern länger, und Antworten, die darauf warten, kommen später.
applicability = Physische Maschinen; virtuelle Maschinen mit durchgereichten Geräten; Container; Hosts mit zwei oder mehr NUMA-Knoten, die CPUs haben
expected-effect = ESnet: TCP und UDP auf dem falschen Sockel mit bis zu halber Geschwindigkeit (Hosts mit 40 und 100 Gbit/s). Für Sprachmodelle ist keine Zahl veröffentlicht.

limit-heavy = zu viel Verkehr über ein fernes Netzwerkgerät
limit-heavy-applies = Hosts mit zwei oder mehr NUMA-Knoten, die CPUs haben
limit-heavy-source = unser Vorschlag: ESnet sieht auf Hosts mit 40 und 100 Gbit/s bis zur Hälfte des Durchsatzes verloren gehen

limit-idle = Verkehr, unterhalb dessen nichts zeigt, welches Gerät die Anfragen bedient
limit-idle-applies = alle Netzwerkgeräte
limit-idle-source = unser Vorschlag: auf 1 Mbit/s kommen Überwachung und Anmeldungen

limit-near-time = Anteil der CPU-Zeit der Prozesse, die Anfragen annehmen, im Knoten ihres Netzwerkgeräts
limit-near-time-applies = Hosts mit zwei oder mehr NUMA-Knoten, die CPUs haben
limit-near-time-source = unser Vorschlag: darunter werden die meisten Pakete auf der fernen Seite verarbeitet

problem-remote = Anfragen an den Server (PID { $pid }) kommen über { $device } an, meist fern von seinen Prozessen
effect-remote = Anfragen und Antworten laufen über die Verbindung zwischen den Prozessoren; das kostet Zeit und Durchsatz, umso mehr, je stärker der Verkehr ist.
detail-remote = { $traffic } über das Gerät in Knoten { $node }, wo { $share } der CPU-Zeit der Prozesse anfiel, die Anfragen annehmen

problem-remote-kv = Anfragen und KV-Cache des Servers (PID { $pid }) laufen meist über beide Sockel
effect-remote-kv = Anfragen, Antworten und der KV-Cache laufen über die Verbindung zwischen den Prozessoren; das kostet Zeit und Durchsatz, umso mehr, je stärker der Verkehr ist.
detail-remote-kv = { $traffic } über { $device } in Knoten { $node }, wo { $share } der CPU-Zeit der Prozesse anfiel, die Anfragen annehmen; auch der KV-Cache wird übertragen (`{ $option }`)

problem-rdma-named = Der Server (PID { $pid }) soll RDMA-Geräte fern von seinen GPUs verwenden
detail-rdma-named = { $gpus_count ->
    [one] GPU { $gpus } erreicht
   *[other] die GPUs { $gpus } erreichen
} { $names } nur über die Sockel hinweg (SYS), obwohl { $better } näher an { $gpu } liegt ({ $level })

problem-rdma-far = GPUs des Servers (PID { $pid }) erreichen RDMA-Geräte nur über die Sockel hinweg
detail-rdma-far = { $gpus_count ->
    [one] GPU { $gpus } erreicht
   *[other] die GPUs { $gpus } erreichen
} { $names } nur über die Sockel hinweg (SYS), und kein näheres Gerät hat einen aktiven Port

problem-rdma-inactive = Der Server (PID { $pid }) bleibt ohne aktives RDMA-Gerät
effect-rdma-inactive = Übertragungen zwischen Maschinen scheitern oder nehmen den langsameren Weg über die Prozessoren; Antworten, die darauf warten, kommen später.
detail-rdma-inactive = `{ $setting }` lässt dem Server kein RDMA-Gerät mit aktivem Port

found-near = { $traffic } über das Gerät in Knoten { $node }, wo { $share } der CPU-Zeit der Prozesse anfiel, die Anfragen annehmen
found-rdma-near = { $gpus_count ->
    [one] GPU { $gpus } erreicht
   *[other] die GPUs { $gpus } erreichen
} eines von { $names }, ohne den Weg über den anderen Sockel
found-unused = nichts weist darauf hin, dass sie verwendet werden
found-no-active-port = kein RDMA-Gerät hat einen aktiven Port
found-unknown-ports = ob einer ihrer Ports aktiv ist, ist nicht bekannt; es wurde angenommen
found-unknown-use = ob sie verwendet werden, ist nicht bekannt: { $reason }
found-unknown-counters = ob sie verwendet werden, ist nicht bekannt: die Zähler von { $device } wurden nicht zweimal gelesen oder liefen rückwärts
found-unknown-kv = ob auch der KV-Cache übertragen wird, ist nicht bekannt: { $reason }
found-unknown-roles = welche Prozesse des Servers Anfragen annehmen, ist nicht bekannt
found-no-time = die Prozesse, die Anfragen annehmen, haben keine CPU-Zeit verbraucht
found-no-gpu-seen = es ist nicht zu sehen, dass der Server eine GPU verwendet
found-no-path = der Weg von { $gpu } zu { $device } wurde nicht abgeleitet
found-no-node = die Firmware nennt den NUMA-Knoten des Geräts nicht
found-no-window = das Messfenster hat keine Länge
found-read-once = { $path } wurde nicht zweimal gelesen oder lief rückwärts
found-idle = kein Netzwerkgerät hatte im Messfenster Verkehr: während des Betriebs sammeln
found-one-node = alle CPUs sind in einem NUMA-Knoten
found-no-device = kein Netzwerkgerät am PCI-Bus
found-no-server = kein Inferenzserver gefunden: während des Betriebs sammeln
