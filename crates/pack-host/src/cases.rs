//! Cases of a check that has a page: `cases.toml` beside it says what is to be found on which evidence.
//!
//! ```toml
//! base = "base.json"                        # evidence that the cases change
//!
//! [[case]]
//! name = "the governor saves power"
//! set = { "/cpufreq/policies/0/scaling_governor" = "powersave" }
//! missing = { "/cpu/online" = "denied" }    # what is missing instead, and why
//! remove = ["/power"]                       # what is not there at all
//! findings = [{ outcome = "fail", subject = "CPUs 0-3", variant = "lowest", args = { cpus_count = 4 }, intents = ["governor"] }]
//! ```
//!
//! All findings of a case are listed, in the order of the check. `args` names those that are compared; `intents` are compared as
//! kinds, where they are given.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use plumb_check_sdk::{Arg, Finding, Outcome};
use serde::Deserialize;
use serde_json::Value;

/// File of the cases, beside the check.
pub(crate) const CASES: &str = "cases.toml";

/// The cases of one check.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cases {
    /// File with the evidence that cases start from.
    base: String,
    #[serde(rename = "case")]
    pub(crate) cases: Vec<Case>,
}

/// One case.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// Another file to start from.
    base: Option<String>,
    #[serde(default)]
    set: BTreeMap<String, toml::Value>,
    #[serde(default)]
    missing: BTreeMap<String, String>,
    #[serde(default)]
    remove: Vec<String>,
    pub(crate) findings: Vec<Expected>,
}

/// What is to be found.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    pub(crate) outcome: Outcome,
    subject: String,
    pub(crate) variant: String,
    #[serde(default)]
    args: BTreeMap<String, toml::Value>,
    intents: Option<Vec<String>>,
}

/// Reads the cases in the folder of a check.
pub(crate) fn read(folder: &Path) -> Result<Cases, String> {
    let path = folder.join(CASES);
    let text =
        fs::read_to_string(&path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))?;
    toml::from_str(&text).map_err(|error| format!("`{}`: {error}", path.display()))
}

impl Cases {
    /// The evidence of a case.
    pub(crate) fn evidence(&self, folder: &Path, case: &Case) -> Result<Value, String> {
        let path: PathBuf = folder.join(case.base.as_ref().unwrap_or(&self.base));
        let bytes = fs::read(&path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))?;
        let mut evidence: Value =
            serde_json::from_slice(&bytes).map_err(|error| format!("`{}`: {error}", path.display()))?;
        for pointer in &case.remove {
            let (parent, key) = parent(&mut evidence, pointer)?;
            let gone = match parent {
                Value::Object(members) => members.remove(&key).is_some(),
                Value::Array(items) => key.parse::<usize>().is_ok_and(|at| {
                    at < items.len() && {
                        items.remove(at);
                        true
                    }
                }),
                _ => false,
            };
            if !gone {
                return Err(format!("case `{}`: there is no `{pointer}` to remove", case.name));
            }
        }
        for (pointer, why) in &case.missing {
            let value = serde_json::json!({ "missing": why, "reason": format!("{} in this case", pointer.trim_start_matches('/')) });
            put(&mut evidence, pointer, value)?;
        }
        for (pointer, value) in &case.set {
            let value = serde_json::to_value(value).map_err(|error| error.to_string())?;
            put(&mut evidence, pointer, value)?;
        }
        Ok(evidence)
    }
}

fn put(evidence: &mut Value, pointer: &str, value: Value) -> Result<(), String> {
    let (parent, key) = parent(evidence, pointer)?;
    match parent {
        Value::Object(members) => drop(members.insert(key, value)),
        Value::Array(items) => match key.parse::<usize>() {
            Ok(at) if at < items.len() => items[at] = value,
            Ok(at) if at == items.len() => items.push(value),
            _ => return Err(format!("`{pointer}`: the list has {} items", items.len())),
        },
        _ => return Err(format!("`{pointer}`: its parent is neither an object nor a list")),
    }
    Ok(())
}

/// What holds the last key of a pointer; objects on the way are made.
fn parent<'a>(evidence: &'a mut Value, pointer: &str) -> Result<(&'a mut Value, String), String> {
    let mut keys: Vec<String> = pointer
        .strip_prefix('/')
        .ok_or_else(|| format!("`{pointer}`: expected a pointer such as `/cpu/online`"))?
        .split('/')
        .map(|key| key.replace("~1", "/").replace("~0", "~"))
        .collect();
    let last = keys.pop().unwrap_or_default();
    let mut at = evidence;
    for key in keys {
        at = match at {
            Value::Object(members) => {
                members.entry(key).or_insert_with(|| Value::Object(serde_json::Map::new()))
            }
            Value::Array(items) => {
                let length = items.len();
                key.parse::<usize>()
                    .ok()
                    .and_then(|at| items.get_mut(at))
                    .ok_or_else(|| format!("`{pointer}`: no item `{key}` in a list of {length}"))?
            }
            _ => return Err(format!("`{pointer}`: `{key}` is inside of a value")),
        };
    }
    Ok((at, last))
}

/// How the findings differ from what a case expects.
pub(crate) fn compare(case: &Case, findings: &[Finding]) -> Result<(), String> {
    let told = || {
        let lines = findings.iter().map(|finding| {
            let args: Vec<String> =
                finding.args.iter().map(|(name, arg)| format!("{name} = {}", shown(arg))).collect();
            let kinds: Vec<String> = finding.intents.iter().map(|intent| format!("{:?}", intent.kind())).collect();
            format!(
                "    {{ outcome = {:?}, subject = {:?}, variant = {:?}, args = {{ {} }}, intents = [{}] }},\n      # {}",
                finding.outcome.as_str(),
                finding.subject,
                finding.variant.as_deref().unwrap_or_default(),
                args.join(", "),
                kinds.join(", "),
                finding.message
            )
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    let fail = |why: String| Err(format!("case `{}`: {why}; found\n{}", case.name, told()));
    if findings.len() != case.findings.len() {
        return fail(format!("expected {} findings, found {}", case.findings.len(), findings.len()));
    }
    for (at, (expected, found)) in case.findings.iter().zip(findings).enumerate() {
        let head = |what: &str, expected: &str, found: &str| {
            fail(format!("finding {}: expected {what} `{expected}`, found `{found}`", at + 1))
        };
        if found.outcome != expected.outcome {
            return head("outcome", expected.outcome.as_str(), found.outcome.as_str());
        }
        if found.subject != expected.subject {
            return head("subject", &expected.subject, &found.subject);
        }
        let variant = found.variant.as_deref().unwrap_or_default();
        if variant != expected.variant {
            return head("variant", &expected.variant, variant);
        }
        for (name, value) in &expected.args {
            let value = match value {
                toml::Value::String(text) => text.clone(),
                // A whole number is printed without decimals, which TOML wants of it.
                toml::Value::Float(number) => number.to_string(),
                other => other.to_string(),
            };
            let own = found.args.get(name).map(plain).unwrap_or_default();
            if own != value {
                return head(&format!("`${name}`"), &value, &own);
            }
        }
        if let Some(kinds) = &expected.intents {
            let own: Vec<&str> = found.intents.iter().map(plumb_check_sdk::Intent::kind).collect();
            if own != *kinds {
                return head("intents", &kinds.join(", "), &own.join(", "));
            }
        }
        if found.message.trim().is_empty() {
            return fail(format!("finding {} says nothing", at + 1));
        }
    }
    Ok(())
}

/// A value without its unit, as a case gives it.
fn plain(arg: &Arg) -> String {
    match arg {
        Arg::Count { count } => count.to_string(),
        Arg::Quantity { value, digits, .. } => format!("{value:.*}", usize::from(*digits)),
        Arg::Text { text } => text.clone(),
    }
}

fn shown(arg: &Arg) -> String {
    match arg {
        Arg::Text { text } => format!("{text:?}"),
        other => plain(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_is_set_taken_away_and_missing() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("base.json"), r#"{"a": {"b": [1, 2], "c": "x"}}"#).unwrap();
        let text = r#"
            base = "base.json"
            [[case]]
            name = "n"
            set = { "/a/b/1" = 7, "/a/b/2" = 8, "/n/e/w" = "y" }
            missing = { "/d" = "denied" }
            remove = ["/a/c"]
            findings = []
        "#;
        let cases: Cases = toml::from_str(text).unwrap();
        let evidence = cases.evidence(folder.path(), &cases.cases[0]).unwrap();
        let expected = serde_json::json!({
            "a": {"b": [1, 7, 8]}, "n": {"e": {"w": "y"}}, "d": {"missing": "denied", "reason": "d in this case"}
        });
        assert_eq!(evidence, expected);
    }
}
