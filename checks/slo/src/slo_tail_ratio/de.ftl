title = Die langsamsten Anfragen liegen nahe am Median
why = Ein breites Ende der Verteilung neben einem guten Median ist das Kennzeichen von Störungen, Drosselung oder Preemption.
effect = Die meisten Antworten sind schnell, aber einige Kunden warten viel länger als die anderen.
applicability = Jeden Dienst
expected-effect = Intels NUMA-Fall: +50,9 % Durchsatz bei einer Grenze von 10 ms, aber +1,7 % ohne Grenze: Mängel eines Hosts zeigen sich bei den langsamsten Anfragen, nicht im Mittel.

limit-low-load = Last als Anteil der höchsten bewältigten Rate, bis zu dem das Ende der Verteilung beurteilt wird
limit-low-load-applies = Lasttests
limit-low-load-source = unser Vorschlag: darüber bestimmen Warteschlangen das Ende der Verteilung

limit-itl-wide = 99. Perzentil durch Median der Zeit zwischen Tokens, über dem gewarnt wird
limit-itl-wide-applies = Anfragen einer Längenklasse
limit-itl-wide-source = unser Vorschlag

limit-itl-too-wide = 99. Perzentil durch Median der Zeit zwischen Tokens, über dem die Prüfung fehlschlägt
limit-itl-too-wide-applies = Anfragen einer Längenklasse
limit-itl-too-wide-source = unser Vorschlag

limit-ttft-wide = 99. Perzentil durch Median der Zeit bis zum ersten Token, über dem gewarnt wird
limit-ttft-wide-applies = Anfragen einer Längenklasse
limit-ttft-wide-source = unser Vorschlag

limit-ttft-too-wide = 99. Perzentil durch Median der Zeit bis zum ersten Token, über dem die Prüfung fehlschlägt
limit-ttft-too-wide-applies = Anfragen einer Längenklasse
limit-ttft-too-wide-source = unser Vorschlag

problem-too-wide = { $metric ->
    [ttft] Jedes hundertste erste Token
   *[itl] Jedes hundertste Token
} braucht mehr als das { $ratio }-Fache des Medians
effect-too-wide = { $metric ->
    [ttft] Die meisten Antworten beginnen schnell, aber einige Kunden warten auf ihre viel länger als die anderen.
   *[itl] Die meisten Antworten fließen, aber immer wieder stockt eine mittendrin.
}
detail-too-wide = 99. Perzentil { $p99_ms }, das { $ratio }-Fache des Medians von { $p50_ms }

problem-wide = { $metric ->
    [ttft] Jedes hundertste erste Token
   *[itl] Jedes hundertste Token
} braucht mehr als das { $ratio }-Fache des Medians
effect-wide = { $metric ->
    [ttft] Die meisten Antworten beginnen schnell, aber einige Kunden warten auf ihre länger als die anderen.
   *[itl] Die meisten Antworten fließen, aber ab und zu stockt eine mittendrin.
}
detail-wide = 99. Perzentil { $p99_ms }, das { $ratio }-Fache des Medians von { $p50_ms }

found-close = 99. Perzentil { $p99_ms }, das { $ratio }-Fache des Medians von { $p50_ms }
found-few-values = zu wenige Werte für das 99. Perzentil ({ $values_count } gezählt)
found-no-low-load = kein Lasttest hatte eine geringe Last neben einem mit hoher Last: an der Grenze bestimmt die Warteschlange die langsamsten Anfragen
found-needs-load-test = nur ein Lasttest vergleicht Anfragen gleicher Länge: { $reason }
found-no-calm-server = { $reason }, und kein Server meldete seine Latenz, während nichts wartete
