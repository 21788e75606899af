title = GPUs werden weder durch Hitze noch durch Netzteil oder Hardwareschutz gebremst
why = Eine Bremsung durch die Hardware senkt den Kerntakt auf die Hälfte oder weniger. In einer Tensor-Parallel-Gruppe bremst eine langsame GPU alle.
effect = Eine gebremste GPU berechnet jede Antwort langsamer; erstreckt sich ein Modell über mehrere GPUs, warten alle auf die langsame.
applicability = Physische und virtuelle Maschinen mit ganzen GPUs; Container über NVML; NVIDIA; die Takte anderer GPUs werden nicht gelesen
expected-effect = NVIDIA: Währenddessen ist der Takt auf die Hälfte oder weniger gesenkt. Für Sprachmodelle ist keine Zahl veröffentlicht: das gemessene Verhältnis der Takte verwenden.

limit-loaded = Auslastung einer GPU, ab der eine Probe als belastet zählt
limit-loaded-applies = Proben von NVML, etwa im Abstand einer Sekunde
limit-loaded-source = unser Vorschlag: GPUs ohne Arbeit zeigen 0 %, arbeitende weit mehr

limit-little-margin = thermische Reserve, unter der gewarnt wird
limit-little-margin-applies = NVIDIA-GPUs
limit-little-margin-source = unser Vorschlag: Verstopfte Filter und wärmere Räume kosten einige Grad

limit-no-margin = thermische Reserve, unter der es ein Fehler ist
limit-no-margin-applies = NVIDIA-GPUs
limit-no-margin-source = unser Vorschlag: innerhalb der Schwankung einer geschäftigen Stunde

limit-capped = Anteil der Proben unter Last, die eine gesenkte Leistungsgrenze bremst
limit-capped-applies = GPUs, deren Leistungsgrenze unter der Vorgabe liegt
limit-capped-source = unser Vorschlag: häufiger als nicht

limit-below-limit = Anteil der Leistungsgrenze, unter dem eine Leistungsbegrenzung eine andere Ursache hat
limit-below-limit-applies = GPUs unter Last, deren Takt eine Leistungsbegrenzung senkt
limit-below-limit-source = unser Vorschlag: eine GPU, die ihre eigene Grenze bremst, nimmt fast so viel auf

limit-low-clock = Anteil des höchsten Takts, unter dem ein Takt einen Grund braucht
limit-low-clock-applies = arbeitende GPUs, die für einen niedrigen Takt keinen Grund angeben
limit-low-clock-source = unser Vorschlag: unter Last und ohne Grund geht der Treiber bis nahe an den höchsten Takt

limit-at-work = Auslastung einer GPU, ab der ihr Takt mit dem höchsten verglichen wird
limit-at-work-applies = Proben von NVML, etwa eine je Sekunde
limit-at-work-source = unser Vorschlag: eine GPU, die wenig zu tun hat, kann ihren Takt ohne Angabe eines Grundes senken

problem-heat = Hitze zwingt { $gpus_count ->
    [one] GPU { $gpu }
   *[other] { $gpus_count } von { $all_count } GPUs
} zum Schutz auf niedrigen Takt
detail-heat = die Hardware { $when ->
    [now] hält
   *[window] hielt
} den Takt wegen Hitze niedrig

problem-brake = Ein Netzteil lässt { $gpus_count ->
    [one] GPU { $gpu }
   *[other] { $gpus_count } von { $all_count } GPUs
} langsamer laufen
detail-brake = die Hardware { $when ->
    [now] hält
   *[window] hielt
} den Takt niedrig, weil ein Netzteil es verlangt

problem-hardware = Die Hardware hält { $gpus_count ->
    [one] GPU { $gpu }
   *[other] { $gpus_count } von { $all_count } GPUs
} unter Last auf niedrigem Takt
detail-hardware = die Hardware hielt den Takt unter Last niedrig, wegen Hitze oder Stromversorgung; welches von beiden, meldet sie nicht

problem-driver-heat = Der Treiber bremst { $gpus_count ->
    [one] GPU { $gpu }
   *[other] { $gpus_count } von { $all_count } GPUs
} wegen Hitze
detail-driver-heat = der Treiber { $when ->
    [now] hält
   *[window] hielt
} den Takt wegen Hitze niedrig

problem-lowered-limit = { $gpus_count ->
    [one] Eine Leistungsgrenze von { $least_limit } bremst GPU { $gpu }
   *[other] Gesenkte Leistungsgrenzen bremsen { $gpus_count } von { $all_count } GPUs
} unter Last
detail-lowered-limit = { $gpus_count ->
    [one] die Leistungsgrenze von { $least_limit } (Vorgabe { $most_default }) { $when ->
        [now] hält
       *[window] hielt
    } den Takt unter Last niedrig
   *[other] Leistungsgrenzen unter der Vorgabe, bis hinunter zu { $least_limit }, { $when ->
        [now] halten
       *[window] hielten
    } den Takt unter Last niedrig
}

problem-capped-below = { $gpus_count ->
    [one] Eine Leistungsbegrenzung hält GPU { $gpu } bei { $least_draw } von { $most_limit }
   *[other] Leistungsbegrenzungen halten { $gpus_count } von { $all_count } GPUs weit unter ihren Grenzen
}
effect-capped-below = Die GPU rechnet langsamer, als ihre Leistungsgrenze erlaubt; sie anzuheben ändert nichts, denn die Plattform begrenzt: Netzteil, Management-Controller oder thermische Vorgabe.
detail-capped-below = { $gpus_count ->
    [one] eine Leistungsbegrenzung senkt den Takt bei { $least_draw }, obwohl die Leistungsgrenze { $most_limit } ist: nicht sie begrenzt
   *[other] Leistungsbegrenzungen senken den Takt bei { $least_draw } und mehr, obwohl die Leistungsgrenzen bis { $most_limit } reichen: nicht sie begrenzen
}

problem-low-clock = { $gpus_count ->
    [one] GPU { $gpu } arbeitet grundlos mit { $least_clock } statt { $most_clock }
   *[other] { $gpus_count } von { $all_count } GPUs arbeiten grundlos mit niedrigem Takt
}
effect-low-clock = Die GPU rechnet viel langsamer, als sie könnte. Der Treiber nennt keinen Grund, also bremst die Firmware oder die Stromversorgung; ein Neustart hilft oft nicht, das Gerät eine Minute vom Strom zu trennen schon eher.
detail-low-clock = { $gpus_count ->
    [one] ihr Takt { $when ->
        [now] liegt
       *[window] lag
    } unter Last bei { $least_clock }, möglich sind { $most_clock }, und kein Grund, den der Treiber nennt, erklärt das
   *[other] ihre Takte { $when ->
        [now] liegen
       *[window] lagen
    } unter Last bei { $least_clock } und mehr, möglich sind { $most_clock }, und kein Grund, den der Treiber nennt, erklärt das
}

problem-margin-gone = { $gpus_count ->
    [one] GPU { $gpu } steht { $least_margin } unter ihrer Temperaturgrenze kurz vor der Drosselung
   *[other] { $gpus_count } von { $all_count } GPUs stehen wegen Hitze kurz vor der Drosselung
}
effect-margin-gone = Etwas mehr Last oder ein wärmerer Raum, und die GPU bremst sich selbst; Antworten dauern dann länger, und ein Modell über mehrere GPUs wartet auf die langsame.
detail-margin-gone = kaum noch thermische Reserve: { $least_margin } im heißesten Moment

problem-margin-low = { $gpus_count ->
    [one] GPU { $gpu } läuft heiß, { $least_margin } unter ihrer Temperaturgrenze
   *[other] { $gpus_count } von { $all_count } GPUs laufen heiß
}
effect-margin-low = Noch ist der Dienst nicht gebremst. Staub in den Filtern oder ein wärmerer Raum kann die restliche Reserve kosten, und die GPU bremst sich dann selbst.
detail-margin-low = wenig thermische Reserve: { $least_margin } im heißesten Moment

found-free = nur Last und Leistungsgrenze bestimmten unter Last den Takt
found-clock-unknown = die GPU kann grundlos langsam gewesen sein: ihr Takt lässt sich nicht mit dem höchsten vergleichen: { $reason }
found-light-load = ihr Takt war niedrig, aber sie hatte wenig zu tun: aufzeichnen, während der Dienst arbeitet
found-idle = { $samples_count ->
    [one] die GPU tat in { $samples_count } Probe nichts
   *[other] die GPU tat in { $samples_count } Proben nichts
} (Auslastung höchstens { $highest }): aufzeichnen, während der Dienst läuft
found-not-sampled = eine Drosselung zeigt sich unter Last, und in den Proben des Zeitfensters fehlt diese GPU
found-no-window = eine Drosselung zeigt sich unter Last: { $reason }
found-no-counter = wie lange der Takt zwischen den Proben niedrig gehalten wurde, ist nicht bekannt: kein Zähler für `{ $counter }`
found-uncounted = wie lange der Takt zwischen den Proben niedrig gehalten wurde, ist nicht bekannt: { $reason }
found-no-margin = die thermische Reserve ist nicht bekannt: { $reason }
found-no-gpu = keine GPU gefunden
found-other-vendor = die GPUs sind vom Hersteller `{ $vendor }`: Bisher werden nur die Takte von NVIDIA-GPUs gelesen
found-no-device = NVML führt keine GPU auf, und aus PCI geht nicht hervor, dass es keine gibt
