title = Der Hypervisor gibt der VM ihre Prozessorzeit
why = Eine virtuelle CPU, der Zeit entzogen wird (Steal), hält an, was auf ihr läuft, etwa die Scheduler-Schleife der Engine. Der Gast kann das nicht beheben.
effect = Sobald der Host etwas anderes ausführt, stehen Teile des Dienstes still; Antworten kommen später und ungleichmäßiger. In dieser Maschine lässt sich daran nichts ändern.
applicability = Nur virtuelle Maschinen
expected-effect = Keine veröffentlichte Zahl für Sprachmodelle; die Wirkung ist, als verlöre der am stärksten belastete Kern denselben Anteil.

limit-steal-warn = Anteil entzogener CPU-Zeit, Warnung
limit-steal-warn-applies = virtuelle Maschinen, deren Hypervisor Steal meldet
limit-steal-warn-source = unser Vorschlag; Red Hat rät in Produktion von mehr vCPUs als CPUs ab, ohne eine Zahl zu nennen

limit-steal-fail = Anteil entzogener CPU-Zeit, Fehler
limit-steal-fail-applies = virtuelle Maschinen, deren Hypervisor Steal meldet
limit-steal-fail-source = unser Vorschlag; Red Hat rät in Produktion von mehr vCPUs als CPUs ab, ohne eine Zahl zu nennen

limit-steal-gate = Anteil entzogener CPU-Zeit, der allein den Knoten zu einem hohen Risiko macht
limit-steal-gate-applies = virtuelle Maschinen, deren Hypervisor Steal meldet
limit-steal-gate-source = unser Vorschlag; Red Hat rät in Produktion von mehr vCPUs als CPUs ab, ohne eine Zahl zu nennen

limit-window = kürzestes Fenster, das zeigen kann, dass nichts entzogen wird
limit-window-applies = virtuelle Maschinen
limit-window-source = unser Vorschlag: Nachbarn kommen und gehen innerhalb von Sekunden

limit-load = Anteil genutzter CPU-Zeit, ab dem ein Fenster beurteilt werden kann
limit-load-applies = virtuelle Maschinen
limit-load-source = unser Vorschlag: Zeit kann nur einer CPU entzogen werden, die laufen will

problem-stolen = Der Host hat { $share } der CPU-Zeit vorenthalten
detail-stolen = { $share } der CPU-Zeit wurden in { $seconds } bei { $load } Last entzogen (Hypervisor: { $hypervisor })

found-given = { $share } der CPU-Zeit wurden in { $seconds } bei { $load } Last entzogen
found-bare-metal = physische Maschine: es gibt keinen Hypervisor
found-unreported = kein Steal gemeldet, aber es ist nicht bekannt, dass der Hypervisor `{ $hypervisor }` ihn meldet: stattdessen das Rauschen einer CPU messen
found-idle = { $share } der CPU-Zeit wurden in { $seconds } bei { $load } Last entzogen: eine unbelastete Maschine will keine Zeit, daher während des Betriebs sammeln
found-short = { $share } der CPU-Zeit wurden in { $seconds } bei { $load } Last entzogen: zu kurz, um zu zeigen, dass nichts entzogen wird, daher länger sammeln
found-no-time = zwischen den Ablesungen verging keine CPU-Zeit
found-incomplete = einer CPU des Fensters fehlt `{ $kind }`
