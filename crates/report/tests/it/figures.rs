//! Figures: well formed, the same twice, with words for those who do not see them; and the chapters beside them.

use std::fs;
use std::path::Path;

use plumb_engine::capacity::Capacity;
use plumb_evidence::model::{BenchResult, SweepLevel, SweepResult};
use plumb_evidence::{Evidence, Fact};
use plumb_report::{Figure, Material, Theme, markdown, model};

use crate::{machine, sample};

fn drawn(evidence: &Evidence) -> Vec<Figure> {
    let mut assessment = sample::typical();
    assessment.capacity = Capacity::of(evidence, &sample::speech());
    let material = Material::new(&assessment).with_evidence(evidence);
    model(material, &Theme::builtin().unwrap()).unwrap().figures().cloned().collect()
}

fn machines() -> Vec<(&'static str, Evidence)> {
    vec![
        ("two-cpus", machine::node(1, 1, 0)),
        ("gpu-node", machine::measured(2, 64, 8)),
        ("eight-sockets", machine::node(8, 28, 8)),
        ("nothing", sample::evidence()),
    ]
}

#[test]
fn figures_are_well_formed_and_have_words() {
    for (name, evidence) in machines() {
        let figures = drawn(&evidence);
        assert_eq!(figures, drawn(&evidence), "{name}");
        for figure in &figures {
            let what = format!("{name}: {}", figure.id);
            let xml =
                roxmltree::Document::parse(&figure.svg).unwrap_or_else(|error| panic!("{what}: {error}"));
            let root = xml.root_element();
            let height: f64 = root.attribute("height").unwrap().parse().unwrap();
            assert!(height > 20.0 && height < 1400.0, "{what}: {height}");
            for text in [&figure.title, &figure.alt, &figure.caption] {
                assert!(!text.trim().is_empty() && !text.contains('{'), "{what}: {text}");
            }
            assert!(!figure.title.ends_with('.') && figure.caption.ends_with('.'), "{what}");
            // Nothing is drawn outside of the picture.
            for node in xml.descendants().filter(roxmltree::Node::is_element) {
                for (key, most) in [("x", 640.0), ("y", height)] {
                    if let Some(at) = node.attribute(key) {
                        let at: f64 = at.parse().unwrap();
                        assert!((-1.0..=most + 1.0).contains(&at), "{what}: {key} = {at}");
                    }
                }
            }
        }
        let mut ids: Vec<_> = figures.iter().map(|figure| &figure.id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), figures.len(), "{name}");
        // For eyes.
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("figures").join(name);
        fs::create_dir_all(&folder).unwrap();
        for figure in &figures {
            fs::write(folder.join(format!("{}.svg", figure.id)), &figure.svg).unwrap();
        }
    }
}

#[test]
fn a_gpu_node_has_every_figure() {
    let ids: Vec<String> = drawn(&machine::measured(2, 64, 8)).into_iter().map(|figure| figure.id).collect();
    let expected = [
        "categories",
        "attainment",
        "stairs",
        "gantt",
        "load-ttft",
        "load-itl",
        "percentiles-ttft",
        "percentiles-itl",
        "percentiles-e2e",
        "effects-1-placement",
        "effects-1-governor",
        "effects-1-neighbour",
        "noise",
        "sensitivity",
        "topology",
    ];
    assert_eq!(ids, expected);
}

#[test]
fn a_sweep_is_as_good_as_single_tests() {
    let mut evidence = machine::measured(2, 64, 8);
    let Fact::Known(measurements) = &mut evidence.measurements else { panic!() };
    let single = Capacity::of(&machine::measured(2, 64, 8), &sample::speech());
    let levels = measurements.bench.known().unwrap().iter().map(|test| SweepLevel {
        rate: test.offered_rps.unwrap(),
        result: BenchResult { offered_rps: None, ..test.clone() },
        ..SweepLevel::default()
    });
    let sweep = SweepResult {
        path: "measurements/sweep-1.json".into(),
        levels: levels.collect(),
        ..SweepResult::default()
    };
    measurements.sweeps = Fact::Known(vec![sweep]);
    measurements.bench = Fact::absent("no single test");
    let swept = Capacity::of(&evidence, &sample::speech());
    assert_eq!(swept.plan, single.plan);
    let ids: Vec<String> = drawn(&evidence).into_iter().map(|figure| figure.id).collect();
    assert!(ids.contains(&"load-ttft".to_owned()) && ids.contains(&"percentiles-ttft".to_owned()), "{ids:?}");
}

#[test]
fn repetitions_are_numbered_and_prove_together() {
    let mut evidence = machine::measured(2, 64, 8);
    let Fact::Known(measurements) = &mut evidence.measurements else { panic!() };
    let Fact::Known(tests) = &mut measurements.bench else { panic!() };
    let mut short = tests[0].clone();
    (short.requests, short.load.seed) = (40, Some(1));
    short.judged = Some(machine::judged(40, 1.0));
    let mut other = short.clone();
    other.load.seed = Some(2);
    *tests = vec![short, other];
    let mut assessment = sample::typical();
    assessment.capacity = Capacity::of(&evidence, &sample::speech());
    let material = Material::new(&assessment).with_evidence(&evidence);
    let theme = Theme::builtin().unwrap();
    let text = markdown(&model(material, &theme).unwrap(), &theme).unwrap().text;
    let words = "requests/s (Poisson)";
    assert!(text.contains(&format!("{words}, 1/2 |")) && text.contains(&format!("{words}, 2/2 |")));
    // Together they prove what each is too short for.
    assert!(text.contains("| 80 | 100.0 % |"), "{text}");
}

#[test]
fn what_is_far_is_told_in_words() {
    let figures = drawn(&machine::measured(2, 64, 8));
    let topology = figures.iter().find(|figure| figure.id == "topology").unwrap();
    assert!(topology.alt.contains("2 sockets, 2 NUMA nodes, 128 cores"), "{}", topology.alt);
    assert!(topology.alt.contains("with threads away from their GPU 13"), "{}", topology.alt);
    assert!(topology.alt.contains("of that away from its GPU 56.0 GiB"), "{}", topology.alt);
}

#[test]
fn only_tested_rates_are_in_sentences_and_buying_comes_last() {
    let evidence = machine::measured(2, 64, 8);
    let mut assessment = sample::typical();
    assessment.capacity = Capacity::of(&evidence, &sample::speech());
    let theme = Theme::builtin().unwrap();
    let report = model(Material::new(&assessment).with_evidence(&evidence), &theme).unwrap();
    let labels: Vec<&str> = report.numbers.iter().map(|own| own.label.as_str()).collect();
    assert!(
        labels.contains(&"measured") && labels.contains(&"modelled") && labels.contains(&"assumed"),
        "{labels:?}"
    );
    // A rate that is called measured was tested.
    let tested: Vec<f64> =
        assessment.capacity.goodput.iter().flat_map(|own| &own.points).map(|own| own.rate).collect();
    for own in report.numbers.iter().filter(|own| ["goodput", "missed"].contains(&own.id.as_str())) {
        assert!(tested.contains(&own.value), "{own:?} of {tested:?}");
    }
    assert!(assessment.work.iter().all(|own| !(own.quick_win && own.buys)));
}

#[test]
fn without_measurements_there_is_no_number_of_gpus() {
    let text = markdown(&sample::report(&sample::typical()), &Theme::builtin().unwrap()).unwrap().text;
    assert!(text.contains("cannot be said: no service level was stated. Nothing is estimated"), "{text}");
    assert!(text.contains("Nothing was measured on this node"));
}

#[test]
fn a_theme_in_german_says_all_of_it_in_german() {
    let theme = Theme::builtin().unwrap().with_language("de").unwrap();
    let text = markdown(&model(&sample::typical(), &theme).unwrap(), &theme).unwrap().text;
    assert!(text.contains("# Inference Health Check: gpu-node-07.example"), "{text}");
    assert!(text.contains("deren Paket kein Deutsch hat"), "a pack may have no German texts: {text}");
    for said in [
        "Liegen Kerne und Speicher der Worker nahe an ihren GPUs?",
        "| Nachweis: Quelle | Wert |",
        "| Mittel (0,8) |",
        "ist nicht berechenbar: Es wurde kein Service-Level angegeben",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    for word in ["## Findings", "Coverage", "Not run", "Are workers", "more check", "this cannot be said"] {
        assert!(!text.contains(word), "{word}");
    }
    let error = Theme::builtin().unwrap().with_language("xx").unwrap_err().to_string();
    assert!(error.contains("expected a language of `de`, `en`, but found `xx`"), "{error}");
}

#[test]
fn languages_have_the_same_keys_and_placeholders() {
    fn flat(prefix: &str, value: &toml::Value, into: &mut Vec<(String, Vec<String>)>) {
        match value {
            toml::Value::Table(table) => {
                table.iter().for_each(|(key, value)| flat(&format!("{prefix}.{key}"), value, into));
            }
            toml::Value::Array(items) => into.push((format!("{prefix} × {}", items.len()), Vec::new())),
            toml::Value::String(text) => {
                let mut names: Vec<String> = text
                    .split('{')
                    .skip(1)
                    .filter_map(|rest| Some(rest.split_once('}')?.0.to_owned()))
                    .collect();
                names.sort();
                into.push((prefix.to_owned(), names));
            }
            _ => {}
        }
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../report-templates/default/messages");
    let keys = |language: &str| {
        let text = fs::read_to_string(folder.join(format!("{language}.toml"))).unwrap();
        let mut keys = Vec::new();
        flat("", &toml::from_str(&text).unwrap(), &mut keys);
        keys.sort();
        keys
    };
    let (english, mut german) = (keys("en"), keys("de"));
    // English is what the names of things are in already: the list of their translations is empty.
    let (empty, english): (Vec<_>, Vec<_>) = english.into_iter().partition(|(key, _)| key.ends_with(" × 0"));
    german.retain(|(key, _)| !empty.iter().any(|(own, _)| key.starts_with(own.trim_end_matches('0'))));
    let only = |a: &[(String, Vec<String>)], b: &[(String, Vec<String>)]| {
        a.iter().filter(|key| !b.contains(key)).cloned().collect::<Vec<_>>()
    };
    assert_eq!((only(&english, &german), only(&german, &english)), (Vec::new(), Vec::new()));
}
