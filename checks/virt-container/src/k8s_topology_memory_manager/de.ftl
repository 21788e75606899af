title = Kubernetes hält CPU, Speicher und GPU auf einem NUMA-Knoten zusammen
why = Sonst können CPUs und GPU eines Pods von verschiedenen Sockeln kommen.
effect = Ein Pod kann GPUs von der einen und Prozessoren von der anderen Seite der Maschine bekommen; seine Antworten kommen dann später und ungleichmäßiger.
applicability = Kubernetes, auf Hosts mit zwei oder mehr NUMA-Knoten, die CPUs haben
expected-effect = Keine verlässliche veröffentlichte Zahl für Sprachmodelle.
caveat = Ein Pod, der mehr GPUs braucht, als ein Knoten hat, wird unter `single-numa-node` abgelehnt, und unter `restricted`, wenn sein Speicher auf einen Knoten passt: `best-effort` ohne Memory Manager verwenden und die Engine ihre Worker binden lassen. Geräte aus Resource Claims (DRA) erfasst der Topology Manager nicht: über Bedingungen des Claims ausrichten.

problem-misaligned = Pod { $pod } hat GPUs auf { $gpus_count ->
    [one] Knoten { $gpus }
   *[other] den Knoten { $gpus }
}, CPUs auf { $cpus_count ->
    [one] Knoten { $cpus }
   *[other] den Knoten { $cpus }
}
effect-misaligned = Anweisungen und Daten für die GPUs dieses Pods laufen über die Verbindung zwischen den Prozessoren; seine Antworten kommen später und ungleichmäßiger.
detail-misaligned = Topology-Manager-Policy `{ $policy }`, und Pod { $pod } hat seine GPUs auf { $gpus_count ->
    [one] Knoten { $gpus }
   *[other] den Knoten { $gpus }
} und seine CPUs auf { $cpus_count ->
    [one] Knoten { $cpus }
   *[other] den Knoten { $cpus }
}

problem-nothing-aligns = Kubernetes hält CPUs und GPUs eines Pods nicht auf einem Knoten
detail-nothing-aligns = Topology-Manager-Policy `{ $policy }`: nichts hält CPUs und GPU eines Pods auf einem Knoten

problem-best-effort = Kubernetes startet auch Pods, deren CPUs und GPUs getrennt liegen
detail-best-effort = Policy `best-effort` startet einen Pod auch dann, wenn CPUs und GPU nicht auf einem Knoten zu haben sind

problem-each-container = Kubernetes platziert jeden Container eines Pods für sich
effect-each-container = Container eines Pods können auf verschiedene Seiten der Maschine gelegt werden; was sie austauschen, nimmt dann den längeren Weg, und Antworten kommen später und ungleichmäßiger.
detail-each-container = Policy `{ $policy }`, aber jeder Container wird für sich platziert (Scope `container`)

problem-memory-open = Kubernetes hält den Speicher eines Pods nicht nahe seinen GPUs
effect-memory-open = Der Speicher eines Pods kann von der anderen Seite der Maschine kommen als seine GPUs und Prozessoren; seine Antworten kommen dann später und ungleichmäßiger.
detail-memory-open = Policy `{ $policy }`, aber Speicher ist nicht auf dem Knoten reserviert (Memory Manager `None`), und es ist nicht zu sehen, dass eine Engine ihn bindet

problem-each-container-memory-open = Kubernetes platziert Container einzeln und ihren Speicher irgendwo
effect-each-container-memory-open = Container eines Pods und ihr Speicher können auf verschiedenen Seiten der Maschine liegen; Antworten kommen dann später und ungleichmäßiger.
detail-each-container-memory-open = Policy `{ $policy }`, aber jeder Container wird für sich platziert (Scope `container`), Speicher ist nicht auf dem Knoten reserviert (Memory Manager `None`), und es ist nicht zu sehen, dass eine Engine ihn bindet

problem-shared-cpus = Kubernetes gibt Pods keine CPUs nahe ihren GPUs
detail-shared-cpus = Topology-Manager-Policy `{ $policy }`, aber CPU-Manager-Policy `{ $manager }`: kein Pod bekommt eigene CPUs, und nur solche werden ausgerichtet

problem-shared-cpus-not-guaranteed = Kubernetes gibt Pods keine CPUs nahe ihren GPUs
detail-shared-cpus-not-guaranteed = Topology-Manager-Policy `{ $policy }`, aber CPU-Manager-Policy `{ $manager }`: kein Pod bekommt eigene CPUs, und nur solche werden ausgerichtet; Pod { $pod } bekäme auch unter `static` keine, denn er ist { $class } und nicht guaranteed

problem-not-guaranteed = CPUs des Pods des Servers (PID { $pid }), der { $class } ist, sind nicht ausgerichtet
detail-not-guaranteed = Policy `{ $policy }` richtet nur CPUs von Guaranteed-Pods mit ganzen CPUs aus, und Pod { $pod } ist { $class }

problem-no-own-cpus = CPUs des Pods des Servers (PID { $pid }) sind nicht ausgerichtet
detail-no-own-cpus = Policy `{ $policy }` richtet nur CPUs von Guaranteed-Pods mit ganzen CPUs aus; Pod { $pod } ist guaranteed, hat aber keine eigenen CPUs: er muss eine ganze Zahl davon anfordern

found-aligned = Policy `{ $policy }` hält CPUs, Speicher und Geräte eines Pods zusammen
found-seen-aligned = Policy `{ $policy }`, und CPUs und Speicher aller Pods sind auf den Knoten ihrer GPUs
found-not-shown-without-pod = Policy `{ $policy }`, aber { $known ->
    [known] Geräte aus Resource Claims erfasst sie nicht ({ $told })
   *[unknown] es ist nicht bekannt, ob Geräte aus Resource Claims kommen, die sie nicht erfasst: { $told }
}; kein Inferenzserver mit einer GPU wurde in einem Pod gefunden, an dem zu sehen wäre, was Pods bekommen
found-not-shown-by-free-pod = Policy `{ $policy }`, aber { $known ->
    [known] Geräte aus Resource Claims erfasst sie nicht ({ $told })
   *[unknown] es ist nicht bekannt, ob Geräte aus Resource Claims kommen, die sie nicht erfasst: { $told }
}; Pod { $pod } darf auf allen CPUs laufen
found-not-shown-by-memory = Policy `{ $policy }`, aber { $known ->
    [known] Geräte aus Resource Claims erfasst sie nicht ({ $told })
   *[unknown] es ist nicht bekannt, ob Geräte aus Resource Claims kommen, die sie nicht erfasst: { $told }
}; es ist nicht zu sehen, dass der Speicher eines Pods an die Knoten seiner GPUs gebunden ist
found-unknown-cpus = Policy `{ $policy }`, aber es ist nicht bekannt, ob der Pod jedes Inferenzservers eigene CPUs bekommt; nur solche richtet sie aus: { $reason }
found-hidden-kubelet = in einem Container gesammelt ({ $container }), der nicht zeigt, ob auf diesem Knoten ein Kubelet läuft
found-no-kubelet = auf diesem Knoten läuft kein Kubelet
found-one-node = alle CPUs sind in einem NUMA-Knoten
found-no-pod = Topology-Manager-Policy `{ $policy }`, aber kein Inferenzserver in einem Pod gefunden: während des Betriebs sammeln
found-no-process = kein Prozess eines Inferenzservers in einem Pod wurde aufgezeichnet
found-unknown-gpus = es ist nicht bekannt, welche GPUs Prozess { $pid } verwendet: { $reason }
found-no-such-gpu = GPU { $gpu } ist nicht unter den GPUs der Nachweise
found-no-cpuset = keine Control Group eines Inferenzservers in einem Pod nennt die CPUs und Speicherknoten, die er nutzen darf
