title = Der Dienst startet von selbst neu und wird als Letzter beendet
why = Davon hängt ab, wie lange ein Ausfall dauert und welchen Prozess der Kernel beendet, wenn der Speicher ausgeht.
effect = Ein Ausfall dauert, bis jemand ihn bemerkt und eingreift.
applicability = Dienste von systemd und Container
expected-effect = Kürzere und weniger Ausfälle; kein Einfluss auf die Geschwindigkeit.

limit-back-off = Pause vor einem Neustart
limit-back-off-applies = Dienste von systemd mit dem voreingestellten StartLimit
limit-back-off-source = unsere Lesart von systemd.unit(5): nach fünf Starts in 10 s bleibt die Unit aus; mit 2 s Pause versucht sie es weiter

limit-start = Zeitgrenze für einen Start, der ein Modell lädt
limit-start-applies = Dienste von systemd, die erst als gestartet gelten, wenn sie es melden
limit-start-source = unser Vorschlag: zehn Minuten für ein großes Modell von einer langsamen Platte

limit-oom-pass = oom_score_adj, mit dem ein Server erhalten bleibt
limit-oom-pass-applies = Prozesse von Inferenzservern
limit-oom-pass-source = unser Vorschlag: die Hälfte des Speichers des Hosts wird nicht angerechnet

problem-nothing-starts = Keine Unit und kein Container startet den Server (PID { $pid }) neu
effect-nothing-starts = Nach einem Absturz oder einem Neustart des Knotens bleibt der Dienst aus, bis jemand ihn startet.
detail-nothing-starts = { $place ->
    [scope] der Server läuft in { $unit } und nicht als Dienst
    [no-file] keine Datei definiert die Unit { $unit }
   *[none] der Server läuft in keiner Unit und in keinem Container
}: nach einem Absturz oder einem Neustart des Knotens startet nichts den Server

problem-no-restart = Mit `Restart={ $restart }` bleibt der Server (PID { $pid }) nach einem Absturz aus
effect-no-restart = Nach einem Absturz bleibt der Dienst aus, bis jemand ihn startet.
detail-no-restart = `Restart={ $restart }` von { $unit }: nach einem Absturz startet nichts den Server neu

problem-short-pause = Der Server (PID { $pid }) bleibt nach wenigen Fehlern in kurzer Folge aus
effect-short-pause = Aus einer Störung von Sekunden, etwa einem noch nicht bereiten Treiber, wird ein Ausfall, der dauert, bis jemand eingreift.
detail-short-pause = `Restart={ $restart }` nach { $pause }: nach { $burst } Fehlern in { $interval } bleibt der Server aus

problem-no-policy = Nichts startet den Container des Servers (PID { $pid }) neu
effect-no-policy = Nach einem Absturz oder einem Neustart des Knotens bleibt der Dienst aus, bis jemand ihn startet.
detail-no-policy = Restart-Policy `no`: nach einem Absturz startet nichts den Container neu

problem-not-asked = Der Server (PID { $pid }) gilt als gestartet, während er noch lädt
effect-not-asked = Während das Modell lädt, können Anfragen an einen Server gehen, der noch nicht antworten kann, und ein misslungener Start kann unbemerkt bleiben.
detail-not-asked = `Type={ $start }`: nichts prüft, ob der Server bereit ist; er gilt als gestartet, während er lädt

problem-short-start = systemd lässt den Server (PID { $pid }) nur { $limit } zum Starten
effect-short-start = Dauert das Laden des Modells länger, wird der Start abgebrochen und beginnt von vorn; der Dienst kommt nicht in Betrieb.
detail-short-start = systemd lässt dem Start { $limit }, was ein großes Modell überschreiten kann

problem-no-health-check = Der Container des Servers (PID { $pid }) hat keinen Health-Check
effect-no-health-check = Während das Modell lädt oder der Server hängt, gilt der Container als laufend, und Anfragen können an einen Server gehen, der nicht antwortet.
detail-no-health-check = der Container hat keinen Health-Check: er gilt als laufend, während das Modell lädt

problem-killed-first = Prozess { $pid } kann bei Speichermangel als erster beendet werden
effect-killed-first = Verbraucht ein anderes Programm den Speicher dieses Knotens, kann der Kernel dafür den Server beenden, und alle seine Anfragen scheitern.
detail-killed-first = Prozess { $pid } hat `oom_score_adj` { $score }: wegen seiner Größe kann er bei Speichermangel als erster beendet werden{ $others_count ->
    [0] {""}
    [one] , und { $others_count } weiterer Server teilt sich mit ihm den Speicher
   *[other] , und { $others_count } weitere Server teilen sich mit ihm den Speicher
}

found-restarts = `Restart={ $restart }` nach { $pause }
found-policy = Restart-Policy `{ $policy }`
found-waits = systemd wartet, bis der Server bereit ist
found-health-check = der Container hat einen Health-Check
found-kept = Prozess { $pid } hat `oom_score_adj` { $score }
found-pod = das Kubelet startet den Pod neu, wie es dessen Manifest sagt, das nicht auf diesem Knoten liegt
found-unknown-engine = was von der Container-Engine verlangt wurde, ist nicht bekannt: { $reason }
found-unknown-policy = die Restart-Policy des Containers ist nicht bekannt
found-unknown-health-check = ob der Container einen Health-Check hat, ist nicht bekannt
found-unknown-unit = die Nachweise beschreiben die Unit { $unit } nicht
found-unknown-container = die Nachweise beschreiben den Container { $container } nicht
found-odd-pause = die Zeit von `RestartSec={ $value }` hat keine bekannte Form
found-odd-timeout = die Zeitgrenze des Starts, `{ $value }`, hat keine bekannte Form
found-no-server = kein Inferenzserver gefunden: während des Betriebs sammeln
found-no-process = kein Prozess des Servers wurde aufgezeichnet
found-inside = von innerhalb eines Containers gesehen ({ $container }): auf dem Host zeigt es `{ $command }`
