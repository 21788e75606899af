//! What a rule asks for: one of the closed list of intents, with templates for its values.
//!
//! The list is that of [`Intent`], and a test holds both against each other. It is kept as data, because each value of an intent
//! may be a template, whatever its type is once it is filled in.

use std::collections::BTreeMap;
use std::fmt;

use plumb_check_sdk::{CpuSet, Intent};
use plumb_strict_toml::At;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Visitor};
use serde_json::{Map, Value as Json, json};

use crate::eval::Evaluation;
use crate::lower::Scope;
use crate::template::Template;

/// Longest value, in bytes; longer ones are refused by whoever follows an intent.
const MAX_VALUE: usize = 1000;

/// What a value is once it is filled in.
#[derive(Clone, Copy, Debug)]
enum Type {
    Text,
    /// A list of CPUs, such as `0-3,8`.
    Cpus,
    Number,
    /// Numbers, written as a list such as `12,14-16`.
    Numbers,
    Truth,
    Word(&'static [&'static str]),
}

impl Type {
    fn title(self) -> String {
        match self {
            Self::Text => "a text".to_owned(),
            Self::Cpus => "a list of CPUs such as `0-3,8`".to_owned(),
            Self::Number => "a whole number from 0 up".to_owned(),
            Self::Numbers => "a list of numbers such as `12,14-16`".to_owned(),
            Self::Truth => "`true` or `false`".to_owned(),
            Self::Word(words) => format!("one of `{}`", words.join("`, `")),
        }
    }

    /// The JSON form of a value that was filled in; `None` if it is none.
    fn read(self, text: &str) -> Option<Json> {
        match self {
            Self::Text => Some(json!(text)),
            Self::Cpus => {
                text.parse::<CpuSet>().ok().filter(|set| !set.is_empty()).map(|set| json!(set.to_string()))
            }
            Self::Number => text.trim().parse::<u64>().ok().map(Json::from),
            Self::Numbers => {
                let all = text.parse::<CpuSet>().ok().filter(|set| !set.is_empty())?;
                Some(json!(all.iter().collect::<Vec<_>>()))
            }
            Self::Truth => text.trim().parse::<bool>().ok().map(Json::from),
            Self::Word(words) => words.contains(&text).then(|| json!(text)),
        }
    }
}

/// A value of an intent.
#[derive(Clone, Copy, Debug)]
struct Field {
    name: &'static str,
    of: Type,
    required: bool,
}

const fn field(name: &'static str, of: Type) -> Field {
    Field { name, of, required: true }
}

const fn text(name: &'static str) -> Field {
    field(name, Type::Text)
}

const fn number(name: &'static str) -> Field {
    field(name, Type::Number)
}

const fn optional(of: Field) -> Field {
    Field { required: false, ..of }
}

const CPUS: Field = field("cpus", Type::Cpus);
const SERVER: Field = number("server");
const WANT: Field = text("want");
const WAS: Field = text("was");

/// All kinds with their values, but for the states of GPUs (`gpu`), whose values are a form of their own.
const KINDS: &[(&str, &[Field])] = &[
    ("governor", &[CPUS, WANT, WAS]),
    ("energy-preference", &[CPUS, WANT, WAS]),
    ("energy-bias", &[CPUS, number("want"), WAS]),
    ("frequency-cap", &[CPUS, number("want_khz"), number("was_khz")]),
    ("boost", &[text("path"), WANT, WAS]),
    ("idle-state", &[CPUS, number("index"), text("name"), number("latency_us")]),
    ("value", &[text("path"), WANT, WAS]),
    ("sysctl", &[text("name"), WANT, WAS]),
    ("kernel-argument", &[text("argument"), field("present", Type::Truth)]),
    ("tuned-profile", &[WANT, WAS]),
    ("unit", &[text("name"), field("runs", Type::Truth)]),
    ("place", &[SERVER, optional(number("process")), optional(text("gpu"))]),
    ("cores", &[SERVER, number("want"), number("was")]),
    ("thread-pool", &[SERVER, number("want"), number("was")]),
    ("variable", &[SERVER, text("name"), optional(WANT), optional(WAS)]),
    ("without-option", &[SERVER, text("option")]),
    ("with-option", &[SERVER, text("option"), optional(WANT), optional(WAS)]),
    (
        "service",
        &[
            SERVER,
            field(
                "setting",
                Type::Word(&[
                    "cpu-weight",
                    "io-weight",
                    "nice",
                    "oom-score",
                    "restart",
                    "restart-delay",
                    "start-timeout",
                    "health-check",
                    "open-files",
                    "locked-memory",
                    "tasks",
                    "memory-limit",
                    "memory-throttle",
                    "swap-limit",
                    "scheduling-policy",
                ]),
            ),
            WANT,
            optional(WAS),
        ],
    ),
    ("cpu-quota", &[SERVER, text("group"), optional(number("want")), WAS]),
    ("capability", &[SERVER, text("name")]),
    ("shared-memory", &[SERVER, number("want_bytes"), number("was_bytes")]),
    ("guaranteed-pod", &[SERVER]),
    ("container-devices", &[SERVER]),
    ("local-model", &[SERVER, text("path")]),
    ("restart", &[SERVER]),
    (
        "kubelet",
        &[
            field(
                "setting",
                Type::Word(&[
                    "cpu-manager-policy",
                    "full-pcpus-only",
                    "reserved-system-cpus",
                    "topology-manager-policy",
                    "topology-manager-scope",
                    "memory-manager-policy",
                    "reserved-memory",
                ]),
            ),
            WANT,
            optional(WAS),
        ],
    ),
    ("normal-policy", &[number("process"), WAS, number("priority")]),
    ("elsewhere", &[number("process"), text("name")]),
    ("reserve", &[CPUS]),
    (
        "interrupts",
        &[field("irqs", Type::Numbers), optional(text("device")), optional(field("avoid", Type::Cpus))],
    ),
    ("interrupt-ban", &[CPUS, optional(field("was", Type::Cpus))]),
    (
        "nic",
        &[
            text("interface"),
            field("setting", Type::Word(&["channels", "receive-ring"])),
            number("want"),
            optional(number("was")),
        ],
    ),
    ("kernel-module", &[text("name")]),
    ("production-kernel", &[WAS]),
    ("time-service", &[]),
    ("persist", &[text("setting"), WANT, optional(WAS)]),
    ("swap-off", &[text("area")]),
    ("acs-off", &[text("bridge"), WAS]),
    (
        "update",
        &[
            field(
                "part",
                Type::Word(&[
                    "kernel",
                    "microcode",
                    "firmware",
                    "gpu-driver",
                    "fabric-manager",
                    "container-toolkit",
                ]),
            ),
            optional(WAS),
        ],
    ),
    (
        "step",
        &[field(
            "step",
            Type::Word(&[
                "agree-service-level",
                "state-costs",
                "repeat-load-test",
                "plan-capacity",
                "add-replica",
                "consolidate",
                "trace-slow-requests",
                "trace-interruptions",
                "trace-memory",
                "drain",
                "watch-log",
                "restart-programs",
                "restart-node",
            ]),
        )],
    ),
    (
        "firmware",
        &[field(
            "setting",
            Type::Word(&[
                "boost",
                "hardware-p-states",
                "power-limit",
                "fabric-clock",
                "priority-cores",
                "resizable-bar",
                "pcie-slot",
                "node-interleaving",
                "numa-per-package",
                "device-proximity",
                "management-interrupts",
                "acs",
            ]),
        )],
    ),
    (
        "hardware",
        &[
            field(
                "part",
                Type::Word(&[
                    "cooling",
                    "processor",
                    "pcie-card",
                    "gpu",
                    "power-supply",
                    "network-link",
                    "nv-link",
                    "memory-module",
                    "memory-layout",
                    "memory",
                    "adapter-slot",
                    "local-disk",
                ]),
            ),
            optional(text("at")),
        ],
    ),
    (
        "provider",
        &[field(
            "request",
            Type::Word(&[
                "governor",
                "more-cpus",
                "dedicated-cpus",
                "virtual-numa",
                "random-device",
                "health",
                "microcode",
                "clock-source",
                "more-memory",
                "device-window",
                "resizable-bar",
                "peer-access",
            ]),
        )],
    ),
];

/// A value as it is written: a template, or a number or truth value that stays as it is.
#[derive(Clone, Debug)]
pub(crate) struct Scalar(String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Scalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a whole number, or `true` or `false`")
            }

            fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
                Ok(Scalar(text.to_owned()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Scalar, E> {
                Ok(Scalar(number.to_string()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Scalar, E> {
                Ok(Scalar(number.to_string()))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
                Ok(Scalar(value.to_string()))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// An intent as it is written: its kind, and the values of that kind.
#[derive(Debug)]
pub(crate) struct IntentTable(BTreeMap<String, At<Scalar>>);

impl<'de> Deserialize<'de> for IntentTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeMap::deserialize(deserializer).map(Self)
    }
}

impl JsonSchema for IntentTable {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Intent".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let kinds: Vec<Json> = KINDS
            .iter()
            .map(|(kind, fields)| {
                let mut properties = Map::new();
                properties.insert("kind".to_owned(), json!({ "const": kind }));
                for Field { name, of, .. } in *fields {
                    let schema = match of {
                        Type::Text | Type::Cpus | Type::Numbers => json!({ "type": "string" }),
                        // A template, or the value itself.
                        Type::Number => json!({ "type": ["integer", "string"], "minimum": 0 }),
                        Type::Truth => json!({ "type": ["boolean", "string"] }),
                        Type::Word(words) => json!({ "type": "string", "enum": words }),
                    };
                    properties.insert((*name).to_owned(), schema);
                }
                let required = fields.iter().filter(|field| field.required).map(|field| field.name);
                let required: Vec<&str> = std::iter::once("kind").chain(required).collect();
                json!({ "type": "object", "properties": properties, "required": required })
            })
            .collect();
        json_schema!({
            "description": "What would mend the finding: a kind of the list in the handbook, with its values",
            "anyOf": kinds,
        })
    }
}

/// An intent whose templates are in order.
#[derive(Clone, Debug)]
pub(crate) struct IntentTemplate {
    kind: &'static str,
    values: Vec<(&'static str, Type, Filled)>,
}

#[derive(Clone, Debug)]
enum Filled {
    Fixed(Json),
    Template(Template),
}

impl IntentTemplate {
    /// Reads an intent; `tell` gets what is wrong with it, with the place where it is known.
    pub(crate) fn new(
        table: &At<IntentTable>,
        scope: &mut Scope<'_>,
        tell: &mut impl FnMut(Option<usize>, String),
    ) -> Option<Self> {
        let given = &table.0;
        let Some(kind) = given.get("kind") else {
            tell(table.line(), format!("`kind` is missing: expected one of {}", kinds()));
            return None;
        };
        let Some((name, fields)) = KINDS.iter().find(|(name, _)| *name == kind.0) else {
            let problem = format!("`kind`: there is no intent `{}`: expected one of {}", kind.0, kinds());
            tell(kind.line(), problem);
            return None;
        };
        let mut is_right = true;
        let mut fault = |line: Option<usize>, problem: String| {
            tell(line, problem);
            is_right = false;
        };
        let known = |key: &str| key == "kind" || fields.iter().any(|field| field.name == key);
        for (key, place) in given.iter().filter(|(key, _)| !known(key)) {
            let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
            let problem = format!("`{key}`: `{name}` takes `{}`: remove it", names.join("`, `"));
            fault(place.line(), problem);
        }
        let mut values = Vec::new();
        for Field { name: key, of, required } in *fields {
            match given.get(*key) {
                Some(place) => match filled(&place.0, *of, scope) {
                    Ok(value) => values.push((*key, *of, value)),
                    Err(problem) => fault(place.line(), format!("`{key}`: {problem}")),
                },
                None if *required => {
                    fault(table.line(), format!("`{key}` is missing: `{name}` needs {}", of.title()));
                }
                None => {}
            }
        }
        is_right.then_some(Self { kind: name, values })
    }

    /// The intent on this node; `None` if one of its values is not known there, or is none of its type.
    pub(crate) fn fill(&self, evaluation: &Evaluation<'_, '_>) -> Option<Intent> {
        let mut members = Map::new();
        members.insert("kind".to_owned(), self.kind.into());
        for (key, of, value) in &self.values {
            let value = match value {
                Filled::Fixed(value) => value.clone(),
                Filled::Template(template) => of.read(&template.fill_known(evaluation, MAX_VALUE).ok()?)?,
            };
            members.insert((*key).to_owned(), value);
        }
        serde_json::from_value(Json::Object(members)).ok()
    }
}

fn filled(written: &str, of: Type, scope: &mut Scope<'_>) -> Result<Filled, String> {
    let fixed = |text: &str| {
        let value = of.read(text).ok_or_else(|| format!("expected {}, found `{text}`", of.title()))?;
        Ok(Filled::Fixed(value))
    };
    // No text is one, too: no profile was active.
    if written.is_empty() {
        return fixed(written);
    }
    let template = Template::new(written, scope)?;
    match template.constant() {
        Some(text) => fixed(text),
        None => Ok(Filled::Template(template)),
    }
}

fn kinds() -> String {
    let kinds: Vec<&str> = KINDS.iter().map(|(kind, _)| *kind).collect();
    format!("`{}`", kinds.join("`, `"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(of: Type) -> Json {
        match of {
            Type::Text => json!("x"),
            Type::Cpus => json!("0-3"),
            Type::Number => json!(7),
            Type::Numbers => json!([7, 8]),
            Type::Truth => json!(true),
            Type::Word(words) => json!(words[0]),
        }
    }

    #[test]
    fn the_list_is_that_of_the_type() {
        let unknown = serde_json::from_value::<Intent>(json!({ "kind": "?" })).unwrap_err().to_string();
        let mut listed: Vec<&str> = unknown.split('`').skip(3).step_by(2).collect();
        listed.retain(|kind| *kind != "gpu");
        assert_eq!(listed, KINDS.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), "{unknown}");
        for (kind, fields) in KINDS {
            let mut whole = json!({ "kind": kind });
            for field in *fields {
                whole[field.name] = value(field.of);
            }
            let intent: Intent = serde_json::from_value(whole.clone()).unwrap();
            assert_eq!(serde_json::to_value(&intent).unwrap(), whole, "a value is not told of `{kind}`");
            for field in *fields {
                let mut less = whole.clone();
                less.as_object_mut().unwrap().remove(field.name);
                let read = serde_json::from_value::<Intent>(less);
                assert_eq!(read.is_err(), field.required, "`{}` of `{kind}`", field.name);
                let Type::Word(words) = field.of else { continue };
                let mut other = whole.clone();
                other[field.name] = json!("?");
                let unknown = serde_json::from_value::<Intent>(other).unwrap_err().to_string();
                assert_eq!(unknown.split('`').skip(3).step_by(2).collect::<Vec<_>>(), words, "{unknown}");
            }
        }
    }
}
