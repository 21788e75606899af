title = CPU-Limits sind mit Absicht gesetzt
why = Eine Engine, die aktiv wartet, hält ihre Threads beschäftigt. Eine Quota unter ihrem Verbrauch hält früher oder später alle für den Rest der Periode an.
effect = Unter Last kann der Dienst einen Teil jeder Periode angehalten werden; Antworten stocken und kommen ungleichmäßiger.
applicability = Container
expected-effect = Siehe `cpu.cores-per-gpu` und `sched.cfs-throttling`.

limit-headroom = Quota als Vielfaches der Prozesse, die gleichzeitig eine CPU brauchen
limit-headroom-applies = Inferenzserver in Containern
limit-headroom-source = unser Vorschlag: ein Viertel mehr als das Minimum, das vLLM dokumentiert

problem-below = Der Server (PID { $pid }) braucht { $processes } CPUs, seine Quota ist { $quota }
effect-below = Das Limit liegt unter dem, was der Dienst überhaupt zum Laufen braucht: Unter Last wird er immer wieder angehalten, Antworten stocken und kommen später.
detail-below = die Quota beträgt { $quota } CPUs, und { $processes } Prozesse brauchen gleichzeitig eine

problem-fraction = Die CPU-Quota des Servers (PID { $pid }) ist { $quota }, keine ganze Zahl
detail-fraction = die Quota beträgt { $quota } CPUs, also keine ganze Zahl, und { $processes } Prozesse brauchen gleichzeitig eine

problem-tight = Die CPU-Quota des Servers (PID { $pid }) lässt kaum Reserve
detail-tight = die Quota beträgt { $quota } CPUs, und { $processes } Prozesse brauchen gleichzeitig eine; für Threads des Tokenizers und der Laufzeitumgebung bleibt zu wenig

problem-wide = Der Server (PID { $pid }) hat { $cpus_count } CPUs, aber eine Quota für { $quota }
detail-wide = die Quota beträgt { $quota } CPUs, und { $processes } Prozesse brauchen gleichzeitig eine; der Server darf auf { $cpus_count } CPUs laufen und verbraucht die Quota vorzeitig, sobald Threads auf mehr als { $quota } davon laufen

problem-threads-exceed = Der Server (PID { $pid }) rechnet mit { $threads_count } Threads bei einer Quota von { $quota }
effect-threads-exceed = Die Threads verbrauchen die Quota gemeinsam und stehen dann gemeinsam still, immer wieder; jedes Token dauert ein Mehrfaches.
detail-threads-exceed = die Quota beträgt { $quota } CPUs, und der Server rechnet mit { $threads_count } Threads, von denen jeder auf den langsamsten wartet

found-threads-fit = die Quota beträgt { $quota } CPUs, und der Server rechnet mit { $threads_count ->
    [one] { $threads_count } Thread
   *[other] { $threads_count } Threads
}
found-unlimited = keine Control Group begrenzt die CPU-Zeit
found-enough = die Quota beträgt { $quota } CPUs, und { $processes } Prozesse brauchen gleichzeitig eine; der Server darf auf { $cpus_count ->
    [one] { $cpus_count } CPU
   *[other] { $cpus_count } CPUs
} laufen
found-no-server = kein Inferenzserver gefunden: während des Betriebs sammeln
found-no-container = kein Inferenzserver läuft in einem Container
found-unknown-container = es ist nicht bekannt, ob der Server in einem Container läuft: { $reason }
found-no-process = kein Prozess des Servers wurde aufgezeichnet
found-no-group = keine Control Group des Hauptprozesses wurde aufgezeichnet
found-no-cpuset = keine der Control Groups nennt die CPUs, auf denen der Server laufen darf
