//! `plumb experiment` on servers whose every delay is known.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use plumb_evidence::model::ExperimentResult;
use plumb_tests::{Run, plumb, run, skip, target, workspace};

/// A plan with the built-in server; `rest` is more of it.
fn plan(folder: &Path, requests: u64, blocks: usize, rest: &str) -> PathBuf {
    let path = folder.join("plan.toml");
    let program = target().join("plumb");
    let text = format!(
        "schema = 1\nname = \"test\"\n[server]\n\
         command = [{program:?}, \"reference-server\", '{{\"ttft\": 2000000, \"itl\": 500000}}', \"--listen\", \
         \"127.0.0.1:{{port}}\"]\n\
         url = \"http://127.0.0.1:{{port}}\"\nready_s = 60\nstop_s = 5\n\
         [load]\nconcurrency = 2\nrequests = {requests}\nwarmup = 2\nprompt_tokens = 8\noutput_tokens = 8\n\
         [design]\nblocks = {blocks}\ncooldown_s = 0\ncalibrate = false\n{rest}"
    );
    fs::write(&path, text).unwrap();
    path
}

fn experiment(folder: &Path, args: &[&str]) -> Command {
    let mut command = plumb();
    command.env("PLUMB_STATE", folder.join("state")).arg("experiment").args(args);
    command
}

/// Runs a plan; an invalid result, for which a loaded machine suffices, is one, too.
fn result(folder: &Path, plan: &Path, more: &[&str]) -> ExperimentResult {
    let mut args = vec![plan.to_str().unwrap(), "--format", "json"];
    args.extend(more);
    let run = run(&mut experiment(folder, &args));
    assert!(matches!(run.code, 0 | 4), "{run:?}");
    serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {run:?}"))
}

fn first_cpu() -> u32 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap();
    list.parse::<plumb_evidence::CpuSet>().unwrap().first().unwrap()
}

#[test]
fn places_and_neighbours_are_read_back_and_compared() {
    let folder = tempfile::tempdir().unwrap();
    let cpu = first_cpu();
    let rest = format!(
        "aa = \"within\"\n[[placement]]\nname = \"unpinned\"\n\
         [[placement]]\nname = \"pinned\"\ncpus = \"{cpu}\"\nmemory = \"bind\"\nmemory_nodes = 0\n\
         [[placement]]\nname = \"nowhere\"\nnode = 900\n\
         [[neighbour]]\nname = \"quiet\"\n[[neighbour]]\nname = \"hog\"\nkind = \"cpu\"\nwhere = \"same-cpus\"\n"
    );
    let plan = plan(folder.path(), 20, 2, &rest);
    let bundle = folder.path().join("node.plumb");
    assert_eq!(run(plumb().args(["-q", "collect", "-o"]).arg(&bundle)).code, 0);
    let result = result(folder.path(), &plan, &["--into", bundle.to_str().unwrap()]);
    let names: Vec<&str> = result.cells.iter().map(|cell| cell.name.as_str()).collect();
    assert_eq!(names, ["unpinned", "unpinned + hog", "pinned", "pinned + hog", "nowhere", "nowhere + hog"]);
    let cell = |name: &str| result.cells.iter().find(|cell| cell.name == name).unwrap();
    let pinned = cell("pinned");
    if pinned.status == "denied" {
        skip("memory cannot be placed here: the kernel refuses set_mempolicy");
        return;
    }
    assert_eq!((pinned.status.as_str(), pinned.cpus.as_str()), ("measured", cpu.to_string().as_str()));
    assert_eq!(pinned.memory_nodes, "0");
    assert!(pinned.verified.iter().any(|claim| claim.contains("2 of 2 threads")), "{:?}", pinned.verified);
    assert!(pinned.verified.iter().any(|claim| claim.contains("% of the server's own pages")));
    assert!(cell("pinned + hog").verified.iter().any(|claim| claim.contains("neighbour: ")));
    assert!(!cell("unpinned").verified.iter().any(|claim| claim.contains("neighbour")));
    let nowhere = cell("nowhere");
    assert_eq!((nowhere.status.as_str(), nowhere.metrics.len()), ("unavailable", 0));
    assert!(nowhere.reason.contains("no NUMA node 900"), "{}", nowhere.reason);
    assert_eq!((result.blocks, result.replication.as_str()), (2, "launch"));
    for name in ["unpinned", "pinned", "pinned + hog"] {
        assert_eq!(cell(name).metrics["e2e_p95"].blocks.len(), 2);
    }
    assert!(!result.noise_floor.is_empty());
    let primary: Vec<_> = result.effects.iter().filter(|effect| effect.metric == "e2e_p95").collect();
    assert!(primary.iter().any(|effect| effect.cell == "pinned" && effect.factor == "placement"));
    assert!(primary.iter().any(|effect| effect.against == "pinned" && effect.factor == "neighbour"));
    // The bundle has it, and it is read again.
    let shown = run(plumb().args(["bundle", "show", "--as", "evidence"]).arg(&bundle));
    assert!(
        shown.out.contains("\"cell\": \"pinned + hog\"") || shown.out.contains("pinned + hog"),
        "{}",
        shown.err
    );
    assert!(result.path.starts_with("measurements/experiment-"));
}

#[test]
fn another_way_to_start_the_server_is_found_to_be_worse() {
    let folder = tempfile::tempdir().unwrap();
    // Later arguments win over earlier ones in no server; here a second command does.
    let program = target().join("plumb");
    let script = folder.path().join("server.sh");
    let text = format!(
        "#!/bin/sh\nexec {} reference-server \"{{\\\"ttft\\\": $TTFT, \\\"itl\\\": 500000}}\" --listen 127.0.0.1:$1\n",
        program.display()
    );
    fs::write(&script, text).unwrap();
    let plan = plan(
        folder.path(),
        20,
        6,
        "aa = \"within\"\nprimary = \"ttft_p50\"\n[[variant]]\nname = \"quick\"\nenv = { TTFT = \"20000000\" }\n\
         [[variant]]\nname = \"slow\"\nenv = { TTFT = \"400000000\" }\n",
    );
    let text = fs::read_to_string(&plan).unwrap();
    let start = text.find("command = ").unwrap();
    let end = start + text[start..].find('\n').unwrap();
    let command = format!("command = [\"sh\", {:?}, \"{{port}}\"]", script.display().to_string());
    fs::write(&plan, format!("{}{command}{}", &text[..start], &text[end..])).unwrap();
    let result = result(folder.path(), &plan, &[]);
    let effect =
        result.effects.iter().find(|effect| effect.metric == "ttft_p50" && effect.cell == "slow").unwrap();
    assert_eq!((effect.verdict.as_str(), effect.factor.as_str()), ("worse", "server"), "{effect:?}");
    assert!(effect.ratio > 2.0 && effect.p_value == Some(2.0 / 64.0), "{effect:?}");
    assert!(result.recommended.is_none());
}

const GOVERNORS: &str = "aa = \"none\"\n[[governor]]\nname = \"performance\"\ngovernor = \"performance\"\n\
     [[governor]]\nname = \"powersave\"\ngovernor = \"powersave\"\n[[numa_balancing]]\nname = \"off\"\nvalue = 0\n";

/// A node whose settings are files.
fn node(folder: &Path) -> PathBuf {
    let root = folder.join("root");
    for policy in ["policy0", "policy1"] {
        let path = root.join("sys/devices/system/cpu/cpufreq").join(policy);
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join("scaling_governor"), "schedutil\n").unwrap();
        fs::write(path.join("scaling_available_governors"), "performance powersave schedutil\n").unwrap();
    }
    fs::create_dir_all(root.join("proc/sys/kernel")).unwrap();
    fs::write(root.join("proc/sys/kernel/numa_balancing"), "1\n").unwrap();
    root
}

/// Every file with what stands in it.
fn tree(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push((path.clone(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

/// An experiment that goes on for long, caught when it has changed the node.
fn caught(folder: &Path, root: &Path, before: &[(PathBuf, String)]) -> Child {
    let plan = plan(folder, 1_000_000, 2, GOVERNORS);
    let args = [plan.to_str().unwrap(), "-q", "--allow-changes", "--sysroot", root.to_str().unwrap()];
    let mut command = experiment(folder, &args);
    let mut child = command.stdout(std::process::Stdio::null()).spawn().unwrap();
    for _ in 0..6000 {
        std::thread::sleep(Duration::from_millis(10));
        let balancing = fs::read_to_string(root.join("proc/sys/kernel/numa_balancing")).unwrap();
        if tree(root) != before && balancing.trim() == "0" {
            return child;
        }
    }
    let _ = child.kill();
    let _ = child.wait();
    panic!("the experiment changed nothing");
}

#[test]
fn what_a_killed_experiment_left_is_set_back() {
    let folder = tempfile::tempdir().unwrap();
    let root = node(folder.path());
    let before = tree(&root);
    let mut child = caught(folder.path(), &root, &before);
    let refused = |words: &str| {
        let plan = folder.path().join("plan.toml");
        let args = [plan.to_str().unwrap(), "--allow-changes", "--sysroot", root.to_str().unwrap()];
        let Run { code, err, .. } = run(&mut experiment(folder.path(), &args));
        assert!(code == 2 && err.contains(words), "{err}");
    };
    refused("another experiment is running");
    let running = run(&mut experiment(folder.path(), &["restore"]));
    assert!(running.code == 2 && running.err.contains("is running"), "{running:?}");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_ne!(tree(&root), before);
    refused("run `plumb experiment restore`");
    let restored = run(&mut experiment(folder.path(), &["restore"]));
    assert!(restored.code == 0 && restored.out.contains("restored: /sys/devices/system/cpu"), "{restored:?}");
    assert_eq!(tree(&root), before);
    let again = run(&mut experiment(folder.path(), &["restore"]));
    assert!(again.code == 0 && again.out.contains("nothing to restore"), "{again:?}");
}

#[test]
fn an_experiment_that_is_asked_to_end_sets_back_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let root = node(folder.path());
    let before = tree(&root);
    let mut child = caught(folder.path(), &root, &before);
    run(Command::new("kill").args(["-TERM", &child.id().to_string()]));
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(tree(&root), before);
    assert!(run(&mut experiment(folder.path(), &["restore"])).out.contains("nothing to restore"));
}

#[test]
fn nothing_is_changed_without_leave() {
    let folder = tempfile::tempdir().unwrap();
    let root = node(folder.path());
    let before = tree(&root);
    let plan = plan(folder.path(), 20, 2, GOVERNORS);
    let args = [plan.to_str().unwrap(), "--sysroot", root.to_str().unwrap()];
    let refused = run(&mut experiment(folder.path(), &args));
    assert!(refused.code == 2 && refused.err.contains("--allow-changes"), "{refused:?}");
    let dry = run(experiment(folder.path(), &args).arg("--dry-run"));
    assert!(dry.code == 0 && dry.out.contains("scaling_governor = powersave"), "{dry:?}");
    assert_eq!(tree(&root), before);
    // With it, and to the end.
    result(folder.path(), &plan, &["--allow-changes", "--sysroot", root.to_str().unwrap()]);
    assert_eq!(tree(&root), before);
}

#[test]
fn a_running_server_is_moved_and_moved_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(target().join("plumb"))
        .args(["reference-server", "{\"ttft\": 2000000, \"itl\": 500000}"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut url = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut url)
        .unwrap();
    let mask = |pid: u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        status.lines().find(|line| line.starts_with("Cpus_allowed_list:")).unwrap().to_owned()
    };
    let before = mask(child.id());
    let path = folder.path().join("plan.toml");
    let text = format!(
        "schema = 1\n[server]\npid = {}\nurl = \"{}\"\n[load]\nrequests = 20\noutput_tokens = 4\n\
         [design]\nblocks = 2\ncooldown_s = 0\naa = \"none\"\ncalibrate = false\n[[placement]]\nname = \"as it is\"\n\
         [[placement]]\nname = \"pinned\"\ncpus = \"{}\"\n",
        child.id(),
        url.trim(),
        first_cpu()
    );
    fs::write(&path, text).unwrap();
    let result = result(folder.path(), &path, &["--allow-changes"]);
    assert_eq!(result.replication, "attach");
    assert_eq!(result.cells[1].cpus, first_cpu().to_string(), "{:?}", result.cells[1]);
    assert_eq!(mask(child.id()), before);
    assert!(child.try_wait().unwrap().is_none());
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn what_a_restart_changes_is_a_row_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let program = target().join("plumb");
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let mut old = Command::new(&program)
        .args(["reference-server", "{\"ttft\": 60000000, \"itl\": 500000}", "--listen"])
        .arg(format!("127.0.0.1:{port}"))
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    for _ in 0..200 {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let mark = folder.path().join("started-again");
    let rest = format!(
        "aa = \"none\"\nprimary = \"ttft_p50\"\n[as_found]\npid = {}\nurl = \"http://127.0.0.1:{port}\"\nruns = 2\nrestarts = 4\n\
         start = [\"touch\", {mark:?}]\n\
         [[variant]]\nname = \"one\"\n[[variant]]\nname = \"other\"\nenv = {{ X = \"1\" }}\n",
        old.id()
    );
    let plan = plan(folder.path(), 20, 2, &rest);
    // Ending a server takes leave, and none is tried beside it in a dry run.
    let refused = run(&mut experiment(folder.path(), &[plan.to_str().unwrap()]));
    assert!(refused.code == 2 && refused.err.contains("is ended and is started again"), "{refused:?}");
    let dry = run(&mut experiment(folder.path(), &[plan.to_str().unwrap(), "--dry-run"]));
    assert!(dry.code == 0 && dry.err.contains("no launch was tried"), "{dry:?}");
    assert!(old.try_wait().unwrap().is_none());
    // Its parent notices its end; a server of somebody else has one that does, too.
    let waiting = std::thread::spawn(move || old.wait().unwrap());
    let result = result(folder.path(), &plan, &["--allow-changes"]);
    waiting.join().unwrap();
    let found = result.as_found.as_ref().unwrap();
    assert!(found.age_s > 0.0 && found.age_s < 600.0, "{}", found.age_s);
    assert_eq!(found.found.metrics["ttft_p50"].blocks.len(), 2);
    assert_eq!(found.restarted.metrics["ttft_p50"].blocks.len(), 4);
    let effect = found.effects.iter().find(|effect| effect.metric == "ttft_p50").unwrap();
    assert!(effect.verdict == "improved" && effect.ratio < 0.5, "{effect:?}");
    assert!(found.differs.iter().any(|one| one.contains("the command was")), "{:?}", found.differs);
    // No cell is compared with what was found.
    assert!(result.effects.iter().all(|effect| effect.against != "as found" && effect.cell != "as found"));
    let other = result.effects.iter().find(|effect| effect.metric == "ttft_p50").unwrap();
    assert!(other.ratio > 0.6, "the variant is not credited with the restart: {other:?}");
    assert!(
        result.conclusions.iter().any(|text| text.contains("a restart alone improves")),
        "{:?}",
        result.conclusions
    );
    assert!(mark.exists(), "the server was not started again");
    // What the server's processes did is known, too.
    let work = &result.cells[0];
    assert!(
        work.per_token.cpu_ms.is_some_and(|ms| ms > 0.0) && work.per_token.switches.is_some(),
        "{work:?}"
    );
}

#[test]
fn a_dry_run_launches_once_and_tells_minutes() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(folder.path(), 20, 3, "aa = \"within\"\n[[placement]]\nname = \"unpinned\"\n");
    let dry = run(&mut experiment(folder.path(), &[plan.to_str().unwrap(), "--dry-run"]));
    assert!(
        dry.code == 0 && dry.out.contains("one launch took") && dry.out.contains("minutes in all"),
        "{dry:?}"
    );
    let dry = run(&mut experiment(folder.path(), &[plan.to_str().unwrap(), "--dry-run", "--format", "json"]));
    let preview: serde_json::Value = serde_json::from_str(&dry.out).unwrap();
    let seconds = |path: &str| preview.pointer(path).and_then(serde_json::Value::as_f64).unwrap();
    assert!(
        seconds("/rehearsal/start_s") > 0.0 && seconds("/seconds") >= 6.0 * seconds("/rehearsal/measure_s"),
        "{dry:?}"
    );
}

#[test]
fn a_lost_experiment_leaves_its_whole_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(folder.path(), 20, 400, "aa = \"within\"\n[[placement]]\nname = \"unpinned\"\n");
    let output = folder.path().join("result.json");
    let mut child = experiment(
        folder.path(),
        &["-q", plan.to_str().unwrap(), "--format", "json", "-o", output.to_str().unwrap()],
    )
    .spawn()
    .unwrap();
    for _ in 0..1200 {
        if output.exists() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let result: ExperimentResult = serde_json::from_str(&fs::read_to_string(&output).unwrap()).unwrap();
    assert!(result.interrupted);
    assert!((1..400).contains(&result.blocks), "{} blocks", result.blocks);
    assert_eq!(result.cells[0].metrics["e2e_p95"].blocks.len(), result.blocks as usize);
}

#[test]
fn a_plan_with_a_fault_is_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(folder.path(), 20, 2, "aa = \"twice\"\n");
    let refused = run(&mut experiment(folder.path(), &[plan.to_str().unwrap()]));
    assert!(refused.code == 2 && refused.err.contains("design.aa: unknown value `twice`"), "{refused:?}");
    let missing = run(&mut experiment(folder.path(), &["/nowhere/plan.toml"]));
    assert!(missing.code == 2 && missing.err.contains("/nowhere/plan.toml"), "{missing:?}");
}

#[test]
fn a_server_that_does_not_start_is_no_measurement() {
    let folder = tempfile::tempdir().unwrap();
    let args =
        ["quick", "--server", "sh -c 'echo no such model; exit 3'", "--url", "http://127.0.0.1:{port}"];
    let failed = run(&mut experiment(folder.path(), &args));
    assert!(failed.code == 4 && failed.err.contains("no such model"), "{failed:?}");
    assert!(failed.out.is_empty());
}

/// Twenty experiments in which nothing differs.
#[test]
#[ignore = "takes minutes, and says something on a quiet machine only"]
fn bench_experiment_of_no_change() {
    let mut claimed = 0;
    for seed in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let rest = format!(
            "aa = \"within\"\nseed = {seed}\n[[variant]]\nname = \"one\"\n[[variant]]\nname = \"other\"\nenv = {{ X = \"1\" }}\n"
        );
        let plan = plan(folder.path(), 40, 6, &rest);
        let result = result(folder.path(), &plan, &[]);
        let effect = result.effects.iter().find(|effect| effect.metric == result.primary).unwrap();
        claimed += usize::from(matches!(effect.verdict.as_str(), "improved" | "worse"));
        println_line(&format!(
            "{seed}: {} {:.3} {:.3?}, {}",
            effect.metric,
            effect.ratio,
            effect.interval(),
            effect.verdict
        ));
    }
    println_line(&format!("an effect was claimed in {claimed} of 20"));
    assert!(claimed <= 1);
}

/// Placement and neighbours on a real server of a language model.
#[test]
#[ignore = "takes minutes, and needs `cargo xtask setup llm-server`"]
fn bench_experiment_on_a_real_server() {
    let Some(python) = real_server() else {
        skip("no real LLM server: run `cargo xtask setup llm-server`");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.toml");
    let script = workspace().join("tests/llm_server.py");
    let blocks: usize = std::env::var("PLUMB_BLOCKS").ok().and_then(|text| text.parse().ok()).unwrap_or(6);
    let text = format!(
        "schema = 1\nname = \"placement and neighbours on a real server\"\n[server]\n\
         command = [{python:?}, {script:?}, \"{{port}}\"]\nurl = \"http://127.0.0.1:{{port}}\"\nready = \"/health\"\n\
         [load]\nconcurrency = 2\nrequests = 24\nwarmup = 4\nprompt_tokens = 32\noutput_tokens = 16\nclient_cpus = \"0\"\n\
         [design]\nblocks = {blocks}\ncooldown_s = 1\naa = \"within\"\n\
         [[placement]]\nname = \"unpinned\"\n[[placement]]\nname = \"pinned\"\ncpus = \"1\"\nmemory = \"bind\"\n\
         [[neighbour]]\nname = \"quiet\"\n[[neighbour]]\nname = \"cpu-hog\"\nkind = \"cpu\"\nwhere = \"same-cpus\"\n\
         [[neighbour]]\nname = \"memory-hog\"\nkind = \"memory\"\ncpus = \"0\"\n"
    );
    fs::write(&path, text).unwrap();
    let result = run(&mut experiment(folder.path(), &[path.to_str().unwrap(), "--format", "md"]));
    println_line(&result.out);
    println_line(&result.err);
    assert!(matches!(result.code, 0 | 4));
}

fn real_server() -> Option<PathBuf> {
    let folder = std::env::var_os("PLUMB_LLM_SERVER")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/plumb/tools/llm-server")))?;
    folder.join("whole").is_file().then(|| folder.join("bin/python"))
}

fn println_line(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout(), "{text}");
}
