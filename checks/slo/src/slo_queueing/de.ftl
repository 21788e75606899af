title = Warteschlange, Preemption und Druck auf den Cache sind im Griff
why = Wo Anfragen auf ausgelastete GPUs oder auf Platz im KV-Cache warten, wächst die Latenz mit jeder weiteren Anfrage, und keine Einstellung des Hosts hilft.
effect = Antworten beginnen später oder stocken, und jede weitere Anfrage verschlimmert es.
applicability = Server mit Metriken
expected-effect = Für sich allein keiner: es unterscheidet ein Problem des Hosts von zu wenigen GPUs.
caveat = Vor weiteren Replikaten: `--gpu-memory-utilization` von vLLM gibt dem KV-Cache mehr Speicher, mit `--max-num-seqs` teilen ihn sich weniger Anfragen, und ein auf mehr GPUs verteiltes Modell lässt auf jeder mehr Speicher frei.

limit-some-wait = Anteil der Abfragen mit wartenden Anfragen, ab dem gewarnt wird
limit-some-wait-applies = Server mit Metriken
limit-some-wait-source = unser Vorschlag

limit-many-wait = Anteil der Abfragen mit wartenden Anfragen, über dem die Prüfung fehlschlägt
limit-many-wait-applies = Server mit Metriken, bei einer üblichen Spitze
limit-many-wait-source = unser Vorschlag

limit-cache-high = 95. Perzentil der Nutzung des KV-Caches, ab dem gewarnt wird
limit-cache-high-applies = Server mit Metriken
limit-cache-high-source = unser Vorschlag

limit-cache-full = 95. Perzentil der Nutzung des KV-Caches, über dem die Prüfung fehlschlägt
limit-cache-full-applies = Server mit Metriken
limit-cache-full-source = unser Vorschlag: die nächste lange Anfrage verdrängt eine andere

problem-many-wait = Anfragen warten { $waited } der Zeit auf den Server
effect-many-wait = Antworten beginnen spät, da Anfragen oft warten, bevor der Server mit ihnen beginnt. { $gpus_are ->
    [busy] Die GPUs sind ausgelastet: mit mehr Last kommen Antworten immer später, und nur mehr Kapazität oder weniger Last hilft.
    [gaps] Die GPUs haben noch Luft, mehr davon würden also nicht helfen, solange der Host sie warten lässt.
   *[unknown] Ob der Host oder zu wenige GPUs sie warten lassen, ist nicht bekannt, da nicht aufgezeichnet wurde, wie ausgelastet die GPUs waren.
}
detail-many-wait = Anfragen warteten in { $waited_count } von { $scrapes_count ->
    [one] { $scrapes_count } Abfrage
   *[other] { $scrapes_count } Abfragen
}{ $gpus_are ->
    [busy] {"; die GPUs waren ausgelastet"}
    [gaps] {"; eine GPU war nicht ganz ausgelastet"}
   *[unknown] {""}
}

problem-some-wait = Anfragen warten { $waited } der Zeit auf den Server
effect-some-wait = Manche Antworten beginnen spät, da Anfragen zeitweise warten, bevor der Server mit ihnen beginnt. { $gpus_are ->
    [busy] Die GPUs sind ausgelastet: mit mehr Last kommen Antworten immer später, und nur mehr Kapazität oder weniger Last hilft.
    [gaps] Die GPUs haben noch Luft, mehr davon würden also nicht helfen, solange der Host sie warten lässt.
   *[unknown] Ob der Host oder zu wenige GPUs sie warten lassen, ist nicht bekannt, da nicht aufgezeichnet wurde, wie ausgelastet die GPUs waren.
}
detail-some-wait = Anfragen warteten in { $waited_count } von { $scrapes_count ->
    [one] { $scrapes_count } Abfrage
   *[other] { $scrapes_count } Abfragen
}{ $gpus_are ->
    [busy] {"; die GPUs waren ausgelastet"}
    [gaps] {"; eine GPU war nicht ganz ausgelastet"}
   *[unknown] {""}
}

problem-preempts = Der Server unterbrach { $preemptions_count ->
    [one] einmal
   *[other] { $preemptions_count }-mal
} Anfragen, weil der KV-Cache nicht reichte
effect-preempts = Begonnene Antworten stocken und werden neu berechnet: Kunden sehen Pausen, und GPU-Zeit wird doppelt aufgewendet.
detail-preempts = { $preemptions_count ->
    [one] { $preemptions_count } Preemption
   *[other] { $preemptions_count } Preemptions
} mangels KV-Cache in { $seconds }

problem-cache-full = Der KV-Cache des Servers ist voll ({ $used_share })
effect-cache-full = Die nächste lange Anfrage unterbricht eine andere oder muss warten; Antworten stocken oder beginnen spät.
detail-cache-full = der KV-Cache war im 95. Perzentil zu { $used_share } genutzt

problem-cache-high = Der KV-Cache des Servers ist fast voll ({ $used_share })
effect-cache-high = Mit etwas mehr Last oder längeren Anfragen stocken Antworten oder beginnen spät.
detail-cache-high = der KV-Cache war im 95. Perzentil zu { $used_share } genutzt

found-calm = Anfragen warteten in { $waited_count } von { $scrapes_count ->
    [one] { $scrapes_count } Abfrage
   *[other] { $scrapes_count } Abfragen
}, keine wurde verdrängt, und der KV-Cache hat Platz
found-not-asked = kein Server wurde nach seinen Metriken gefragt
found-beyond-limit = alle Lasten gehörten zu einem Sweep und verfehlten dessen Ziele: bei der erwarteten Last messen
found-queue-untold = der Server meldete nicht, wie viele Anfragen warten
found-no-requests = der Server hatte keine Anfragen: während des Betriebs sammeln
found-preemptions-untold = der Server zählte keine Preemptions
found-cache-untold = der Server meldete die Nutzung des KV-Caches nicht
