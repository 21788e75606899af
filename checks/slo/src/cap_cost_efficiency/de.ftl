title = Die Kosten je nützlichem Token sind bekannt und begründet
why = Ungenutzte Kapazität, nicht der Preis der Hardware, bestimmt die Kosten eines Tokens.
effect = Der größte Teil der bezahlten Kapazität bleibt ungenutzt.
applicability = Dienste mit angegebener Nachfrage und einem Lasttest
expected-effect = Auf derselben H100: 0,21 bis 15,25 USD je Million Ausgabe-Tokens, je nach Last; Schätzungen, die volle Auslastung voraussetzen, sind um den Kehrwert der Auslastung zu niedrig.

limit-used = mittlere Nachfrage als Anteil des Nutzdurchsatzes, unter dem gewarnt wird
limit-used-applies = dedizierte GPUs
limit-used-source = unser Vorschlag, nach Patil 2026

limit-wasted = mittlere Nachfrage als Anteil des Nutzdurchsatzes, unter dem die Prüfung fehlschlägt
limit-wasted-applies = dedizierte GPUs ohne anderen Grund
limit-wasted-source = unser Vorschlag, nach Patil 2026

problem-wasted = Die Nachfrage nutzt nur { $share } dessen, was die Replikate bedienen können
effect-wasted = Fast die gesamte bezahlte Kapazität bleibt ungenutzt. { $peak ->
    [fits] Weniger Replikate würden dieselbe Nachfrage zu geringeren Kosten bedienen.
    [needs] Die Spitze braucht die Replikate; andere Arbeit in ruhigen Stunden würde ihre Kosten teilen.
   *[unknown] Ob weniger Replikate genügen, hängt von der Spitze ab, die nicht angegeben ist.
}
detail-wasted = die mittlere Nachfrage beansprucht { $share } des Nutzdurchsatzes von { $replicas_count ->
    [one] { $replicas_count } Replikat
   *[other] { $replicas_count } Replikaten
}{ $peak ->
    [fits] , und weniger hätten Platz für die Spitze, auch wenn eines ausfällt
    [needs] , aber die Spitze braucht sie
   *[unknown] , und die Nachfrage bei der Spitze ist nicht angegeben
}

problem-idle = Die Nachfrage nutzt nur { $share } dessen, was die Replikate bedienen können
effect-idle = Der größte Teil der bezahlten Kapazität bleibt ungenutzt. { $peak ->
    [fits] Weniger Replikate würden dieselbe Nachfrage zu geringeren Kosten bedienen.
    [needs] Die Spitze braucht die Replikate; andere Arbeit in ruhigen Stunden würde ihre Kosten teilen.
   *[unknown] Ob weniger Replikate genügen, hängt von der Spitze ab, die nicht angegeben ist.
}
detail-idle = die mittlere Nachfrage beansprucht { $share } des Nutzdurchsatzes von { $replicas_count ->
    [one] { $replicas_count } Replikat
   *[other] { $replicas_count } Replikaten
}{ $peak ->
    [fits] , und weniger hätten Platz für die Spitze, auch wenn eines ausfällt
    [needs] , aber die Spitze braucht sie
   *[unknown] , und die Nachfrage bei der Spitze ist nicht angegeben
}

found-used = die mittlere Nachfrage beansprucht { $share } des Nutzdurchsatzes von { $replicas_count ->
    [one] { $replicas_count } Replikat
   *[other] { $replicas_count } Replikaten
}
problem-cost = Eine Million Ausgabe-Tokens kostet bei mittlerer Nachfrage { $million }
detail-cost = { $million } je Million Ausgabe-Tokens bei mittlerer Nachfrage (Modell: { $replicas_count ->
    [one] { $replicas_count } Replikat
   *[other] { $replicas_count } Replikate
} mit je { $gpus_count ->
    [one] { $gpus_count } GPU
   *[other] { $gpus_count } GPUs
}, { $basis ->
    [rented] Preis einer GPU-Stunde
   *[owned] Server{ $hosting ->
        [yes] {", Hosting"}
       *[no] {""}
    }{ $energy ->
        [yes] {", Energie der GPUs"}
       *[no] {", ohne Energie"}
    }
})
problem-cost-range = Eine Million Ausgabe-Tokens kostet { $least } bis { $most }
detail-cost-range = { $least } bis { $most } je Million Ausgabe-Tokens bei mittlerer Nachfrage (Modell: { $replicas_count ->
    [one] { $replicas_count } Replikat
   *[other] { $replicas_count } Replikate
} mit je { $gpus_count ->
    [one] { $gpus_count } GPU
   *[other] { $gpus_count } GPUs
}, { $basis ->
    [rented] Preis einer GPU-Stunde
   *[owned] Server{ $hosting ->
        [yes] {", Hosting"}
       *[no] {""}
    }{ $energy ->
        [yes] {", Energie der GPUs"}
       *[no] {", ohne Energie"}
    }
})
found-unused-above = { $tests_count ->
    [one] { $tests_count } Lasttest mit höherer Rate ist nicht verwertbar: der Nutzdurchsatz kann höher sein
   *[other] { $tests_count } Lasttests mit höheren Raten sind nicht verwertbar: der Nutzdurchsatz kann höher sein
}
found-no-goodput = das Service-Level wird bei keiner der getesteten Raten nachweislich eingehalten: kein Token zählt dafür
found-no-mean = die mittlere Nachfrage ist nicht angegeben
found-no-replicas = die Zahl der Replikate, die heute bedienen, ist nicht angegeben
found-no-currency = die Währung der Preise ist nicht angegeben
