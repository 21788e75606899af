title = Der Dienst hält sein SLO bei heutiger Spitzenlast ein, statistisch gesichert
why = Dafür bezahlt der Auftraggeber; alle anderen Prüfungen betreffen Ursachen.
effect = Mehr Anfragen als vereinbart dauern länger als zugesagt.
applicability = Jeden Dienst
expected-effect = Keine: Es ist das Ergebnis.
caveat = Wird es verfehlt, zeigen andere Befunde, ob der Host oder zu wenige GPUs die Ursache sind. Weniger gleichzeitige Anfragen (`--max-num-seqs` von vLLM) machen jede schneller und lassen mehr von ihnen warten.

problem-missed = Nur { $share } der Anfragen halten das Service-Level { $place ->
    [below] unterhalb der Spitzenlast
   *[at] bei Spitzenlast
} ein
effect-missed = { $place ->
    [below] Noch bevor die Nachfrage ihre Spitze erreicht, dauern mehr Anfragen als vereinbart länger als zugesagt.
   *[at] Wenn die Nachfrage ihre Spitze erreicht, dauern mehr Anfragen als vereinbart länger als zugesagt.
}
detail-missed = { $place ->
    [below] bei { $rate } Anfragen pro Sekunde, unterhalb der Spitzenlast
    [above] bei { $rate } Anfragen pro Sekunde, oberhalb der Spitzenlast
   *[at] bei Spitzenlast
}{ $of ->
    [replica] {" eines Replikats"}
   *[service] {""}
} ({ $peak } Anfragen pro Sekunde){ $place ->
    [at] {""}
   *[other] ,
} halten { $share } der Anfragen das Service-Level ein, mit 95 % Konfidenz { $place ->
    [below] höchstens
   *[other] mindestens
} { $bound }; das Ziel ist { $target }{ $agreed ->
    [percentile] {" (das Perzentil, da kein Anteil der Anfragen vereinbart ist)"}
   *[share] {""}
}

problem-unproven = Der Lasttest ist zu kurz, um das Service-Level nachzuweisen
effect-unproven = Das Service-Level wurde im Test eingehalten; der Test war aber zu kurz, um das für den Betrieb zu zeigen.
detail-unproven = { $place ->
    [below] bei { $rate } Anfragen pro Sekunde, unterhalb der Spitzenlast
    [above] bei { $rate } Anfragen pro Sekunde, oberhalb der Spitzenlast
   *[at] bei Spitzenlast
}{ $of ->
    [replica] {" eines Replikats"}
   *[service] {""}
} ({ $peak } Anfragen pro Sekunde){ $place ->
    [at] {""}
   *[other] ,
} halten { $share } der Anfragen das Service-Level ein, mit 95 % Konfidenz { $place ->
    [below] höchstens
   *[other] mindestens
} { $bound }; das Ziel ist { $target }{ $agreed ->
    [percentile] {" (das Perzentil, da kein Anteil der Anfragen vereinbart ist)"}
   *[share] {""}
}; { $met_count } von { $requests_count ->
    [one] { $requests_count } Anfrage
   *[other] { $requests_count } Anfragen
} erfüllten es, und da benachbarte Anfragen einander ähneln, beweisen sie so viel wie { $independent_count } unabhängige{ $provable ->
    [yes] ; nötig sind etwa { $needed_count }, also ein Test von { $longer } bei dieser Rate statt { $seconds }
   *[no] ; der Anteil liegt so nahe am Ziel, dass auch ein längerer Test bei dieser Rate ihn nicht beweist
}

problem-seen-missed = Zu wenige Anfragen der Nutzer halten das Service-Level ein
effect-seen-missed = Bei der Last, die es gibt, dauern mehr Anfragen als vereinbart länger als zugesagt.
detail-seen-missed = beobachtet wurden Anfragen der Nutzer: bei höchstens so vielen wie in der Spitze{ $of ->
    [replica] {" eines Replikats"}
   *[service] {""}
} ({ $peak } Anfragen pro Sekunde) halten höchstens { $share } das Service-Level ein; das Ziel ist { $target }

found-met = { $place ->
    [below] bei { $rate } Anfragen pro Sekunde, unterhalb der Spitzenlast
    [above] bei { $rate } Anfragen pro Sekunde, oberhalb der Spitzenlast
   *[at] bei Spitzenlast
}{ $of ->
    [replica] {" eines Replikats"}
   *[service] {""}
} ({ $peak } Anfragen pro Sekunde){ $place ->
    [at] {""}
   *[other] ,
} halten { $share } der Anfragen das Service-Level ein, mit 95 % Konfidenz { $place ->
    [below] höchstens
   *[other] mindestens
} { $bound }; das Ziel ist { $target }{ $agreed ->
    [percentile] {" (das Perzentil, da kein Anteil der Anfragen vereinbart ist)"}
   *[share] {""}
}
found-invalid = { $place ->
    [below] bei { $rate } Anfragen pro Sekunde, unterhalb der Spitzenlast
    [above] bei { $rate } Anfragen pro Sekunde, oberhalb der Spitzenlast
   *[at] bei Spitzenlast
}{ $of ->
    [replica] {" eines Replikats"}
   *[service] {""}
} ({ $peak } Anfragen pro Sekunde){ $place ->
    [at] {""}
   *[other] ,
} halten { $share } der Anfragen das Service-Level ein, mit 95 % Konfidenz { $place ->
    [below] höchstens
   *[other] mindestens
} { $bound }; das Ziel ist { $target }{ $agreed ->
    [percentile] {" (das Perzentil, da kein Anteil der Anfragen vereinbart ist)"}
   *[share] {""}
}, aber ein Test ist nicht gültig: { $reason }
found-invalid-unexplained = { $place ->
    [below] bei { $rate } Anfragen pro Sekunde, unterhalb der Spitzenlast
    [above] bei { $rate } Anfragen pro Sekunde, oberhalb der Spitzenlast
   *[at] bei Spitzenlast
}{ $of ->
    [replica] {" eines Replikats"}
   *[service] {""}
} ({ $peak } Anfragen pro Sekunde){ $place ->
    [at] {""}
   *[other] ,
} halten { $share } der Anfragen das Service-Level ein, mit 95 % Konfidenz { $place ->
    [below] höchstens
   *[other] mindestens
} { $bound }; das Ziel ist { $target }{ $agreed ->
    [percentile] {" (das Perzentil, da kein Anteil der Anfragen vereinbart ist)"}
   *[share] {""}
}, aber ein Test ist nicht gültig, ohne dass ein Grund aufgezeichnet wurde
found-undetermined = { $place ->
    [below] bei { $rate } Anfragen pro Sekunde, unterhalb der Spitzenlast
    [above] bei { $rate } Anfragen pro Sekunde, oberhalb der Spitzenlast
   *[at] bei Spitzenlast
}{ $of ->
    [replica] {" eines Replikats"}
   *[service] {""}
} ({ $peak } Anfragen pro Sekunde){ $place ->
    [at] {""}
   *[other] ,
} halten { $share } der Anfragen das Service-Level ein, mit 95 % Konfidenz { $place ->
    [below] höchstens
   *[other] mindestens
} { $bound }; das Ziel ist { $target }{ $agreed ->
    [percentile] {" (das Perzentil, da kein Anteil der Anfragen vereinbart ist)"}
   *[share] {""}
}; von { $unknown } ist es nicht bekannt
found-contradiction = das Service-Level wird bei { $missed_rate } Anfragen pro Sekunde verfehlt ({ $missed_share } der Anfragen halten es ein) und bei { $met_rate } Anfragen pro Sekunde, also mehr Last, eingehalten ({ $met_share } der Anfragen halten es ein)
found-between = das Service-Level ist bei { $below_rate } Anfragen pro Sekunde { $below_shown ->
    [met] eingehalten
    [missed] verfehlt
   *[open] weder nachweislich eingehalten noch verfehlt
} ({ $below_share } der Anfragen halten es ein) und bei { $above_rate } Anfragen pro Sekunde { $above_shown ->
    [met] eingehalten
    [missed] verfehlt
   *[open] weder nachweislich eingehalten noch verfehlt
} ({ $above_share } der Anfragen halten es ein); die Spitze{ $of ->
    [replica] {" eines Replikats"}
   *[service] {""}
} ({ $peak } Anfragen pro Sekunde) liegt dazwischen und wurde nicht getestet: Lasttest mit { $peak } Anfragen pro Sekunde durchführen
found-only-above = das Service-Level ist bei { $above_rate } Anfragen pro Sekunde { $above_shown ->
    [met] eingehalten
    [missed] verfehlt
   *[open] weder nachweislich eingehalten noch verfehlt
} ({ $above_share } der Anfragen halten es ein); die Spitze{ $of ->
    [replica] {" eines Replikats"}
   *[service] {""}
} ({ $peak } Anfragen pro Sekunde) liegt darunter und wurde nicht getestet: Lasttest mit { $peak } Anfragen pro Sekunde durchführen
found-not-reached = kein Lasttest erreichte die Spitze{ $of ->
    [replica] {" eines Replikats"}
   *[service] {""}
} ({ $peak } Anfragen pro Sekunde)
found-not-reached-for = kein verwertbarer Lasttest erreichte die Spitze{ $of ->
    [replica] {" eines Replikats"}
   *[service] {""}
} ({ $peak } Anfragen pro Sekunde); { $reason }
found-unused = ein Lasttest, der mehr zeigen könnte, ist nicht verwertbar: { $reason }
found-unknown-rate = ein Lasttest, der mehr zeigen könnte, ist nicht verwertbar: er nennt keine Rate, mit der Anfragen gesendet wurden
found-no-peak = die Nachfrage bei der Spitze ist nicht angegeben
found-seen-kept = beobachtet wurden Anfragen der Nutzer: ab { $rate } Anfragen pro Sekunde halten nach den Angaben des Servers mindestens { $share } das Service-Level ein; die Spitze{ $of ->
    [replica] {" eines Replikats"}
   *[service] {""}
} liegt bei { $peak } Anfragen pro Sekunde, das Ziel bei { $target }
found-seen-open = kein Lasttest entscheidet, und auch die beobachteten Anfragen der Nutzer nicht, höchstens { $busiest } pro Sekunde; die Spitze{ $of ->
    [replica] {" eines Replikats"}
   *[service] {""}
} liegt bei { $peak } Anfragen pro Sekunde
