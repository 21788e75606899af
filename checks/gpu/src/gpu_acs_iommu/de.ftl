title = Direkter Verkehr zwischen GPUs wird nicht über die CPU umgeleitet
why = Eine umleitende Zugriffskontrolle von PCI Express oder eine übersetzende IOMMU schickt den Verkehr zwischen GPUs hinauf zum Root Complex. Er wird langsam und kann hängen bleiben.
effect = Daten zwischen zwei GPUs nehmen den Weg über den Prozessor: Antworten von Modellen über mehrere GPUs dauern länger, und Übertragungen können hängen bleiben.
applicability = Physische und virtuelle Maschinen, nach verschiedenen Regeln; ab zwei GPUs
expected-effect = NVIDIA, NCCL-Handbuch: deutlich geringere Leistung oder Hängenbleiben (ohne Zahl).
caveat = Die Zugriffskontrolle trennt Geräte, die an virtuelle Maschinen durchgereicht werden: Auf einem Virtualisierungshost darf sie nie ausgeschaltet werden. NCCL-Handbuch: Virtuelle Maschinen funktionieren nicht ohne sie.

problem-no-way = { $pairs_count } von { $all_count } GPU-Paaren können Daten nicht direkt austauschen
effect-no-way = { $span ->
    [several] Modelle über diese GPUs tauschen Daten über den Speicher des Hosts aus; jeder Schritt jeder Antwort dauert daher länger.
    [one] Zurzeit erstreckt sich kein Replikat über mehrere GPUs. Eines, das es tut, würde Daten über den Speicher des Hosts austauschen, und jeder Schritt einer Antwort dauerte länger.
   *[unknown] Modelle über diese GPUs würden Daten über den Speicher des Hosts austauschen, und jeder Schritt einer Antwort dauerte länger.
}
detail-no-way = der Treiber bietet für { $pairs_count } von { $all_count } Paaren keinen direkten Weg ({ $status }){ $span ->
    [one] ; zurzeit erstreckt sich kein Replikat über mehrere GPUs
   *[other] {""}
}

problem-redirected = { $bridges_count ->
    [one] { $bridges_count } PCIe-Bridge schickt
   *[other] { $bridges_count } PCIe-Bridges schicken
} Verkehr zwischen GPUs über den Prozessor
effect-redirected = { $span ->
    [several] Daten zwischen den GPUs eines Modells nehmen den Weg über den Prozessor: Antworten dauern länger, und Übertragungen können hängen bleiben.
    [one] Zurzeit erstreckt sich kein Replikat über mehrere GPUs. Bei einem, das es tut, nähmen Daten zwischen den GPUs den langsamen Weg über den Prozessor, und Übertragungen könnten hängen bleiben.
   *[unknown] Bei Modellen über mehrere GPUs nehmen Daten zwischen den GPUs den langsamen Weg über den Prozessor, und Übertragungen können hängen bleiben.
}
detail-redirected = die Zugriffskontrolle von { $bridges_count ->
    [one] { $bridges_count } Bridge
   *[other] { $bridges_count } Bridges
} schickt Verkehr zwischen GPUs hinauf zum Root Complex{ $span ->
    [one] ; zurzeit erstreckt sich kein Replikat über mehrere GPUs
   *[other] {""}
}

problem-translated = Die IOMMU übersetzt die Speicherzugriffe von { $gpus_count } der { $all_count } GPUs
effect-translated = { $span ->
    [several] Daten zwischen den GPUs eines Modells nehmen den Weg über die IOMMU des Prozessors: Antworten dauern länger, und Übertragungen können hängen bleiben.
    [one] Zurzeit erstreckt sich kein Replikat über mehrere GPUs. Bei einem, das es tut, nähmen Daten zwischen den GPUs den langsamen Weg über die IOMMU, und Übertragungen könnten hängen bleiben.
   *[unknown] Bei Modellen über mehrere GPUs nehmen Daten zwischen den GPUs den langsamen Weg über die IOMMU, und Übertragungen können hängen bleiben.
}
detail-translated = die IOMMU übersetzt ihre Speicherzugriffe{ $span ->
    [one] ; zurzeit erstreckt sich kein Replikat über mehrere GPUs
   *[other] {""}
}

found-nvlink = alle Paare von GPUs sind über NVLink verbunden
found-direct = die GPUs erreichen einander direkt über PCI Express
found-no-peer = weniger als zwei GPUs: keine hat ein Gegenüber
found-links-unknown = ob GPUs einander erreichen, ist nicht bekannt: { $reason }
found-pair-unknown = ob sie einander erreichen, ist nicht bekannt: { $reason }
found-not-listed = PCI führt diese GPU nicht auf
found-acs-unknown = die Zugriffskontrolle von { $bridges_count } dieser Bridges ist nicht bekannt: { $reason }
found-iommu-unknown = ob die IOMMU übersetzt, ist nicht bekannt: { $reason }
found-type-unread = ob die IOMMU übersetzt, ist nicht bekannt: `{ $path }` wurde nicht aufgezeichnet
found-span-no-server = ob Replikate sich über mehrere GPUs erstrecken, ist nicht bekannt: kein Inferenzserver gefunden; aufzeichnen, während der Dienst läuft
found-span-unknown = ob Replikate sich über mehrere GPUs erstrecken, ist nicht bekannt: { $reason }
