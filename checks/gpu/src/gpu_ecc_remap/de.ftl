title = Der Speicher der GPUs ist gesund
why = Ausstehende oder gescheiterte Remappings und nicht korrigierbare Fehler gehen Abstürzen und Rücksendungen von GPUs voraus.
effect = Ein Fehler im Speicher einer GPU kann laufende Anfragen oder den ganzen Server beenden; solange er nicht behoben ist, kann er wiederkommen.
applicability = Physische und virtuelle Maschinen; NVIDIA ab Ampere, ältere über stillgelegte Seiten; der Speicher anderer GPUs wird nicht gelesen
expected-effect = Verfügbarkeit.

limit-remaps = Remappings nach nicht korrigierbaren Fehlern, ab deren Überschreiten es ein Fehler ist
limit-remaps-applies = NVIDIA ab Ampere

problem-remap-failed = { $gpus_count ->
    [one] GPU { $gpu } konnte eine fehlerhafte Speicherzeile nicht ersetzen
   *[other] { $gpus_count } von { $all_count } GPUs konnten fehlerhafte Speicherzeilen nicht ersetzen
}
effect-remap-failed = Der Speicher dieser GPU kann sich nicht mehr selbst reparieren: Anfragen und Server darauf werden scheitern, und sie muss ausgetauscht werden.
detail-remap-failed = das Remapping einer Zeile ihres Speichers ist gescheitert

problem-remap-pending = { $gpus_count ->
    [one] GPU { $gpu } braucht einen Reset, um eine fehlerhafte Speicherzeile zu ersetzen
   *[other] { $gpus_count } von { $all_count } GPUs brauchen einen Reset, um fehlerhafte Speicherzeilen zu ersetzen
}
detail-remap-pending = eine Zeile ihres Speichers wartet auf das Remapping beim nächsten Reset

problem-many-remaps = { $gpus_count ->
    [one] GPU { $gpu } hat nach nicht korrigierbaren Fehlern { $most_rows } Speicherzeilen ersetzt
   *[other] { $gpus_count } von { $all_count } GPUs haben zu viele Speicherzeilen ersetzt
}
effect-many-remaps = Der Speicher dieser GPU verschleißt: Weitere Fehler sind zu erwarten, und jeder kann laufende Anfragen oder den ganzen Server beenden.
detail-many-remaps = { $gpus_count ->
    [one] { $most_rows } Zeilen ihres Speichers wurden nach nicht korrigierbaren Fehlern ersetzt
   *[other] bis zu { $most_rows } Zeilen ihres Speichers wurden nach nicht korrigierbaren Fehlern ersetzt
}

problem-remapped = { $gpus_count ->
    [one] GPU { $gpu } hat { $most_rows ->
        [one] { $most_rows } fehlerhafte Speicherzeile
       *[other] { $most_rows } fehlerhafte Speicherzeilen
    } ersetzt
   *[other] { $gpus_count } von { $all_count } GPUs haben fehlerhafte Speicherzeilen ersetzt
}
effect-remapped = Im Moment geht nichts verloren. GPUs, deren Speicher teilweise ersetzt werden musste, verlieren eher weitere Teile und müssen dann außer Betrieb genommen werden.
detail-remapped = { $gpus_count ->
    [one] { $most_rows ->
        [one] { $most_rows } Zeile ihres Speichers wurde ersetzt
       *[other] { $most_rows } Zeilen ihres Speichers wurden ersetzt
    }
   *[other] Zeilen ihres Speichers wurden ersetzt, auf einer GPU { $most_rows }
}

problem-retire-pending = { $gpus_count ->
    [one] GPU { $gpu } braucht einen Reset, um eine fehlerhafte Speicherseite stillzulegen
   *[other] { $gpus_count } von { $all_count } GPUs brauchen einen Reset, um fehlerhafte Speicherseiten stillzulegen
}
detail-retire-pending = eine Seite ihres Speichers wartet darauf, beim nächsten Reset oder Neustart stillgelegt zu werden

problem-retired = { $gpus_count ->
    [one] GPU { $gpu } hat { $most_pages ->
        [one] { $most_pages } fehlerhafte Speicherseite
       *[other] { $most_pages } fehlerhafte Speicherseiten
    } stillgelegt
   *[other] { $gpus_count } von { $all_count } GPUs haben fehlerhafte Speicherseiten stillgelegt
}
effect-retired = Im Moment geht nichts verloren. GPUs, deren Speicher teilweise stillgelegt werden musste, verlieren eher weitere Teile und müssen dann außer Betrieb genommen werden.
detail-retired = { $gpus_count ->
    [one] { $most_pages ->
        [one] { $most_pages } Seite ihres Speichers wurde stillgelegt
       *[other] { $most_pages } Seiten ihres Speichers wurden stillgelegt
    }
   *[other] Seiten ihres Speichers wurden stillgelegt, auf einer GPU { $most_pages }
}

problem-uncorrected = { $gpus_count ->
    [one] GPU { $gpu } hatte { $most_errors ->
        [one] { $most_errors } nicht korrigierbaren Speicherfehler
       *[other] { $most_errors } nicht korrigierbare Speicherfehler
    }
   *[other] { $gpus_count } von { $all_count } GPUs hatten nicht korrigierbare Speicherfehler
}
detail-uncorrected = { $gpus_count ->
    [one] { $most_errors ->
        [one] { $most_errors } Fehler ihres Speichers konnte seit dem Laden des Treibers nicht korrigiert werden
       *[other] { $most_errors } Fehler ihres Speichers konnten seit dem Laden des Treibers nicht korrigiert werden
    }
   *[other] ihr Speicher hatte seit dem Laden des Treibers Fehler, die nicht korrigiert werden konnten, auf einer GPU { $most_errors }
}

problem-uncorrecting = Die Fehlerkorrektur des Speichers ist auf { $gpus_count ->
    [one] GPU { $gpu }
   *[other] { $gpus_count } von { $all_count } GPUs
} ausgeschaltet
effect-uncorrecting = Ein Fehler im Speicher der GPU bleibt unbemerkt: Er kann Antworten verändern oder den Server beenden, ohne dass etwas auf die Ursache hinweist.
detail-uncorrecting = die Fehlerkorrektur ihres Speichers ist ausgeschaltet

found-healthy = keine nicht korrigierbaren Fehler, und keine Reparatur steht aus
found-silent = die GPU sagt nichts über die Gesundheit ihres Speichers
found-no-gpu = keine GPU gefunden
found-other-vendor = die GPUs sind vom Hersteller `{ $vendor }`: Bisher wird nur der Speicher von NVIDIA-GPUs gelesen
found-no-device = NVML führt keine GPU auf, und aus PCI geht nicht hervor, dass es keine gibt
