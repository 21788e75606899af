title = Keine kritischen Fehler von Treiber oder Hardware
why = Diese Fehler gehen Ausfällen voraus oder sind welche: eine vom Bus gefallene GPU, Speicherfehler, Störungen von NVLink, ein Systemprozessor der GPU, der nicht antwortet.
effect = Die GPU hat einen Fehler gemeldet, der laufende Anfragen beendet oder einem Ausfall vorausgeht; solange er nicht behoben ist, sind die Server auf ihr gefährdet.
applicability = Physische und virtuelle Maschinen; Container brauchen das Kernel-Log des Hosts; NVIDIA; Fehler anderer GPUs werden nicht gelesen, PCIe-Fehler aller Geräte schon
expected-effect = Verfügbarkeit. Es ist keine Zahl veröffentlicht.

limit-recent = Alter, bis zu dem schon ein kritischer Fehler als Fehlschlag zählt
limit-recent-applies = kritische Xid-Fehler
limit-recent-source = unser Vorschlag: ein Tag

limit-old = Alter, bis zu dem Fehler zählen
limit-old-applies = Xid-Fehler
limit-old-source = unser Vorschlag: sieben Tage

limit-repeated = kritische Fehler derselben Art innerhalb der längeren Zeit, die als Fehlschlag zählen
limit-repeated-applies = kritische Xid-Fehler
limit-repeated-source = unser Vorschlag: Einmal kann behoben sein, zweimal nicht

limit-logged = Zeilen korrigierter Fehler im Kernel-Log, ab denen gewarnt wird
limit-logged-applies = Links von GPUs und der Bridges darüber
limit-logged-source = unser Vorschlag: Einzelne sind üblich, und von vielen vermerkt der Kernel nur einen Teil

problem-critical = { $device ->
    [none] Eine GPU
   *[other] GPU { $device }
} meldete den kritischen Fehler Xid { $number }
detail-critical = kritischer Fehler, { $times_count ->
    [one] einmal
   *[other] { $times_count }-mal
} in { $days_count ->
    [one] einem Tag
   *[other] { $days_count } Tagen
}, zuletzt vor { $last } Stunden; NVIDIAs Katalog verlangt: { $action ->
    [reset] die GPU zurücksetzen, sobald ihre Arbeit verlegt ist
    [restart-node] die Maschine neu starten
    [restart-guest] die virtuelle Maschine neu starten
    [drain-peers] die Arbeit verlegen, die Verbindungen zu anderen GPUs braucht
    [check-links] die Verbindungen der GPU prüfen und sie zurücksetzen
    [check-power] die Stromkabel der GPU prüfen
   *[other] den Hersteller der Maschine fragen
}

problem-handled = { $device ->
    [none] Eine GPU
   *[other] GPU { $device }
} meldete vor { $last } Stunden den kritischen Fehler Xid { $number }
effect-handled = Nichts deutet auf einen andauernden Fehler, aber auch nichts darauf, dass er behoben wurde; kommt er wieder, sind die Server auf dieser GPU gefährdet.
detail-handled = kritischer Fehler, der behoben sein kann, { $times_count ->
    [one] einmal
   *[other] { $times_count }-mal
} in { $days_count ->
    [one] einem Tag
   *[other] { $days_count } Tagen
}, zuletzt vor { $last } Stunden; NVIDIAs Katalog verlangt: { $action ->
    [reset] die GPU zurücksetzen, sobald ihre Arbeit verlegt ist
    [restart-node] die Maschine neu starten
    [restart-guest] die virtuelle Maschine neu starten
    [drain-peers] die Arbeit verlegen, die Verbindungen zu anderen GPUs braucht
    [check-links] die Verbindungen der GPU prüfen und sie zurücksetzen
    [check-power] die Stromkabel der GPU prüfen
   *[other] den Hersteller der Maschine fragen
}

problem-note = { $device ->
    [none] Eine GPU
   *[other] GPU { $device }
} hat Speicher repariert oder korrigiert (Xid { $number })
effect-note = Im Moment geht nichts verloren. Speicher, der Reparaturen braucht, fällt eher aus; die GPU sollte beobachtet werden.
detail-note = Reparatur oder Korrektur von Speicher, die der Treiber vermerkt, { $times_count ->
    [one] einmal
   *[other] { $times_count }-mal
} in { $days_count ->
    [one] einem Tag
   *[other] { $days_count } Tagen
}, zuletzt vor { $last } Stunden

problem-application = Ein Programm auf { $device ->
    [none] einer GPU
   *[other] GPU { $device }
} verursachte den Fehler Xid { $number }
effect-application = Das verursachende Programm verlor seine Arbeit auf der GPU; war es der Server, endeten seine laufenden Anfragen.
detail-application = Fehler von der Art, wie Anwendungen sie verursachen, { $times_count ->
    [one] einmal
   *[other] { $times_count }-mal
} in { $days_count ->
    [one] einem Tag
   *[other] { $days_count } Tagen
}, zuletzt vor { $last } Stunden

problem-ended = { $device ->
    [none] Eine GPU
   *[other] GPU { $device }
} beendete ihre Programme mit dem Fehler Xid { $number }
effect-ended = Was auf der GPU lief, verlor seine Arbeit; war es der Server, endeten seine laufenden Anfragen. NVIDIA verlangt, die Programme neu zu starten; die GPU selbst kann weiterlaufen.
detail-ended = Fehler, nach dem die Programme auf der GPU neu zu starten sind, { $times_count ->
    [one] einmal
   *[other] { $times_count }-mal
} in { $days_count ->
    [one] einem Tag
   *[other] { $days_count } Tagen
}, zuletzt vor { $last } Stunden

problem-other = { $device ->
    [none] Eine GPU
   *[other] GPU { $device }
} meldete den Fehler Xid { $number }
effect-other = NVIDIAs Katalog führt diesen Fehler, verlangt aber nichts sofort; kommt er öfter, ist der Support zu fragen.
detail-other = Fehler, für den NVIDIAs Katalog keine sofortige Maßnahme nennt, { $times_count ->
    [one] einmal
   *[other] { $times_count }-mal
} in { $days_count ->
    [one] einem Tag
   *[other] { $days_count } Tagen
}, zuletzt vor { $last } Stunden

problem-unknown = { $device ->
    [none] Eine GPU
   *[other] GPU { $device }
} meldete Xid { $number }, der in NVIDIAs Katalog fehlt
effect-unknown = Was dieser Fehler für den Dienst bedeutet, ist nicht bekannt; die Zeile steht in den Nachweisen und muss von jemandem gelesen werden.
detail-unknown = Fehler, dessen Nummer in NVIDIAs Katalog, wie er hier bekannt ist, nicht vorkommt, { $times_count ->
    [one] einmal
   *[other] { $times_count }-mal
} in { $days_count ->
    [one] einem Tag
   *[other] { $days_count } Tagen
}, zuletzt vor { $last } Stunden

problem-info-rom = Die gespeicherten Einstellungen { $device ->
    [none] einer GPU
   *[other] von GPU { $device }
} sind beschädigt
effect-info-rom = Beim nächsten Neustart kann die GPU ihre Geschichte an Speicherfehlern und ihre Einstellungen verlieren und dann nicht mehr starten.
detail-info-rom = der Treiber meldet, dass das InfoROM beschädigt ist, { $times_count ->
    [one] einmal
   *[other] { $times_count }-mal
} in { $days_count ->
    [one] einem Tag
   *[other] { $days_count } Tagen
}, zuletzt vor { $last } Stunden

problem-mismatch = Kernel-Treiber und Bibliotheken der GPUs haben verschiedene Versionen
effect-mismatch = Programme mit Bibliotheken der anderen Version können die GPUs nicht benutzen: Ein Server, der neu gestartet wird, kommt womöglich nicht zurück.
detail-mismatch = der Treiber wies ein Programm ab, dessen Bibliotheken eine andere Version haben, { $times_count ->
    [one] einmal
   *[other] { $times_count }-mal
} in { $days_count ->
    [one] einem Tag
   *[other] { $days_count } Tagen
}, zuletzt vor { $last } Stunden

problem-unreadable = Das Log enthält einen Xid-Fehler, der nicht lesbar ist
effect-unreadable = Eine GPU hat einen Fehler gemeldet, und welcher es ist, ist nicht bekannt; die Zeile steht in den Nachweisen und muss von jemandem gelesen werden.
detail-unreadable = eine Zeile des Logs meldet einen Xid-Fehler in unbekannten Worten

problem-fallen = { $device ->
    [none] Eine GPU
   *[other] GPU { $device }
} ist vom Bus gefallen
effect-fallen = Diese GPU ist für den Knoten verloren, bis er neu gestartet oder repariert ist: Server, die sie benutzten, sind beendet, und keiner kann auf ihr starten.
detail-fallen = der Treiber meldet, dass sie vom Bus gefallen ist, { $times_count ->
    [one] einmal
   *[other] { $times_count }-mal
} in { $days_count ->
    [one] einem Tag
   *[other] { $days_count } Tagen
}, zuletzt vor { $last } Stunden

problem-not-started = Der Treiber konnte { $device ->
    [none] eine GPU
   *[other] GPU { $device }
} nicht starten
effect-not-started = Kein Server kann diese GPU benutzen; ein Modell, das alle GPUs des Knotens braucht, startet nicht.
detail-not-started = der Treiber meldet, dass sie sich nicht initialisieren ließ, { $times_count ->
    [one] einmal
   *[other] { $times_count }-mal
} in { $days_count ->
    [one] einem Tag
   *[other] { $days_count } Tagen
}, zuletzt vor { $last } Stunden

problem-switch = NVSwitch { $device } meldete den fatalen Fehler SXid { $number }
effect-switch = Modelle über mehrere GPUs dieses Knotens können enden oder hängen bleiben, denn ihre Daten gehen durch diesen Switch.
detail-switch = fataler Fehler eines NVSwitch, { $times_count ->
    [one] einmal
   *[other] { $times_count }-mal
} in { $days_count ->
    [one] einem Tag
   *[other] { $days_count } Tagen
}, zuletzt vor { $last } Stunden; NVIDIA verlangt: { $action ->
    [restart-node] die Maschine neu starten, denn die ganze Fabric ist ausgefallen
   *[other] die GPUs daran zurücksetzen oder die virtuelle Maschine neu starten
}

problem-switch-handled = NVSwitch { $device } meldete vor { $last } Stunden den fatalen Fehler SXid { $number }
effect-switch-handled = Nichts deutet auf einen andauernden Fehler, aber auch nichts darauf, dass er behoben wurde; kommt er wieder, sind Modelle über mehrere GPUs gefährdet.
detail-switch-handled = fataler Fehler eines NVSwitch, der behoben sein kann, { $times_count ->
    [one] einmal
   *[other] { $times_count }-mal
} in { $days_count ->
    [one] einem Tag
   *[other] { $days_count } Tagen
}, zuletzt vor { $last } Stunden; NVIDIA verlangt: { $action ->
    [restart-node] die Maschine neu starten, denn die ganze Fabric ist ausgefallen
   *[other] die GPUs daran zurücksetzen oder die virtuelle Maschine neu starten
}

problem-switch-minor = NVSwitch { $device } meldete den Fehler SXid { $number }
effect-switch-minor = Der Switch hat sich erholt. Häufen sich solche Fehler, verzögern sich Daten zwischen GPUs, und der Switch kann ausfallen.
detail-switch-minor = nicht fataler Fehler eines NVSwitch, { $times_count ->
    [one] einmal
   *[other] { $times_count }-mal
} in { $days_count ->
    [one] einem Tag
   *[other] { $days_count } Tagen
}, zuletzt vor { $last } Stunden

problem-gone = Der Treiber hat GPU { $device } verloren
effect-gone = Kein Server kann diese GPU benutzen; ein Modell, das alle GPUs des Knotens braucht, startet nicht.
detail-gone = { $reason }

problem-short = { $gpus_count } GPUs gefunden, solche Platinen tragen aber { $all_count }
effect-short = Eine GPU dieser Maschine scheint zu fehlen: Modelle, die alle brauchen, starten nicht, und der Knoten bedient weniger, als bezahlt wurde.
detail-short = { $gpus_count } GPUs einer Art, die es auf Platinen zu { $all_count } gibt

problem-logged = Der Kernel vermerkte PCIe-Fehler auf dem Weg zu { $gpus_count ->
    [one] GPU { $gpu }
   *[other] { $gpus_count } von { $all_count } GPUs
}
effect-logged = Übertragungen werden wiederholt oder gehen verloren. Solche Fehler gehen dem Sturz einer GPU vom Bus voraus; dann enden ihre Server.
detail-logged = { $gpus_count ->
    [one] Zeilen im Kernel-Log seit dem Start: { $most_corrected } über korrigierte Fehler, { $most_lost } über andere
   *[other] Zeilen im Kernel-Log seit dem Start, auf einer GPU: { $most_corrected } über korrigierte Fehler, { $most_lost } über andere
}

problem-link-fatal = PCIe-Gerät { $device } meldete schwere Fehler
effect-link-fatal = Hat der Kernel das Gerät nicht zurückgeholt, steht still, was es leistet: Ein Netzwerkadapter nimmt seine Verbindungen mit, ein Port alles dahinter, und Anfragen, die es brauchen, hängen bis zum Neustart des Knotens.
detail-link-fatal = schwere PCIe-Fehler oder eine misslungene Wiederherstellung, { $events_count ->
    [one] einmal
   *[other] { $events_count }-mal
} seit dem Start

problem-link-lost = PCIe-Gerät { $device } hatte Fehler, die nicht korrigiert wurden
effect-link-lost = Übertragungen dieses Geräts gingen verloren. Programme wiederholen sie oder brechen ab; oft fällt der Link später ganz aus.
detail-link-lost = nicht korrigierte PCIe-Fehler, { $events_count ->
    [one] einmal
   *[other] { $events_count }-mal
} seit dem Start

problem-refused = Die IOMMU wies Speicherzugriffe { $gpus_count ->
    [one] von GPU { $gpu }
   *[other] von { $gpus_count } der { $all_count } GPUs
} ab
effect-refused = Übertragungen der GPU von oder zu Speicher, Nachbar-GPU oder Netzadapter schlugen fehl; was auf sie wartete, brach ab oder blieb hängen.
detail-refused = { $gpus_count ->
    [one] { $most_faults ->
        [one] { $most_faults } Fehler
       *[other] { $most_faults } Fehler
    } im Kernel-Log seit dem Start
   *[other] Fehler im Kernel-Log seit dem Start, auf einer GPU { $most_faults }
}

problem-harmless = Das Protokoll enthält Xid { $number }, die keine Maßnahme verlangt
detail-harmless = Xid { $number }, für den NVIDIAs Katalog nichts verlangt, { $times_count ->
    [one] einmal
   *[other] { $times_count }-mal
} in { $days_count ->
    [one] einem Tag
   *[other] { $days_count } Tagen
}, zuletzt vor { $last } Stunden
found-none = kein Xid-Fehler in den letzten { $age } { $unit ->
    [hours] Stunden
   *[days] Tagen
}
found-none-since-boot = kein Xid-Fehler, seit der Knoten vor { $age } { $unit ->
    [hours] Stunden
   *[days] Tagen
} gestartet wurde
found-gpus-unknown = welche GPUs der Knoten hat, ist nicht bekannt: { $reason }
found-census-unknown = ob Bus, Treiber und NVML jede GPU führen, ist nicht bekannt: { $reason }
found-truncated = `{ $path }` enthält mehr Zeilen, als behalten wurden
found-lost = `{ $path }` reicht nur { $age } { $unit ->
    [hours] Stunden
   *[days] Tage
} zurück: Was davor war, ist verloren
found-no-gpu = keine GPU gefunden
found-other-vendor = die GPUs sind vom Hersteller `{ $vendor }`: Bisher werden nur Fehler von NVIDIA-GPUs gelesen
