title = Jede GPU meldet den NUMA-Knoten, an dem sie hängt
why = Die automatische Bindung in vLLM, SGLang, TensorRT-LLM und PyTorch liest diese eine Zahl je GPU. -1 schaltet die Bindung ohne Meldung ab.
effect = Serving-Software, die sich selbst in der Nähe ihrer GPUs platziert, liest diese eine Zahl je GPU; wo sie fehlt, geschieht nichts, auch keine Meldung, und Antworten kommen später und ungleichmäßiger.
applicability = Physische Maschinen; virtuelle Maschinen (dort ein sehr häufiger Fehler); Container; GPUs von NVIDIA und AMD; durchgefallen nur auf Hosts mit zwei oder mehr NUMA-Knoten, die Speicher haben
expected-effect = Keine Zahl veröffentlicht: es schaltet die Gewinne ab, die unter `numa.gpu-affinity` stehen.

problem-untold = Die Firmware nennt für GPU { $gpu } keinen NUMA-Knoten
detail-untold = die Firmware sagt nicht, an welchem der Knoten { $nodes } die GPU hängt{ $nvml ->
    [one] , NVML dagegen nennt { $nvml_nodes }
    [several] , und auch NVML weiß es nicht: es nennt { $nvml_nodes }
   *[none] {""}
}

problem-disagree = Zwei Quellen ordnen GPU { $gpu } verschiedenen NUMA-Knoten zu
effect-disagree = Serving-Software, die die falsche der beiden liest, platziert sich weit von dieser GPU, und Antworten kommen später und ungleichmäßiger.
detail-disagree = sysfs nennt Knoten { $node }, NVML nennt { $nvml_nodes }: Engines, die nur eine der Quellen lesen, binden falsch

problem-harmless = Die Firmware nennt keinen NUMA-Knoten, und es gibt nur einen
detail-harmless = die Firmware nennt keinen Knoten, was bei einem einzigen Knoten harmlos ist
found-offline = die GPU nennt Knoten { $node }, aber { $online_count ->
    [one] nur Knoten { $online } ist online
   *[other] nur die Knoten { $online } sind online
}
found-hwloc-differs = sysfs nennt Knoten { $node }, hwloc nennt { $nodes_count ->
    [one] Knoten { $nodes }
   *[other] die Knoten { $nodes }
}
found-lost-opinion = laut Firmware Knoten { $node }, aber eine Quelle, die widersprechen könnte, gab keine Antwort: { $reason }
found-agreed = Knoten { $node }, und NVML stimmt zu
found-among = Knoten { $node }, einer der Knoten { $nvml_nodes }, die NVML nennt
found-no-second = laut Firmware Knoten { $node }; NVML gab keine zweite Auskunft
found-told = laut Firmware Knoten { $node }
found-no-gpu = keine GPU gefunden
