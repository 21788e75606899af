title = Der Kernel lagert erst aus, wenn der Speicher fast voll ist
why = Ausgelagerte Seiten eines Servers werden mitten in einer Antwort zurückgelesen. Das zeigt sich als einzelne langsame Antworten.
effect = Einzelne Antworten können Sekunden länger dauern, ohne dass sonst etwas auffällt.
applicability = Alle Knoten
expected-effect = Nichts veröffentlicht

problem-swaps-early = Der Kernel lagert bei einer Swappiness von { $value } früh aus
detail-swaps-early = `vm.swappiness` ist { $value }, erwünscht sind höchstens { $limit }

found-swaps-late = `vm.swappiness` ist { $value }
found-not-a-number = `vm.swappiness` ist keine Zahl
