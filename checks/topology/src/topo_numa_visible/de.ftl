title = Das Betriebssystem sieht die NUMA-Aufteilung
why = Ohne richtige Karte kann keine Bindung stimmen, und jede andere Prüfung der Platzierung ist blind.
effect = Das Betriebssystem kann Arbeit und Speicher nicht in der Nähe der GPU halten, der sie dienen; Antworten kommen später und ungleichmäßiger, als es diese Maschine erlaubt.
applicability = Physische Maschinen; virtuelle Maschinen, deren Sockel erfunden sein können; Container lesen die Karte des Hosts; mit und ohne GPUs
expected-effect = Für diesen Mangel allein ist keine Zahl veröffentlicht. Intel misst auf einem Xeon 6972P 135 bis 163 ns für fernen Speicher, 15 bis 40 % mehr als für lokalen.

problem-ignored = Der Kernel wurde angewiesen, NUMA zu ignorieren
detail-ignored = mit dem Bootargument `numa=off` behandelt der Kernel alle CPUs und allen Speicher als einen Knoten

problem-one-node = { $sockets_count } Sockel erscheinen als ein NUMA-Knoten
detail-one-node = { $sockets_count } Sockel, aber alle CPUs und aller Speicher sind in einem Knoten{ $host ->
    [metal] {": die Firmware verschränkt den Speicher aller Sockel"}
    [virtual] ; dies ist eine virtuelle Maschine ({ $why }), deren Sockel erfunden sein können
   *[unknown] ; ob dies eine virtuelle Maschine ist, ist nicht bekannt: { $why }
}

problem-too-few = { $nodes_count ->
    [one] { $sockets_count } Sockel teilen sich { $nodes_count } NUMA-Knoten mit Speicher
   *[other] { $sockets_count } Sockel teilen sich { $nodes_count } NUMA-Knoten mit Speicher
}
detail-too-few = Sockel: { $sockets_count }, aber Knoten mit Speicher: { $nodes_count }{ $host ->
    [metal] {""}
    [virtual] ; dies ist eine virtuelle Maschine ({ $why }), deren Sockel erfunden sein können
   *[unknown] ; ob dies eine virtuelle Maschine ist, ist nicht bekannt: { $why }
}

problem-across = NUMA-Knoten { $node } hat CPUs aus { $sockets_count } Sockeln
detail-across = die CPUs von Knoten { $node } gehören zu { $sockets_count } Sockeln; die Knoten folgen also nicht den Sockeln{ $host ->
    [metal] {""}
    [virtual] ; dies ist eine virtuelle Maschine ({ $why }), deren Sockel oder Knoten erfunden sein können
   *[unknown] ; ob dies eine virtuelle Maschine ist, ist nicht bekannt: { $why }
}

problem-clash = { $kind ->
    [twice] Die CPUs { $cpus } gehören zugleich zu den NUMA-Knoten { $of }
    [core] Die Threads eines Kerns liegen in den NUMA-Knoten { $of }
   *[cache] CPUs der Sockel { $of } sollen sich einen Cache teilen
}
effect-clash = Der Kernel platziert Threads und Speicher nach dieser Karte; Zusammengehöriges kann weit auseinander landen, und Antworten kommen später und ungleichmäßiger.
detail-clash = { $kind ->
    [twice] mehrere NUMA-Knoten ({ $of }) beanspruchen dieselben CPUs { $cpus }
    [core] die CPUs { $cpus } sind Threads eines Kerns und gehören trotzdem zu verschiedenen NUMA-Knoten ({ $of })
   *[cache] der Cache, den sich die CPUs { $cpus } teilen, würde zu mehreren Sockeln zugleich gehören ({ $of })
}

problem-no-memory = Die CPUs { $cpus } haben in ihrem NUMA-Knoten { $node } keinen Speicher
effect-no-memory = Arbeit auf diesen CPUs verwendet immer Speicher eines anderen Knotens und dauert deshalb länger als auf den übrigen CPUs.
detail-no-memory = die CPUs { $cpus } haben im eigenen Knoten keinen Speicher

problem-no-cpus = NUMA-Knoten { $node } hat Speicher, aber keine CPUs
effect-no-cpus = Daten in diesem Speicher sind von jeder CPU aus langsamer zu erreichen; Antworten können später und ungleichmäßiger kommen.
detail-no-cpus = Speicher ohne CPUs, und nichts weist ihn als Speicher eines Geräts aus

problem-flat = Alle { $nodes_count } NUMA-Knoten gelten als gleich weit voneinander entfernt
effect-flat = Der Kernel kann nahen Speicher nicht von fernem unterscheiden; ein Server kann Speicher am anderen Prozessor bekommen, und Antworten kommen später und ungleichmäßiger.
detail-flat = alle { $nodes_count } Knoten gelten als gleich weit voneinander entfernt, sodass der Kernel lokal nicht von fern unterscheiden kann

problem-as-near = Knoten { $to } gilt als so nah wie Knoten { $from } selbst
effect-as-near = Der Kernel kann fernen Speicher für nahen halten und einem Server geben; Antworten kommen dann später und ungleichmäßiger.
detail-as-near = die Entfernung von Knoten { $from } zu Knoten { $to } ist mit { $distance } angegeben, die zu sich selbst mit { $own }

problem-skewed = Die Entfernung zwischen den NUMA-Knoten { $from } und { $to } hängt von der Richtung ab
effect-skewed = Mindestens eine der Entfernungen, nach denen sich der Kernel richtet, ist falsch; ein Server kann Speicher bekommen, der weiter entfernt ist als nötig.
detail-skewed = die Entfernung von Knoten { $from } zu Knoten { $to } ist { $there }, von Knoten { $to } zu Knoten { $from } aber { $back }

found-unknown-controller = Sockel: { $sockets_count }, aber Knoten mit Speicher: { $nodes_count }; ob jeder Sockel solcher CPUs eigenen Speicher hat, ist nicht bekannt
found-nowhere = die CPUs { $cpus } gehören zu keinem der gelesenen NUMA-Knoten; es sind also nicht alle Knoten bekannt
found-enough = Sockel: { $sockets_count }, Knoten mit Speicher: { $nodes_count }
problem-of-gpu = Ein NUMA-Knoten ist der Speicher einer GPU
detail-of-gpu = Speicher einer GPU, wie ihr Treiber angibt
problem-of-tier = Ein NUMA-Knoten ist der Speicher eines Geräts
detail-of-tier = Speicher eines Geräts, in einer eigenen Speicherstufe
problem-beside-gpus = Ein NUMA-Knoten hat Speicher und keine CPUs, neben kohärenten GPUs
detail-beside-gpus = Speicher ohne CPUs, neben kohärenten GPUs
found-distances = andere Knoten sind weiter entfernt als der eigene, in beiden Richtungen gleich
