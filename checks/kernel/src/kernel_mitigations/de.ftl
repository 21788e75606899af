title = Schutzmaßnahmen gegen CPU-Schwachstellen folgen einer festgelegten Linie
why = Schutzmaßnahmen sind eine Entscheidung der Sicherheit, kein Mangel der Leistung. Wichtig ist, dass ihr Zustand bekannt und entschieden ist.
effect = Programme auf diesem Host können unter Umständen Daten lesen, die sie nicht sehen dürfen. Ohne Schutz laufen manche Anwendungen etwas schneller; ob das das Risiko wert ist, entscheidet der Auftraggeber.
applicability = Physische Maschinen, virtuelle Maschinen, Container (mit dem Zustand ihres Hosts)
expected-effect = Phoronix hat gemessen, was Schutzmaßnahmen je nach Kernel und CPU-Generation kosten. Für den Betrieb von Sprachmodellen ist keine Zahl veröffentlicht.

problem-open = { $names_count ->
    [one] { $names_count } Schwachstelle der CPU ist
   *[other] { $names_count } Schwachstellen der CPU sind
} nicht vollständig entschärft
detail-open = nicht vollständig entschärft: { $names }{ $shared ->
    [yes] , auf einem Host, den andere mitnutzen
   *[no] {""}
}

problem-off = Bootargument `{ $argument }` schaltet Schutzmaßnahmen der CPU ab
detail-off = `{ $argument }` ist gesetzt

problem-off-and-open = `{ $argument }` lässt { $names_count ->
    [one] { $names_count } Schwachstelle der CPU
   *[other] { $names_count } Schwachstellen der CPU
} offen
detail-off-and-open = `{ $argument }` ist gesetzt; nicht vollständig entschärft: { $names }{ $shared ->
    [yes] , auf einem Host, den andere mitnutzen
   *[no] {""}
}

found-mitigated = { $all_count ->
    [one] die { $all_count } Schwachstelle, die der Kernel kennt, ist nicht offen
   *[other] keine der { $all_count } Schwachstellen, die der Kernel kennt, ist offen
}
found-unknown = nicht bekannt: { $names }
found-none-listed = der Kernel führt keine Schwachstellen auf
found-unknown-sharing = ob andere diesen Host mitnutzen, ist nicht bekannt; in der Auftragsdatei angeben (`shared-host`)
