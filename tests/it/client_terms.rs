//! What a client states about money, energy and other nodes, as reports use it.

use std::fs;
use std::path::{Path, PathBuf};

use plumb_tests::{plumb, run};

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples/reports")
}

/// The engagement of the sample node with other prices, and more below it.
fn engagement(folder: &Path, gpu_hour: &str, more: &str) -> PathBuf {
    let text = fs::read_to_string(samples().join("untuned/engagement.toml")).unwrap();
    assert!(text.contains("gpu_hour = 2.5\n"), "{text}");
    let path = folder.join("engagement.toml");
    fs::write(&path, text.replace("gpu_hour = 2.5\n", &format!("gpu_hour = {gpu_hour}\n")) + more).unwrap();
    path
}

/// Markdown and JSON of the sample node's report.
fn report(folder: &Path, engagement: &Path) -> (String, serde_json::Value) {
    let output = folder.join("out");
    let mut command = plumb();
    command.args(["-q", "report", "--force", "--formats", "md,json", "--engagement"]).arg(engagement);
    let ran = run(command.arg(samples().join("untuned/node.plumb")).arg("-o").arg(&output));
    assert!([0, 6].contains(&ran.code), "{}", ran.err);
    let json = fs::read_to_string(output.join("report.json")).unwrap();
    (fs::read_to_string(output.join("report.md")).unwrap(), serde_json::from_str(&json).unwrap())
}

fn number<'a>(json: &'a serde_json::Value, id: &str) -> &'a serde_json::Value {
    let numbers = json["report"]["numbers"].as_array().unwrap();
    numbers.iter().find(|own| own["id"] == id).unwrap_or_else(|| panic!("no number `{id}`"))
}

#[test]
fn a_range_of_prices_makes_every_amount_a_range() {
    let folder = tempfile::tempdir().unwrap();
    let (markdown, json) = report(folder.path(), &engagement(folder.path(), "[2.2, 2.8]", ""));
    // 6 replicas of 8 GPUs; a month has 730.5 hours.
    let month = &json["capacity"]["money"]["month"]["high"];
    let ends = [month[0].as_f64().unwrap(), month[1].as_f64().unwrap()];
    assert!((ends[0] - 48.0 * 2.2 * 730.5).abs() < 1e-6 && (ends[1] - 48.0 * 2.8 * 730.5).abs() < 1e-6);
    assert_eq!(number(&json, "month")["text"], "77\u{a0}141 … 98\u{a0}179 EUR");
    // Spaces between thousands are of another kind in Markdown.
    let flat = markdown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("77 141 … 98 179 EUR a month"), "{markdown}");
    assert!(json["capacity"]["money"]["price_moved"].is_null(), "a range needs no moving beside it");
    let (one, json) = report(folder.path(), &engagement(folder.path(), "2.5", ""));
    let one = one.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(one.contains("87 660 EUR") && json["capacity"]["money"]["gpu_hour"] == 2.5);
}

#[test]
fn a_range_that_falls_or_is_below_nothing_is_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    for (price, said) in [
        ("[2.8, 2.2]", "prices.gpu_hour: must not fall, found [2.8, 2.2]"),
        ("[-1, 2]", "prices.gpu_hour: must be 0 or more, found -1"),
        ("[1, 2, 3]", "prices.gpu_hour"),
        ("\"cheap\"", "prices.gpu_hour"),
    ] {
        let path = engagement(folder.path(), price, "");
        let ran =
            run(plumb().args(["check", "--engagement"]).arg(&path).arg(samples().join("untuned/node.plumb")));
        assert_eq!(ran.code, 2, "{price}: {}", ran.err);
        assert!(ran.err.contains(said) && ran.err.contains("engagement.toml:"), "{price}: {}", ran.err);
    }
}

#[test]
fn a_plan_tells_its_energy_by_the_power_that_was_measured() {
    let folder = tempfile::tempdir().unwrap();
    let path = engagement(folder.path(), "2.5", "co2_g_per_kwh = 380\n");
    let (markdown, json) = report(folder.path(), &path);
    // 48 GPUs at 520 W, 730.5 hours, PUE 1.4.
    let kwh = 48.0 * 0.52 * 730.5 * 1.4;
    let energy = &json["capacity"]["energy"];
    assert!((energy["month_kwh"].as_f64().unwrap() - kwh).abs() < 1e-6, "{energy}");
    assert!((energy["month_co2_t"].as_f64().unwrap() - kwh * 380.0 / 1e6).abs() < 1e-9, "{energy}");
    assert_eq!(
        (&number(&json, "watts")["label"], &number(&json, "kwh")["label"], &number(&json, "pue")["label"]),
        (&"measured".into(), &"modelled".into(), &"stated".into())
    );
    assert!(markdown.contains("drew 520 W on average") && markdown.contains("9.7 t a month"), "{markdown}");
    let (without, _) = report(folder.path(), &engagement(folder.path(), "2.5", ""));
    assert!(!without.contains("carbon dioxide"), "nothing is said of what was not stated");
}

#[test]
fn a_node_is_held_against_others_without_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let nodes = folder.path().join("nodes");
    fs::create_dir(&nodes).unwrap();
    for name in ["untuned", "guest"] {
        fs::copy(samples().join(name).join("node.plumb"), nodes.join(format!("{name}.plumb"))).unwrap();
    }
    let fleet = folder.path().join("fleet");
    let ran = run(plumb().args(["-q", "fleet", "--formats", "json"]).arg(&nodes).arg("-o").arg(&fleet));
    assert_eq!(ran.code, 0, "{}", ran.err);
    let peers = "\n[peers]\nsource = \"two nodes of a sister site\"\nfile = \"fleet/fleet.json\"\n";
    let path = engagement(folder.path(), "2.5", peers);
    let (markdown, json) = report(folder.path(), &path);
    assert!(markdown.contains("Compared with two nodes of a sister site (here: 2)"), "{markdown}");
    assert_eq!(number(&json, "peers-having-F1")["value"], 1.0, "it is one of them itself");
    assert!(!markdown.contains("vm-12"), "no name of another node gets into a report");
    let hashed = markdown.contains("fleet/fleet.json");
    assert!(hashed, "the provenance names the file with its hash");
    fs::write(folder.path().join("fleet/fleet.json"), "{}").unwrap();
    let mut command = plumb();
    command.args(["report", "--formats", "md", "--engagement"]).arg(&path);
    let ran = run(command.arg(samples().join("untuned/node.plumb")).arg("-o").arg(folder.path().join("bad")));
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("fleet/fleet.json") && ran.err.contains("expected a fleet.json"), "{}", ran.err);
}
