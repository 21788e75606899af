title = Die Energiehinweise an die CPUs begünstigen Leistung
why = Wo die Hardware den Takt setzt, entscheidet dieser Hinweis und nicht der Governor, wie schnell der Takt steigt, wenn Arbeit eintrifft.
effect = Wenn Arbeit eintrifft, steigt der Takt später, als er könnte; Antworten beginnen dadurch später, vor allem bei geringer und mittlerer Last.
applicability = Physische Maschinen; selten virtuelle Maschinen; Container lesen die Einstellung des Hosts; Intel-CPUs mit Hardware-P-States, AMD-CPUs mit CPPC im aktiven Modus
expected-effect = Über die Zahlen zum Governor hinaus ist nichts veröffentlicht.

limit-saving-bias = Energy Performance Bias, über dem Stromsparen zuerst kommt
limit-saving-bias-applies = CPUs mit Energy Performance Bias
limit-saving-bias-source = Linux: ENERGY_PERF_BIAS_NORMAL_POWERSAVE ist 7, eine normale Einstellung; ENERGY_PERF_BIAS_BALANCE_POWERSAVE ist 8

problem-saving = Die Energiepräferenz von { $cpus_count ->
    [one] { $cpus_count } CPU
   *[other] { $cpus_count } CPUs
} ist Stromsparen
detail-saving = Energiepräferenz `{ $preference }` lässt die Hardware zuerst Strom sparen

problem-balanced = { $cpus_count ->
    [one] { $cpus_count } CPU verzichtet
   *[other] { $cpus_count } CPUs verzichten
} auf Geschwindigkeit, um Strom zu sparen
detail-balanced = Energiepräferenz `{ $preference }` lässt die Hardware auf etwas Geschwindigkeit verzichten, um Strom zu sparen

problem-firmware = Die Firmware entscheidet, wie { $cpus_count ->
    [one] { $cpus_count } CPU zwischen Geschwindigkeit und Stromverbrauch abwägt
   *[other] { $cpus_count } CPUs zwischen Geschwindigkeit und Stromverbrauch abwägen
}
detail-firmware = Energiepräferenz `{ $preference }` überlässt der Firmware die Abwägung

problem-bias-saving = Energy Bias { $bias } stellt bei { $cpus_count ->
    [one] { $cpus_count } CPU
   *[other] { $cpus_count } CPUs
} Stromsparen an die erste Stelle
detail-bias-saving = Energy Bias { $bias } von 15 lässt die Hardware zuerst Strom sparen

problem-bias-balanced = Energy Bias { $bias } kostet { $cpus_count ->
    [one] { $cpus_count } CPU
   *[other] { $cpus_count } CPUs
} Geschwindigkeit
detail-bias-balanced = Energy Bias { $bias } von 15 lässt die Hardware auf etwas Geschwindigkeit verzichten, um Strom zu sparen

found-speed = Energiepräferenz `{ $preference }` verlangt von der Hardware Geschwindigkeit
problem-bias-beside = Der Energy Bias ist gesetzt, wirkt hier aber nicht
detail-bias-beside = Energy Bias { $bias } von 15, den die Hardware nicht beachtet: Die Energiepräferenz entscheidet
found-bias-speed = Energy Bias 0 verlangt von der Hardware Geschwindigkeit
found-no-hints = weder der Frequenztreiber noch die CPU nimmt eine Energiepräferenz an
found-no-preference = keine Energiepräferenz auf einer physischen Maschine gefunden: { $reason }
found-virtual = virtuelle Maschine ({ $virtualization }) ohne Energiepräferenz: den Anbieter fragen
