title = Die GPU-Laufzeitumgebung der Container ist aktuell und stabil
why = Ein bekannter Fehler: Container verlieren nach `systemctl daemon-reload` ihre GPUs, wenn der Zugriff auf die Geräte nicht über CDI deklariert ist.
effect = Ein gewöhnliches Neuladen des Systems kann dem Dienst die GPUs nehmen; bis zu seinem Neustart beantwortet er dann keine Anfrage.
applicability = Container und Kubernetes mit GPUs von NVIDIA
expected-effect = Verfügbarkeit.

limit-age-in-days = Alter von NVIDIAs Container Toolkit in Tagen
limit-age-in-days-applies = Hosts, deren Container GPUs von NVIDIA verwenden
limit-age-in-days-source = unser Vorschlag; Daten der Releases nach den Tags von github.com/NVIDIA/nvidia-container-toolkit

problem-two-drivers = Der GPU-Treiber ist im Kernel { $kernel }, seine Bibliotheken sind { $library }
effect-two-drivers = Der Dienst läuft nur noch bis zum nächsten Start: Container, die jetzt starten, bekommen keine GPU.
detail-two-drivers = das Kernelmodul ist { $kernel }, die Bibliotheken sind { $library }: Container, die jetzt starten, bekommen keine GPU

problem-old = NVIDIAs Container Toolkit { $version } ist { $known ->
    [exact] {""}
   *[more] {"mehr als "}
}{ $age_days ->
    [one] { $age_days } Tag
   *[other] { $age_days } Tage
} alt
effect-old = Fehler und Sicherheitslücken, die spätere Releases behoben haben, können noch da sein.
detail-old = Version { $version } erschien { $known ->
    [exact] {""}
   *[more] {"mehr als "}
}{ $age_days ->
    [one] { $age_days } Tag
   *[other] { $age_days } Tage
} vor der Erhebung

problem-undeclared = Ein Neuladen von systemd nähme dem Server (PID { $pid }) die GPUs
detail-undeclared = die GPUs sind in der Spezifikation nicht deklariert: `systemctl daemon-reload` auf dem Host trennt den Server von ihnen

found-one-driver = Kernelmodul und Bibliotheken sind { $version }
found-current = Version { $version } ist aktuell
found-recent = Version { $version } erschien { $age_days ->
    [one] { $age_days } Tag
   *[other] { $age_days } Tage
} vor der Erhebung
found-declared = die GPUs sind in der Spezifikation deklariert und überstehen ein Neuladen von systemd
found-not-by-systemd = die Control Group wird nicht von systemd verwaltet; ein Neuladen kann dem Server die GPUs nicht nehmen
found-odd-version = die Version `{ $version }` des Toolkits hat keine bekannte Form
found-odd-date = das Datum der Erhebung, `{ $date }`, hat keine bekannte Form
found-not-yet-released = die Erhebung trägt das Datum { $date }, bevor Version { $version } erschien
found-no-gpu = keine GPU von NVIDIA gefunden
found-no-server = kein Inferenzserver gefunden: während des Betriebs sammeln
found-no-container = kein Inferenzserver läuft in einem Container
found-unknown-container = es ist nicht bekannt, ob der Server in einem Container läuft: { $reason }
found-inside = von innerhalb eines Containers gesehen ({ $container }): auf dem Host zeigt es `{ $command }`
