title = GPUs laufen mit voller PCIe-Breite und -Geschwindigkeit
why = Ein Link mit 8 Lanes oder der Generation 3 halbiert oder viertelt die Bandbreite zwischen Host und GPU: beim Laden von Modellen, beim Auslagern des KV-Caches, bei Tensor-Parallelität ohne NVLink, bei multimodaler Eingabe.
effect = Daten erreichen die GPU langsamer: Modelle laden langsamer, und wo für jede Antwort Daten über diesen Link gehen (Auslagern, Bilder, mehrere GPUs ohne NVLink), dauern Antworten länger.
applicability = Physische Maschinen; virtuelle Maschinen mit ganzen GPUs, deren Konfigurationsraum nachgebildet sein kann; Container; alle Hersteller
expected-effect = Die Bandbreite wächst mit Lanes und Generation. Für Sprachmodelle ist keine Zahl veröffentlicht; groß ist die Wirkung beim Auslagern und bei Tensor-Parallelität über PCI Express, nahe null bei einer GPU, die alle Gewichte hält.
caveat = GPUs ohne Arbeit senken ihre Generation: Eine Probe ohne Last beweist dazu nichts.

limit-loaded = Auslastung einer GPU, ab der eine Probe als belastet zählt
limit-loaded-applies = Proben von NVML, etwa im Abstand einer Sekunde
limit-loaded-source = unser Vorschlag: GPUs ohne Arbeit zeigen 0 %, arbeitende weit mehr

limit-some-replays = Wiederholungen, ab denen gewarnt wird
limit-some-replays-applies = PCI-Express-Links von NVIDIA-GPUs, Wiederholungen je Minute
limit-some-replays-source = unser Vorschlag: Ein gesunder Link hat keine

limit-many-replays = Wiederholungen, ab deren Überschreiten es ein Fehler ist
limit-many-replays-applies = PCI-Express-Links von NVIDIA-GPUs, Wiederholungen je Minute
limit-many-replays-source = unser Vorschlag: eine in jeder Sekunde

problem-narrow = { $gpus_count ->
    [one] GPU { $gpu } läuft
   *[other] { $gpus_count } von { $all_count } GPUs laufen
} mit { $lanes } von { $lanes_max } PCIe-Lanes
detail-narrow = { $lanes ->
    [one] { $lanes } Lane
   *[other] { $lanes } Lanes
} von { $lanes_max } { $when ->
    [loaded] unter Last
    [busy] in einem Moment, in dem sie arbeitete
   *[unknown] in einem Moment, in dem sie vielleicht nichts tat
}

problem-slow = { $gpus_count ->
    [one] GPU { $gpu } läuft
   *[other] { $gpus_count } von { $all_count } GPUs laufen
} mit PCIe-Generation { $generation } statt { $generation_max }
detail-slow = Generation { $generation } von { $generation_max } { $when ->
    [loaded] unter Last
   *[busy] in einem Moment, in dem sie arbeitete
}

problem-slot = { $gpus_count ->
    [one] Der Steckplatz von GPU { $gpu } begrenzt ihren PCIe-Link
   *[other] Die Steckplätze von { $gpus_count } der { $all_count } GPUs begrenzen ihre PCIe-Links
}
detail-slot = an der Grenze des Steckplatzes: Generation { $generation } mit { $lanes ->
    [one] { $lanes } Lane
   *[other] { $lanes } Lanes
}, obwohl Generation { $generation_max } mit { $lanes_max } möglich wäre

problem-replays = { $gpus_count ->
    [one] Der PCIe-Link von GPU { $gpu } wiederholt
   *[other] Die PCIe-Links von { $gpus_count } der { $all_count } GPUs wiederholen
} { $rate } Übertragungen je Minute
effect-replays = Übertragungen von und zur GPU kommen beschädigt an und werden erneut gesendet, was Zeit kostet; ein solcher Link kann ganz ausfallen und den Dienst mitnehmen.
detail-replays = Wiederholungen auf dem Link je Minute: { $rate }

problem-uncorrected = { $gpus_count ->
    [one] Der PCIe-Link von GPU { $gpu } hatte
   *[other] Die PCIe-Links von { $gpus_count } der { $all_count } GPUs hatten
} nicht korrigierbare Fehler
effect-uncorrected = Übertragungen von oder zur GPU gingen verloren; sie kann ganz ausfallen, und die Server, die sie benutzen, enden dann.
detail-uncorrected = { $gpus_count ->
    [one] { $most_errors ->
        [one] { $most_errors } Fehler seit dem Start des Knotens, den der Link nicht korrigieren konnte
       *[other] { $most_errors } Fehler seit dem Start des Knotens, die der Link nicht korrigieren konnte
    }
   *[other] Fehler seit dem Start des Knotens, die die Links nicht korrigieren konnten, auf einer GPU { $most_errors }
}

problem-sleep = { $gpus_count ->
    [one] Der PCIe-Link von GPU { $gpu } darf
   *[other] Die PCIe-Links von { $gpus_count } der { $all_count } GPUs dürfen
} einschlafen
effect-sleep = Nach einer Pause wartet die erste Übertragung, bis der Link wieder wach ist; das trifft die langsamsten Antworten, gerade die, die der Dienst zu begrenzen verspricht.
detail-sleep = der Link darf in L1 schlafen, obwohl eine strenge Grenze für die langsamsten Antworten zugesagt ist

found-full = volle Geschwindigkeit: Generation { $generation } mit { $lanes ->
    [one] { $lanes } Lane
   *[other] { $lanes } Lanes
}
found-not-listed = PCI führt diese GPU nicht auf
found-no-link = weder PCI noch NVML sagen etwas über den Link
found-idle = die Generation des Links zeigt sich nur unter Last: { $samples_count ->
    [one] Die GPU tat in { $samples_count } Probe nichts
   *[other] Die GPU tat in { $samples_count } Proben nichts
} (Auslastung höchstens { $highest }): aufzeichnen, während der Dienst läuft
found-not-sampled = die Generation des Links zeigt sich nur unter Last: In den Proben des Zeitfensters fehlt diese GPU
found-no-window = die Generation des Links zeigt sich nur unter Last: { $reason }
found-replays-once = die Rate der Wiederholungen ist nicht bekannt: Nichts wurde zweimal gelesen (`collect --sample` liest einige Sekunden lang)
found-replays-unknown = die Rate der Wiederholungen ist nicht bekannt: { $reason }
found-no-time = die Rate der Wiederholungen ist nicht bekannt: Die Proben umfassen keine Zeitspanne
found-errors-unknown = Fehler des Links sind nicht bekannt: { $reason }
found-sleep-unknown = ob der Link in L1 schlafen darf, ist nicht bekannt: { $reason }
found-no-gpu = keine GPU gefunden
