//! The engagement file: what the client says about the workload, the objectives and the prices, which thresholds the
//! audit replaces, and which deviations are accepted.
//!
//! Strict: an unknown key, a missing reason or a date that is none is an error that names the line. A typing mistake in
//! such a file must not change a grade in silence.

use std::collections::BTreeMap;

use plumb_evidence::model::{
    Demand, Engagement, Policy, Prices, ServiceLevel, ThresholdOverride, WorkloadTrait,
};
use plumb_evidence::{Evidence, Fact};
use serde::Deserialize;
use thiserror::Error;
use time::Date;

use crate::assess::Terms;
use crate::policy;
use crate::profile::Platform;
use crate::waiver::{Waiver, parse_date};

/// Version of the file that this code reads.
pub const ENGAGEMENT_SCHEMA: u32 = 1;

/// A fault of an engagement file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{file}{}: {}{problem}", place(*.line), named(.key))]
pub struct EngagementError {
    /// Name of the file, as it was given.
    pub file: String,
    /// Line, from 1.
    pub line: Option<usize>,
    /// The key at fault, with its table (`waiver.expires`); empty where the file as a whole is.
    pub key: String,
    /// What is wrong, and what to write instead.
    pub problem: String,
}

fn place(line: Option<usize>) -> String {
    line.map(|line| format!(":{line}")).unwrap_or_default()
}

fn named(key: &str) -> String {
    if key.is_empty() { String::new() } else { format!("`{key}`: ") }
}

/// What an engagement file says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EngagementFile {
    /// Workload, objectives, demand and prices.
    pub engagement: Engagement,
    /// Thresholds that are replaced.
    pub policy: Policy,
    /// Deviations that are accepted.
    pub waivers: Vec<Waiver>,
    /// The platform, where the client says otherwise than the evidence.
    pub platform: Option<Platform>,
}

impl EngagementFile {
    /// Reads the text of an engagement file; `file` is its name, for errors.
    ///
    /// # Errors
    /// If the text is no TOML, has a key that is not known, lacks one that is needed, or has a value that cannot be.
    pub fn parse(file: &str, text: &str) -> Result<Self, EngagementError> {
        let source = Source { file, text };
        // The version comes first: a later one may have other keys.
        let schema: Versioned = toml::from_str(text).map_err(|error| source.syntax(&error))?;
        match schema.schema {
            Some(ENGAGEMENT_SCHEMA) => {}
            Some(other) => {
                let problem = format!("version {other} is not known; this program reads version 1");
                return Err(source.fault("", 0, "schema", problem));
            }
            None => {
                let problem = "the version of the file is missing; write `schema = 1` as its first line";
                return Err(source.fault("", 0, "schema", problem));
            }
        }
        let raw: Raw = toml::from_str(text).map_err(|error| source.syntax(&error))?;
        let Raw { _schema, profile, workload, slo, demand, prices, policy, waiver } = raw;
        let slo = slo.map(|SloTable(slo)| source.objectives(slo)).transpose()?;
        let demand = demand.map(|DemandTable(demand)| source.demand(demand)).transpose()?;
        let prices = prices.map(|PricesTable(prices)| source.prices(prices)).transpose()?;
        Ok(Self {
            engagement: Engagement {
                workload,
                slo: stated(slo, "slo"),
                demand: stated(demand, "demand"),
                prices: stated(prices, "prices"),
            },
            policy: source.policy(policy.threshold)?,
            waivers: source.waivers(waiver)?,
            platform: profile.platform.map(|platform| source.platform(&platform)).transpose()?,
        })
    }

    /// Puts into the evidence what packs need to know, and returns the rest.
    #[must_use]
    pub fn apply(self, evidence: &mut Evidence) -> Terms {
        evidence.engagement = Fact::Known(self.engagement);
        evidence.policy = self.policy;
        Terms { waivers: self.waivers, platform: self.platform, as_of: None }
    }
}

fn stated<T>(section: Option<T>, name: &str) -> Fact<T> {
    section.map_or_else(|| Fact::absent(format!("the engagement file has no section [{name}]")), Fact::Known)
}

#[derive(Deserialize)]
struct Versioned {
    schema: Option<u32>,
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(rename = "schema")]
    _schema: serde::de::IgnoredAny,
    #[serde(default)]
    profile: ProfileTable,
    #[serde(default)]
    workload: BTreeMap<WorkloadTrait, bool>,
    slo: Option<SloTable>,
    demand: Option<DemandTable>,
    prices: Option<PricesTable>,
    #[serde(default)]
    policy: PolicyTable,
    #[serde(default)]
    waiver: Vec<WaiverTable>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileTable {
    platform: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyTable {
    #[serde(default)]
    threshold: Vec<ThresholdTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ThresholdTable {
    check: String,
    name: String,
    number: f64,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WaiverTable {
    check: String,
    subject: Option<String>,
    owner: String,
    reason: String,
    expires: toml::Value,
}

// The types of the evidence let keys pass that they do not know, so that a pack of an older version still reads them.
// A file that a person writes must not.

#[derive(Deserialize)]
struct SloTable(#[serde(with = "Slo")] ServiceLevel);

#[derive(Deserialize)]
#[serde(remote = "ServiceLevel", deny_unknown_fields)]
struct Slo {
    percentile: Option<f64>,
    ttft_ms: Option<f64>,
    itl_ms: Option<f64>,
    tpot_ms: Option<f64>,
    e2e_ms: Option<f64>,
    error_percent: Option<f64>,
    attainment_percent: Option<f64>,
    window_days: Option<f64>,
    penalty: Option<String>,
}

#[derive(Deserialize)]
struct DemandTable(#[serde(with = "DemandKeys")] Demand);

#[derive(Deserialize)]
#[serde(remote = "Demand", deny_unknown_fields)]
struct DemandKeys {
    peak_requests_per_s: Option<f64>,
    mean_requests_per_s: Option<f64>,
    prompt_tokens: Option<f64>,
    output_tokens: Option<f64>,
    growth_percent_per_year: Option<f64>,
    history_days: Option<f64>,
    replicas: Option<u32>,
}

#[derive(Deserialize)]
struct PricesTable(#[serde(with = "PricesKeys")] Prices);

#[derive(Deserialize)]
#[serde(remote = "Prices", deny_unknown_fields)]
struct PricesKeys {
    currency: String,
    gpu_hour: Option<f64>,
    server: Option<f64>,
    depreciation_years: Option<f64>,
    kwh: Option<f64>,
    pue: Option<f64>,
    hosting_month: Option<f64>,
}

/// The text of a file, for errors that name a line of it.
struct Source<'a> {
    file: &'a str,
    text: &'a str,
}

impl Source<'_> {
    /// What the parser says, with the line and the key that it stopped at.
    fn syntax(&self, error: &toml::de::Error) -> EngagementError {
        let start = error.span().map(|span| span.start.min(self.text.len()));
        let line = start.map(|start| self.text[..start].matches('\n').count() + 1);
        let key = line.map(|line| self.key_at(line)).unwrap_or_default();
        let problem = error.message().trim().replace('\n', ", ");
        EngagementError { file: self.file.to_owned(), line, key, problem }
    }

    /// The key of a line with the table that it stands in.
    fn key_at(&self, line: usize) -> String {
        let lines: Vec<&str> = self.text.lines().take(line).collect();
        let table = lines.iter().rev().find_map(|line| header(line)).unwrap_or_default();
        let last = lines.last().copied().unwrap_or_default();
        let key = last.split_once('=').map(|(key, _)| key.trim()).unwrap_or_default();
        match (table, key) {
            ("", key) => key.to_owned(),
            (table, "") => table.to_owned(),
            (table, key) => format!("{table}.{key}"),
        }
    }

    /// A fault of `key` in the `nth` table (from 0) with the header `table`; no table is the top of the file.
    fn fault(&self, table: &str, nth: usize, key: &str, problem: impl Into<String>) -> EngagementError {
        let mut seen = 0;
        let mut inside = table.is_empty();
        let mut line_of_table = None;
        let mut line_of_key = None;
        for (line, number) in self.text.lines().zip(1..) {
            if let Some(found) = header(line) {
                inside = found == table && seen == nth;
                seen += usize::from(found == table);
                if inside {
                    line_of_table = Some(number);
                }
            } else if inside && line.split_once('=').is_some_and(|(found, _)| found.trim() == key) {
                line_of_key = line_of_key.or(Some(number));
            }
        }
        EngagementError {
            file: self.file.to_owned(),
            line: line_of_key.or(line_of_table),
            key: if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") },
            problem: problem.into(),
        }
    }

    /// Numbers that are there have to be finite and within bounds.
    fn within(&self, table: &str, numbers: &[(&str, Option<f64>)], most: f64) -> Result<(), EngagementError> {
        for &(key, number) in numbers {
            let Some(number) = number else { continue };
            if !number.is_finite() || number < 0.0 || number > most {
                let bound = if most.is_finite() { format!(" to {most}") } else { " up".to_owned() };
                let problem = format!("{number} cannot be; give a number from 0{bound}");
                return Err(self.fault(table, 0, key, problem));
            }
        }
        Ok(())
    }

    fn objectives(&self, slo: ServiceLevel) -> Result<ServiceLevel, EngagementError> {
        let shares = [
            ("percentile", slo.percentile),
            ("error_percent", slo.error_percent),
            ("attainment_percent", slo.attainment_percent),
        ];
        self.within("slo", &shares, 100.0)?;
        let amounts = [
            ("ttft_ms", slo.ttft_ms),
            ("itl_ms", slo.itl_ms),
            ("tpot_ms", slo.tpot_ms),
            ("e2e_ms", slo.e2e_ms),
            ("window_days", slo.window_days),
        ];
        self.within("slo", &amounts, f64::INFINITY)?;
        Ok(slo)
    }

    fn demand(&self, demand: Demand) -> Result<Demand, EngagementError> {
        let amounts = [
            ("peak_requests_per_s", demand.peak_requests_per_s),
            ("mean_requests_per_s", demand.mean_requests_per_s),
            ("prompt_tokens", demand.prompt_tokens),
            ("output_tokens", demand.output_tokens),
            ("history_days", demand.history_days),
        ];
        self.within("demand", &amounts, f64::INFINITY)?;
        // Demand may shrink.
        if let Some(growth) = demand.growth_percent_per_year
            && (!growth.is_finite() || growth < -100.0)
        {
            let problem = format!("{growth} cannot be; give a number from -100 up");
            return Err(self.fault("demand", 0, "growth_percent_per_year", problem));
        }
        Ok(demand)
    }

    fn prices(&self, prices: Prices) -> Result<Prices, EngagementError> {
        let amounts = [
            ("gpu_hour", prices.gpu_hour),
            ("server", prices.server),
            ("depreciation_years", prices.depreciation_years),
            ("kwh", prices.kwh),
            ("pue", prices.pue),
            ("hosting_month", prices.hosting_month),
        ];
        self.within("prices", &amounts, f64::INFINITY)?;
        let code = &prices.currency;
        if code.len() != 3 || !code.chars().all(|c| c.is_ascii_uppercase()) {
            let problem = "a price needs its currency; write its three letters, for example \"EUR\"";
            return Err(self.fault("prices", 0, "currency", problem));
        }
        Ok(prices)
    }

    fn policy(&self, tables: Vec<ThresholdTable>) -> Result<Policy, EngagementError> {
        const TABLE: &str = "policy.threshold";
        let mut policy = Policy::default();
        for (nth, table) in tables.into_iter().enumerate() {
            let fault = |key, problem: &str| self.fault(TABLE, nth, key, problem);
            for (key, value) in [("check", &table.check), ("name", &table.name), ("reason", &table.reason)] {
                if value.trim().is_empty() {
                    return Err(fault(
                        key,
                        "is empty; a threshold is replaced by check and name, and with a reason",
                    ));
                }
            }
            if !table.number.is_finite() {
                return Err(fault(
                    "number",
                    "is no finite number; write the limit in the unit of the threshold",
                ));
            }
            let key = policy::key(&table.check, &table.name);
            let wanted = ThresholdOverride { number: table.number, reason: table.reason };
            if policy.thresholds.insert(key.clone(), wanted).is_some() {
                return Err(fault("name", &format!("`{key}` is replaced twice; keep one of the two")));
            }
        }
        Ok(policy)
    }

    fn waivers(&self, tables: Vec<WaiverTable>) -> Result<Vec<Waiver>, EngagementError> {
        let mut waivers = Vec::new();
        for (nth, table) in tables.into_iter().enumerate() {
            let fault = |key, problem: &str| self.fault("waiver", nth, key, problem);
            for (key, value) in [("check", &table.check), ("owner", &table.owner), ("reason", &table.reason)]
            {
                if value.trim().is_empty() {
                    return Err(fault(key, "is empty; a waiver needs a check, an owner and a reason"));
                }
            }
            if table.subject.as_ref().is_some_and(|subject| subject.trim().is_empty()) {
                return Err(fault(
                    "subject",
                    "is empty; leave the key out to accept all subjects of the check",
                ));
            }
            let expires = date(&table.expires).ok_or_else(|| {
                let found = &table.expires;
                fault(
                    "expires",
                    &format!("{found} is no day; write it as 2026-12-31, the last day of the waiver"),
                )
            })?;
            waivers.push(Waiver {
                check: table.check,
                subject: table.subject,
                owner: table.owner,
                reason: table.reason,
                expires,
            });
        }
        Ok(waivers)
    }

    fn platform(&self, word: &str) -> Result<Platform, EngagementError> {
        Platform::ALL.into_iter().find(|platform| platform.as_str() == word).ok_or_else(|| {
            let known = Platform::ALL.map(|platform| format!("`{}`", platform.as_str())).join(", ");
            self.fault("profile", 0, "platform", format!("`{word}` is not known; write one of {known}"))
        })
    }
}

/// The name of the table that a line begins.
fn header(line: &str) -> Option<&str> {
    let line = line.trim();
    let line = line.split_once('#').map_or(line, |(before, _)| before.trim());
    let inner = line.strip_prefix('[')?.strip_suffix(']')?;
    Some(inner.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(inner).trim())
}

/// A day, with or without quotes.
fn date(value: &toml::Value) -> Option<Date> {
    match value {
        toml::Value::String(text) => parse_date(text),
        toml::Value::Datetime(found) if found.time.is_none() && found.offset.is_none() => {
            parse_date(&found.date?.to_string())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"schema = 1

[profile]
platform = "shared-host"

[workload]
tensor-parallel = true
offload = false

[slo]
percentile = 99
ttft_ms = 450
itl_ms = 40.0

[demand]
peak_requests_per_s = 12

[prices]
currency = "EUR"
gpu_hour = 2.5

[[policy.threshold]]
check = "numa.gpu-affinity"
name = "share of CPU time on a remote node"
number = 10
reason = "measured: no effect below 10 % on this model"

[[waiver]]
check = "cpu.governor"
subject = "CPUs 0-127"
owner = "A. Person, platform team"
reason = "power budget of the rack until the move"
expires = 2026-12-31

[[waiver]]
check = "mem.swap"
owner = "B. Person"
reason = "swap is needed for batch jobs"
expires = "2026-06-30"
"#;

    fn error(text: &str) -> String {
        EngagementFile::parse("e.toml", text).unwrap_err().to_string()
    }

    #[test]
    fn a_whole_file_is_read() {
        let file = EngagementFile::parse("e.toml", WHOLE).unwrap();
        assert_eq!(file.platform, Some(Platform::SharedHost));
        assert!(!file.engagement.workload[&WorkloadTrait::Offload]);
        assert_eq!(file.engagement.slo.known().unwrap().ttft_ms, Some(450.0));
        assert_eq!(
            file.policy.thresholds["numa.gpu-affinity/share of CPU time on a remote node"].number,
            10.0
        );
        let days: Vec<_> = file.waivers.iter().map(|waiver| crate::waiver::iso(waiver.expires)).collect();
        assert_eq!(days, ["2026-12-31", "2026-06-30"]);
    }

    #[test]
    fn the_example_of_the_handbook_is_read() {
        let page = include_str!("../../../docs/src/reference/engagement.md");
        let example = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        let file = EngagementFile::parse("engagement.md", example).unwrap();
        assert_eq!((file.waivers.len(), file.policy.thresholds.len()), (1, 1));
        assert_eq!(file.engagement.workload.len(), 7, "all traits are shown");
    }

    #[test]
    fn sections_that_are_not_there_are_said_to_be_missing() {
        let file = EngagementFile::parse("e.toml", "schema = 1\n").unwrap();
        let Fact::Missing(missing) = &file.engagement.slo else { panic!("{file:?}") };
        assert_eq!(missing.reason, "the engagement file has no section [slo]");
        assert!(file.waivers.is_empty() && file.policy.thresholds.is_empty());
    }

    #[test]
    fn faults_name_file_line_key_and_remedy() {
        let of = |from: &str, to: &str| error(&WHOLE.replace(from, to));
        for (from, to, expected) in [
            (
                "schema = 1\n",
                "\n",
                "e.toml: `schema`: the version of the file is missing; write `schema = 1`",
            ),
            ("schema = 1", "schema = 2", "e.toml:1: `schema`: version 2 is not known"),
            ("owner = \"B", "ownr = \"B", "e.toml:37: `waiver.ownr`: unknown field `ownr`, expected one of"),
            ("owner = \"B. Person\"\n", "", "missing field `owner`"),
            ("\"B. Person\"", "\" \"", "e.toml:37: `waiver.owner`: is empty; a waiver needs"),
            (
                "2026-12-31",
                "2026-12-31T00:00:00Z",
                "e.toml:33: `waiver.expires`: 2026-12-31T00:00:00Z is no day",
            ),
            (
                "\"2026-06-30\"",
                "\"2026-02-30\"",
                "e.toml:39: `waiver.expires`: \"2026-02-30\" is no day; write it as",
            ),
            ("\"2026-06-30\"", "20260630", "e.toml:39: `waiver.expires`: 20260630 is no day"),
            (
                "shared-host",
                "cloud",
                "e.toml:4: `profile.platform`: `cloud` is not known; write one of `bare-metal`",
            ),
            ("offload = false", "offlod = false", "unknown variant `offlod`, expected one of"),
            ("offload = false", "offload = \"no\"", "e.toml:8: `workload.offload`: invalid type: string"),
            ("percentile = 99", "percentile = 999", "e.toml:11: `slo.percentile`: 999 cannot be"),
            ("ttft_ms = 450", "tft_ms = 450", "e.toml:12: `slo.tft_ms`: unknown field `tft_ms`"),
            ("\"EUR\"", "\"euro\"", "e.toml:19: `prices.currency`: a price needs its currency"),
            ("number = 10", "number = nan", "e.toml:25: `policy.threshold.number`: is no finite number"),
            ("[[policy.threshold]]", "[[policy.treshold]]", "unknown field `treshold`"),
            ("gpu_hour = 2.5", "gpu_hour = ", "e.toml:20: `prices.gpu_hour`"),
        ] {
            let found = of(from, to);
            assert!(found.contains(expected), "{from} to {to}\n expected {expected}\n found    {found}");
        }
    }

    #[test]
    fn a_threshold_is_replaced_once() {
        let table = &WHOLE[WHOLE.find("[[policy").unwrap()..WHOLE.find("[[waiver]]").unwrap()];
        let twice = format!("schema = 1\n{table}{table}");
        assert!(error(&twice).contains("is replaced twice"), "{}", error(&twice));
    }
}
