title = Nur ein Mechanismus bestimmt die CPU-Bindung
why = Open MPI, Slurm, die Engine, `numactl`, Kubelet und systemd überschreiben gegenseitig ihre Masken, und das Ergebnis hängt davon ab, in welcher Reihenfolge sie starten.
effect = Welche CPUs dieser Dienst bekommt, hängt von der Reihenfolge ab, in der seine Teile starten; seine Geschwindigkeit kann sich daher von Neustart zu Neustart ändern.
applicability = Physische Maschinen, virtuelle Maschinen, Container; TensorRT-LLM, SGLang, vLLM, auch unter Slurm und MPI
expected-effect = Für den Konflikt selbst ist keine Zahl veröffentlicht; TensorRT-LLM PR #9549 nennt einen Test mit 691,9 s mit einer Bindung und 390,8 s ohne.

problem-cleared = TensorRT-LLM hebt die CPU-Masken auf, die { $launcher } setzt
effect-cleared = Die Prozesse dieses Dienstes können auf CPUs laufen, die für sie nicht vorgesehen waren; die Geschwindigkeit schwankt damit, wo sie gerade laufen.
detail-cleared = { $launcher } bindet die Prozesse, aber TensorRT-LLM hebt ihre Masken auf, solange `TLLM_NUMA_AWARE_WORKER_AFFINITY` nicht gesetzt ist

problem-denied = Die Control Group verwehrt Prozess { $pid } die CPUs { $lacking }
effect-denied = Dieser Prozess hat weniger CPUs, als beim Start vorgesehen; unter Last können Antworten später kommen als geplant.
detail-denied = Prozess { $pid } ({ $comm }) verlangt die CPUs { $asked }, die Control Group hat aber nur { $granted }; die CPUs { $lacking } sind damit nicht verfügbar

problem-other-mask = Prozess { $pid } verlangt die CPUs { $asked } und hat { $found }
effect-other-mask = Die Bindung, mit der dieser Dienst gestartet wurde, ist nicht in Kraft; seine Prozesse können fern von ihren GPUs laufen, und seine Geschwindigkeit kann schwanken.
detail-other-mask = Prozess { $pid } ({ $comm }) verlangt die CPUs { $asked }, die Threads haben aber { $found }

problem-several = { $mechanisms_count } Mechanismen bestimmen zugleich die CPUs des Servers (PID { $server })
detail-several = durch { $mechanisms_count } Mechanismen zugleich gebunden: { $mechanisms }

problem-several-and-mask = { $mechanisms_count } Mechanismen bestimmen zugleich die CPUs des Servers (PID { $server })
detail-several-and-mask = durch { $mechanisms_count } Mechanismen zugleich gebunden: { $mechanisms }; eine Maske mit den CPUs { $cpus } für Prozess { $pid }, deren Herkunft nicht aufgezeichnet ist

found-alone = allein durch { $mechanism } gebunden
found-within = allein durch { $mechanism } gebunden, innerhalb der CPUs { $cpus }; mehr hat seine Control Group nicht
found-mask-alone = Prozess { $pid } ist auf die CPUs { $cpus } beschränkt, { $cpus_count } von { $online_count }, durch eine Maske, deren Herkunft nicht aufgezeichnet ist; kein anderer Mechanismus bindet den Server
found-unbound = nichts bindet die Prozesse an CPUs
found-no-server = kein Inferenzserver gefunden: während des Betriebs sammeln
found-no-process = kein Prozess des Servers wurde aufgezeichnet
found-no-kind = welcher Art der Server ist, wurde nicht aufgezeichnet
