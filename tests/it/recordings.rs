//! Recorded machines: the topology of each against the answers of lscpu and hwloc that lie beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use plumb_evidence::{Bundle, CpuSet, Evidence, Source, derive};
use plumb_tests::{plumb, recordings, run, skip};

/// Sockets, cores, PUs, NUMA nodes; `None` where the tool gives no answer.
type Counts = [Option<u32>; 4];

/// Where Plumb's figures are meant to differ from a tool's, and why. Anything else is a failure, and so is an entry here
/// that no longer differs.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    (
        "aarch64_Apple_Icestorm-M1-Pro",
        "lscpu",
        "three clusters under one package: lscpu prints cores per cluster as cores per socket",
    ),
    (
        "ul/arm-A510-A710-A715-X3",
        "lscpu",
        "cores of different types: lscpu prints the largest cluster as cores per socket, and one socket for three",
    ),
    (
        "hw/16amd64-8n2c-cpusets",
        "lscpu",
        "CPU 4 is offline: lscpu counts its core, Plumb counts cores that run",
    ),
    ("hw/4fake-4gr1nu1pu", "hwloc", "the tree has no core ids: hwloc then shows no cores, Plumb one per PU"),
    (
        "hw/fakeheterocpunuma",
        "hwloc",
        "fabricated: nodes 3 to 5 share CPUs, and hwloc drops nodes that overlap",
    ),
    ("hw/nvidiagpunumanodes", "hwloc", "hwloc hides the six memory-only nodes that are GPU memory"),
];

#[test]
fn topology_equals_the_recorded_answers() {
    let Some(folder) = recordings() else {
        return skip("no recorded machines: PLUMB_RECORDINGS names no folder with `oracle`");
    };
    let work = tempfile::tempdir().unwrap();
    let mut table = String::from(
        "| recording | sockets / cores / PUs / nodes | lscpu 2.38 | hwloc 2.9 | |\n|---|---|---|---|---|\n",
    );
    let mut outcomes = String::from(
        "| recording | pass | warn | fail | info | not-applicable | not-run | contradictory | grade | coverage | deviations |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|---|--:|---|\n",
    );
    let mut totals = [0; OUTCOMES.len()];
    let mut surprises = Vec::new();
    let mut seen = 0;
    for (name, answers) in oracles(&folder) {
        let Some(archive) = archive(&folder, &name) else { continue };
        let Some(root) = unpack(&archive, &work.path().join(name.replace('/', "_"))) else {
            skip(&format!("{}: tar cannot unpack it here", archive.display()));
            continue;
        };
        let bundle = work.path().join("out.plumb");
        let result = run(plumb().args(["-q", "collect", "-o"]).arg(&bundle).arg("--sysroot").arg(&root));
        assert_eq!(result.code, 0, "{name}: {}", result.err);
        let content = Bundle::read(&bundle).unwrap();
        let assessment = assess(&name, &bundle);
        surprises.extend(bad_citations(&name, &assessment, &content));
        let (row, numbers) = outcome_row(&name, &assessment);
        outcomes.push_str(&row);
        totals.iter_mut().zip(numbers).for_each(|(total, number)| *total += number);
        let evidence = derive(&content);
        let own = counts(&evidence);
        seen += 1;
        let lscpu = lscpu(&answers);
        let hwloc = hwloc(&answers);
        let mut notes = Vec::new();
        for (tool, answer) in [("lscpu", lscpu), ("hwloc", hwloc)] {
            let known = DIFFERENCES.iter().find(|(recording, with, _)| *recording == name && *with == tool);
            match (agrees(own, answer, tool), known) {
                (true, None) => {}
                (false, Some((_, _, why))) => notes.push(*why),
                (true, Some(_)) => surprises.push(format!("{name}: no longer differs from {tool}")),
                (false, None) => surprises.push(format!("{name}: {own:?}, but {tool} says {answer:?}")),
            }
        }
        let notes = notes.join("; ");
        table.push_str(&format!(
            "| {name} | {} | {} | {} | {notes} |\n",
            show(own),
            show(lscpu),
            show(hwloc)
        ));
    }
    outcomes.push_str(&format!("| **all {seen}** | {} | | | |\n", cells(totals)));
    assert!(seen > 0, "no recording was found in {}", folder.display());
    surprises.extend(plumb_tests::stale_table("recordings.md", "| recording |", &table));
    surprises.extend(plumb_tests::stale_table("outcomes.md", "| recording |", &outcomes));
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
}

/// The outcomes that findings are counted by, in the order of the columns.
const OUTCOMES: [&str; 7] = ["pass", "warn", "fail", "info", "not-applicable", "not-run", "contradictory"];

/// What `plumb check` makes of a bundle, as JSON.
fn assess(name: &str, bundle: &Path) -> serde_json::Value {
    let result = run(plumb().args(["check", "--format", "json"]).arg(bundle));
    assert_eq!(result.code, 0, "{name}: {}", result.err);
    serde_json::from_str(&result.out).unwrap()
}

/// The line of a recording in the table of outcomes, and the findings in it by [`OUTCOMES`].
fn outcome_row(name: &str, assessment: &serde_json::Value) -> (String, [usize; OUTCOMES.len()]) {
    let findings = assessment["findings"].as_array().unwrap();
    let numbers = OUTCOMES.map(|outcome| findings.iter().filter(|f| f["outcome"] == outcome).count());
    assert_eq!(
        numbers.iter().sum::<usize>(),
        findings.len(),
        "{name}: an outcome that the table has no column for"
    );
    let deviations: BTreeSet<_> = findings
        .iter()
        .filter(|f| ["fail", "warn", "contradictory"].iter().any(|outcome| f["outcome"] == *outcome))
        .map(|f| format!("{} ({})", f["check"].as_str().unwrap(), f["outcome"].as_str().unwrap()))
        .collect();
    let row = format!(
        "| {name} | {} | {} | {:.1} % | {} |\n",
        cells(numbers),
        assessment["risk"]["grade"].as_str().unwrap(),
        assessment["coverage"].as_f64().unwrap() * 100.0,
        deviations.into_iter().collect::<Vec<_>>().join(", ")
    );
    (row, numbers)
}

fn cells(numbers: [usize; OUTCOMES.len()]) -> String {
    numbers.map(|number| number.to_string()).join(" | ")
}

/// Findings that cite what is not in the bundle, or that claim a deviation and cite nothing.
fn bad_citations(name: &str, assessment: &serde_json::Value, content: &Bundle) -> Vec<String> {
    let mut bad = Vec::new();
    for finding in assessment["findings"].as_array().unwrap() {
        let check = &finding["check"];
        let citations = finding["evidence"].as_array().unwrap();
        let deviates = finding["outcome"] == "fail" || finding["outcome"] == "warn";
        if deviates && citations.is_empty() {
            bad.push(format!("{name}: {check} deviates and cites nothing"));
        }
        for citation in citations {
            let source = citation["source"].as_str().unwrap();
            let is_there = content.files().contains_key(source)
                || content.read(source).is_ok()
                || content.list(source).is_ok()
                || content.link(source).is_ok();
            if !is_there {
                bad.push(format!("{name}: {check} cites {source}, which is not in the bundle"));
            }
        }
    }
    bad
}

fn show(counts: Counts) -> String {
    if counts.iter().all(Option::is_none) {
        return "–".to_owned();
    }
    counts.map(|n| n.map_or_else(|| "–".to_owned(), |n| n.to_string())).join(" / ")
}

/// A tool that gives no answer agrees; so does hwloc's one node for "the machine has no nodes", which is documented.
fn agrees(own: Counts, answer: Counts, tool: &str) -> bool {
    own.iter().zip(answer).enumerate().all(|(i, (&own, answer))| match (own, answer) {
        (_, None) => true,
        (Some(0), Some(1)) if i == 3 && tool == "hwloc" => true,
        (own, answer) => own == answer,
    })
}

fn counts(evidence: &Evidence) -> Counts {
    let cpu = evidence.cpu.known();
    let nodes = evidence.numa.known().map_or(0, |numa| numa.nodes.len());
    [
        cpu.map(|cpu| cpu.sockets),
        cpu.map(|cpu| cpu.cores),
        cpu.map(|cpu| cpu.pus),
        Some(u32::try_from(nodes).unwrap()),
    ]
}

/// Folders with answers, by their path below `oracle`.
pub(crate) fn oracles(folder: &Path) -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.join("oracle")];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = next.strip_prefix(folder.join("oracle")).unwrap();
                found.insert(name.to_str().unwrap().to_owned(), next.clone());
            }
        }
    }
    found
}

/// The archive that a folder of answers belongs to.
pub(crate) fn archive(folder: &Path, name: &str) -> Option<PathBuf> {
    let base = name.rsplit('/').next()?.trim_end_matches(".internal");
    let places = [
        "hwloc/tests/hwloc/linux",
        "hwloc-hist",
        "util-linux/tests/ts/lscpu/dumps",
        "util-linux-hist/dumps",
        "ghw/testdata/snapshots",
        "openshift",
        "nri-plugins",
        "chcpu",
    ];
    let endings = ["tar.bz2", "tar.gz", "tgz", "tar.xz"];
    places
        .iter()
        .flat_map(|place| ["", "test-data-"].map(|prefix| folder.join(place).join(format!("{prefix}{base}"))))
        .flat_map(|stem| endings.map(|ending| PathBuf::from(format!("{}.{ending}", stem.display()))))
        .find(|path| path.is_file())
}

/// Unpacks an archive and returns the folder in it that stands for `/`.
pub(crate) fn unpack(archive: &Path, to: &Path) -> Option<PathBuf> {
    fs::create_dir_all(to).unwrap();
    let status = Command::new("tar").arg("-xf").arg(archive).arg("-C").arg(to).output().ok()?;
    // Some recordings hold device nodes, which only root can make; what matters is there all the same.
    let mut folders = vec![to.to_owned()];
    while let Some(folder) = folders.pop() {
        if folder.join("proc").is_dir() || folder.join("sys").is_dir() {
            return Some(folder);
        }
        folders.extend(
            fs::read_dir(&folder)
                .ok()?
                .filter_map(|entry| Some(entry.ok()?.path()))
                .filter(|path| path.is_dir()),
        );
    }
    assert!(!status.status.success(), "{} holds neither proc nor sys", archive.display());
    None
}

fn lscpu(answers: &Path) -> Counts {
    let Ok(text) = fs::read_to_string(answers.join("lscpu.json")) else { return [None; 4] };
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut fields = BTreeMap::new();
    flatten(&json["lscpu"], &mut fields);
    let number = |name: &str| fields.get(name).and_then(|text| text.parse::<u32>().ok());
    let sockets = number("Socket(s):");
    // Per socket, so a machine with sockets of different sizes has no total here.
    let cores = sockets.zip(number("Core(s) per socket:")).map(|(sockets, cores)| sockets * cores);
    let online = fields.get("On-line CPU(s) list:").and_then(|text| text.parse::<CpuSet>().ok());
    let pus = online.map_or_else(|| number("CPU(s):"), |set| u32::try_from(set.len()).ok());
    [sockets, cores, pus, Some(number("NUMA node(s):").unwrap_or(0))]
}

fn flatten(list: &serde_json::Value, fields: &mut BTreeMap<String, String>) {
    for field in list.as_array().into_iter().flatten() {
        if let (Some(name), Some(data)) = (field["field"].as_str(), field["data"].as_str()) {
            fields.entry(name.to_owned()).or_insert_with(|| data.to_owned());
        }
        flatten(&field["children"], fields);
    }
}

fn hwloc(answers: &Path) -> Counts {
    let Ok(packed) = fs::read(answers.join("lstopo.xml.gz")) else { return [None; 4] };
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_string(&mut text).unwrap();
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    let document = roxmltree::Document::parse_with_options(&text, options).unwrap();
    let count = |kind: &str| {
        let objects = document
            .descendants()
            .filter(|node| node.has_tag_name("object") && node.attribute("type") == Some(kind));
        Some(u32::try_from(objects.count()).unwrap())
    };
    // No package object means that the kernel told of none, not that there is none.
    [count("Package").filter(|&n| n > 0), count("Core"), count("PU"), count("NUMANode")]
}
