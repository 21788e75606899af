//! The form of a plan in TOML, before it is judged.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::super::Variant;

#[derive(Deserialize)]
pub(super) struct Versioned {
    pub(super) schema: Option<Spanned<i64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    #[serde(rename = "schema")]
    pub(super) _schema: serde::de::IgnoredAny,
    pub(super) name: Option<String>,
    pub(super) server: Spanned<RawServer>,
    #[serde(default)]
    pub(super) load: RawLoad,
    #[serde(default)]
    pub(super) design: RawDesign,
    #[serde(default)]
    pub(super) placement: Vec<Spanned<RawPlacement>>,
    #[serde(default)]
    pub(super) neighbour: Vec<Spanned<RawNeighbour>>,
    #[serde(default)]
    pub(super) governor: Vec<Spanned<RawGovernor>>,
    #[serde(default)]
    pub(super) numa_balancing: Vec<Spanned<RawBalancing>>,
    #[serde(default)]
    pub(super) load_level: Vec<Spanned<RawLoadLevel>>,
    #[serde(default)]
    pub(super) variant: Vec<Spanned<Variant>>,
    #[serde(default)]
    pub(super) cell: Vec<Spanned<RawCell>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawServer {
    pub(super) command: Option<Spanned<Vec<String>>>,
    #[serde(default)]
    pub(super) env: BTreeMap<String, String>,
    pub(super) pid: Option<Spanned<i32>>,
    pub(super) url: Spanned<String>,
    pub(super) ready: Option<String>,
    pub(super) ready_s: Option<Spanned<f64>>,
    pub(super) stop_s: Option<Spanned<f64>>,
    pub(super) model: Option<String>,
    pub(super) api: Option<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLoad {
    pub(super) concurrency: Option<Spanned<u32>>,
    pub(super) rate: Option<Spanned<f64>>,
    pub(super) requests: Option<Spanned<u64>>,
    pub(super) seconds: Option<Spanned<f64>>,
    pub(super) warmup: Option<u64>,
    pub(super) prompt_tokens: Option<u32>,
    pub(super) output_tokens: Option<Spanned<u32>>,
    pub(super) timeout_s: Option<Spanned<f64>>,
    pub(super) threads: Option<Spanned<usize>>,
    pub(super) client_cpus: Option<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDesign {
    pub(super) blocks: Option<Spanned<usize>>,
    pub(super) seed: Option<u64>,
    pub(super) nonce: Option<Spanned<String>>,
    pub(super) cooldown_s: Option<Spanned<f64>>,
    pub(super) margin: Option<Spanned<f64>>,
    pub(super) primary: Option<Spanned<String>>,
    pub(super) aa: Option<Spanned<String>>,
    pub(super) aa_blocks: Option<Spanned<usize>>,
    pub(super) calibrate: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPlacement {
    pub(super) name: String,
    pub(super) cpus: Option<Spanned<String>>,
    pub(super) node: Option<Spanned<List>>,
    pub(super) gpu: Option<Spanned<List>>,
    pub(super) memory: Option<Spanned<String>>,
    pub(super) memory_nodes: Option<Spanned<List>>,
}

/// A number or a text.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum List {
    Number(u32),
    Text(String),
}

impl List {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawNeighbour {
    pub(super) name: String,
    pub(super) kind: Option<Spanned<String>>,
    #[serde(rename = "where")]
    pub(super) place: Option<Spanned<String>>,
    pub(super) cpus: Option<Spanned<String>>,
    pub(super) workers: Option<Spanned<usize>>,
    pub(super) tool: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawGovernor {
    pub(super) name: String,
    pub(super) governor: Option<String>,
    pub(super) epp: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBalancing {
    pub(super) name: String,
    pub(super) value: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLoadLevel {
    pub(super) name: String,
    pub(super) concurrency: Option<Spanned<u32>>,
    pub(super) rate: Option<Spanned<f64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCell {
    pub(super) placement: Option<Spanned<String>>,
    pub(super) server: Option<Spanned<String>>,
    pub(super) governor: Option<Spanned<String>>,
    pub(super) numa_balancing: Option<Spanned<String>>,
    pub(super) load: Option<Spanned<String>>,
    pub(super) neighbour: Option<Spanned<String>>,
}

impl<'de> Deserialize<'de> for Variant {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct RawVariant {
            name: String,
            #[serde(default)]
            args: Vec<String>,
            #[serde(default)]
            env: BTreeMap<String, String>,
        }
        let RawVariant { name, args, env } = RawVariant::deserialize(deserializer)?;
        Ok(Self { name, args, env })
    }
}
