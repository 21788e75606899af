title = Kritische Threads laufen wirklich mit hohem Takt
why = Einstellungen können richtig aussehen, während Leistungsaufnahme, Wärme oder Firmware den Takt niedrig halten. Nur der Takt unter Last zeigt es.
effect = Die Threads, die die GPUs versorgen, laufen langsamer, als der Prozessor es könnte; Antworten dauern dadurch länger als nötig.
applicability = Physische Maschinen; virtuelle Maschinen mit geringer Sicherheit, wo sie einen Takt zeigen; Container lesen den des Hosts
expected-effect = Zur Einordnung: Bei kleinen Batches begrenzt der Host die Inferenz, und die Geschwindigkeit eines Threads bestimmt die Latenz; bei einem GH200 bleibt das bis zu viermal so großen Batches so wie bei x86-Hosts. Für einen zu niedrigen Takt ist keine Zahl veröffentlicht.

limit-high-clock = Takt unter Last als Anteil des höchsten Takts, der genügt
limit-high-clock-applies = CPUs mit Turbo und wenigen beschäftigten Kernen
limit-high-clock-source = unser Vorschlag: Die Stufen für einen oder zwei aktive Kerne liegen näher beieinander

limit-low-clock = Takt unter Last als Anteil des höchsten Takts, unter dem etwas ihn begrenzt
limit-low-clock-applies = CPUs mit Turbo und wenigen beschäftigten Kernen
limit-low-clock-source = unser Vorschlag: unter dem All-Core-Turbo heutiger Server-CPUs

limit-few-busy = Anteil beschäftigter CPUs, bis zu dem jede den höchsten Takt erreichen kann
limit-few-busy-applies = CPUs mit Turbo
limit-few-busy-source = unser Vorschlag: Die Turbotabellen heutiger Server-CPUs fallen jenseits von etwa einem Kern in acht

limit-critical = CPU-Zeit eines Threads, ab der er kritisch ist
limit-critical-applies = Threads von Inferenzservern
limit-critical-source = unser Vorschlag: Threads, die planen, Kernel starten oder Anfragen bedienen, brauchen unter Last mehr

problem-slow = CPU { $cpu } lief unter Last mit { $share } ihres höchsten Takts
detail-slow = CPU { $cpu }, die langsamste, lief unter Last mit { $clock }, { $share } der erreichbaren { $highest }

problem-below-base = CPU { $cpu } lief unter Last langsamer als ihr Basistakt
detail-below-base = CPU { $cpu }, die langsamste, lief unter Last mit { $clock }, { $share } der erreichbaren { $highest }, und damit unter ihrem Basistakt von { $base }

problem-below-base-alone = CPU { $cpu } lief unter Last langsamer als ihr Basistakt
detail-below-base-alone = CPU { $cpu }, die langsamste, lief unter Last mit { $clock }, unter ihrem Basistakt von { $base }; ihr höchster Takt ist nicht bekannt

found-fast = CPU { $cpu }, die langsamste, lief unter Last mit { $clock }, { $share } der erreichbaren { $highest }
found-no-highest = CPU { $cpu }, die langsamste, lief unter Last mit { $clock }; ihr höchster Takt ist nicht bekannt
found-all-core-turbo = CPU { $cpu }, die langsamste, lief unter Last mit { $clock }, { $share } der erreichbaren { $highest }: Bei so vielen beschäftigten CPUs ist der All-Core-Turbo der Maßstab, den keine Datei des Knotens nennt
found-unknown-busy = CPU { $cpu }, die langsamste, lief unter Last mit { $clock }, { $share } der erreichbaren { $highest }: Wie viele CPUs beschäftigt waren, ist nicht bekannt: { $reason }
found-not-counted = für sie wurde kein Takt gezählt
found-not-always-busy = ihr Takt wird nicht gezählt, und sie waren nicht die ganze Zeit beschäftigt, sodass der Takt eines Augenblicks nichts sagt
found-no-busy-thread = kein Thread eines Inferenzservers war beschäftigt (alle zusammen nutzten { $load } einer CPU): erheben, während der Dienst läuft
found-no-scaling = keine Frequenzsteuerung auf einer physischen Maschine gefunden: { $reason }
found-virtual = virtuelle Maschine ({ $virtualization }) ohne Frequenzsteuerung: den Anbieter fragen
