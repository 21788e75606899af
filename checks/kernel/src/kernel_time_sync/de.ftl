title = Uhren sind synchronisiert
why = Nachweisen über Dienstgüte, Traces und Abrechnungen über mehrere Knoten hinweg ist sonst nicht zu trauen.
effect = Zeiten von diesem und von anderen Knoten passen nicht zusammen: Berichte über Dienstgüte, Traces über mehrere Knoten und darauf beruhende Abrechnungen können falsch sein.
applicability = Physische und virtuelle Maschinen; ein Container hat die Uhr seines Hosts
expected-effect = Güte der Messungen, keine Geschwindigkeit.

limit-off = Fehler der Uhr, merklich
limit-off-applies = alle Knoten
limit-off-source = unser Vorschlag: so lang wie eine Latenz zwischen Tokens

limit-wrong = Fehler der Uhr, zu groß
limit-wrong-applies = alle Knoten
limit-wrong-source = unser Vorschlag: so lang wie eine Zeit bis zum ersten Token

problem-unsynchronised = Die Uhr dieses Knotens wird nicht synchronisiert
effect-unsynchronised = Die Uhr dieses Knotens weicht unbemerkt immer weiter von den anderen ab: Berichten über Dienstgüte, Traces über mehrere Knoten und Abrechnungen mit ihren Zeiten ist nicht zu trauen.
detail-unsynchronised = nach Auskunft des Kernels stellt sie weder ein Zeitdienst noch der Hypervisor

problem-off = Die Uhr dieses Knotens kann um { $error_ms } falsch gehen
detail-off = synchronisiert, geht aber nach Kenntnis des Kernels bis zu { $error_ms } falsch

problem-one-source = Die Uhr dieses Knotens hängt allein an `{ $name }`
effect-one-source = Ist diese Quelle falsch oder antwortet sie nicht, geht die Uhr dieses Knotens unbemerkt falsch, und Berichte, die auf ihren Zeiten beruhen, sind es ebenfalls.
detail-one-source = neben { $name } gibt es keine zweite Quelle

found-synchronised = synchronisiert, geht nach Kenntnis des Kernels bis zu { $error_ms } falsch
found-sources = { $names }
problem-no-source = Keine Zeitquelle ist eingerichtet
detail-no-source = keine ist eingerichtet; ein Daemon verwendet möglicherweise eingebaute
problem-no-configuration = Keine Konfiguration eines Zeitdienstes wurde gefunden
detail-no-configuration = keine Konfiguration eines Zeitdienstes gefunden, den Plumb kennt
