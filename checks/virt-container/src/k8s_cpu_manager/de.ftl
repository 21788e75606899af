title = Kubernetes gibt dem Pod eigene, ganze Kerne
why = Mit der voreingestellten Policy wandert der Pod unter einer Quota über CPUs, die er mit anderen teilt.
effect = Der Dienst teilt sich Prozessoren mit anderen Pods; Antworten kommen später und ungleichmäßiger, sobald diese zu tun haben.
applicability = Kubernetes
expected-effect = Für diese Umstellung allein ist keine Zahl veröffentlicht; siehe `sched.noisy-neighbours` und `sched.cfs-throttling`.
caveat = Exklusiv heißt exklusiv unter Pods: Dienste des Systems können dort weiterhin laufen; daher mit `reservedSystemCPUs` und `CPUAffinity=` von systemd verbinden.

problem-shared-with-pods = { $others ->
    [one] Die Inferenz teilt sich alle CPUs mit { $others } anderen Pod
   *[other] Die Inferenz teilt sich alle CPUs mit { $others } anderen Pods
}
detail-shared-with-pods = CPU-Manager-Policy `{ $policy }`: Die Inferenz teilt sich alle CPUs mit { $others ->
    [one] { $others } anderen Pod
   *[other] { $others } anderen Pods
}

problem-nothing-kept = Nichts hält CPUs frei von Pods, die später kommen
effect-nothing-kept = Derzeit ist kein anderer Pod auf diesem Knoten. Der nächste teilt sich die Prozessoren mit dem Dienst, und Antworten kommen dann später und ungleichmäßiger.
detail-nothing-kept = CPU-Manager-Policy `{ $policy }`: nichts hält CPUs frei von Pods, die später kommen

problem-shared-cores = Zwei Pods können sich einen physischen Kern teilen
effect-shared-cores = Ein anderer Pod kann auf dem zweiten Thread eines Kerns laufen, den der Dienst nutzt; dieser arbeitet dann langsamer.
detail-shared-cores = Policy `static`, aber Pods können sich einen Kern teilen (kein `full-pcpus-only`)

problem-no-reserve = Kubernetes hält keine CPUs für das System zurück
effect-no-reserve = Dienste des Systems können auf den Prozessoren laufen, die Pods nutzen; Antworten kommen dann später und ungleichmäßiger.
detail-no-reserve = Policy `static`, aber keine CPUs sind für das System benannt (kein `reservedSystemCPUs`)

problem-shared-cores-no-reserve = Pods können sich Kerne teilen, und keine CPUs sind für das System benannt
effect-shared-cores-no-reserve = Andere Pods und Dienste des Systems können auf den Kernen laufen, die der Dienst nutzt; er arbeitet dann langsamer und ungleichmäßiger.
detail-shared-cores-no-reserve = Policy `static`, aber Pods können sich einen Kern teilen (kein `full-pcpus-only`), und keine CPUs sind für das System benannt (kein `reservedSystemCPUs`)

problem-not-guaranteed = Der Pod des Servers (PID { $pid }) ist { $class } und bekommt keine eigenen CPUs
detail-not-guaranteed = Policy `static`, aber der Pod ist { $class }: Er bekommt keine eigenen CPUs

problem-no-own-cpus = Der Guaranteed-Pod des Servers (PID { $pid }) hat keine eigenen CPUs
detail-no-own-cpus = der Pod ist guaranteed, hat aber keine eigenen CPUs: Er muss eine ganze Zahl davon anfordern

found-static = Policy `static`, CPUs { $reserved } für das System zurückgehalten
found-own-cpus = der Pod hat eigene CPUs
found-hidden-kubelet = in einem Container gesammelt ({ $container }), der nicht zeigt, ob auf diesem Knoten ein Kubelet läuft
found-no-kubelet = auf diesem Knoten läuft kein Kubelet
found-no-pod = kein Inferenzserver in einem Pod gefunden: während des Betriebs sammeln
found-policy-without-pod = CPU-Manager-Policy `{ $policy }`, aber kein Inferenzserver in einem Pod gefunden: während des Betriebs sammeln
found-policy-unknown-pods = CPU-Manager-Policy `{ $policy }`, aber die Pods der Inferenzserver sind nicht bekannt: { $reason }
found-policy-unknown-others = CPU-Manager-Policy `{ $policy }`, aber die anderen Pods des Knotens sind nicht bekannt: { $reason }
found-unknown-state = es ist nicht bekannt, was der Pod bekommen hat: { $reason }
