//! The clock: adjtimex(2), which the collector asks, and the configuration of chrony, ntpd and systemd-timesyncd.

use crate::bundle::{Bundle, CLOCK_NAME};
use crate::fact::{Absence, Missing};
use crate::model::{Clock, KernelClock, TimeSource};
use crate::source::Source;

/// Configuration files with one directive a line (chrony.conf(5), ntp.conf(5)).
pub const FILES: [&str; 4] =
    ["/etc/chrony.conf", "/etc/chrony/chrony.conf", "/etc/ntp.conf", "/etc/ntpsec/ntp.conf"];
/// Folders of pieces of the same form; DHCP and clouds put theirs into the last.
pub const FOLDERS: [&str; 5] =
    ["/etc/chrony.d", "/etc/chrony/conf.d", "/etc/chrony/sources.d", "/run/chrony.d", "/run/chrony-dhcp"];
/// Configuration of systemd-timesyncd (timesyncd.conf(5)).
pub const TIMESYNCD: [&str; 2] = ["/etc/systemd/timesyncd.conf", "/run/systemd/timesyncd.conf"];

pub(crate) fn derive(bundle: &Bundle) -> Result<Clock, Missing> {
    Ok(Clock { kernel: kernel(bundle).into(), sources: sources(bundle).into() })
}

fn kernel(bundle: &Bundle) -> Result<KernelClock, Missing> {
    let bytes = bundle.api(CLOCK_NAME, "clock")?;
    serde_json::from_slice(bytes)
        .map_err(|error| Missing::new(Absence::Malformed, format!("{CLOCK_NAME}: {error}")))
}

fn sources(source: &impl Source) -> Result<Vec<TimeSource>, Missing> {
    let mut all = Vec::new();
    let mut files = 0;
    let mut unrecorded = None;
    let mut note = |why: &Missing| {
        if !why.is_absent() && unrecorded.is_none() {
            unrecorded = Some(why.clone());
        }
    };
    let mut read = |path: String, add: fn(&str, &str, &mut Vec<TimeSource>)| match source.text(&path) {
        Ok(text) => {
            files += 1;
            add(&path, &text, &mut all);
            Ok(())
        }
        Err(why) if why.is_nothing() => {
            note(&why);
            Ok(())
        }
        Err(why) => Err(why),
    };
    for path in FILES {
        read(path.to_owned(), directives)?;
    }
    for folder in FOLDERS {
        let names = match source.list(folder) {
            Ok(names) => names,
            Err(why) if why.is_nothing() => Vec::new(),
            Err(why) => return Err(why),
        };
        for name in names {
            read(format!("{folder}/{name}"), directives)?;
        }
    }
    for path in TIMESYNCD {
        read(path.to_owned(), timesyncd)?;
    }
    if files == 0 {
        if let Some(why) = unrecorded {
            return Err(why);
        }
        return Err(Missing::new(
            Absence::Absent,
            "no configuration of a time daemon that Plumb knows was found",
        ));
    }
    Ok(all)
}

/// `server NAME …`, `pool NAME …`, `peer NAME …`, `refclock DRIVER …`; chrony takes any case.
fn directives(path: &str, text: &str, all: &mut Vec<TimeSource>) {
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let (Some(kind), Some(name)) = (words.next(), words.next()) else { continue };
        let kind = kind.to_ascii_lowercase();
        if ["server", "pool", "peer", "refclock"].contains(&kind.as_str()) {
            all.push(TimeSource { path: path.to_owned(), kind, name: name.to_owned() });
        }
    }
}

/// `NTP=NAME NAME …`
fn timesyncd(path: &str, text: &str, all: &mut Vec<TimeSource>) {
    for line in text.lines() {
        let names = line.trim().strip_prefix("NTP=").unwrap_or_default();
        all.extend(names.split_whitespace().map(|name| TimeSource {
            path: path.to_owned(),
            kind: "server".to_owned(),
            name: name.to_owned(),
        }));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn directives_are_told_from_comments() {
        let mut all = Vec::new();
        let text = "# server no.example.org\nPool 2.debian.pool.ntp.org iburst\nserver 169.254.169.123 \
             prefer\n!pool x\n\
                    refclock PHC /dev/ptp0 poll 3\ndriftfile /var/lib/chrony/drift\nserver";
        directives("/etc/chrony.conf", text, &mut all);
        timesyncd(
            "/etc/systemd/timesyncd.conf",
            "[Time]\n#NTP=\nNTP=a.example.org b.example.org\n",
            &mut all,
        );
        let seen: Vec<(&str, &str)> = all.iter().map(|s| (s.kind.as_str(), s.name.as_str())).collect();
        assert_eq!(
            seen,
            [
                ("pool", "2.debian.pool.ntp.org"),
                ("server", "169.254.169.123"),
                ("refclock", "PHC"),
                ("server", "a.example.org"),
                ("server", "b.example.org")
            ]
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*|((server|pool|NTP=)[ a-z]{0,9}\n){0,6}") {
            let mut all = Vec::new();
            directives("/x", &text, &mut all);
            timesyncd("/x", &text, &mut all);
        }
    }
}
