//! The form of a plan in TOML, before it is judged as a whole.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;
use std::time::Duration;

use plumb_evidence::IndexSet;
use plumb_strict_toml::At;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

use super::super::{Balancing, Governor, HogKind, MemoryPolicy, NeighbourPlace, Variant};
use crate::analysis::METRICS;
use plumb_bench::{Api, Nonce};

#[derive(Deserialize, JsonSchema)]
pub(super) struct Raw {
    /// Version of this format.
    #[serde(rename = "schema")]
    #[schemars(extend("const" = super::PLAN_SCHEMA))]
    pub(super) _schema: u32,
    /// Name, for reports.
    pub(super) name: Option<String>,
    /// The server: either `command`, to start it, or `pid`, to measure a running one.
    pub(super) server: At<RawServer>,
    /// Begin with the running server as it is found, then the same one restarted, then all else.
    pub(super) as_found: Option<At<RawFound>>,
    /// Load of each measurement.
    #[serde(default)]
    pub(super) load: RawLoad,
    /// How it is repeated and judged.
    #[serde(default)]
    pub(super) design: RawDesign,
    /// Where the server runs: one of `cpus`, `node` and `gpu`, or none. As of each factor, the first level is the baseline.
    #[serde(default)]
    pub(super) placement: Vec<At<RawPlacement>>,
    /// Who runs beside the server.
    #[serde(default)]
    pub(super) neighbour: Vec<At<RawNeighbour>>,
    /// Frequency settings of all CPUs.
    #[serde(default)]
    pub(super) governor: Vec<At<Governor>>,
    /// Automatic NUMA balancing.
    #[serde(default)]
    pub(super) numa_balancing: Vec<At<Balancing>>,
    /// Loads that stand in for the one of the plan.
    #[serde(default)]
    pub(super) load_level: Vec<At<RawLoadLevel>>,
    /// Other ways to start the server.
    #[serde(default)]
    pub(super) variant: Vec<At<Variant>>,
    /// Combinations that are measured, the baseline first; left out, all.
    #[serde(default)]
    pub(super) cell: Vec<At<RawCell>>,
}

#[derive(Deserialize, JsonSchema)]
pub(super) struct RawServer {
    /// Program and arguments, without a shell; `{port}` stands for a free port.
    pub(super) command: Option<Command>,
    /// Variables added to those of `plumb`.
    #[serde(default)]
    pub(super) env: BTreeMap<String, String>,
    /// Number of a running server.
    pub(super) pid: Option<AtLeastOne<i32>>,
    /// Where it listens; `{port}` as above.
    pub(super) url: Url,
    /// Path that answers 200 once it is ready.
    pub(super) ready: Option<String>,
    /// Most seconds until then.
    pub(super) ready_s: Option<Seconds>,
    /// Most seconds from SIGTERM to SIGKILL.
    pub(super) stop_s: Option<Seconds>,
    /// Name of the model; left out, the first that the server lists.
    pub(super) model: Option<String>,
    /// Interface.
    pub(super) api: Option<Api>,
}

#[derive(Deserialize, JsonSchema)]
pub(super) struct RawFound {
    /// Number of its first process.
    pub(super) pid: AtLeastOne<i32>,
    /// Where it listens; left out, as `url` of `[server]`, which then must not hold `{port}`.
    pub(super) url: Option<Url>,
    /// Measurements of it.
    pub(super) runs: Option<Within<usize, 1, 1000>>,
    /// Launches of `command` after it, with nothing changed. Four are the fewest that tell what a restart does.
    pub(super) restarts: Option<Within<usize, 2, 1000>>,
    /// Command that ends it, such as ["systemctl", "stop", "vllm"]; left out, its processes get SIGTERM.
    pub(super) stop: Option<Command>,
    /// Command that starts it again at the end, and returns; left out, it stays ended.
    pub(super) start: Option<Command>,
}

#[derive(Default, Deserialize, JsonSchema)]
pub(super) struct RawLoad {
    /// Requests under way at once, in a closed loop.
    pub(super) concurrency: Option<AtLeastOne<u32>>,
    /// Instead: requests per second, Poisson.
    pub(super) rate: Option<At<AboveZero>>,
    /// Requests that are measured.
    pub(super) requests: Option<AtLeastOne<u64>>,
    /// Instead: seconds that are measured.
    pub(super) seconds: Option<At<AboveZero>>,
    /// Requests before.
    pub(super) warmup: Option<u64>,
    /// Tokens of prompts.
    pub(super) prompt_tokens: Option<u32>,
    /// Tokens of replies.
    pub(super) output_tokens: Option<AtLeastOne<u32>>,
    /// Limit of a request in seconds.
    pub(super) timeout_s: Option<Seconds>,
    /// Sending threads.
    pub(super) threads: Option<AtLeastOne<usize>>,
    /// CPUs of the sending threads.
    pub(super) client_cpus: Option<List>,
}

#[derive(Default, Deserialize, JsonSchema)]
pub(super) struct RawDesign {
    /// Blocks: each measures every cell once. Six are the fewest with which a p value by sign flips can be below 0.05.
    pub(super) blocks: Option<Within<usize, 2, 1000>>,
    /// Seed of order and arrivals.
    pub(super) seed: Option<u64>,
    /// What the prompts are made from, up to 16 hexadecimal digits: the `nonce` of a result, to send its prompts again.
    pub(super) nonce: Option<Hex>,
    /// Pause before each launch, in seconds.
    pub(super) cooldown_s: Option<Seconds>,
    /// Share below which a difference does not matter.
    pub(super) margin: Option<Share>,
    /// Metric that decides.
    #[serde(default, deserialize_with = "metric")]
    #[schemars(schema_with = "metrics")]
    pub(super) primary: Option<String>,
    /// The baseline against itself.
    pub(super) aa: Option<RawAa>,
    /// Pairs of launches before all else, for `aa = "first"`.
    pub(super) aa_blocks: Option<Within<usize, 2, 1000>>,
    /// Measure the client's own error under each governor.
    pub(super) calibrate: Option<bool>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawAa {
    /// In pairs of launches before all else.
    First,
    /// By a second launch in each block.
    Within,
    /// Not at all.
    None,
}

#[derive(Deserialize, JsonSchema)]
pub(super) struct RawPlacement {
    /// Name of the level.
    pub(super) name: String,
    /// CPUs, such as `0-7,16`.
    pub(super) cpus: Option<List>,
    /// Instead: those of NUMA nodes.
    pub(super) node: Option<At<NodeList>>,
    /// Instead: those of the NUMA node of a GPU, by its position or PCI address.
    pub(super) gpu: Option<At<Gpu>>,
    /// How strictly memory comes from these nodes.
    pub(super) memory: Option<At<MemoryPolicy>>,
    /// Nodes of the memory; left out, those of the CPUs.
    pub(super) memory_nodes: Option<At<NodeList>>,
}

#[derive(Deserialize, JsonSchema)]
pub(super) struct RawNeighbour {
    /// Name of the level.
    pub(super) name: String,
    /// What it takes.
    pub(super) kind: Option<RawKind>,
    /// Where it runs, seen from the server.
    #[serde(rename = "where")]
    pub(super) place: Option<NeighbourPlace>,
    /// Instead: its CPUs.
    pub(super) cpus: Option<At<List>>,
    /// Its processes or threads; left out, one for each CPU.
    pub(super) workers: Option<Within<usize, 1, 4096>>,
    /// What makes the load.
    #[serde(default)]
    pub(super) tool: Tool,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawKind {
    /// Time of CPUs.
    Cpu,
    /// Bandwidth of memory.
    Memory,
    /// Room in caches.
    Cache,
    /// Nothing.
    None,
}

impl RawKind {
    pub(super) fn hog(self) -> Option<HogKind> {
        match self {
            Self::Cpu => Some(HogKind::Cpu),
            Self::Memory => Some(HogKind::Memory),
            Self::Cache => Some(HogKind::Cache),
            Self::None => None,
        }
    }
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Tool {
    /// Loops of `plumb`.
    #[default]
    BuiltIn,
    /// `stress-ng`, where it is installed.
    StressNg,
}

#[derive(Deserialize, JsonSchema)]
pub(super) struct RawLoadLevel {
    /// Name of the level.
    pub(super) name: String,
    /// Requests under way at once, in a closed loop.
    pub(super) concurrency: Option<AtLeastOne<u32>>,
    /// Instead: requests per second, Poisson.
    pub(super) rate: Option<At<AboveZero>>,
}

#[derive(Deserialize, JsonSchema)]
pub(super) struct RawCell {
    /// Name of a placement.
    pub(super) placement: Option<At<String>>,
    /// Name of a variant.
    pub(super) server: Option<At<String>>,
    /// Name of a governor.
    pub(super) governor: Option<At<String>>,
    /// Name of a setting of NUMA balancing.
    pub(super) numa_balancing: Option<At<String>>,
    /// Name of a load level.
    pub(super) load: Option<At<String>>,
    /// Name of a neighbour.
    pub(super) neighbour: Option<At<String>>,
}

/// A whole number of which the type alone does not say enough; no upper limit is `u64::MAX`.
#[derive(Clone, Copy)]
pub(super) struct Within<T, const LEAST: u64, const MOST: u64>(pub(super) T);

pub(super) type AtLeastOne<T> = Within<T, 1, { u64::MAX }>;

impl<'de, T, const LEAST: u64, const MOST: u64> Deserialize<'de> for Within<T, LEAST, MOST>
where
    T: Deserialize<'de> + Copy + fmt::Display + TryInto<u64>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = T::deserialize(deserializer)?;
        if number.try_into().is_ok_and(|number| (LEAST..=MOST).contains(&number)) {
            return Ok(Self(number));
        }
        let range =
            if MOST == u64::MAX { format!("{LEAST} or more") } else { format!("between {LEAST} and {MOST}") };
        Err(D::Error::custom(format!("must be {range}, found {number}")))
    }
}

impl<T, const LEAST: u64, const MOST: u64> JsonSchema for Within<T, LEAST, MOST> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Within{LEAST}And{MOST}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut schema = json_schema!({ "type": "integer", "minimum": LEAST });
        if MOST != u64::MAX {
            schema.insert("maximum".to_owned(), MOST.into());
        }
        schema
    }
}

/// Seconds, at most a day.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(try_from = "f64")]
#[schemars(inline, extend("minimum" = 0, "maximum" = 86_400))]
pub(super) struct Seconds(#[schemars(with = "f64")] pub(super) Duration);

impl TryFrom<f64> for Seconds {
    type Error = String;

    fn try_from(number: f64) -> Result<Self, String> {
        if (0.0..=86_400.0).contains(&number) {
            Ok(Self(Duration::from_secs_f64(number)))
        } else {
            Err(format!("must be between 0 and 86400 seconds, found {number}"))
        }
    }
}

/// The nonce of a run.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(inline, extend("pattern" = "^[0-9A-Fa-f]{1,16}$"))]
pub(super) struct Hex(#[schemars(with = "String")] pub(super) Nonce);

impl TryFrom<String> for Hex {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map(Self)
    }
}

/// A number above zero.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(try_from = "f64")]
#[schemars(inline, extend("exclusiveMinimum" = 0))]
pub(super) struct AboveZero(pub(super) f64);

impl TryFrom<f64> for AboveZero {
    type Error = String;

    fn try_from(number: f64) -> Result<Self, String> {
        if number.is_finite() && number > 0.0 {
            Ok(Self(number))
        } else {
            Err(format!("must be above 0, found {number}"))
        }
    }
}

/// A share of one.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(try_from = "f64")]
#[schemars(inline, extend("minimum" = 0, "exclusiveMaximum" = 1))]
pub(super) struct Share(pub(super) f64);

impl TryFrom<f64> for Share {
    type Error = String;

    fn try_from(number: f64) -> Result<Self, String> {
        if (0.0..1.0).contains(&number) {
            Ok(Self(number))
        } else {
            Err(format!("must be a share from 0 to below 1, such as 0.02, found {number}"))
        }
    }
}

/// A program and its arguments.
#[derive(Deserialize, JsonSchema)]
#[serde(try_from = "Vec<String>")]
#[schemars(inline, extend("minItems" = 1))]
pub(super) struct Command(pub(super) Vec<String>);

impl TryFrom<Vec<String>> for Command {
    type Error = &'static str;

    fn try_from(words: Vec<String>) -> Result<Self, Self::Error> {
        match words.is_empty() {
            false => Ok(Self(words)),
            true => Err("expected a program, such as [\"vllm\", \"serve\", \"MODEL\"], found an empty list"),
        }
    }
}

/// A URL.
#[derive(Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(inline)]
pub(super) struct Url(pub(super) String);

impl TryFrom<String> for Url {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.contains("://") {
            Ok(Self(text))
        } else {
            Err(format!("expected a whole URL, such as \"http://127.0.0.1:8000\", found {text:?}"))
        }
    }
}

/// Numbers, such as `0-3,8`.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(inline)]
pub(super) struct List(#[schemars(with = "String")] pub(super) IndexSet);

impl TryFrom<String> for List {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.parse::<IndexSet>() {
            Ok(set) if !set.is_empty() => Ok(Self(set)),
            _ => Err(format!("expected a list of numbers, such as \"0-3,8\", found {text:?}")),
        }
    }
}

/// NUMA nodes: a number, or numbers such as `0-1`.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(try_from = "NumberOrText")]
#[schemars(inline)]
pub(super) struct NodeList(#[schemars(with = "NumberOrText")] pub(super) IndexSet);

impl TryFrom<NumberOrText> for NodeList {
    type Error = String;

    fn try_from(NumberOrText(text): NumberOrText) -> Result<Self, String> {
        List::try_from(text).map(|List(set)| Self(set))
    }
}

/// A GPU, by its position among the GPUs by PCI address, or by that address.
#[derive(Deserialize, JsonSchema)]
#[serde(from = "NumberOrText")]
#[schemars(inline)]
pub(super) struct Gpu(#[schemars(with = "NumberOrText")] pub(super) String);

impl From<NumberOrText> for Gpu {
    fn from(NumberOrText(text): NumberOrText) -> Self {
        Self(text)
    }
}

struct NumberOrText(String);

impl<'de> Deserialize<'de> for NumberOrText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl Visitor<'_> for Either {
            type Value = NumberOrText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number or a string")
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<NumberOrText, E> {
                match u32::try_from(number) {
                    Ok(number) => Ok(NumberOrText(number.to_string())),
                    Err(_) => Err(E::invalid_type(serde::de::Unexpected::Signed(number), &self)),
                }
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<NumberOrText, E> {
                Ok(NumberOrText(text.to_owned()))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for NumberOrText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "NumberOrText".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["integer", "string"], "minimum": 0 })
    }
}

static METRIC_NAMES: LazyLock<[&str; METRICS.len()]> = LazyLock::new(|| METRICS.map(|metric| metric.name));

/// The name of a metric.
fn metric<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let name = String::deserialize(deserializer)?;
    let known: &'static [&'static str] = METRIC_NAMES.as_slice();
    if known.contains(&name.as_str()) { Ok(Some(name)) } else { Err(D::Error::unknown_variant(&name, known)) }
}

fn metrics(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": METRIC_NAMES.as_slice() })
}
