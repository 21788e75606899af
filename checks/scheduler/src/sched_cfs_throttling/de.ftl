title = Container oder Unit werden nicht gedrosselt (CPU-Quota)
why = Ist die Quota verbraucht, stehen alle Threads für den Rest der Periode still, die in der Voreinstellung 100 ms dauert: Ein solcher Halt kostet jeden aktiven Stream Dutzende Millisekunden.
effect = Jedes Mal, wenn die Quota verbraucht ist, steht der ganze Dienst einen Moment lang still, auch wenn Prozessoren frei sind, und alle laufenden Antworten stocken gemeinsam.
applicability = Vor allem Container; systemd-Units mit `CPUQuota=`; physische und virtuelle Maschinen
expected-effect = Für Sprachmodelle ist keine Zahl veröffentlicht. Buffer berichtet von deutlich schnelleren Webdiensten nach dem Entfernen der Limits; Konfigurationen mit zu wenigen CPUs hatten bei Georgia Tech das 1,36- bis 5,40-Fache der Zeit bis zum ersten Token.
caveat = Ganz ohne Grenze kann außer Kontrolle geratene Arbeit allem anderen die CPUs nehmen: einen Teil für das System zurückhalten, unter Kubernetes auch für das Kubelet.

limit-periods = Perioden, in denen die Gruppe gedrosselt wurde
limit-periods-applies = Control Groups mit Quota, Periode 100 ms
limit-periods-source = unser Vorschlag: ein Halt jedes Streams in zehn Sekunden

limit-gate = gedrosselte Perioden, die allein den Knoten zu einem hohen Risiko machen
limit-gate-applies = Control Groups mit Quota, Periode 100 ms
limit-gate-source = gemessen auf zwei Knoten mit H200-GPUs und vLLM 0.25.1: bis 9 % gedrosselter Perioden war nichts langsamer, ab 23 % wuchsen die längsten Lücken zwischen Token

limit-time = gedrosselte Zeit im Messfenster, über alle CPUs summiert
limit-time-applies = Control Groups mit Quota
limit-time-source = gemessen auf zwei Knoten mit H200-GPUs und vLLM 0.25.1: bis 0,5 % der Zeit war nichts langsamer, ab 2 % wuchsen die längsten Lücken zwischen Token

limit-watched = Länge des Messfensters, ab der eine Quota, die nicht gedrosselt hat, als bestanden gilt
limit-watched-applies = Control Groups mit Quota
limit-watched-source = unser Vorschlag: Lastspitzen sind seltener als einmal in zehn Sekunden

problem-stopped = { $share ->
    [unknown] { $stopped ->
        [unknown] Eine CPU-Quota hielt den Server (PID { $pid }) während der Messung an
       *[other] Eine CPU-Quota hielt den Server (PID { $pid }) insgesamt { $stopped } lang an
    }
   *[other] { $rate ->
        [unknown] Eine CPU-Quota hielt den Server (PID { $pid }) in { $throttled } von { $all } Perioden an
       *[other] Eine CPU-Quota hielt den Server (PID { $pid }) { $rate }-mal je Sekunde an
    }
}
detail-stopped = { $share ->
    [unknown] gedrosselt
   *[other] in { $throttled } von { $all } Perioden ({ $share }) gedrosselt
}{ $stopped ->
    [unknown] {""}
   *[other] {", "}über alle CPUs summiert { $stopped } lang
}{ $lost ->
    [unknown] {""}
   *[other] {" "}({ $lost } der Zeit)
}

problem-gone = Die CPU-Quota, die den Server (PID { $pid }) anhielt, ist aufgehoben
detail-gone = seit Bestehen der Gruppe in { $throttled } von { $all } Perioden gedrosselt ({ $share }), bevor die Quota aufgehoben wurde: jetzt gibt es keine

problem-since-start = Der Server (PID { $pid }) wurde bisher in { $throttled } von { $all } Perioden gedrosselt
effect-since-start = Jedes Mal, wenn die Quota verbraucht war, stand der ganze Dienst kurz still, und alle laufenden Antworten stockten; ob es noch so ist, wurde nicht beobachtet.
detail-since-start = seit Bestehen der Gruppe in { $throttled } von { $all } Perioden gedrosselt ({ $share }); wann das war, ist nicht bekannt

problem-lifted = Eine CPU-Quota hielt den Server an, bis sie aufgehoben wurde
detail-lifted = { $share ->
    [unknown] gedrosselt
   *[other] in { $throttled } von { $all } Perioden ({ $share }) gedrosselt
}{ $stopped ->
    [unknown] {""}
   *[other] {", "}über alle CPUs summiert { $stopped } lang
}{ $lost ->
    [unknown] {""}
   *[other] {" "}({ $lost } der Zeit)
}, bis die Quota aufgehoben wurde
found-no-quota = keine CPU-Quota und nicht gedrosselt
found-quiet = Quota `{ $quota }`, in { $seconds } unter Last nicht gedrosselt
found-extent = das Ausmaß der Drosselung ist nur zum Teil bekannt: { $reason }
found-no-period = das Ausmaß der Drosselung ist nur zum Teil bekannt: keine Periode der Quota wurde gezählt
found-unknown-quota = es ist nicht bekannt, ob es eine CPU-Quota gibt: { $reason }
found-unwatched = Quota `{ $quota }`; es ist nicht bekannt, ob sie drosselt: { $reason }
found-not-read-twice = Quota `{ $quota }`; es ist nicht bekannt, ob sie drosselt: die Zähler wurden nicht zweimal gelesen
found-too-short = Quota `{ $quota }`; es ist nicht bekannt, ob sie drosselt: { $seconds } sind dafür zu kurz, mit `--sample { $least }` oder mehr sammeln
found-unknown-group = die Control Group ist nicht bekannt: { $reason }
found-no-group = keine Control Group eines Inferenzservers ist bekannt
found-no-server = kein Prozess eines Inferenzservers gefunden: während des Betriebs sammeln
