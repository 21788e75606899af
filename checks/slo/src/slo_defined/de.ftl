title = Es gibt ein Service-Level, an dem gemessen wird
why = Ohne Service-Level lässt sich weder ein Risiko noch eine Zahl von GPUs angeben.
effect = Niemand kann sagen, ob der Dienst schnell genug ist, wie viele GPUs er braucht oder was eine Verzögerung kostet.
applicability = Jeden Dienst
expected-effect = Keine: Daran werden Wirkungen gemessen.

problem-none = Es ist kein Service-Level angegeben
detail-none = keines ist angegeben; als Anfang eignen sich die Grenzen des interaktiven Szenarios von MLPerf, 450 ms bis zum ersten Token und 40 ms je Ausgabe-Token im 99. Perzentil

problem-incomplete = Dem Service-Level { $lacking_count ->
    [one] fehlt { $lacking_count } seiner 5 Teile
   *[other] fehlen { $lacking_count } seiner 5 Teile
}
effect-incomplete = Dieselbe Messung lässt sich als eingehaltenes oder als verfehltes Service-Level lesen.
detail-incomplete = Perzentil { $percentile ->
    [yes] angegeben
   *[no] fehlt
}; Grenze für die Zeit bis zum ersten Token { $first ->
    [yes] angegeben
   *[no] fehlt
}; Grenze zwischen Tokens oder für die ganze Anfrage { $pace ->
    [yes] angegeben
   *[no] fehlt
}; Anteil der Anfragen, die es einhalten müssen, { $share ->
    [yes] angegeben
   *[no] fehlt
}; Zeitraum, über den beurteilt wird, { $window ->
    [yes] angegeben
   *[no] fehlt
}

found-full = es ist vollständig angegeben
