//! `--into`: measurements that are added to one bundle at the same time, and what becomes of them where it is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use plumb_bench::reference::Behaviour;
use plumb_evidence::Bundle;
use plumb_evidence::manifest::Manifest;
use plumb_evidence::model::{ExperimentResult, Origin};
use plumb_tests::{plumb, run, server};

fn bundle(folder: &Path) -> PathBuf {
    let path = folder.join("node.plumb");
    let files = BTreeMap::from([("raw/proc/version".to_owned(), b"Linux version 6.1\n".to_vec())]);
    Bundle::new(Manifest::new(Origin::Live), files, BTreeMap::new()).write(&path).unwrap();
    path
}

fn measurements(bundle: &Path) -> BTreeSet<String> {
    let bundle = Bundle::read(bundle).unwrap();
    bundle.files().keys().filter(|name| name.starts_with("measurements/")).cloned().collect()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn started(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn noise(bundle: &Path, seconds: &str) -> Command {
    let mut command = plumb();
    command.args(["noise", "--mode", "observe", "--seconds", seconds, "--into"]).arg(bundle);
    command
}

/// A plan with a server whose delays are known.
fn plan(folder: &Path, requests: u64, blocks: usize) -> PathBuf {
    let path = folder.join("plan.toml");
    let program = plumb_tests::target().join("plumb");
    let text = format!(
        "schema = 1\nname = \"test\"\n[server]\n\
         command = [{program:?}, \"reference-server\", '{{\"ttft\": 2000000, \"itl\": 500000}}', \"--listen\", \
         \"127.0.0.1:{{port}}\"]\n\
         url = \"http://127.0.0.1:{{port}}\"\nready_s = 60\nstop_s = 5\n\
         [load]\nconcurrency = 2\nrequests = {requests}\nwarmup = 2\nprompt_tokens = 8\noutput_tokens = 8\n\
         [design]\nblocks = {blocks}\ncooldown_s = 0\ncalibrate = false\naa = \"within\"\n\
         [[placement]]\nname = \"unpinned\"\n"
    );
    fs::write(&path, text).unwrap();
    path
}

fn experiment(folder: &Path, plan: &Path, bundle: &Path) -> Command {
    let mut command = plumb();
    command.env("PLUMB_STATE", folder.join("state")).args(["experiment", "--format", "json"]).arg(plan);
    command.arg("--into").arg(bundle);
    command
}

/// Reads standard error up to a line that begins with `words`; the rest is still to come.
fn wait_for(child: &mut Child, words: &str) -> BufReader<std::process::ChildStderr> {
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while lines.read_line(&mut line).unwrap() > 0 {
        if line.starts_with(words) {
            return lines;
        }
        line.clear();
    }
    panic!("`{words}` is never said");
}

#[test]
fn eight_writers_and_more_are_all_kept() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = bundle(folder.path());
    let server =
        server::start(Behaviour { ttft: 1_000_000, itl: 100_000, ..Behaviour::default() }, Vec::new(), 0);
    let mut children: Vec<Child> = (0..8).map(|_| started(&mut noise(&bundle, "0.3"))).collect();
    for _ in 0..3 {
        let mut bench = plumb();
        bench.args(["bench", &server.url(), "-c", "1", "-n", "3", "--output-tokens", "4", "--into"]);
        children.push(started(bench.arg(&bundle)));
    }
    let mut told = BTreeSet::new();
    for child in children {
        let ended = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        // A test of three requests is not valid, but it is a measurement.
        assert!(matches!(ended.status.code(), Some(0 | 4)), "{said}");
        let name = said.lines().find_map(|line| line.strip_prefix("added to ")?.split(": ").nth(1));
        assert!(told.insert(name.unwrap_or_else(|| panic!("{said}")).to_owned()), "{said}");
    }
    let kept = measurements(&bundle);
    let results: BTreeSet<String> = kept.iter().filter(|name| name.ends_with(".json")).cloned().collect();
    assert_eq!(results, told);
    assert_eq!((results.len(), kept.iter().filter(|name| name.ends_with(".records.jsonl")).count()), (11, 3));
    assert_eq!(names(folder.path()), ["node.plumb"], "nothing is left beside it");
}

#[test]
fn what_is_added_during_an_experiment_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = bundle(folder.path());
    let plan = plan(folder.path(), 20, 400);
    let mut child = started(&mut experiment(folder.path(), &plan, &bundle));
    let blocks = || {
        let files = Bundle::read(&bundle).unwrap().files().clone();
        let mut results = files
            .iter()
            .filter(|(name, _)| name.starts_with("measurements/experiment-") && name.ends_with(".json"));
        let result = results.next().map(|(_, bytes)| serde_json::from_slice(bytes).unwrap());
        assert!(results.next().is_none(), "there is one experiment");
        result.map_or(0, |result: ExperimentResult| result.blocks)
    };
    let mut wait_beyond = |least: u32| {
        for _ in 0..2400 {
            if blocks() > least {
                return;
            }
            assert!(child.try_wait().unwrap().is_none(), "the experiment goes on");
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("no block follows block {least}");
    };
    wait_beyond(0);
    assert_eq!(run(&mut noise(&bundle, "0.1")).code, 0);
    // At least one whole block is written over it.
    wait_beyond(blocks() + 1);
    assert!(measurements(&bundle).contains("measurements/noise-001.json"));
    assert_eq!(run(&mut noise(&bundle, "0.1")).code, 0);
    run(Command::new("kill").args(["-TERM", &child.id().to_string()]));
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130), "{}", String::from_utf8_lossy(&ended.stderr));
    let result: ExperimentResult = serde_json::from_slice(&ended.stdout).unwrap();
    let kept: Vec<String> = measurements(&bundle).into_iter().collect();
    let own = result.path.strip_suffix(".json").unwrap();
    let expected =
        [&result.path, &format!("{own}.md"), "measurements/noise-001.json", "measurements/noise-002.json"];
    assert_eq!(kept, expected);
    assert_eq!(blocks(), result.blocks);
}

#[test]
fn an_experiment_without_a_whole_block_adds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = bundle(folder.path());
    let before = fs::read(&bundle).unwrap();
    let plan = plan(folder.path(), 1_000_000, 2);
    let mut child = started(&mut experiment(folder.path(), &plan, &bundle));
    let mut rest = wait_for(&mut child, "experiment `");
    run(Command::new("kill").args(["-TERM", &child.id().to_string()]));
    let mut said = String::new();
    rest.read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{said}");
    assert!(said.contains("nothing was added to"), "{said}");
    assert_eq!(fs::read(&bundle).unwrap(), before);
}

#[test]
fn a_measurement_outlives_its_bundle() {
    let folder = tempfile::tempdir().unwrap();
    for (damage, words) in [(false, "cannot read bundle"), (true, "truncated or damaged")] {
        for is_experiment in [false, true] {
            let folder = folder.path().join(format!("{damage}-{is_experiment}"));
            fs::create_dir(&folder).unwrap();
            let bundle = bundle(&folder);
            let mut command = match is_experiment {
                true => experiment(&folder, &plan(&folder, 20, 2), &bundle),
                false => noise(&bundle, "0.5"),
            };
            if !is_experiment {
                command.args(["--format", "json"]);
            }
            let mut child = started(&mut command);
            let mut rest =
                wait_for(&mut child, if is_experiment { "experiment `" } else { "measuring CPUs" });
            match damage {
                true => fs::write(&bundle, &fs::read(&bundle).unwrap()[..100]).unwrap(),
                false => fs::remove_file(&bundle).unwrap(),
            }
            let mut said = String::new();
            rest.read_to_string(&mut said).unwrap();
            let ended = child.wait_with_output().unwrap();
            assert_eq!(ended.status.code(), Some(2), "{said}");
            let kept = folder.join("node.kept-1.plumb");
            assert!(
                said.contains(&format!("is kept in `{}`", kept.display())) && said.contains(words),
                "{said}"
            );
            let printed: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
            assert!(printed["schema"].is_number(), "{printed}");
            let names = measurements(&kept);
            let stem = if is_experiment { "measurements/experiment-" } else { "measurements/noise-001" };
            assert!(names.iter().any(|name| name.starts_with(stem) && name.ends_with(".json")), "{names:?}");
            assert!(Bundle::read(&kept).unwrap().files().contains_key("raw/proc/version"), "so is the node");
        }
    }
}
