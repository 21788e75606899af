//! Whether values can be, and what they become.

use plumb_evidence::model::{Demand, Policy, Prices, ServiceLevel, ThresholdOverride};
use time::Date;

use super::EngagementError;
use super::source::Source;
use super::tables::{ClientTable, ReportTable, ThresholdTable, WaiverTable};
use crate::document::{Client, Colours, DocumentTerms, is_colour};
use crate::policy;
use crate::profile::Platform;
use crate::waiver::{Waiver, iso, parse_date};

impl Source<'_> {
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

    pub(super) fn objectives(&self, slo: ServiceLevel) -> Result<ServiceLevel, EngagementError> {
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

    pub(super) fn demand(&self, demand: Demand) -> Result<Demand, EngagementError> {
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

    pub(super) fn prices(&self, prices: Prices) -> Result<Prices, EngagementError> {
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

    pub(super) fn policy(&self, tables: Vec<ThresholdTable>) -> Result<Policy, EngagementError> {
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

    pub(super) fn waivers(&self, tables: Vec<WaiverTable>) -> Result<Vec<Waiver>, EngagementError> {
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

    pub(super) fn platform(&self, word: &str) -> Result<Platform, EngagementError> {
        Platform::ALL.into_iter().find(|platform| platform.as_str() == word).ok_or_else(|| {
            let known = Platform::ALL.map(|platform| format!("`{}`", platform.as_str())).join(", ");
            self.fault("profile", 0, "platform", format!("`{word}` is not known; write one of {known}"))
        })
    }

    pub(super) fn document(
        &self,
        client: ClientTable,
        report: ReportTable,
    ) -> Result<DocumentTerms, EngagementError> {
        let fault = |table, key, problem: String| self.fault(table, 0, key, problem);
        // A cover with an empty line looks like a mistake of the author, and is one.
        let filled = |table: &'static str, key: &'static str, text: Option<String>| match text {
            Some(text) if text.trim().is_empty() => Err(fault(
                table,
                key,
                "is empty; leave the key out, or write what is to be printed".to_owned(),
            )),
            text => Ok(text),
        };
        let language = filled("report", "language", report.language)?;
        if let Some(code) = &language
            && (!(2..=8).contains(&code.len()) || !code.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
        {
            let problem =
                format!("`{code}` is no language; write its code in small letters, such as \"en\" or \"de\"");
            return Err(fault("report", "language", problem));
        }
        let date = report
            .date
            .map(|found| {
                date(&found).map(iso).ok_or_else(|| {
                    fault("report", "date", format!("{found} is no day; write it as 2026-12-31"))
                })
            })
            .transpose()?;
        if let Some(nth) = report.nodes.iter().position(|pattern| pattern.trim().is_empty()) {
            let problem = format!("entry {} is empty; write host names, with `*` for any letters", nth + 1);
            return Err(fault("report", "nodes", problem));
        }
        let colours = report.colours;
        let colour = |key: &'static str, text: Option<String>| match text {
            Some(text) if !is_colour(&text) => {
                let problem = format!("`{text}` is no colour; write it as \"#rrggbb\", such as \"#1f4e79\"");
                Err(fault("report.colours", key, problem))
            }
            text => Ok(text),
        };
        Ok(DocumentTerms {
            client: Client {
                name: filled("client", "name", client.name)?,
                site: filled("client", "site", client.site)?,
                contact: filled("client", "contact", client.contact)?,
            },
            title: filled("report", "title", report.title)?,
            author: filled("report", "author", report.author)?,
            company: filled("report", "company", report.company)?,
            date,
            language,
            confidentiality: filled("report", "confidentiality", report.confidentiality)?,
            logo: filled("report", "logo", report.logo)?,
            colours: Colours {
                accent: colour("accent", colours.accent)?,
                high: colour("high", colours.high)?,
                medium: colour("medium", colours.medium)?,
                low: colour("low", colours.low)?,
            },
            nodes: report.nodes,
            left_out: report.sections.into_iter().filter(|(_, on)| !on).map(|(section, _)| section).collect(),
        })
    }
}

/// A day, with or without quotes.
pub(super) fn date(value: &toml::Value) -> Option<Date> {
    match value {
        toml::Value::String(text) => parse_date(text),
        toml::Value::Datetime(found) if found.time.is_none() && found.offset.is_none() => {
            parse_date(&found.date?.to_string())
        }
        _ => None,
    }
}
