//! The bill of materials: which crates are in the programs, as CycloneDX 1.5 in JSON.
//!
//! <https://cyclonedx.org/docs/1.5/json/>. Without time and serial number, which may be left out: the same source gives the
//! same bytes.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::crates::{Foreign, Graph, Package};
use crate::typst;

/// The bill of `name`, which is made of the crates of all `graphs`.
pub(super) fn bill(name: &str, version: &str, graphs: &[&Graph], foreign: &[&Foreign]) -> Result<String> {
    let own = reference(name, version);
    let mut components: BTreeMap<String, Value> = BTreeMap::new();
    let mut needs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for graph in graphs {
        for package in graph.packages.values() {
            let reference = of(package);
            components.entry(reference.clone()).or_insert_with(|| component(package));
            let others = package.needs.iter().filter_map(|id| graph.packages.get(id)).map(of);
            needs.entry(reference).or_default().extend(others);
        }
        needs.entry(own.clone()).or_default().extend(
            graph.roots.iter().filter_map(|id| graph.packages.get(id)).map(of).filter(|root| *root != own),
        );
    }
    // The program itself is what the bill is about.
    components.remove(&own);
    for Foreign { name, version, licence, by, .. } in foreign {
        let library = format!("pkg:generic/{name}@{version}");
        components.insert(
            library.clone(),
            json!({
                "type": "library", "bom-ref": library, "name": name, "version": version, "purl": library,
                "licenses": [{"expression": licence}],
            }),
        );
        let linking = format!("pkg:cargo/{by}@");
        for (_, needs) in needs.iter_mut().filter(|(reference, _)| reference.starts_with(&linking)) {
            needs.insert(library.clone());
        }
        needs.insert(library, BTreeSet::new());
    }
    let bill = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {
            "type": "application", "bom-ref": own, "name": name, "version": version, "purl": own,
            "licenses": [{"expression": "MIT OR Apache-2.0"}],
        }},
        "components": components.into_values().collect::<Vec<_>>(),
        "dependencies": needs
            .into_iter()
            .map(|(reference, needs)| json!({"ref": reference, "dependsOn": needs}))
            .collect::<Vec<_>>(),
    });
    Ok(format!("{}\n", serde_json::to_string_pretty(&bill).context("cannot write JSON")?))
}

fn component(package: &Package) -> Value {
    let is_program = package.name == "typst-cli" && package.version == typst::VERSION;
    let mut component = json!({
        "type": if is_program { "application" } else { "library" },
        "bom-ref": of(package),
        "name": package.name,
        "version": package.version,
        "purl": of(package),
    });
    if let Some(licence) = &package.licence {
        // An older way to write "or", which is no expression of SPDX.
        component["licenses"] = json!([{"expression": licence.replace('/', " OR ")}]);
    }
    if let Some(checksum) = &package.checksum {
        component["hashes"] = json!([{"alg": "SHA-256", "content": checksum}]);
    }
    component
}

fn of(package: &Package) -> String {
    reference(&package.name, &package.version)
}

fn reference(name: &str, version: &str) -> String {
    format!("pkg:cargo/{name}@{version}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dist::crates::tests::graph;

    #[test]
    fn all_that_is_needed_is_a_component() {
        let foreign = Foreign {
            name: "zstd",
            version: "1.5".to_owned(),
            licence: "BSD-3-Clause",
            text: "/none".into(),
            by: "zstd-sys",
        };
        let text = bill("plumb", "1.0.0", &[&graph()], &[&foreign]).unwrap();
        assert_eq!(text, bill("plumb", "1.0.0", &[&graph(), &graph()], &[&foreign]).unwrap());
        let bill: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(bill["specVersion"], "1.5");
        let list = |value: &Value| value.as_array().unwrap().clone();
        let mut known: Vec<Value> =
            list(&bill["components"]).iter().map(|component| component["bom-ref"].clone()).collect();
        known.push(bill["metadata"]["component"]["bom-ref"].clone());
        for entry in list(&bill["dependencies"]) {
            for reference in std::iter::once(entry["ref"].clone()).chain(list(&entry["dependsOn"])) {
                assert!(known.contains(&reference), "{reference}");
            }
        }
        assert!(text.contains("\"alg\": \"SHA-256\""), "{text}");
        let linked = list(&bill["dependencies"])
            .iter()
            .any(|entry| list(&entry["dependsOn"]).contains(&"pkg:generic/zstd@1.5".into()));
        assert!(linked, "{text}");
    }
}
