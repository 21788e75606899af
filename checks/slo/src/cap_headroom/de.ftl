title = Die Spitzenlast passt in den gemessenen Nutzdurchsatz, auch wenn ein Replikat ausfällt
why = Ohne Reserve wird jede Störung zu einer Verletzung des Service-Levels.
effect = Bei Spitzenlast genügen etwas mehr Nachfrage oder eine Störung, und Antworten kommen später als zugesagt.
applicability = Dienste mit angegebener Nachfrage und einem Lasttest
expected-effect = Keine: Es ist eine Reserve.

limit-roomy = Spitzenlast als Anteil des Nutzdurchsatzes, bis zu dem Platz ist
limit-roomy-applies = Dienste mit einem Lasttest
limit-roomy-source = unser Vorschlag

limit-tight = Spitzenlast als Anteil des Nutzdurchsatzes, über dem die Prüfung fehlschlägt
limit-tight-applies = Dienste mit einem Lasttest
limit-tight-source = unser Vorschlag

problem-full = Die Spitzenlast beansprucht { $share } dessen, was { $replicas_count ->
    [one] { $replicas_count } Replikat nachweislich bedient
   *[other] { $replicas_count } Replikate nachweislich bedienen
}
effect-full = Bei Spitzenlast bleibt wenig oder keine Reserve: Schon etwas mehr Nachfrage oder eine Störung, und Antworten kommen später als zugesagt.
detail-full = die Spitzenlast beansprucht { $share } des Nutzdurchsatzes von { $replicas_count ->
    [one] { $replicas_count } Replikat
   *[other] { $replicas_count } Replikaten
}; Bedarf laut Modell { $growth ->
    [stated] mit { $growth_percent } Wachstum
   *[unknown] ohne Wachstum, da keines angegeben ist
}: { $need_count ->
    [one] { $need_count } Replikat
   *[other] { $need_count } Replikate
} (Auslastung { $utilisation }, Verteilung { $balancing }, 1 Reserve: angenommen)

problem-tight = Die Spitzenlast beansprucht { $share } dessen, was { $replicas_count ->
    [one] { $replicas_count } Replikat nachweislich bedient
   *[other] { $replicas_count } Replikate nachweislich bedienen
}
effect-tight = Die heutige Spitzenlast passt, aber mit Wachstum oder bei einer Störung kommen Antworten bald später als zugesagt.
detail-tight = die Spitzenlast beansprucht { $share } des Nutzdurchsatzes von { $replicas_count ->
    [one] { $replicas_count } Replikat
   *[other] { $replicas_count } Replikaten
}; Bedarf laut Modell { $growth ->
    [stated] mit { $growth_percent } Wachstum
   *[unknown] ohne Wachstum, da keines angegeben ist
}: { $need_count ->
    [one] { $need_count } Replikat
   *[other] { $need_count } Replikate
} (Auslastung { $utilisation }, Verteilung { $balancing }, 1 Reserve: angenommen)

problem-no-goodput = Das Service-Level wird bei jeder getesteten Rate verfehlt
effect-no-goodput = Wie viele Anfragen ein Replikat rechtzeitig bedient, ist nicht bekannt; niemand kann sagen, wie viele Replikate die Nachfrage braucht.
detail-no-goodput = das Service-Level wird schon bei der niedrigsten aussagekräftigen Rate verfehlt, es gibt also keinen Nutzdurchsatz zum Planen: mit niedrigeren Raten testen

problem-loss-with-penalty = { $replicas_count ->
    [one] Nichts bedient die Spitzenlast, wenn das einzige Replikat ausfällt
   *[other] Die Spitzenlast passt nicht, wenn eines von { $replicas_count } Replikaten ausfällt
}
effect-loss-with-penalty = Fällt bei Spitzenlast ein Replikat aus, kommen Antworten später als zugesagt oder gar nicht, und die vereinbarte Vertragsstrafe wird fällig.
detail-loss-with-penalty = { $replicas_count ->
    [one] es gibt nur eines, und eine Vertragsstrafe ist vereinbart
   *[other] die Spitzenlast passt nicht in das, was nach dem Ausfall eines von { $replicas_count } Replikaten bleibt, und eine Vertragsstrafe ist vereinbart
}

problem-loss = { $replicas_count ->
    [one] Nichts bedient die Spitzenlast, wenn das einzige Replikat ausfällt
   *[other] Die Spitzenlast passt nicht, wenn eines von { $replicas_count } Replikaten ausfällt
}
effect-loss = Fällt bei Spitzenlast ein Replikat aus, kommen Antworten später als zugesagt oder gar nicht.
detail-loss = { $replicas_count ->
    [one] es gibt nur eines: Kapazität hinzufügen oder vereinbaren, was der Dienst ohne es leistet
   *[other] die Spitzenlast passt nicht in das, was nach dem Ausfall eines von { $replicas_count } Replikaten bleibt: Kapazität hinzufügen oder vereinbaren, was der Dienst dann leistet
}

found-roomy = die Spitzenlast beansprucht { $share } des Nutzdurchsatzes von { $replicas_count ->
    [one] { $replicas_count } Replikat
   *[other] { $replicas_count } Replikaten
}; Bedarf laut Modell { $growth ->
    [stated] mit { $growth_percent } Wachstum
   *[unknown] ohne Wachstum, da keines angegeben ist
}: { $need_count ->
    [one] { $need_count } Replikat
   *[other] { $need_count } Replikate
} (Auslastung { $utilisation }, Verteilung { $balancing }, 1 Reserve: angenommen)
found-spare = die Spitze passt auch dann, wenn ein Replikat ausfällt
found-no-penalty = ob für eine Verletzung eine Vertragsstrafe vereinbart ist, ist nicht angegeben
found-no-peak = die Nachfrage bei der Spitze ist nicht angegeben
found-no-replicas = die Zahl der Replikate, die heute bedienen, ist nicht angegeben
