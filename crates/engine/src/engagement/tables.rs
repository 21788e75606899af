//! The file as it is written: which tables and keys there are.

use std::collections::BTreeMap;

use plumb_evidence::model::{Demand, Prices, ServiceLevel, WorkloadTrait};
use serde::Deserialize;

use crate::document::Section;

#[derive(Deserialize)]
pub(super) struct Versioned {
    pub(super) schema: Option<u32>,
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    #[serde(rename = "schema")]
    pub(super) _schema: serde::de::IgnoredAny,
    #[serde(default)]
    pub(super) client: ClientTable,
    #[serde(default)]
    pub(super) report: ReportTable,
    #[serde(default)]
    pub(super) profile: ProfileTable,
    #[serde(default)]
    pub(super) workload: BTreeMap<WorkloadTrait, bool>,
    pub(super) slo: Option<SloTable>,
    pub(super) demand: Option<DemandTable>,
    pub(super) prices: Option<PricesTable>,
    #[serde(default)]
    pub(super) policy: PolicyTable,
    #[serde(default)]
    pub(super) waiver: Vec<WaiverTable>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClientTable {
    pub(super) name: Option<String>,
    pub(super) site: Option<String>,
    pub(super) contact: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReportTable {
    pub(super) title: Option<String>,
    pub(super) author: Option<String>,
    pub(super) company: Option<String>,
    pub(super) date: Option<toml::Value>,
    pub(super) language: Option<String>,
    pub(super) confidentiality: Option<String>,
    pub(super) logo: Option<String>,
    #[serde(default)]
    pub(super) nodes: Vec<String>,
    #[serde(default)]
    pub(super) colours: ColoursTable,
    #[serde(default)]
    pub(super) sections: BTreeMap<Section, bool>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ColoursTable {
    pub(super) accent: Option<String>,
    pub(super) high: Option<String>,
    pub(super) medium: Option<String>,
    pub(super) low: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProfileTable {
    pub(super) platform: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyTable {
    #[serde(default)]
    pub(super) threshold: Vec<ThresholdTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ThresholdTable {
    pub(super) check: String,
    pub(super) name: String,
    pub(super) number: f64,
    pub(super) reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WaiverTable {
    pub(super) check: String,
    pub(super) subject: Option<String>,
    pub(super) owner: String,
    pub(super) reason: String,
    pub(super) expires: toml::Value,
}

// The types of the evidence let keys pass that they do not know, so that a pack of an older version still reads them.
// A file that a person writes must not.

#[derive(Deserialize)]
pub(super) struct SloTable(#[serde(with = "Slo")] pub(super) ServiceLevel);

#[derive(Deserialize)]
#[serde(remote = "ServiceLevel", deny_unknown_fields)]
pub(super) struct Slo {
    pub(super) percentile: Option<f64>,
    pub(super) ttft_ms: Option<f64>,
    pub(super) itl_ms: Option<f64>,
    pub(super) tpot_ms: Option<f64>,
    pub(super) e2e_ms: Option<f64>,
    pub(super) error_percent: Option<f64>,
    pub(super) attainment_percent: Option<f64>,
    pub(super) window_days: Option<f64>,
    pub(super) penalty: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct DemandTable(#[serde(with = "DemandKeys")] pub(super) Demand);

#[derive(Deserialize)]
#[serde(remote = "Demand", deny_unknown_fields)]
pub(super) struct DemandKeys {
    pub(super) peak_requests_per_s: Option<f64>,
    pub(super) mean_requests_per_s: Option<f64>,
    pub(super) prompt_tokens: Option<f64>,
    pub(super) output_tokens: Option<f64>,
    pub(super) growth_percent_per_year: Option<f64>,
    pub(super) history_days: Option<f64>,
    pub(super) replicas: Option<u32>,
}

#[derive(Deserialize)]
pub(super) struct PricesTable(#[serde(with = "PricesKeys")] pub(super) Prices);

#[derive(Deserialize)]
#[serde(remote = "Prices", deny_unknown_fields)]
pub(super) struct PricesKeys {
    pub(super) currency: String,
    pub(super) gpu_hour: Option<f64>,
    pub(super) server: Option<f64>,
    pub(super) depreciation_years: Option<f64>,
    pub(super) kwh: Option<f64>,
    pub(super) pue: Option<f64>,
    pub(super) hosting_month: Option<f64>,
}
