title = Der Kernel lagert Speicher nicht früh aus
why = `vm.swappiness` wägt ab, ob der Kernel Speicher von Prozessen auslagert oder zwischengespeicherte Dateien verwirft. Ein hoher Wert lagert Speicher des Inferenz-Servers aus, obwohl sich Dateien verwerfen ließen.
effect = Eine Antwort wartet jedes Mal, wenn der Server ausgelagerten Speicher braucht.
applicability = Alle Knoten; Container lesen die Einstellung des Hosts
expected-effect = Eine Zahl ist nicht veröffentlicht.

limit-highest = höchster Wert von vm.swappiness
limit-highest-applies = alle Knoten
limit-highest-source = eigener Vorschlag: durch eine Quelle ersetzen, die sich nachlesen lässt

problem-high = `vm.swappiness` ist { $value } und lässt den Kernel früh auslagern
detail-high = auf { $value } gesetzt, gewünscht ist höchstens { $highest }

found-low = auf { $value } gesetzt
found-no-number = enthält `{ $text }`, und das ist keine Zahl
