title = Laufzeiteinstellungen überstehen einen Neustart
why = Was von Hand gesetzt wurde, ist beim nächsten Neustart verloren, und damit auch, was gemessen und vereinbart wurde.
effect = Nach dem nächsten Neustart des Knotens läuft der Dienst mit anderen Einstellungen als denen, mit denen er gemessen wurde; seine Geschwindigkeit kann sich ändern, ohne dass jemand etwas geändert hat.
applicability = Physische und virtuelle Maschinen, auf dem Host gesammelt
expected-effect = Schützt alle anderen Verbesserungen.

limit-fail = Einstellungen, die sich beim nächsten Start ändern
limit-fail-applies = physische und virtuelle Maschinen
limit-fail-source = unser Vorschlag: eine oder zwei sind ein Versehen, mehr sind Gewohnheit

problem-changes = { $changes_count ->
    [one] { $changes_count } Einstellung dieses Knotens ändert sich beim nächsten Start
   *[other] { $changes_count } Einstellungen dieses Knotens ändern sich beim nächsten Start
}
detail-changes = { $changes_count ->
    [one] { $changes_count } von { $compared_count } Einstellungen ändert sich beim nächsten Start
   *[other] { $changes_count } von { $compared_count } Einstellungen ändern sich beim nächsten Start
}{ $values ->
    [none] {""}
   *[other] {"; auf das, was eine Datei sagt: "}{ $values }
}{ $defaults ->
    [none] {""}
   *[other] {"; auf die Voreinstellung des Kernels: "}{ $defaults }
}{ $arguments ->
    [none] {""}
   *[other] {"; der Kernel startet mit "}{ $arguments }
}{ $stopping ->
    [none] {""}
   *[other] {"; läuft nicht mehr: "}{ $stopping }
}{ $starting ->
    [none] {""}
   *[other] {"; läuft wieder: "}{ $starting }
}

found-same = { $compared_count ->
    [one] { $compared_count } verglichene Einstellung ist die des nächsten Starts
   *[other] { $compared_count } geltende Einstellungen sind die des nächsten Starts
}
found-not-compared = nicht verglichen: { $settings }
found-default-governor = nicht verglichen: Governor `performance`, der die Voreinstellung des Kernels oder von Hand gesetzt sein kann ({ $reason })
found-nothing-compared = keine Einstellung konnte verglichen werden
found-in-container = in einem Container gesammelt ({ $runtime }), der die Dateien des Hosts nicht sieht
