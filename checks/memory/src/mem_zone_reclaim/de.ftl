title = Zone Reclaim ist aus
why = Ist es an, verwirft ein voller lokaler Knoten Seiten des Page Cache, statt fernen Speicher zu nutzen: Der Dienst stockt, während ein Modell geladen wird.
effect = Ist der Speicher nahe einem Prozessor voll, verwirft der Kernel dort gehaltene Dateien, obwohl anderswo Platz ist; das Laden von Modellen und andere Arbeit auf dem Knoten können dadurch zeitweise stocken.
applicability = Physische Maschinen, virtuelle Maschinen und Container; Hosts mit zwei oder mehr NUMA-Knoten, die Speicher haben
expected-effect = Für Sprachmodelle ist keine Zahl veröffentlicht.
caveat = Azure-Images für HPC setzen den Wert 1 für MPI-Programme.

problem-on = Zone Reclaim ist an (`vm.zone_reclaim_mode` ist { $mode })
detail-on = Zone Reclaim ist an (`vm.zone_reclaim_mode` ist { $mode }): ein voller NUMA-Knoten verwirft Page Cache, statt den Speicher eines anderen zu nutzen

problem-at-work = Zone Reclaim ist an, und Threads mussten selbst Speicher freiräumen
effect-at-work = Während der Dienst beobachtet wurde, warf der Kernel Dateien aus dem Speicher oder ließ Threads auf Speicher warten; Antworten und das Laden von Modellen können dadurch aufgehalten werden.
detail-at-work = Zone Reclaim ist an (`vm.zone_reclaim_mode` ist { $mode }), sodass ein voller NUMA-Knoten Page Cache verwirft, statt den Speicher eines anderen zu nutzen, und im Messfenster war Speicher knapp: `{ $counter }` stieg um { $grown }

found-off = Zone Reclaim ist aus
found-one-node = der gesamte Speicher liegt in einem NUMA-Knoten
problem-quiet = Zone Reclaim ist an, unter Last wurde aber nichts freigeräumt
detail-quiet = unter Last wurde keine Zone freigeräumt, und kein Thread musste selbst Speicher freiräumen
