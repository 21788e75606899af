# Was zu tun ist, als Anweisung, die das Objekt dieses Knotens nennt, ohne Punkt.

do-governor = Den Frequenz-Governor der { $cpus } auf `{ $want }` setzen (jetzt `{ $was }`)
do-energy-preference = Die Energiepräferenz der { $cpus } auf `{ $want }` setzen (jetzt `{ $was }`)
do-energy-bias = Den Energy Bias der { $cpus } auf { $want } setzen (jetzt { $was })
do-frequency-cap = Die Taktgrenze der { $cpus } von { $was } auf { $want } anheben
do-boost = Turbo einschalten
do-idle-state = Die { $cpus } vom Schlafzustand { $name } fernhalten ({ $latency } zum Aufwachen)
do-value = `{ $want }` nach { $path } schreiben (jetzt `{ $was }`)
do-sysctl = { $name } auf { $want } setzen (jetzt { $was })
do-kernel-argument-add = Den Kernel mit `{ $argument }` starten
do-kernel-argument-remove = Den Kernel ohne `{ $argument }` starten
do-kernel-argument-boot = Neu starten: `{ $argument }` steht schon in der Konfiguration des Bootloaders
do-kernel-argument-boot-without = Neu starten: `{ $argument }` steht nicht mehr in der Konfiguration des Bootloaders
do-tuned-profile = Das TuneD-Profil `{ $want }` wählen (jetzt { $was ->
    [none] keines
   *[other] `{ $was }`
})
do-unit-start = { $name } starten und aktiviert lassen
do-unit-stop = { $name } anhalten und deaktiviert lassen
do-place = Threads und Speicher { $server-genitive } in der Nähe der eigenen GPUs halten
do-place-cpus = { $server } samt Speicher auf { $cpus-dative } halten, nahe an den eigenen GPUs
do-place-options = `{ $options }` in die Kommandozeile { $server-genitive } aufnehmen und neu starten: die Engine hält dann jeden Worker und seinen Speicher nahe an seiner GPU
do-place-workers = Jeden Worker { $server-genitive } auf CPUs und Speicher des NUMA-Knotens seiner GPU starten (CPUs je Knoten: { $nodes })
also-place = Die Sofortbefehle verlegen nur Threads und gelten bis zum Neustart { $server-genitive }: Speicher bleibt, wo er angelegt wurde. Es hat gewirkt, sobald `numastat -p` für jeden Worker mindestens 95 % seines Speichers auf dem Knoten seiner GPU zeigt
also-host = Dieser Knoten wurde aus einem Container heraus gesehen: Wer den Host betreibt, muss das dort tun
also-lasts = Das wirkt sofort, ohne Neustart, und bleibt über Neustarts des Dienstes und des Knotens hinweg erhalten
also-until-restart = Das gilt bis zum Neustart { $server-genitive }: Was ihn startet, muss es ebenfalls setzen
also-until-reboot = Das gilt, bis die Control Group { $server-genitive } neu angelegt wird, spätestens bis zum Neustart des Knotens: Was den Server startet, muss ebenfalls ohne Quota auskommen
do-cores = { $server-dative } mindestens { $want ->
    [one] { $want } physischen Kern
   *[other] { $want } physische Kerne
} geben (jetzt { $was })
do-thread-pool = Die Thread-Pools { $server-genitive } auf { $want ->
    [one] { $want } Thread
   *[other] { $want } Threads
} je Prozess begrenzen (jetzt { $was })
do-variable-set = { $server } mit { $name }={ $want } starten
do-variable-unset = { $server } ohne die Variable { $name } starten
do-without-option = { $server } ohne `{ $option }` starten
do-with-option = { $server } mit `{ $option }` starten
do-service = `{ $setting }` { $server-genitive } auf `{ $want }` setzen (jetzt { $was ->
    [none] nicht gesetzt
   *[other] `{ $was }`
})
do-service-elsewhere = { $setting ->
    [CPUWeight] Das CPU-Gewicht
    [IOWeight] Das E/A-Gewicht
    [Nice] Den Nice-Wert
    [OOMScoreAdjust] Den Wert für den OOM-Killer
    [Restart] Die Neustartregel
    [RestartSec] Die Pause vor einem Neustart
    [TimeoutStartSec] Die Frist für den Start
    [ExecStartPost] Die Funktionsprüfung
    [LimitNOFILE] Die Grenze für offene Dateien
    [LimitMEMLOCK] Die Grenze für gesperrten Speicher
    [TasksMax] Die Grenze für Tasks
    [MemoryMax] Die Speichergrenze
    [MemoryHigh] Die Grenze, ab der Speicher gedrosselt wird
    [MemorySwapMax] Die Swap-Grenze
   *[other] `{ $setting }`
} { $server-genitive } auf `{ $want }` setzen (jetzt { $was ->
    [none] nicht gesetzt
   *[other] `{ $was }`
})
do-service-unit = { $server } als Unit von systemd mit `{ $setting }={ $want }` betreiben: jetzt startet ihn nichts neu
also-pool-variable = Ihn mit `{ $setting }` in der Umgebung starten
also-pool-option = Ihn mit `{ $setting }` starten
also-pool-parameter = Ihm in der Modelldatei oder mit jeder Anfrage den Parameter `{ $setting }` geben
do-cpu-quota = Die CPU-Quota { $server-genitive } aufheben (jetzt { $was })
do-cpu-quota-wider = Die CPU-Quota { $server-genitive } auf { $want ->
    [one] { $want } CPU
   *[other] { $want } CPUs
} erweitern (jetzt { $was })
do-capability = { $server-dative } die Capability `{ $name }` erlauben
do-shared-memory = { $server-dative } { $want } Shared Memory geben (jetzt { $was })
do-guaranteed-pod = Dem Pod { $server-genitive } ganze CPUs geben, mit Requests gleich Limits
do-container-devices = Der Container-Laufzeit die GPUs beschreiben (CDI), damit der Container { $server-genitive } sie behält
do-local-model = Das Modell { $server-genitive } auf einen lokalen Datenträger legen (jetzt in { $path })
do-restart = { $server } neu starten
do-kubelet = `{ $setting }` des Kubelets für diesen Knoten setzen (jetzt { $was ->
    [none] nicht gesetzt
   *[other] `{ $was }`
})
do-kubelet-value = `{ $setting }` des Kubelets auf `{ $want }` setzen (jetzt { $was ->
    [none] nicht gesetzt
   *[other] `{ $was }`
})
do-normal-policy = Prozess { $process } die normale Scheduling-Klasse geben (jetzt `{ $was }` mit Priorität { $priority })
do-elsewhere = Prozess { $process } (`{ $name }`) auf einer anderen Maschine oder auf anderen CPUs betreiben
do-reserve = Das übrige System von { $cpus-dative } fernhalten
do-reserve-split = Das übrige System auf den CPUs { $system } halten und die { $cpus } der Inferenz überlassen
do-interrupts-near = Die Interrupts { $irqs } von { $device } auf nahen CPUs bedienen
do-interrupts-off = Die Interrupts { $irqs } von { $cpus-dative } nehmen
do-interrupt-ban = irqbalance von { $cpus-dative } fernhalten
do-nic-channels = { $interface } { $want } Queues geben (jetzt { $was ->
    [none] nicht bekannt
   *[other] { $was }
})
do-nic-ring = Dem Empfangsring von { $interface } { $want } Einträge geben (jetzt { $was ->
    [none] nicht bekannt
   *[other] { $was }
})
do-kernel-module = Das Kernel-Modul `{ $name }` laden, auch bei jedem Systemstart
do-production-kernel = Den Standard-Kernel der Distribution statt { $was } starten
do-time-service = Einen Zeitdienst installieren und aktivieren (chrony oder systemd-timesyncd)
do-persist = { $setting } = { $want } in die Konfiguration schreiben, die beim Systemstart gelesen wird (dort { $was ->
    [none] nicht gesetzt
   *[other] { $was }
})
do-swap-off = Den Swap-Bereich { $area } nicht mehr benutzen
do-acs-off = Access Control Services der Bridge { $bridge } ausschalten (jetzt { $was })
do-gpu-persistent = Den Treiberzustand der GPU { $gpu } geladen halten (Persistence Mode)
do-gpu-power-limit = Die Leistungsgrenze der GPU { $gpu } auf { $want } setzen (jetzt { $was })
do-gpu-free-clocks = Die Taktgrenzen der GPU { $gpu } aufheben
do-gpu-mig-on = MIG der GPU { $gpu } einschalten
do-gpu-mig-off = MIG der GPU { $gpu } ausschalten
do-gpu-exclusive = Auf der GPU { $gpu } nur einen Prozess zulassen
do-gpu-reset = Die Arbeit von der GPU { $gpu } nehmen und sie dann zurücksetzen
also-container-option = Den Container { $name } mit `{ $option }` neu starten: das hält, und einem laufenden kann die Engine es nicht geben
also-container-quota = Den Container { $name } ohne CPU-Grenze neu anlegen: das hält
also-pod-limit = `limits.cpu` aus dem Manifest des Pods nehmen, oder ihn zu einem garantierten Pod mit ganzen CPUs machen
also-pod-capability = `{ $name }` unter `securityContext.capabilities.add` in das Manifest des Pods aufnehmen
also-pod-shm = Im Manifest des Pods ein `emptyDir` mit `medium: Memory` und einem `sizeLimit` von mindestens { $want } unter `/dev/shm` einhängen
also-machine-config = Der Knoten gehört zu einem Cluster: seine MachineConfig setzt das Argument, und was auf dem Knoten selbst geändert wird, nimmt sie zurück
also-machine-config-without = Es aus der MachineConfig nehmen, die es setzt: was auf dem Knoten selbst geändert wird, wird zurückgenommen
also-fstab = { $area } aus `/etc/fstab` nehmen, sonst ist der Bereich nach einem Neustart wieder da

do-firmware-boost = Turbo (Core Performance Boost) in der Firmware einschalten
do-firmware-hardware-p-states = Hardware-P-States (Intel) oder CPPC (AMD, Arm) in der Firmware einschalten
do-firmware-power-limit = Die Leistungsgrenze der Prozessoren in der Firmware auf die Auslegungsleistung anheben
do-firmware-fabric-clock = In der Firmware das Latenzprofil für Uncore oder Fabric wählen
do-firmware-priority-cores = Priority Cores (Intel SST-TF, PCT) in der Firmware einschalten
do-hardware-cooling = Luftstrom, Filter, Lüfter und Zulufttemperatur prüfen
do-hardware-processor = Eine Maschine mit mehr physischen Kernen bereitstellen
do-provider-governor = Beim Anbieter erfragen, welchen Frequenz-Governor der Host hat
do-provider-more-cpus = Beim Anbieter eine Instanz mit mehr virtuellen CPUs anfordern
do-firmware-resizable-bar = Above 4G Decoding und Resizable BAR in der Firmware einschalten
do-firmware-pcie-slot = Den Steckplatz in der Firmware auf volle Breite und höchste Generation setzen
do-firmware-node-interleaving = Node Interleaving in der Firmware ausschalten (bei AMD kein NPS0)
do-firmware-numa-per-package = In der Firmware einen NUMA-Knoten je Prozessor wählen (AMD NPS1, Intel SNC aus)
do-firmware-device-proximity = Die Firmware aktualisieren: Sie sagt nicht, zu welchem NUMA-Knoten das Gerät gehört
do-firmware-management-interrupts = Periodische System Management Interrupts in der Firmware ausschalten
do-firmware-acs = Access Control Services (ACS) in der Firmware ausschalten
do-hardware-pcie-card = Karte und Riser neu einsetzen{ $at ->
    [none] {""}
   *[other] {" "}({ $at })
}
do-hardware-gpu = Die GPU austauschen lassen{ $at ->
    [none] {""}
   *[other] {" "}({ $at })
}
do-hardware-power-supply = Netzteile, ihre Kabel und die Redundanz prüfen
do-hardware-network-link = Kabel, Transceiver und Switch-Port prüfen{ $at ->
    [none] {""}
   *[other] {" "}({ $at })
}
do-hardware-nvlink = Die Verbindungen zwischen den GPUs prüfen lassen{ $at ->
    [none] {""}
   *[other] {" "}({ $at })
}
do-hardware-memory-module = Das Speichermodul austauschen{ $at ->
    [none] {""}
   *[other] {" "}({ $at })
}
do-hardware-memory-layout = Jeden Speicherkanal mit den gleichen Modulen bestücken
do-hardware-memory = Mehr Arbeitsspeicher bereitstellen
do-hardware-adapter-slot = Den Netzwerkadapter in einen Steckplatz des anderen Sockels setzen{ $at ->
    [none] {""}
   *[other] {" "}({ $at })
}
do-hardware-local-disk = Einen lokalen Datenträger für die Modelle bereitstellen
do-provider-dedicated-cpus = Beim Anbieter eigene virtuelle CPUs anfordern, fest zugeordnet und nicht überbucht
do-provider-virtual-numa = Beim Anbieter eine virtuelle Maschine anfordern, deren NUMA-Knoten und Geräte denen des Hosts folgen
do-provider-random-device = Beim Anbieter ein virtio-rng-Gerät anfordern
do-provider-health = Beim Anbieter den Zustand dieser Hardware aus Sicht des Hosts erfragen
do-provider-microcode = Beim Anbieter erfragen, welchen Microcode und welche Mitigations der Host hat
do-provider-clock-source = Beim Anbieter eine virtuelle Maschine mit brauchbarem TSC anfordern
do-provider-more-memory = Beim Anbieter eine Instanz mit mehr Arbeitsspeicher anfordern
do-provider-device-window = Beim Anbieter ein größeres 64-Bit-Fenster für Geräte in der virtuellen Maschine anfordern
do-provider-resizable-bar = Den Anbieter bitten, zuerst Resizable BAR in der Firmware des Hosts einzuschalten
do-provider-peer-access = Beim Anbieter eine physische Maschine anfordern, wenn GPUs direkt Daten austauschen sollen: dieser virtuelle Chipsatz bietet das nicht
do-update-kernel = Den Kernel aktualisieren{ $was ->
    [none] {""}
   *[other] {" "}(jetzt { $was })
}
do-update-microcode = Den Microcode aktualisieren{ $was ->
    [none] {""}
   *[other] {" "}(jetzt { $was })
}
do-update-firmware = Die Firmware aktualisieren{ $was ->
    [none] {""}
   *[other] {" "}(jetzt { $was })
}
do-update-gpu-driver = Den GPU-Treiber aktualisieren{ $was ->
    [none] {""}
   *[other] {" "}(jetzt { $was })
}
do-update-fabric-manager = Den Fabric Manager in der Version des Treibers installieren{ $was ->
    [none] {""}
   *[other] {" "}(jetzt { $was })
}
do-update-container-toolkit = Das Container-Toolkit der GPUs aktualisieren{ $was ->
    [none] {""}
   *[other] {" "}(jetzt { $was })
}
do-step-agree-service-level = Service-Ziele vereinbaren und für die nächste Erhebung angeben
do-step-state-costs = Kosten oder Preise für den nächsten Bericht angeben
do-step-repeat-load-test = Den Lasttest bei fünf Raten um die erwartete Spitzenlast wiederholen, je 600 s lang und dreimal
do-step-load-test-at = Den Lasttest eines Replikats bei { $rate1 }, { $rate2 }, { $rate3 }, { $rate4 }, { $rate5 } Anfragen je Sekunde wiederholen, je 600 s lang und dreimal
do-step-plan-capacity = Die Spitzenlast im Auftrag angeben und messen, welche Rate ein Replikat trägt
do-step-plan-capacity-for = Entscheiden, wie { $grows ->
    [yes] die Spitzenlast des nächsten Jahres von { $next } Anfragen je Sekunde (heute { $peak })
   *[no] die Spitzenlast von { $peak } Anfragen je Sekunde
} getragen wird: Lasttests eines Replikats bei { $rate1 }, { $rate2 }, { $rate3 }, { $rate4 }, { $rate5 } Anfragen je Sekunde zeigen, wie viele Replikate es braucht
also-step-load-test = `{ $command }`, ebenso für die anderen Raten
also-step-trace-interruptions = Während der Dienst arbeitet: `mpstat -I ALL -P ALL 10 6` zählt die Interrupts jeder CPU; `perf sched record -a sleep 60` und danach `perf sched timehist` nennen die Threads, die dazwischen liefen; `turbostat --show CPU,SMI --interval 10` zählt die Interrupts der Firmware
also-step-trace-memory = `ps -eo pid,comm,rss --sort=-rss` zeigt, was Prozesse belegen, `grep -E "Shmem|Slab|SUnreclaim|HugePages_Total" /proc/meminfo`, was Kernel und gemeinsamer Speicher belegen
also-step-trace-slow-requests = `plumb bench` mit der Rate laufen lassen, bei der sie langsam sind, und dabei mit `--sample 60` erheben: Die Rohdaten enthalten die Zeit jeder Anfrage, die Erhebung das, was der Knoten tat
do-step-add-replica = Ein Replikat hinzufügen oder Verkehr niedriger Priorität abweisen
do-step-consolidate = Mit weniger Maschinen bedienen oder den Leerlaufzeiten andere Arbeit geben
do-step-trace-slow-requests = Die langsamen Anfragen mit dem vergleichen, was der Knoten zur selben Zeit tat
do-step-trace-interruptions = Eine Minute lang aufzeichnen, welche Interrupts und Threads den CPUs des Dienstes Zeit nehmen
do-step-trace-memory = Auflisten, welche Prozesse, welcher gemeinsame Speicher und welche Teile des Kernels den Speicher belegen
do-step-drain = Die Arbeit des Knotens auf andere Knoten verlegen, bevor er angefasst wird
do-step-watch-log = Bei Fehlern dieser Art im Kernel-Log alarmieren
do-step-restart-programs = Neu starten, was auf der GPU lief, als sie den Fehler meldete
do-step-restart-node = Die Maschine neu starten, sobald ihre Arbeit verlegt ist

server = { $unit ->
    [none] den { $kind ->
        [unknown] Inferenz-Server
       *[other] { $kind }-Server
    } (Prozess { $pid })
   *[other] { $unit }
}
server-dative = { $unit ->
    [none] dem { $kind ->
        [unknown] Inferenz-Server
       *[other] { $kind }-Server
    } (Prozess { $pid })
   *[other] { $unit }
}
server-genitive = { $unit ->
    [none] des { $kind ->
        [unknown] Inferenz-Servers
       *[other] { $kind }-Servers
    } (Prozess { $pid })
   *[other] von { $unit }
}
cpus = { $n ->
    [one] CPU { $set }
   *[other] CPUs { $set }
}
cpus-dative = { $n ->
    [one] der CPU { $set }
   *[other] den CPUs { $set }
}
