title = Ein großes BAR ist verfügbar
why = Ein kleines BAR1 begrenzt die Fenster für Peer-to-Peer-Verkehr und GPUDirect.
effect = GPUs und Netzwerkadapter erreichen den Speicher dieser GPU nur durch ein kleines Fenster; Modelle über mehrere GPUs oder Knoten tauschen Daten daher langsamer aus.
applicability = Physische Maschinen; virtuelle Maschinen, deren Firmware große MMIO-Bereiche zulassen muss; NVIDIA; andere GPUs werden nicht gelesen
expected-effect = Für Sprachmodelle ist keine Zahl veröffentlicht.

limit-used = Belegung von BAR1, ab der gewarnt wird
limit-used-applies = NVIDIA-GPUs
limit-used-source = unser Vorschlag: Was mehr einblenden will, scheitert dann

problem-small = BAR1 von { $gpus_count ->
    [one] GPU { $gpu } ist kleiner als ihr Speicher
   *[other] { $gpus_count } der { $all_count } GPUs ist kleiner als ihr Speicher
}
effect-small = { $span ->
    [several] GPUs und Netzwerkadapter erreichen den Speicher dieser GPU nur durch ein kleines Fenster; Replikate über mehrere GPUs tauschen Daten daher langsamer aus.
    [one] Zurzeit erstreckt sich kein Replikat über mehrere GPUs. Eines, das es tut, würde Daten zwischen seinen GPUs durch ein kleines Fenster und damit langsamer austauschen.
   *[unknown] Replikate über mehrere GPUs würden Daten durch ein kleines Fenster und damit langsamer austauschen.
}
detail-small = { $gpus_count ->
    [one] BAR1 ist mit { $least_window } kleiner als der Speicher mit { $most_memory }
   *[other] BAR1 ist kleiner als der Speicher, auf einer GPU { $least_window }
}{ $span ->
    [one] ; zurzeit erstreckt sich kein Replikat über mehrere GPUs
   *[other] {""}
}

problem-full = Das BAR1-Fenster von { $gpus_count ->
    [one] GPU { $gpu } ist zu { $most_used } belegt
   *[other] { $gpus_count } der { $all_count } GPUs ist fast voll
}
effect-full = Das nächste Programm, das ein Fenster zu dieser GPU braucht, bekommt keines: Es startet nicht oder weicht auf langsamere Übertragungen aus.
detail-full = BAR1 ist fast aufgebraucht ({ $most_used })

problem-no-space = { $gpus_count ->
    [one] GPU { $gpu } bekam
   *[other] { $gpus_count } von { $all_count } GPUs bekamen
} keinen Platz im Adressraum
effect-no-space = Was keinen Platz bekam, ist gar nicht benutzbar: Der Treiber antwortet nicht, und kein Modell läuft darauf.
detail-no-space = kein Platz im Adressraum, und der Treiber antwortet nicht

found-covers = BAR1 deckt den ganzen Speicher ab
found-span-no-server = ob Replikate sich über mehrere GPUs erstrecken, ist nicht bekannt: kein Inferenzserver gefunden; aufzeichnen, während der Dienst läuft
found-span-unknown = ob Replikate sich über mehrere GPUs erstrecken, ist nicht bekannt: { $reason }
found-no-gpu = keine GPU gefunden
found-other-vendor = die GPUs sind vom Hersteller `{ $vendor }`: Bisher werden nur Fenster von NVIDIA-GPUs gelesen
found-no-device = NVML führt keine GPU auf, und aus PCI geht nicht hervor, dass es keine gibt
