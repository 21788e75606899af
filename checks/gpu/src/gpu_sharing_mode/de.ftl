title = GPUs werden (mit MIG, MPS oder Time-Slicing) nur gewollt und einheitlich geteilt
why = Unbemerktes Teilen macht die Latenz von der Last Fremder abhängig.
effect = Wie schnell Antworten kommen, hängt davon ab, was ein anderes Programm auf derselben GPU tut.
applicability = Physische und virtuelle Maschinen, Container; NVIDIA; das Teilen anderer GPUs wird nicht gelesen
expected-effect = Es gibt keine veröffentlichte Zahl, die sich empfehlen ließe.

limit-guest = Anteil am Speicher einer GPU, ab dessen Überschreiten ein Gast ein Fehler ist
limit-guest-applies = NVIDIA-GPUs, die bedienen
limit-guest-source = unser Vorschlag: Ein CUDA-Kontext allein braucht weniger

problem-mig-on-some = { $gpus_count } von { $all_count } GPUs { $gpus_count ->
    [one] ist
   *[other] sind
} in MIG-Instanzen geteilt
effect-mig-on-some = Anfragen bekommen sehr verschiedene Anteile einer GPU, je nachdem, welche sie bedient; ein Modell über ganze GPUs kann die geteilten nicht benutzen.
detail-mig-on-some = { $gpus_count } von { $all_count } GPUs { $gpus_count ->
    [one] ist
   *[other] sind
} in MIG-Instanzen geteilt, die übrigen nicht

problem-layouts = { $gpus_count } GPUs sind auf { $layouts_count } Arten in MIG-Instanzen geteilt
effect-layouts = Replikate bekommen verschiedene Anteile einer GPU; dieselbe Anfrage ist auf dem einen schnell und auf dem anderen langsam.
detail-layouts = die GPUs sind verschieden in MIG-Instanzen geteilt, auf { $layouts_count } Arten

problem-guest-memory = Programme außerhalb des Servers belegen Speicher von { $gpus_count ->
    [one] GPU { $gpu }
   *[other] { $gpus_count } der { $all_count } GPUs
}
effect-guest-memory = Was andere Programme an Speicher belegen, fehlt für Anfragen, und ihre Arbeit verzögert Antworten, sobald sie laufen.
detail-guest-memory = Prozesse, die nicht zum Server gehören, belegen { $most_memory } des Speichers

problem-guest = Programme außerhalb des Servers benutzen { $gpus_count ->
    [one] GPU { $gpu }
   *[other] { $gpus_count } von { $all_count } GPUs
}
detail-guest = Prozesse, die nicht zum Server gehören, benutzen sie und belegen { $most_memory } ihres Speichers

problem-shared = Mehrere Programme teilen sich { $gpus_count ->
    [one] GPU { $gpu }
   *[other] { $gpus_count } von { $all_count } GPUs
}
detail-shared = mehrere Programme teilen sie sich{ $through ->
    [mps] {" über MPS"}
   *[time] {""}
}

problem-same-layout = Alle GPUs sind in die gleichen MIG-Instanzen geteilt
detail-same-layout = alle GPUs sind in die gleichen MIG-Instanzen geteilt
found-one-user = ein Programm hat sie für sich allein
found-no-user = kein Prozess benutzt eine GPU: aufzeichnen, während der Dienst läuft
found-mig-unknown = ob sie geteilt ist, ist nicht bekannt: { $reason }
found-instances-unknown = die MIG-Instanzen sind nicht bekannt: { $reason }
found-odd-server = Art oder Prozesse des Servers mit der Prozess-ID { $pid } wurden nicht aufgezeichnet
found-hidden = { $processes_count ->
    [one] { $processes_count } Prozess darauf ist
   *[other] { $processes_count } Prozesse darauf sind
} innerhalb eines Containers ({ $container }) nicht zu sehen
found-no-memory = NVML sagt nicht, wie viel Speicher Prozess { $pid } belegt
found-no-gpu = keine GPU gefunden
found-other-vendor = die GPUs sind vom Hersteller `{ $vendor }`: Bisher werden nur Programme auf NVIDIA-GPUs gelesen
found-no-device = NVML führt keine GPU auf, und aus PCI geht nicht hervor, dass es keine gibt
