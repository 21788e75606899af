# Was die Bewertung sagt. Sätze haben keinen Punkt, und am Anfang nur ein Hauptwort groß: sie werden zu längeren verbunden, und Berichte geben ihnen beides.

# Wörter, die mitten im Satz klein sind, für Sätze aus anderen Quellen.
small-words =
    der die das den dem des ein eine einen einem einer eines kein keine keinen keinem keiner nichts nur nicht alle allen jede jeder jedes
    jemand niemand manche mehrere einige einzelne zwei drei vier beide viele wenige mehr weniger andere anderer anderes dieser diese dieses
    es sie er wer was wo weil wenn ob im in ins am an auf aus bei beim mit nach ohne seit trotz unter über um vom von vor während wegen zu zum
    zur zwischen für durch gegen hier dort neben obwohl so auch noch schon bereits

## The client's questions

question-placement = Liegen Kerne und Speicher der Worker nahe an ihren GPUs?
question-governor = Ist der Frequenz-Governor der CPUs für niedrige Latenz geeignet?
question-neighbours = Läuft der Dienst ungestört von seinen Nachbarn?
fine-placement = die Worker laufen auf Kernen neben ihren GPUs, und ihr Speicher liegt dort
fine-governor = der Governor und was zu ihm gehört halten den Takt hoch
fine-neighbours = nichts anderes nahm den Inferenz-Kernen während der Beobachtung merklich Zeit
cannot-be-said = das lässt sich nicht sagen: { $gap }
not-all-known = nicht alles davon ist bekannt: { $gap }
does-not-arise = die Frage stellt sich auf diesem Knoten nicht: { $reason }
accepted = als Ausnahme akzeptiert: { $what }
gap-no-check = kein befragtes Paket hat eine Prüfung, die das entscheidet
gap-unanswered = { $subject }: { $message }
gap-share = nur { $percent } % der Prüfungen dahinter, nach Schwere gewichtet, wurden beantwortet
several-findings = { $clause } (und { $n ->
    [one] { $n } weiterer
   *[other] { $n } weitere
}{ $alike ->
    [0] {""}
   *[other] , davon { $alike } { $grade ->
        [high] hoch
        [medium] mittel
       *[low] gering
    }
})
more-causes = { $n ->
    [one] { $n } weiteres Problem wurde gefunden
   *[other] { $n } weitere Probleme wurden gefunden
}

## The worst of the node

none-but-accepted = außer { $n ->
    [one] { $n } akzeptierten
   *[other] { $n } akzeptierten
} wurde keine Abweichung gefunden
none-found = es wurde keine Abweichung gefunden
nothing-judged = es wurde nichts gefunden, das sich beurteilen ließe
none-in-answered = in dem, was beantwortet wurde, fand sich keine Abweichung; { $n ->
    [one] { $n } Antwort fehlt
   *[other] { $n } Antworten fehlen
}
nothing-answered = nichts wurde beantwortet; { $n ->
    [one] { $n } Antwort fehlt
   *[other] { $n } Antworten fehlen
}

## The grade of the node, and why

accepted-not-counted = { $reason }; { $n ->
    [one] { $n } akzeptierte Abweichung zählt nicht mit
   *[other] { $n } akzeptierte Abweichungen zählen nicht mit
}
categories-high = { $n ->
    [one] { $n } Bereich ist Hoch
   *[other] { $n } Bereiche sind Hoch
}: { $categories }
no-risk-applies = keine Prüfung, die ein Risiko trägt, trifft auf diesen Knoten zu
too-little-answered = nur { $percent } % dessen, was auf diesen Knoten zutrifft, nach Schwere gewichtet, ließ sich beantworten
not-under-load = der Knoten wurde nicht unter Last gesehen ({ $reason })
low-needs-more = kein Befund über geringem Risiko, aber nur { $percent } % dessen, was zutrifft, nach Schwere gewichtet, wurden beantwortet; „Gering“ braucht { $needed } %
top-absent = kein Befund über geringem Risiko, aber { $n } der 15 Prüfungen mit der größten Wirkung { $n ->
    [one] ist
   *[other] sind
} nicht in den befragten Paketen
top-unanswered = kein Befund über geringem Risiko, aber { $n } der Prüfungen mit der größten Wirkung { $n ->
    [one] blieb
   *[other] blieben
} ohne Antwort
all-answered = jede zutreffende Prüfung wurde ohne einen Befund mit Risiko beantwortet
low-adds-up = viele Befunde mit geringem Risiko kommen zusammen: { $categories }
findings-of-risk = { $n ->
    [one] { $n } Befund mit { $grade } Risiko: { $first }
   *[other] { $n } Befunde mit { $grade } Risiko, zuerst: { $first }
}
risk-not-assessable = nicht beurteilbarem
risk-low = geringem
risk-medium = mittlerem
risk-high = hohem
category-placement = Platzierung
category-cpu-performance = CPU-Leistung
category-interference = Störung durch Nachbarn
category-memory = Speicher
category-gpu-health = Zustand der GPUs
category-platform = Plattform
category-service-level = Dienstgüte und Kapazität
no-answer-of-pack = das Paket gab auf diese Prüfung keine Antwort

## Whether the node was seen under load

load-tests =
    { $n ->
        [one] { $n } gültiger Lasttest gehört zu den Nachweisen
       *[other] { $n } gültige Lasttests gehören zu den Nachweisen
    }
load-once = der Knoten wurde nur einmal gelesen; mit --sample erheben, während er Anfragen bedient
load-between = zwischen den beiden Lesungen: { $seen }
load-not-shown = nichts zeigt, dass zwischen den beiden Lesungen Anfragen bedient wurden: { $why }

## What the node and its workload are taken to be

given = Angabe des Auftraggebers
given-and-seen = Angabe des Auftraggebers; { $seen }
given-overrides = Angabe des Auftraggebers gegen das, was die Nachweise sagen: { $platform } ({ $seen })
in-pod = die Erhebung lief in einem Pod
in-container = die Erhebung lief in einem Container ({ $runtime })
no-hypervisor = kein Hypervisor gibt sich zu erkennen
hypervisor = der Hypervisor gibt sich zu erkennen ({ $name })
platform-not-told = die Nachweise sagen es nicht
trait-given-but = der Auftraggeber sagt nein, aber { $why }
trait-unknown = niemand hat es gesagt, und die Nachweise sagen es nicht; gilt als empfindlich
trait-without = die Workload hat bekanntermaßen nicht: { $traits }
trait-small-batch = `--{ $option } { $limit }` von { $server } lässt nicht mehr zu
trait-tensor-parallel = ein Server läuft mit Tensorparallelität { $size }
trait-one-gpu = kein Server nutzt mehr als eine GPU
trait-option = `--{ $option } { $value }` von { $server }
trait-runs-with = { $server } läuft mit `--{ $option }`
trait-shared-platform = die Plattform ist ein geteilter Rechner
trait-shared-units = Inferenz-Server laufen in { $n ->
    [one] { $n } Unit oder Container
   *[other] { $n } Units oder Containern
}
trait-strict-percentile = die Ziele gelten für das { $percentile }. Perzentil
trait-strict-tokens = { $time } zwischen Tokens sind zugesagt
trait-not-strict = die Ziele verlangen { $time } zwischen Tokens beim { $percentile }. Perzentil

## The node at a glance

fact-machine = Maschine
fact-os = Betriebssystem
fact-kernel = Kernel
fact-virtualisation = Virtualisierung
fact-container = Container
fact-processor = Prozessor
fact-topology = Topologie
fact-numa = NUMA-Knoten
fact-gpus = GPUs
fact-governors = Frequenz-Governor
fact-driver = GPU-Treiber
fact-processes = Prozesse
value-processes = { $processes } mit { $threads } Threads
value-not-known = nicht bekannt: { $reason } ({ $kind })
value-sockets = { $n ->
    [one] { $n } Sockel
   *[other] { $n } Sockel
}
value-cores = { $n ->
    [one] { $n } Kern
   *[other] { $n } Kerne
}
value-threads = { $n ->
    [one] { $n } Hardware-Thread
   *[other] { $n } Hardware-Threads
}
value-node = Knoten { $node }: { $cpus }, { $memory }
value-cpus = CPUs { $cpus }
value-no-cpus = keine CPUs
value-memory-not-known = Speicher nicht bekannt
value-none = keine
value-devices = { $kind } an { $addresses }
value-several-devices = { $n } × { $kind } an { $addresses }

## Capacity

no-load-test = ohne einen Lasttest gegen die Dienstgüte gibt es keine Zahl von GPUs
level-never-met = die Dienstgüte wird bei keiner der getesteten Raten eingehalten: es gibt keinen Nutzdurchsatz, mit dem sich planen ließe
no-demand = die Last ist nicht angegeben
no-peak = die Spitzenlast ist nicht angegeben
no-gpus-no-money = ohne eine Zahl von GPUs gibt es keine Kosten
no-replica-no-money = die GPUs eines Replikats sind nicht bekannt, also gibt es keine Kosten
no-prices = Preise sind nicht angegeben, also gibt es keine Kosten

## Where authorities disagree: what they say

topic-numa-balancing = Automatisches NUMA-Balancing
says-numa-balancing-perfspect = einschalten, wo es mehr als einen NUMA-Knoten gibt
says-numa-balancing-suse = es kann Lasten helfen, die niemand gebunden hat
says-numa-balancing-amd = für GPU-Arbeit abschalten
says-numa-balancing-nvidia = auf Grace-Rechnern abschalten
says-numa-balancing-azure = abgeschaltet im Image, das RCCL ausführt
says-numa-balancing-tuned = aus im Profil network-latency
topic-idle-states = Schlafzustände der CPU
says-idle-states-tuned-latency = das Profil latency-performance lässt höchstens einige Mikrosekunden zum Aufwachen zu
says-idle-states-tuned-accelerator = das Profil accelerator-performance lässt 99 µs zu
says-idle-states-amd = Schlafzustände in der Firmware eingeschaltet lassen und nur C2 sperren, von Linux aus
says-idle-states-intel = die höchsten Turbotakte bevorzugter Kerne gibt es nur, wenn andere Kerne schlafen
topic-smt = SMT (Hyper-Threading)
says-smt-perfspect = einschalten
says-smt-amd = abschalten, oder der Firmware überlassen, wo die CPU nicht der Engpass ist
says-smt-vllm = physische Kerne zählen: ein Hardware-Thread ist etwa einen halben wert
topic-isolation = isolcpus, nohz_full und das Profil cpu-partitioning
says-isolation-linux = isolcpus nimmt CPUs aus der Lastverteilung: jeder muss ein Thread von Hand zugeteilt werden
says-isolation-tuned = das Profil cpu-partitioning isoliert CPUs und ändert auch den Frequenztreiber
topic-acs = Zugriffskontrolle auf PCIe (ACS)
says-acs-nccl = auf echter Hardware abschalten: es schickt den Verkehr zwischen GPUs durch die CPU
says-acs-virtual = auf dem Weg einer durchgereichten GPU setzen und ATS einschalten, und nicht überall denselben Wert
topic-huge-pages = Transparent Huge Pages
says-huge-pages-tuned = never im Profil network-latency, der Vorgabewert in throughput-performance
says-huge-pages-huawei = always
says-huge-pages-nvidia = bei Seiten von 64 KiB, wie Grace-Rechner sie nutzen, ist eine Huge Page zu groß
topic-zone-reclaim = vm.zone_reclaim_mode
says-zone-reclaim-linux = 0 als Vorgabe; andere Werte helfen, wo nahe Daten mehr wert sind als zwischengespeicherte
says-zone-reclaim-azure = 1 in den eigenen Images für HPC
topic-cpu-limits = CPU-Limits in Kubernetes
says-cpu-limits-buffer = entfernen: die eigenen Dienste wurden schneller
says-cpu-limits-kubernetes = ein Guaranteed-Pod mit ganzen CPUs unter der Policy static erhält CPUs für sich und keine Quota
topic-engine-binding = Was Serving-Engines von selbst binden
says-engine-binding-tensorrt = bindet von selbst, wo es sonst niemand tut, und kann eine Bindung von außen aufheben
says-engine-binding-vllm = bindet Engine-Core und Worker, wo ein Schalter es verlangt, API-Server nie
says-engine-binding-sglang = bindet durch Schalter oder Umgebung; die Vorgaben änderten sich mehrmals
topic-vendor-bias = Werkzeuge, die einen Kauf empfehlen
says-vendor-bias-perfspect = rät auf jedem anderen zu einem Prozessor des eigenen Herstellers

## Where authorities disagree: the position for this node, and why

numa-balancing-placed = abschalten: die Worker sind platziert, und ihre Seiten zu verschieben kann sie nur stören
numa-balancing-not-placed = zuerst die Worker binden, dann abschalten; beides messen
numa-balancing-leave = lassen, wie es ist
numa-balancing-wait = entscheiden, wenn bekannt ist, ob die Worker gebunden sind
pins-pass = die Prüfung { $check } ist bestanden ({ $subject }: { $message })
pins-deviate = die Prüfung { $check } weicht ab ({ $subject }: { $message })
pins-not-applicable = es gibt keine Platzierung zu schützen ({ $message })
pins-unanswered = die Prüfung { $check } hat keine Antwort ({ $subject }: { $message })
pins-no-check = kein befragtes Paket sieht nach der Bindung
idle-states-priority = die Zeit zum Aufwachen nur auf den CPUs der Inferenz auf 99 µs begrenzen und die anderen schlafen lassen
priority-cores = es geht um bevorzugte Kerne ({ $subject }: { $message })
idle-states-limit = die Zeit zum Aufwachen auf den CPUs der Inferenz auf 99 µs begrenzen und nie allen CPUs Schlafzustände verbieten
idle-states-strict = die Obergrenze ist zugesagt, und das Aufwachen aus einem tieferen Zustand kostet Hunderte von Mikrosekunden; einige wenige Mikrosekunden statt 99 bringen nichts, was ein Client messen könnte
idle-states-not-strict = 99 µs halten die tiefsten Zustände fern; alle zu verbieten kostet Turbotakt und bringt nichts, was für Inferenz je veröffentlicht wurde
smt-either = kein Befund für die eine oder die andere Einstellung; gezählt werden physische Kerne, und zwei beschäftigte Threads dürfen sich keinen teilen
smt-on = SMT ist an: { $threads } Hardware-Threads zählen als { $cores } Kerne
smt-off = SMT ist hier aus oder nicht vorhanden: { $cores } Kerne sind, was sie scheinen
smt-hidden = eine virtuelle Maschine mit { $threads } CPUs, die sie als { $cores } Kerne zählt: ob eine davon ein Kern oder ein halber ist, weiß nur der Anbieter
smt-unknown = es ist nicht bekannt, ob SMT an ist
isolation-by-cpuset = die CPUs durch cpuset aufteilen, nicht durch isolcpus; nohz_full nur mit Nachweis
isolation-given = der Kernel wurde mit `{ $argument }` gestartet: Worker mit vielen Threads werden über solche CPUs nicht verteilt
isolation-quiet = der Kernel wurde mit `{ $argument }` gestartet: das hält Ticks oder Interrupts von CPUs fern, und Worker werden weiter über sie verteilt
isolation-none = der Kernel wurde ohne Isolierung gestartet, und Serving braucht keine: seine Worker haben viele Threads
isolation-unknown = die Kommandozeile des Kernels ist nicht bekannt
acs-bare-metal = auf den Bridges zwischen GPUs abschalten, außer dieser Knoten beherbergt virtuelle Maschinen: dort ist es eine Sicherheitsgrenze
acs-vm-guest = vom Gast aus nicht anrühren; den Anbieter um ACS mit ATS auf dem Weg der GPUs bitten
acs-container = auf dem Host entscheiden, danach, was er ist; ein Container kann es nicht
acs-shared-host = eingeschaltet lassen: es trennt die Mandanten
acs-unknown = entscheiden, wenn die Plattform bekannt ist; die beiden Regeln widersprechen sich
acs-platform = Plattform: { $platform } ({ $source })
platform-bare-metal = echte Hardware
platform-vm-guest = virtuelle Maschine
platform-container = Container
platform-kubernetes = Kubernetes
platform-shared-host = geteilter Rechner
platform-unknown = nicht bekannt
huge-pages-madvise = madvise mit aufgeschobener Defragmentierung, und ohne Wartezeiten höchstens ein Befund geringer Schwere
huge-pages-stalls = Zähler von Wartezeiten entscheiden, nicht die Einstellung
huge-pages-found = Zähler von Wartezeiten entscheiden, nicht die Einstellung: { $message }
zone-reclaim-off = 0 für Serving; ein anderer Wert ist eine Warnung, bis Wartezeiten gezählt sind
zone-reclaim-is = hier ist es { $value }; Reclaim hält den Server auf, wo entfernter Speicher genügen würde
zone-reclaim-unknown = der Wert ist hier nicht bekannt
cpu-limits-pods = ganze CPUs für einen Guaranteed-Pod unter der Policy static; sonst kein Limit, und Reservierungen für das System
cpu-limits-none = keine Quota auf den Prozessen des Servings; ein Teil der CPUs durch cpuset, wo es Nachbarn gibt
cpu-limits-platform = Plattform: { $platform }
cpu-limits-no-pods = Plattform: { $platform }, der Rat für Pods gilt also nicht
cpu-limits-in-the-way = { $reason }, und ein Limit ist heute im Weg ({ $message })
engine-binding-masks = die Masken und den Speicher so beurteilen, wie sie vorgefunden werden, nicht danach, was ein Schalter verspricht
engine-binding-any = Schalter und Vorgaben unterscheiden sich je nach Engine und Version; was zählt, ist die Maske, die ein Thread hat
engine-binding-here = dieser Knoten bedient mit { $engines }; was zählt, ist die Maske, die ein Thread hat, nicht der Schalter
vendor-bias-none = keine Prüfung empfiehlt einen Kauf; Hardware ist eine Frage der Kapazität, mit Zahlen
vendor-bias-here = der Prozessor ist von { $vendor }; seine Einstellungen werden nach den Regeln seines eigenen Herstellers beurteilt
vendor-bias-unknown = wessen Prozessor es ist, macht für einen Befund keinen Unterschied

## Widersprüche

contradiction-memory = zwei Quellen nennen verschiedene Speichergrößen: { $one } für den Knoten, { $other } für seine NUMA-Knoten zusammen
contradiction-free-memory = es ist mehr Speicher frei, als es gibt: { $one }
contradiction-cpus-of-nodes = die CPUs { $one } laufen, die NUMA-Knoten haben zusammen aber nur die CPUs { $other }
contradiction-cpu-time = Threads haben mehr CPU-Zeit verbraucht, als es gab: { $one }, { $other }
contradiction-throttled = eine Quota griff in mehr Perioden, als es gab: { $one }
contradiction-outcomes = eine Prüfung findet { $one_subject } zugleich in Ordnung ({ $other }) und nicht in Ordnung ({ $one })
contradiction-statements = zwei Befunde schließen einander aus: { $one } ({ $one_subject }) und { $other } ({ $other_subject })
contradiction-advice = zwei Befunde verlangen Gegensätzliches: { $one } ({ $one_subject }) und { $other } ({ $other_subject })
contradiction-in-force = was für { $subject } verlangt wird, gilt schon ({ $goal }: { $found })

## Zwei Zustände eines Knotens: was vorab zu wissen ist

compare-synthetic = die Nachweise sind synthetisch: Sie sind erfunden, und den Knoten gibt es nicht
compare-two-nodes = die beiden Bündel stammen von zwei Knoten (`{ $first }` und `{ $second }`): Unterschiede zwischen Knoten sehen aus wie Änderungen
compare-perhaps-two-nodes = die Bündel sagen nicht, ob sie von einem Knoten stammen, und ihre Hostnamen unterscheiden sich (`{ $first }` und `{ $second }`)
compare-older = das zweite Bündel ist das ältere; die Reihenfolge der beiden ist womöglich vertauscht
compare-less-root = nur das erste Bündel wurde mit Administratorrechten erhoben: Das zweite zeigt weniger
compare-load-first = nur das erste Bündel zeigt den Knoten unter Last: Was nur unter Last auftritt, lässt sich nicht vergleichen
compare-load-second = nur das zweite Bündel zeigt den Knoten unter Last: Was nur unter Last auftritt, lässt sich nicht vergleichen
compare-coverage-fell = die Abdeckung sank von { $before } auf { $after }: Ein niedrigeres Risiko kann bloß ein engerer Blick sein

## Was aus einer Abweichung wurde, und warum

compare-weaker = die Nachweise dafür sind schwächer: Wahrscheinlichkeit vorher { $before }, nachher { $after }, Sicherheit { $sure } und { $surer }
compare-stronger = die Nachweise dafür sind stärker: Wahrscheinlichkeit vorher { $before }, nachher { $after }, Sicherheit { $sure } und { $surer }
compare-part-open = ein Teil der Prüfung blieb nachher ohne Antwort
compare-moved = der Befund ist derselbe, mit { $after } statt { $before }
compare-others = die Prüfung weicht in beiden Zuständen ab, aber an anderen Stellen: vorher { $before }, nachher { $after }
compare-gone = die abweichende Stelle kommt nicht mehr vor; alles, was die Prüfung jetzt sieht, ist in Ordnung
compare-gone-not-mended = die abweichende Stelle ist, soweit erkennbar, weggefallen und nicht behoben: { $why }
compare-come = die abweichende Stelle kam vorher nicht vor; alles, was die Prüfung damals sah, war in Ordnung
compare-come-perhaps = die Stelle gab es vorher womöglich noch nicht: { $why }
compare-no-pack-before = kein Paket beantwortete diese Prüfung vorher
compare-no-pack-after = kein Paket beantwortete diese Prüfung nachher
compare-not-named-before = das erste Bündel nennt die Stelle nicht
compare-not-named-after = das zweite Bündel nennt die Stelle nicht
compare-inapplicable-before = die Prüfung traf vorher nicht zu: { $message }
compare-inapplicable-after = die Prüfung trifft nachher nicht zu: { $message }
compare-contradictory-before = die Nachweise der Prüfung widersprachen sich vorher: { $message }
compare-contradictory-after = die Nachweise der Prüfung widersprechen sich nachher: { $message }
compare-info-before = die Prüfung diente vorher nur der Information: { $message }
compare-info-after = die Prüfung dient nachher nur der Information: { $message }
compare-unanswered-before = die Prüfung blieb vorher ohne Antwort: { $message }
compare-unanswered-after = die Prüfung blieb nachher ohne Antwort: { $message }
compare-fewer = { $what }: vorher { $more }, nachher { $fewer }
compare-more = { $what }: vorher { $fewer }, nachher { $more }
compare-unknown-number = unbekannt
compare-cpus = CPUs
compare-nodes = NUMA-Knoten
compare-gpus = GPUs
compare-devices = PCI-Geräte
compare-processes = Prozesse von Inferenzservern
compare-links = Netzwerkschnittstellen
compare-subjects = { $subjects } und { $n } weitere

## Was in beiden Zuständen gemessen wurde

measured-once-before = { $model } wurde mit { $load } nur vorher gemessen
measured-once-after = { $model } wurde mit { $load } nur nachher gemessen
measured-invalid-before = { $model } mit { $load }: vorher kein gültiger Lauf: { $why }
measured-invalid-after = { $model } mit { $load }: nachher kein gültiger Lauf: { $why }
measured-cut-short = vorzeitig beendet
measured-cached = { $model } mit { $load }: aus dem Präfix-Cache des Servers kamen vorher { $before } der Prompt-Tokens und nachher { $after }; darin unterscheiden sich auch Latenzen und Raten
measured-unknown-share = ein unbekannter Anteil
measured-few-runs = weniger als drei Läufe in einem Zustand: Wie stark Läufe schwanken, lässt sich nicht schätzen; jeden mindestens dreimal wiederholen
measured-beyond-floor = das 95-%-Intervall über die Läufe schließt den Fall ohne Änderung aus, und der Unterschied übersteigt den Rauschpegel von { $floor }
measured-beyond-chance = das 95-%-Intervall über die Läufe schließt den Fall ohne Änderung aus; ein Rauschpegel wurde nicht gemessen
measured-within-floor = der Unterschied liegt innerhalb des Rauschpegels von { $floor }, der ohne jede Änderung gemessen wurde
measured-no-change = das 95-%-Intervall über die Läufe enthält den Fall ohne Änderung
measured-beyond-runs = größer als die Streuung innerhalb der Läufe und der Rauschpegel von { $floor }; weniger als drei Läufe in einem Zustand
measured-within-runs = weniger als drei Läufe in einem Zustand: Das Intervall gilt nur innerhalb der Läufe, und wie stark Läufe schwanken, lässt sich nicht schätzen; jeden mindestens dreimal wiederholen
