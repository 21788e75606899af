title = Die Speicherkanäle sind gleichmäßig und voll bestückt und laufen mit Nenngeschwindigkeit
why = Die Hälfte der Kanäle ist die Hälfte der Bandbreite des Host-Speichers; das spüren ausgelagerte Gewichte und KV-Cache, das Laden und die Tokenisierung bei vielen gleichzeitigen Anfragen.
effect = Ein Teil der bezahlten Speicherbandbreite fehlt; der Start eines Modells, das Auslagern und viele gleichzeitige Anfragen dauern dadurch länger.
applicability = Physische Maschinen; keine virtuellen Maschinen, deren Tabelle erfunden ist; die Tabelle kann nur root lesen
expected-effect = Dell: unausgewogene und fast ausgewogene Bestückungen kosten bis zu 33 % der Speicherbandbreite. Für das Serving von Sprachmodellen ist keine Zahl veröffentlicht.

problem-empty = { $empty_count } von { $channels_count } Speicherkanälen { $empty_count ->
    [one] hat
   *[other] haben
} kein Modul
detail-empty = kein Modul in { $empty_count } von { $channels_count } Kanälen ({ $sockets ->
    [named] je Sockel: { $channels }
   *[unnamed] { $channels }
}){ $gpus ->
    [there] , und dort hängen GPUs
    [elsewhere] ; dort hängt keine GPU
   *[unknown] ; ob dort GPUs hängen, ist nicht bekannt
}

problem-uneven-sockets = Die Sockel haben verschieden viel Speicher: { $totals }
detail-uneven-sockets = die Sockel haben verschieden viel Speicher: { $totals }

problem-uneven-numbers = Die { $channels_count } Speicherkanäle haben verschieden viele Module
detail-uneven-numbers = alle { $channels_count } Kanäle sind belegt, aber mit verschieden vielen Modulen ({ $sizes })

problem-uneven-sizes = Die { $channels_count } Speicherkanäle haben Module verschiedener Größe
detail-uneven-sizes = alle { $channels_count } Kanäle sind belegt, aber mit Modulen verschiedener Größe ({ $sizes })

problem-slow = { $slow_count } von { $modules_count } Speichermodulen { $slow_count ->
    [one] läuft unter seiner Geschwindigkeit
   *[other] laufen unter ihrer Geschwindigkeit
}
detail-slow = { $slow_count } von { $modules_count } Modulen { $slow_count ->
    [one] läuft unter seiner Geschwindigkeit
   *[other] laufen unter ihrer Geschwindigkeit
}, mit { $configured } statt { $rated }: { $why ->
    [shared] zwei Module teilen sich einen Kanal, was auf den meisten Plattformen die Geschwindigkeit senkt
   *[limited] die Grenze des Prozessors oder eine Einstellung der Firmware begrenzt die Geschwindigkeit
}

found-same = alle { $channels_count } Kanäle sind gleich bestückt (je { $modules_count } mit { $sizes }; Sockel: { $sockets_count })
found-full-speed = { $modules_count ->
    [one] { $modules_count } Modul läuft mit voller Geschwindigkeit
   *[other] alle { $modules_count } Module laufen mit voller Geschwindigkeit
}
found-virtual = virtuelle Maschine ({ $hypervisor }): ihre Modultabelle ist erfunden
found-unknown-channel = der Kanal von Slot `{ $slot }` ist nicht bekannt
found-no-slot = die Tabelle nennt keinen Slot
found-no-module = die Tabelle nennt kein Modul
