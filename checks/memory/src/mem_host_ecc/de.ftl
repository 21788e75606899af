title = Der Hauptspeicher meldet keine Fehler
why = Nicht korrigierbare Fehler beenden Prozesse, und eine steigende Zahl korrigierter Fehler kündigt sie an.
effect = Ein Speichermodul dieses Knotens fällt wahrscheinlich bald aus; dann bleibt der Dienst oder der ganze Knoten ohne Vorwarnung stehen.
applicability = Physische Maschinen; für virtuelle Maschinen zählt der Host die Fehler
expected-effect = Verfügbarkeit. Keine Zahl veröffentlicht.

limit-daily = korrigierte Fehler eines Speichermoduls pro Tag
limit-daily-applies = physische Maschinen mit ECC-Speicher; weniger als ein Tag zählt als einer
limit-daily-source = unser Vorschlag

limit-in-window = korrigierte Fehler eines Speichercontrollers im Messfenster
limit-in-window-applies = physische Maschinen mit ECC-Speicher
limit-in-window-source = unser Vorschlag: so viele in Minuten, wie an einem Tag zu viele sind

problem-uncorrected = Speichercontroller { $controller } konnte { $errors_count } Fehler nicht korrigieren
effect-uncorrected = Speicher dieses Knotens hat Daten verloren; Programme, die ihn nutzten, wurden beendet oder haben unter Umständen mit falschen Werten gerechnet, und das kann sich jederzeit wiederholen.
detail-uncorrected = { $errors_count ->
    [one] { $errors_count } Speicherfehler war
   *[other] { $errors_count } Speicherfehler waren
} nicht korrigierbar

problem-many = Speichercontroller { $controller } korrigierte { $errors_count } Fehler, zu viele
detail-many = { $errors_count ->
    [one] { $errors_count } Speicherfehler wurde
   *[other] { $errors_count } Speicherfehler wurden
} korrigiert, bis zu { $day_rate } pro Tag auf einem Modul, davon { $window_count } im Messfenster

problem-many-in-window = Speichercontroller { $controller } korrigierte im Messfenster { $window_count } Fehler
detail-many-in-window = { $errors_count ->
    [one] { $errors_count } Speicherfehler wurde
   *[other] { $errors_count } Speicherfehler wurden
} in unbekannter Zeit korrigiert, davon { $window_count } im Messfenster

problem-few = Speichercontroller { $controller } korrigierte { $errors_count } Fehler
effect-few = Solange Fehler korrigiert werden, geht nichts verloren; eine steigende Zahl kündigt aber an, dass ein Speichermodul ausfällt und der Dienst mit ihm.
detail-few = { $errors_count ->
    [one] { $errors_count } Speicherfehler wurde
   *[other] { $errors_count } Speicherfehler wurden
} korrigiert, bis zu { $day_rate } pro Tag auf einem Modul, davon { $window_count } im Messfenster

problem-machine-checks = Das Kernel-Log enthält { $lines_count ->
    [one] { $lines_count } Zeile
   *[other] { $lines_count } Zeilen
} über Hardwarefehler
effect-machine-checks = Der Prozessor meldet Fehler der Hardware, des Speichers oder eines anderen Teils; solche Fehler können den Dienst oder den ganzen Knoten ohne Vorwarnung beenden.
detail-machine-checks = das Kernel-Log enthält { $lines_count ->
    [one] { $lines_count } Zeile
   *[other] { $lines_count } Zeilen
} über Machine-Check-Fehler

problem-logged = Der Kernel hat { $kind ->
    [corrected] korrigierte Speicherfehler
   *[uncorrected] nicht korrigierbare Speicherfehler
} vermerkt
effect-logged = { $kind ->
    [corrected] Im Moment geht nichts verloren. Ein Speichermodul mit solchen Fehlern fällt eher aus.
   *[uncorrected] Daten gingen verloren: Ein Programm oder der ganze Knoten endete oder endet beim nächsten Mal.
}
detail-logged = { $lines_count ->
    [one] { $lines_count } Zeile
   *[other] { $lines_count } Zeilen
} über { $kind ->
    [corrected] korrigierte
   *[uncorrected] nicht korrigierbare
} Speicherfehler im Kernel-Log

found-no-error = kein Fehler, seit die Zähler zurückgesetzt wurden
found-unknown-time = { $errors_count ->
    [one] { $errors_count } Speicherfehler wurde
   *[other] { $errors_count } Speicherfehler wurden
} in unbekannter Zeit korrigiert
found-no-driver = kein Treiber zählt Speicherfehler: das EDAC-Modul dieser Plattform laden oder den Management-Controller fragen
found-virtual = virtuelle Maschine ({ $virtualization }): ihr Host zählt die Fehler, den Anbieter fragen
