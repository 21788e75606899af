title = Der Messung selbst ist zu trauen
why = Eine geschlossene Schleife oder ein kurzer Test verbirgt genau die Verzögerungen, die gesucht werden.
effect = Zahlen dieses Lasttests können danebenliegen, und Zusagen und Kapazitätspläne, die darauf beruhen, können falsch sein.
applicability = Aufzeichnungen mit einem Lasttest
expected-effect = Keine: Es geht um die Messung.

limit-steady = kürzeste Messzeit bei einer Rate
limit-steady-applies = Open-Loop-Lasttests
limit-steady-source = Mindestdauer des Server-Szenarios

limit-rates = kleinste Zahl von Raten
limit-rates-applies = Open-Loop-Lasttests
limit-rates-source = unser Vorschlag: ein Knick braucht Punkte auf beiden Seiten

limit-repeats = kleinste Zahl von Wiederholungen der entscheidenden Rate
limit-repeats-applies = Lasttests
limit-repeats-source = unser Vorschlag: die Streuung zwischen Läufen zeigt sich ab dreien

limit-requests = kleinste Zahl beantworteter Anfragen bei der entscheidenden Rate
limit-requests-applies = Lasttests
limit-requests-source = berechnet: 299 ohne Verfehlung belegen ein 99. Perzentil mit 95 % Konfidenz

problem-few-requests = Der entscheidende Lasttest beantwortete nur { $completed_count ->
    [one] { $completed_count } Anfrage
   *[other] { $completed_count } Anfragen
}
effect-few-requests = So wenige Anfragen belegen nichts über die langsamsten, an denen sich entscheidet, ob ein Service-Level eingehalten wird.
detail-few-requests = { $completed_count } von { $requests_count } Anfragen wurden bei der entscheidenden Rate in der Messzeit beantwortet, nötig sind { $least }

problem-closed-loop = Kein Lasttest sendete Anfragen nach einem Zeitplan
effect-closed-loop = Tests, die vor der nächsten Anfrage auf jede Antwort warten, verbergen die Wartezeit der Kunden; Zusagen sollten nicht darauf beruhen.
detail-closed-loop = kein Test hielt einen Zeitplan ein: eine geschlossene Schleife verbirgt Wartezeit

problem-invalid = Kein Lasttest ist gültig
effect-invalid = Was der Dienst tragen kann, ist nicht bekannt, und keine Zusage kann auf diesen Tests beruhen.
detail-invalid = kein Test war gültig

problem-incomplete = Der Lasttest verfehlt { $missed_count } von 5 Regeln für verlässliche Ergebnisse
detail-incomplete = { $seconds } bei der entscheidenden Rate (mindestens { $least_seconds } erwünscht), { $rates_count ->
    [one] { $rates_count } Rate
   *[other] { $rates_count } Raten
} (mindestens { $least_rates }), { $runs_count ->
    [one] { $runs_count } Lauf
   *[other] { $runs_count } Läufe
} (mindestens { $least_runs }), Latenz { $corrected ->
    [yes] ab
   *[no] nicht ab
} dem geplanten Sendezeitpunkt gezählt, { $warmed_up ->
    [yes] mit
   *[no] ohne
} Aufwärmphase

found-sound = offene Schleife, { $seconds } bei der entscheidenden Rate, { $runs_count ->
    [one] { $runs_count } Lauf
   *[other] { $runs_count } Läufe
}, { $rates_count ->
    [one] { $rates_count } Rate
   *[other] { $rates_count } Raten
}, mit Aufwärmphase, Latenz ab dem geplanten Sendezeitpunkt
