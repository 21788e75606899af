title = Turbo ist an, und der Takt ist nicht begrenzt
why = Die Geschwindigkeit eines einzelnen Threads, des Schedulers, bestimmt die kürzeste Dauer eines Schritts. Eine Begrenzung auf den Basistakt nimmt auf x86-Servern 20 bis 40 % davon weg, das Verhältnis von Basistakt zu Turbo.
effect = Die Threads, die die GPUs versorgen, arbeiten langsamer, als der Prozessor es erlaubt; jeder Schritt einer Antwort dauert dadurch länger.
applicability = Physische Maschinen; keine virtuellen Maschinen; CPUs aller Hersteller
expected-effect = Für Sprachmodelle ist keine Zahl veröffentlicht. Das Verhältnis der gemessenen Takte ist eine obere Grenze.

limit-boost-gain = Gewinn der Boost-Stufen gegenüber den nominalen, ab dem ein ausgeschalteter Boost zählt
limit-boost-gain-applies = CPUs außer x86, deren Firmware ihre Leistungsstufen nennt (CPPC)
limit-boost-gain-source = unser Vorschlag: Ein Gewinn von wenigen Prozent ist in der Latenz eines Dienstes nicht zu sehen

limit-power-limit = Leistungsgrenze eines Packages als Anteil seiner thermischen Auslegungsleistung
limit-power-limit-applies = Packages, deren Leistungsgrenze der Kernel zeigt (Intel RAPL)
limit-power-limit-source = unser Vorschlag: Weniger als die ganze ist eine Begrenzung; ein Prozent bleibt der groben Einheit des Registers

problem-off = Turbo ist aus; keine CPU läuft schneller als mit ihrem Basistakt
detail-off = Turbo ist aus: Keine CPU läuft schneller als mit ihrem Basistakt

problem-boost-off = Boost ist aus, das kostet bis zu { $gain } Geschwindigkeit
detail-boost-off = Boost ist aus: Der Frequenztreiber hält die Takte zurück, die er als Boost kennzeichnet, auf den CPUs { $cpus } bis zu { $gain } über der nominalen Stufe

problem-capped = { $cpus_count ->
    [one] { $cpus_count } CPU ist
   *[other] { $cpus_count } CPUs sind
} auf { $limit } begrenzt
detail-capped = begrenzt auf { $limit }, { $share } der { $highest }, die der Treiber bietet

problem-limited-range = Treiber `intel_pstate` ist auf { $range } seines Bereichs begrenzt
detail-limited-range = `intel_pstate` ist auf { $range } seines Bereichs begrenzt

problem-power-limit = Die Leistungsgrenze von { $package } liegt unter der Auslegungsleistung
effect-power-limit = Unter voller Last wird der Prozessor langsamer, bevor er die Leistung aufnimmt, für die er gebaut ist; Antworten dauern dann länger.
detail-power-limit = langfristige Leistungsgrenze { $limit }, thermische Auslegungsleistung { $design }: Das Package wird langsamer, bevor es voll genutzt ist

found-no-zones = kein Leistungslimit eines Packages gelesen: Dem Kernel fehlt der Treiber, oder `/sys/class/powercap` wurde nicht aufgezeichnet
found-on = Turbo ist an
problem-little-gain = Boost ist aus und brächte höchstens { $gain }
detail-little-gain = Boost ist aus, aber die höchste Stufe liegt höchstens { $gain } über der nominalen (CPUs { $cpus }): Es gibt wenig zu gewinnen
found-gain-unknown = Boost ist aus; wie viel das zurückhält, ist nicht bekannt: { $reason }
problem-without-switch = Der Frequenztreiber hat keinen Schalter für Turbo
detail-without-switch = der Frequenztreiber dieser CPUs hat keinen Schalter für Turbo
found-hidden-switch = der Frequenztreiber zeigt keinen Schalter für Turbo: in der Firmware nachsehen
found-uncapped = darf mit { $limit } laufen, so schnell, wie der Treiber es anbietet
found-whole-range = `intel_pstate` hat seinen ganzen Bereich
found-design-power = langfristige Leistungsgrenze { $limit }, thermische Auslegungsleistung { $design }
problem-not-enforced = Die Leistungsgrenze eines Packages wird nicht durchgesetzt
detail-not-enforced = die Leistungsgrenze des Packages wird nicht durchgesetzt
found-no-design-power = { $package } nennt seine thermische Auslegungsleistung nicht
found-no-scaling = keine Frequenzsteuerung auf einer physischen Maschine gefunden: { $reason }
found-virtual = virtuelle Maschine ({ $virtualization }) ohne Frequenzsteuerung: den Anbieter fragen
