//! `cpu.uncore-elc`: the uncore clock is not parked low.
//!
//! The uncore of Intel server CPUs (mesh, cache, memory controllers, PCI Express) has limits of its own per domain.
//! The lowest clock that a domain may fall to is its lower limit, or the floor of the efficiency latency control
//! where that is higher: the firmware ignores a lower floor. Which mode the firmware calls the control by, optimised
//! power or latency optimised, no file tells; the floor is its effect. Where the kernel shows both packages and
//! domains, the domains are judged.
//!
//! AMD's data fabric is set in the firmware alone, which no file tells: `not-run`, with what to ask for.

use std::collections::{BTreeMap, BTreeSet};

use plumb_check_sdk::limit::Quantity;
use plumb_check_sdk::{
    Arg, Citation, Confidence, Evidence, Fact, Finding, Intent, Likelihood, Missing, NoVerdict, Object,
};

use crate::host;
use crate::pages::cpu_uncore_elc::{FLOOR, PAGE, words};
use crate::settings::{Settings, number};

const ROOT: &str = "/sys/devices/system/cpu/intel_uncore_frequency";

/// Step of the uncore clock: a reading may be one above the limit.
const STEP_KHZ: u64 = 100_000;

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let is_virtual = host::is_virtual(evidence);
    PAGE.not_applicable_if(is_virtual == Ok(true), words::Virtual {})?;
    let vendor = evidence.get::<String>("/cpu/vendor");
    match vendor.as_deref() {
        Ok("GenuineIntel") | Err(_) => {}
        Ok("AuthenticAMD" | "HygonGenuine") => return Err(words::OnlyFirmware {}.into()),
        Ok(vendor) => return Err(NoVerdict::not_applicable(words::OtherVendor { vendor: vendor.into() })),
    }
    let settings = evidence.settings("power")?;
    let domains = domains(&settings);
    if domains.is_empty() {
        is_virtual?;
        vendor?;
        // The folder itself is named where it could not be listed.
        settings.get(ROOT).map(Fact::require).transpose()?;
        return Err(words::NotShown {}.into());
    }
    let readings = readings(evidence);
    let mut groups: BTreeMap<Verdict, Vec<Judged>> = BTreeMap::new();
    for domain in domains {
        let judged = judge(evidence, &settings, domain, &readings);
        groups.entry(judged.verdict.clone()).or_default().push(judged);
    }
    let unseen = groups.values().flatten().filter(|judged| judged.unseen);
    let unseen: Vec<&str> = unseen.map(|judged| judged.domain.as_str()).collect();
    let mut findings: Vec<Finding> =
        groups.iter().filter_map(|(verdict, group)| finding(verdict, group)).collect();
    if !unseen.is_empty() {
        let object = Object::setting(format!("uncore {} under load", unseen.join(", ")));
        findings.push(match readings {
            Ok(_) => PAGE.not_run(object, words::Unread {}),
            Err(missing) => PAGE.not_run(object, words::UnknownLoad { reason: Arg::from(&missing) }),
        });
    }
    Ok(findings)
}

/// Domains that can be judged, which are folders with files: the finest that the kernel shows.
fn domains(settings: &Settings) -> BTreeSet<&str> {
    let all: BTreeSet<&str> = settings
        .keys()
        .filter_map(|path| Some(path.strip_prefix(ROOT)?.strip_prefix('/')?.split_once('/')?.0))
        .collect();
    let fine: BTreeSet<&str> = all.iter().copied().filter(|name| name.starts_with("uncore")).collect();
    if fine.is_empty() { all } else { fine }
}

/// Clocks at each reading under load, by path.
fn readings(evidence: &Evidence<'_>) -> Result<BTreeMap<String, Vec<String>>, Missing> {
    let values = evidence.get("/window/values/power")?;
    evidence.under_load()?;
    Ok(values)
}

/// What was found of a domain; domains of which the same was found are told together. Clocks in kHz.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Stayed { lowest: u64, highest: u64 },
    MayFall { lowest: u64, highest: u64 },
    High { lowest: u64, highest: u64 },
    Missing(Missing),
}

struct Judged {
    verdict: Verdict,
    domain: String,
    evidence: Vec<Citation>,
    /// What would mend it.
    raised: Option<Intent>,
    /// True where the clock under load would have told more.
    unseen: bool,
}

type Readings = Result<BTreeMap<String, Vec<String>>, Missing>;

fn judge(evidence: &Evidence<'_>, settings: &Settings, domain: &str, readings: &Readings) -> Judged {
    let told = |verdict, evidence| Judged {
        verdict,
        domain: domain.to_owned(),
        evidence,
        raised: None,
        unseen: false,
    };
    let path = |file: &str| format!("{ROOT}/{domain}/{file}");
    let khz = |file: &str| number(settings, &path(file)).map(|(value, _)| value);
    let (lower, highest) = match (khz("min_freq_khz"), khz("max_freq_khz")) {
        (Ok(lower), Ok(upper)) => (lower, upper),
        (Err(missing), _) | (_, Err(missing)) => return told(Verdict::Missing(missing), Vec::new()),
    };
    let floor = khz("elc_floor_freq_khz").ok();
    let lowest = lower.max(floor.unwrap_or(0));
    let mut cited = vec![
        Citation::new(path("min_freq_khz"), lower.to_string()),
        Citation::new(path("max_freq_khz"), highest.to_string()),
    ];
    cited.extend(floor.map(|floor| Citation::new(path("elc_floor_freq_khz"), floor.to_string())));
    let share = Quantity::new(100.0 * lowest as f64 / highest.max(1) as f64);
    if !evidence.limit(&PAGE, &FLOOR).is_undercut_by(share) {
        return told(Verdict::High { lowest, highest }, cited);
    }
    let raised =
        Some(Intent::Value { path: path("min_freq_khz"), want: highest.to_string(), was: lower.to_string() });
    let current = path("current_freq_khz");
    let seen = readings.as_ref().ok().and_then(|values| values.get(&current));
    let clocks: Option<Vec<u64>> =
        seen.map(|texts| texts.iter().filter_map(|text| text.trim().parse().ok()).collect());
    match clocks {
        Some(clocks) if !clocks.is_empty() && clocks.iter().all(|&clock| clock <= lowest + STEP_KHZ) => {
            let texts: Vec<String> = clocks.iter().map(u64::to_string).collect();
            cited.push(Citation::new(current, format!("{} at the readings", texts.join(", "))));
            Judged { raised, ..told(Verdict::Stayed { lowest, highest }, cited) }
        }
        clocks => Judged {
            raised,
            unseen: clocks.is_none_or(|clocks| clocks.is_empty()),
            ..told(Verdict::MayFall { lowest, highest }, cited)
        },
    }
}

fn finding(verdict: &Verdict, group: &[Judged]) -> Option<Finding> {
    let first = group.first()?;
    let names: Vec<&str> = group.iter().map(|judged| judged.domain.as_str()).collect();
    let object = Object::setting(format!("uncore {}", names.join(", ")));
    let mhz = |khz: &u64| Arg::quantity((khz / 1000) as f64, "MHz", 0);
    let finding = match verdict {
        Verdict::Stayed { lowest, highest } => PAGE
            .fail(object, words::Stayed { lowest: mhz(lowest), highest: mhz(highest) })
            .with_likelihood(Likelihood::Mechanism),
        Verdict::MayFall { lowest, highest } => PAGE
            .warn(object, words::MayFall { lowest: mhz(lowest), highest: mhz(highest) })
            .with_likelihood(Likelihood::Setting),
        Verdict::High { lowest, highest } => {
            PAGE.pass(object, words::High { lowest: mhz(lowest), highest: mhz(highest) })
        }
        Verdict::Missing(missing) => return Some(PAGE.missing(object, missing)),
    };
    let finding = finding
        .with_confidence(Confidence::Low)
        .with_intents(group.iter().filter_map(|judged| judged.raised.clone()));
    Some(finding.with_citations(first.evidence.clone()))
}
