title = Transparent Huge Pages führen nicht zu Wartezeiten
why = Ein Thread, der Speicher verdichtet, steht für Millisekunden still. Huge Pages helfen aber auch großen Puffern; aus ist daher nicht an sich besser.
effect = Ein Thread des Dienstes, der Speicher braucht, muss unter Umständen warten, bis der Kernel Platz geschaffen hat; einzelne Antworten können dadurch spürbar länger dauern.
applicability = Physische Maschinen, virtuelle Maschinen, Container (für sie gilt die Einstellung des Hosts)
expected-effect = Huawei MindIE: `always` ergibt gleichmäßigeren Durchsatz (ohne Zahl). Von Datenbanken wird berichtet, dass sie 0,5 bis 1 s stillstanden. Für Sprachmodelle ist keine Zahl veröffentlicht; daher beides messen.

limit-some = Wartevorgänge auf Speicherverdichtung pro Zeit, merklich
limit-some-applies = alle Knoten, unter Last
limit-some-source = unser Vorschlag

limit-many = Wartevorgänge auf Speicherverdichtung oder nicht erhaltene Huge Pages pro Zeit, zu viele
limit-many-applies = alle Knoten, unter Last
limit-many-source = unser Vorschlag: bei Millisekunden je Vorgang einige Prozent eines Threads

problem-always-compacting = Jeder Prozess muss unter Umständen Speicher verdichten, wenn er welchen braucht
detail-always-compacting = Huge Pages für alle Prozesse, und `defrag` ist `always`: jeder Prozess muss unter Umständen Speicher verdichten, wenn er welchen anfordert

problem-stalls = Threads warten { $waits_rate }-mal pro Sekunde auf Speicherverdichtung
effect-stalls = Threads stehen still, während der Kernel für sie Speicher verdichtet; sind es Threads des Dienstes, dauern einzelne Antworten spürbar länger.
detail-stalls = Threads warteten { $waits_rate }-mal pro Sekunde auf Verdichtung, und { $lacking_rate } Huge Pages pro Sekunde waren nicht zu bekommen

problem-lacking = { $lacking_rate } Huge Pages pro Sekunde waren nicht zu bekommen
effect-lacking = Der Speicher ist für Huge Pages zu stark fragmentiert: Programme, die auf sie setzen, laufen etwas langsamer, und bald warten auch Threads auf Speicher.
detail-lacking = { $lacking_rate } Huge Pages pro Sekunde waren nicht zu bekommen, und Threads warteten { $waits_rate }-mal pro Sekunde auf Verdichtung

found-always = Huge Pages für alle Prozesse, `defrag` ist `{ $defrag }`
found-not-for-all = Huge Pages: `{ $enabled }`
found-few-stalls = unter Last warteten Threads { $waits_rate }-mal pro Sekunde auf Verdichtung, und { $lacking_rate } Huge Pages pro Sekunde waren nicht zu bekommen
