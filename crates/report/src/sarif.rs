//! Deviations as SARIF 2.1.0, for tools that collect results of checks.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::ReportError;
use crate::escape::clean;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// The deviations of a `report.json`, one result each.
///
/// # Errors
/// If the text is no JSON.
pub fn sarif(file: &str) -> Result<String, ReportError> {
    let file: Value = serde_json::from_str(file).map_err(ReportError::Data)?;
    let text = |value: &Value| clean(value.as_str().unwrap_or_default());
    let host = text(&file["node"]["hostname"]);
    let mut rules: BTreeMap<String, Value> = BTreeMap::new();
    let mut results = Vec::new();
    for finding in file["findings"].as_array().into_iter().flatten() {
        let outcome = finding["outcome"].as_str().unwrap_or_default();
        let level = match (outcome, finding["grade"].as_str().unwrap_or_default()) {
            ("fail", "high") => "error",
            ("fail" | "warn", "low") => "note",
            ("fail" | "warn", _) => "warning",
            _ => continue,
        };
        let check = text(&finding["check"]);
        rules.entry(check.clone()).or_insert_with(|| {
            json!({
                "id": check,
                "shortDescription": { "text": text(&finding["title"]) },
                "fullDescription": { "text": text(&finding["rationale"]) },
            })
        });
        let message = match text(&finding["problem"]) {
            problem if problem.is_empty() => text(&finding["message"]),
            problem => format!("{problem}: {}", text(&finding["message"])),
        };
        results.push(json!({
            "ruleId": check,
            "level": level,
            "message": { "text": message },
            "locations": [{ "logicalLocations": [{
                "name": text(&finding["subject"]),
                "fullyQualifiedName": format!("{host}/{}", text(&finding["subject"])),
            }] }],
            "properties": { "score": finding["score"], "grade": finding["grade"], "outcome": outcome },
        }));
    }
    let driver = json!({
        "name": "Plumb",
        "version": text(&file["tool_version"]),
        "rules": rules.into_values().collect::<Vec<_>>(),
    });
    crate::json(&json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{ "tool": { "driver": driver }, "results": results }],
    }))
}
