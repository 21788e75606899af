title = Debug- und Härtungsoptionen, die Leistung kosten, sind bekannt
why = Ein Kernel, der zur Fehlersuche gebaut wurde, kostet viel: KASAN prüft jeden Speicherzugriff, KMSAN verfolgt Speicher ohne Wert, KCSAN sucht Wettläufe, KCOV zeichnet jede Verzweigung auf, PROVE_LOCKING und DEBUG_LOCK_ALLOC prüfen jede Verwendung eines Locks, LOCK_STAT misst sie, `slub_debug` prüft jede Anforderung von Speicher, `debug_pagealloc` blendet jede freie Seite aus, `page_poison` überschreibt sie, `page_owner` zeichnet auf, wer sie angefordert hat, kmemleak sucht Speicherlecks. Speicher beim Anfordern zu löschen kostet wenig und ist eine Entscheidung der Sicherheit.
effect = Im Betrieb läuft eine Fassung des Systems zur Fehlersuche: Alles, was der Dienst vom Kernel verlangt, dauert länger als nötig; Antworten kommen später, und die Maschine bedient weniger Anfragen.
applicability = Physische und virtuelle Maschinen; ein Container hat den Kernel seines Hosts
expected-effect = Für Sprachmodelle ist keine Zahl veröffentlicht.

problem-debug-release = Der laufende Kernel `{ $release }` ist ein Debug-Kernel
detail-debug-release = `{ $release }` ist ein Debug-Kernel

problem-debug-build = Der Kernel wurde mit { $options_count ->
    [one] { $options_count } Debug-Option
   *[other] { $options_count } Debug-Optionen
} gebaut
detail-debug-build = mit { $options }; { $checks ->
    [DEBUG_KMEMLEAK] die Option sucht Speicherlecks
    [DEBUG_LOCK_ALLOC] die Option prüft jede Verwendung eines Locks
    [DEBUG_PAGEALLOC_ENABLE_DEFAULT] die Option blendet jede freie Seite aus
    [KASAN] die Option prüft jeden Speicherzugriff
    [KCOV] die Option zeichnet jede Verzweigung auf
    [KCSAN] die Option sucht Wettläufe
    [KMSAN] die Option verfolgt Speicher ohne Wert
    [LOCK_STAT] die Option misst jedes Lock
    [PROVE_LOCKING] die Option beweist jede Verwendung eines Locks
    [SLUB_DEBUG_ON] die Option prüft jede Anforderung von Speicher
   *[several] diese Optionen prüfen oder protokollieren, was der Kernel im Betrieb tut
}

problem-debug-arguments = { $arguments_count ->
    [one] { $arguments_count } Bootargument schaltet
   *[other] { $arguments_count } Bootargumente schalten
} Prüfungen des Kernels ein
effect-debug-arguments = Der Kernel prüft oder protokolliert im Betrieb seinen eigenen Umgang mit Speicher: Was der Dienst von ihm verlangt, dauert länger als nötig, und Antworten kommen später.
detail-debug-arguments = { $arguments } { $checks ->
    [debug_pagealloc] blendet jede freie Seite aus
    [kmemleak] sucht Speicherlecks
    [page_owner] zeichnet auf, wer jede Seite anfordert
    [page_poison] überschreibt jede freie Seite
    [slub_debug] prüft jede Anforderung von Speicher
   *[several] lassen den Kernel seinen eigenen Umgang mit Speicher prüfen oder protokollieren
}

problem-real-time = Der Kernel `{ $release }` ist ein Echtzeitkernel
detail-real-time = `{ $release }` ist ein Echtzeitkernel: Er antwortet im schlimmsten Fall früher und schafft in derselben Zeit weniger Arbeit
found-no-debug-release = `{ $release }` ist nicht als Debug-Kernel gekennzeichnet
found-no-debug-build = ohne Optionen, die den Kernel im Betrieb prüfen
found-no-debug-arguments = keines schaltet Prüfungen des Kernels ein
found-unknown-option = es ist nicht bekannt, ob { $option } gesetzt ist
problem-cleared = Der Kernel löscht Speicher, bevor er ihn vergibt
detail-cleared = Speicher, den der Kernel vergibt, wird vorher gelöscht
problem-cleared-by-default = Der Kernel löscht Speicher, bevor er ihn vergibt
detail-cleared-by-default = Speicher, den der Kernel vergibt, wird nach Voreinstellung dieses Kernels vorher gelöscht; `init_on_alloc=0` würde das sparen und die Sicherheit verringern
problem-not-cleared = Der Kernel löscht Speicher nicht, bevor er ihn vergibt
detail-not-cleared = Speicher, den der Kernel vergibt, wird vorher nicht gelöscht
