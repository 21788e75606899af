title = Die Topologie der virtuellen Maschine entspricht der Hardware
why = Ohne passende virtuelle Topologie und ohne gebundene vCPUs kann keine Bindung im Gast wirken.
effect = Der Dienst lässt sich aus dieser Maschine heraus nicht nahe seinen GPUs platzieren; seine Antworten kommen später und ungleichmäßiger, je nachdem, wo der Host ihn ausführt.
applicability = Virtuelle Maschinen; ein Bundle des Hosts erhöht die Sicherheit der Aussage
expected-effect = Für NVIDIA-GPUs wurde keine veröffentlichte Zahl gefunden.

limit-gpus-of-socket = GPUs eines Boards, die an einem Sockel hängen
limit-gpus-of-socket-applies = SXM-GPUs von NVIDIA in virtuellen Maschinen
limit-gpus-of-socket-source = unsere Lesart von DGX- und HGX-Servern: acht SXM-GPUs hängen an zwei Sockeln, vier an jedem

problem-one-node = Der Gast zeigt { $gpus_count } GPUs zweier Sockel als einen Knoten
detail-one-node = { $gpus_count } GPUs eines Boards, das an zwei Sockeln hängt, und ein NUMA-Knoten: Der Gast kann Nah und Fern nicht unterscheiden

problem-lost-gpus = { $lost_count ->
    [one] { $lost_count } von { $gpus_count } GPUs des Gasts gehört zu keinem NUMA-Knoten
   *[other] { $lost_count } von { $gpus_count } GPUs des Gasts gehören zu keinem NUMA-Knoten
}
detail-lost-gpus = { $nodes_count } NUMA-Knoten, aber { $lost_count ->
    [one] { $lost_count } von { $gpus_count } GPUs gehört zu keinem
   *[other] { $lost_count } von { $gpus_count } GPUs gehören zu keinem
}: Der virtuelle PCI-Baum gibt die Knoten des Hosts nicht weiter

problem-all-on-one = Der Gast zeigt { $gpus_count } GPUs zweier Sockel auf Knoten { $node }
detail-all-on-one = { $nodes_count } NUMA-Knoten, aber alle { $gpus_count } GPUs eines Boards, das an zwei Sockeln hängt, nennen Knoten { $node }

problem-balloon = Der Host kann dieser Maschine Speicher wegnehmen
effect-balloon = Speicher kann während des Betriebs knapp werden; der Dienst antwortet dann langsamer oder wird beendet.
detail-balloon = die Maschine hat ein Balloon-Gerät: Der Host kann Speicher zurücknehmen, während der Dienst läuft

problem-loose = { $loose_count ->
    [one] { $loose_count } von { $vcpus_count } vCPUs der virtuellen Maschine (PID { $pid }) ist nicht gebunden
   *[other] { $loose_count } von { $vcpus_count } vCPUs der virtuellen Maschine (PID { $pid }) sind nicht gebunden
}
effect-loose = Was in dieser virtuellen Maschine läuft, kann sich jederzeit von seinem Speicher und seinen GPUs entfernen; Antworten kommen dann später und ungleichmäßiger, und in der Maschine lässt sich daran nichts ändern.
detail-loose = { $loose_count } von { $vcpus_count } vCPUs { $loose_count ->
    [one] darf
   *[other] dürfen
} auf mehreren NUMA-Knoten des Hosts laufen

problem-loose-emulator = Der Emulator der virtuellen Maschine (PID { $pid }) ist nicht gebunden
effect-loose-emulator = Ein- und Ausgabe der virtuellen Maschine kann auf der fernen Seite des Hosts bedient werden; ihre Antworten kommen dadurch ungleichmäßiger.
detail-loose-emulator = die vCPUs ({ $vcpus_count }) sind gebunden, aber { $threads_count ->
    [one] { $threads_count } Thread des Emulators darf
   *[other] { $threads_count } Threads des Emulators dürfen
} auf mehreren NUMA-Knoten laufen

problem-loose-memory = Der Speicher der virtuellen Maschine (PID { $pid }) ist an keinen Knoten gebunden
effect-loose-memory = Speicher der virtuellen Maschine kann auf der fernen Seite des Hosts liegen; was in ihr läuft, arbeitet dann womöglich langsamer, und in der Maschine lässt sich daran nichts ändern.
detail-loose-memory = die vCPUs ({ $vcpus_count }) sind an { $nodes_count ->
    [one] Knoten { $nodes }
   *[other] die Knoten { $nodes }
} gebunden, aber nichts, was der Kernel zeigt, bindet den Speicher dorthin (erlaubt: { $mems_count ->
    [one] Knoten { $mems }
   *[other] die Knoten { $mems }
})

found-pinned = { $vcpus_count ->
    [one] { $vcpus_count } vCPU
   *[other] { $vcpus_count } vCPUs
}, Emulator und Speicher sind an { $nodes_count ->
    [one] Knoten { $nodes }
   *[other] die Knoten { $nodes }
} gebunden
found-from-inside = der Gast zeigt { $nodes_count ->
    [one] einen NUMA-Knoten
   *[other] { $nodes_count } NUMA-Knoten{ $gpus_count ->
        [0] {""}
       *[other] {", GPUs auf "}{ $gpu_nodes }
    }
}; ob seine CPUs und sein Speicher gebunden sind, ist von innen nicht zu sehen ({ $hypervisor }): auf dem Host sammeln oder den Anbieter fragen
found-unreadable = { $processes_count ->
    [one] { $processes_count } Prozess war nicht lesbar und kann eine virtuelle Maschine sein
   *[other] { $processes_count } Prozesse waren nicht lesbar, und jeder kann eine virtuelle Maschine sein
}
found-no-machine = physische Maschine ohne virtuelle Maschine von KVM
found-one-node-host = alle CPUs sind in einem NUMA-Knoten
