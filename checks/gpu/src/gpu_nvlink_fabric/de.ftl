title = Alle NVLinks sind aktiv, und der Fabric Manager läuft
why = Ein fehlender Link senkt die Bandbreite von All-Reduce für die ganze Gruppe; ohne den Fabric Manager starten Server über mehrere GPUs nicht.
effect = Erstreckt sich ein Modell über mehrere GPUs, tauschen sie bei jedem Schritt jeder Antwort Daten aus; mit weniger oder langsameren Links wartet jeder Schritt auf den langsamsten.
applicability = Physische Maschinen, virtuelle Maschinen mit allen GPUs eines Hosts; GPUs mit NVLink
expected-effect = Für Sprachmodelle ist keine Zahl veröffentlicht.

limit-h100-link = Geschwindigkeit eines NVLinks, unter der es ein Fehler ist
limit-h100-link-applies = H100 und H200 mit SXM

problem-unlisted = { $gpus_count ->
    [one] Der Treiber führt keinen der NVLinks von GPU { $gpu } auf
   *[other] Der Treiber führt für { $gpus_count } von { $all_count } GPUs keine NVLinks auf
}
effect-unlisted = Erstreckt sich ein Modell über mehrere GPUs, tauschen sie Daten über PCI Express statt über NVLink aus; das verlangsamt jeden Schritt jeder Antwort.
detail-unlisted = das Modell hat NVLinks, aber der Treiber führt keine auf

problem-down = { $gpus_count ->
    [one] { $down_count } von { $links_count } NVLinks von GPU { $gpu } { $down_count ->
        [one] ist
       *[other] sind
    } ausgefallen
   *[other] { $down_count } von { $links_count } NVLinks { $down_count ->
        [one] ist
       *[other] sind
    } auf { $gpus_count } von { $all_count } GPUs ausgefallen
}
detail-down = ausgefallene NVLinks: { $down_count } von { $links_count }

problem-few = { $gpus_count ->
    [one] GPU { $gpu } zeigt { $links_count } von { $expected_count } NVLinks
   *[other] { $gpus_count } von { $all_count } GPUs zeigen { $links_count } von { $expected_count } NVLinks
}
detail-few = { $links_count ->
    [one] { $links_count } NVLink ist aufgeführt
   *[other] { $links_count } NVLinks sind aufgeführt
}, das Modell hat { $expected_count }

problem-slow = Die NVLinks von { $gpus_count ->
    [one] GPU { $gpu } laufen nur mit { $least_speed }
   *[other] { $gpus_count } der { $all_count } GPUs laufen zu langsam
}
detail-slow = die NVLinks laufen langsamer, als das Modell es kann: { $least_speed } je Link, erwartet mindestens { $limit }

problem-unregistered = { $gpus_count ->
    [one] GPU { $gpu } ist nicht beim NVLink-Fabric registriert
   *[other] { $gpus_count } von { $all_count } GPUs sind nicht beim NVLink-Fabric registriert
}
effect-unregistered = Server über mehrere GPUs starten nicht oder scheitern, sobald sie diese GPU benutzen.
detail-unregistered = nicht beim NVLink-Fabric registriert

problem-errors = NVLinks von { $gpus_count ->
    [one] GPU { $gpu }
   *[other] { $gpus_count } der { $all_count } GPUs
} hatten Übertragungsfehler
effect-errors = Daten zwischen GPUs mussten erneut gesendet werden, einzelne Schritte von Antworten dauerten daher länger; ein Link mit Fehlern kann ganz ausfallen.
detail-errors = { $gpus_count ->
    [one] die NVLinks mussten während des Zeitfensters wiederholen oder sich erholen ({ $most_errors } Fehler)
   *[other] die NVLinks mussten während des Zeitfensters wiederholen oder sich erholen (auf einer GPU { $most_errors }-mal)
}

problem-no-manager = Für die NVSwitches dieses Knotens läuft kein Fabric Manager
effect-no-manager = Server über mehrere GPUs starten nicht, solange er nicht läuft.
detail-no-manager = der Knoten hat NVSwitches, aber kein Fabric Manager läuft

found-up = alle NVLinks sind aktiv und ohne Fehler
found-manager-runs = läuft
found-manager-in-container = ob er läuft, ist innerhalb eines Containers ({ $container }) nicht zu sehen
found-manager-unknown = ob er läuft, ist nicht bekannt: { $reason }
found-alone = eine GPU, ohne NVLink
found-no-nvlink = keine GPU hat NVLink
found-not-sampled = ob die Fehler der NVLinks zunehmen, ist nicht bekannt: In den Proben des Zeitfensters fehlt diese GPU
found-no-window = ob die Fehler der NVLinks zunehmen, ist nicht bekannt: { $reason }
found-no-gpu = keine NVIDIA-GPU gefunden
found-no-device = NVML führt keine GPU auf, und aus PCI geht nicht hervor, dass es keine gibt
