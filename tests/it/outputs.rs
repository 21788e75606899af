//! Outputs: what is replaced and what is not, links, and documents where Typst is missing or fails.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use plumb_evidence::Bundle;
use plumb_tests::{Run, plumb, run, skip, target};

use super::cli::slow_to_clock_up as bundle;
use super::collect::in_own_mounts;

/// Every file below a folder with its content, links as what they lead to.
fn tree(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let kind = fs::symlink_metadata(&path).unwrap().file_type();
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_symlink() {
                files.push((
                    path.clone(),
                    fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes(),
                ));
            } else {
                files.push((path.clone(), fs::read(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

/// A command that ends with 2, says `words`, prints no result and touches nothing below `folder`.
fn refused(command: &mut Command, folder: &Path, words: &[&str]) {
    let before = tree(folder);
    let result = run(command);
    assert_eq!(result.code, 2, "{result:?}");
    assert!(result.out.is_empty(), "{result:?}");
    for word in words {
        assert!(result.err.contains(word), "`{word}` is not in {result:?}");
    }
    assert!(tree(folder) == before, "nothing was touched: {result:?}");
}

fn done(command: &mut Command) -> Run {
    let result = run(command);
    assert_eq!(result.code, 0, "{result:?}");
    result
}

fn collect(output: &Path) -> Command {
    let mut command = plumb();
    command.arg("collect").arg("-o").arg(output);
    command
}

/// An audit of a recorded machine of which little is known.
fn audit(program: Command, folder: &Path, output: &str) -> Command {
    let mut command = program;
    command.arg("audit").arg("--sysroot").arg(folder.join("root")).args(["-o", output]);
    command
}

fn add_noise(bundle: &Path) {
    done(plumb().args(["-q", "noise", "--mode", "observe", "--seconds", "0.1", "--into"]).arg(bundle));
}

#[test]
fn a_collection_replaces_nothing_that_somebody_worked_for() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("notes.txt"), "mine\n").unwrap();
    done(&mut collect(&at("node.plumb")));
    done(&mut collect(&at("node.plumb")));
    add_noise(&at("node.plumb"));
    for (name, words) in [("notes.txt", "no bundle"), ("node.plumb", "holds a measurement")] {
        refused(&mut collect(&at(name)), folder.path(), &[name, words, "--force"]);
        let early = run(&mut collect(&at(name)));
        assert!(!early.err.contains("numa "), "it is refused before anything is collected: {early:?}");
        done(collect(&at(name)).arg("--force"));
        assert!(
            Bundle::read(&at(name)).unwrap().files().keys().all(|file| !file.starts_with("measurements/"))
        );
    }
    symlink("node.plumb", at("link")).unwrap();
    refused(collect(&at("link")).arg("--force"), folder.path(), &["symbolic link"]);
    // As `mktemp` leaves one.
    fs::write(at("empty"), "").unwrap();
    done(&mut collect(&at("empty")));
}

#[test]
fn a_place_that_is_taken_during_a_collection_stays_and_so_does_the_evidence() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("node.plumb");
    let mut child = collect(&output).args(["--sample", "600"]).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().starts_with("nvml ")), "the collection came to its last probe");
    fs::write(&output, "theirs\n").unwrap();
    done(Command::new("kill").args(["-INT", &child.id().to_string()]));
    let said: String = lines.map(|line| line.unwrap() + "\n").collect();
    assert_eq!(child.wait().unwrap().code(), Some(2), "{said}");
    assert_eq!(fs::read_to_string(&output).unwrap(), "theirs\n");
    assert!(said.contains("node.kept-1.plumb") && said.contains("no bundle"), "{said}");
    Bundle::read(&folder.path().join("node.kept-1.plumb")).unwrap();
}

#[test]
fn a_working_folder_that_cannot_be_written_is_told_before_anything_is_read() {
    // Nobody writes there, root neither.
    let result = run(plumb().args(["collect", "--sample", "0.1"]).current_dir("/proc"));
    assert_eq!(result.code, 2, "{result:?}");
    assert!(result.err.contains("working folder") && result.err.contains("-o"), "{result:?}");
    assert!(!result.err.contains("numa "), "{result:?}");
    let audit = run(plumb().args(["audit", "--sample", "0.1", "--formats", "md", "-o", "/proc/none/out"]));
    assert!(
        audit.code == 2 && audit.err.contains("/proc/none/out") && !audit.err.contains("numa "),
        "{audit:?}"
    );
}

#[test]
fn a_report_replaces_what_plumb_wrote_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = bundle(folder.path());
    let out = folder.path().join("out");
    let report = |formats: &str, output: &Path| {
        let mut command = plumb();
        command.args(["-q", "report", "--formats", formats]).arg(&bundle).arg("-o").arg(output);
        command
    };
    done(&mut report("md,html,json", &out));
    let first = tree(&out);
    done(&mut report("md,html,json", &out));
    assert!(tree(&out) == first, "the same again");
    done(&mut report("md", &out));
    done(&mut report("html", &out));
    assert!(tree(&out) == first, "what a run does not write stays known");
    assert!(fs::read_dir(out.join("figures")).unwrap().count() > 0, "something is drawn");
    let figure = fs::read_dir(out.join("figures")).unwrap().next().unwrap().unwrap().path();
    for path in [out.join("report.md"), out.join("report.json"), figure] {
        let written = fs::read(&path).unwrap();
        fs::write(&path, [&written[..], b"edited\n"].concat()).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        refused(
            &mut report("md,html,json", &out),
            folder.path(),
            &[name, "not as plumb wrote it", "--force"],
        );
        done(report("md,html,json", &out).arg("--force"));
        assert_eq!(fs::read(&path).unwrap(), written);
    }
    assert!(tree(&out) == first);
    let checked =
        Command::new("sha256sum").args(["-c", "--quiet", "report.sha256"]).current_dir(&out).output();
    match checked {
        Ok(checked) => assert!(checked.status.success(), "{checked:?}"),
        Err(error) => skip(&format!("the list of hashes is not checked: no sha256sum here: {error}")),
    }
    // What was there before Plumb was.
    let theirs = folder.path().join("theirs");
    fs::create_dir(&theirs).unwrap();
    fs::write(theirs.join("report.html"), "mine\n").unwrap();
    refused(&mut report("md,html", &theirs), folder.path(), &["report.html", "--force"]);
    done(&mut report("md", &theirs));
}

#[test]
fn reports_are_not_written_through_links() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = bundle(folder.path());
    let at = |name: &str| folder.path().join(name);
    for name in ["elsewhere", "figures", "file", "list"] {
        fs::create_dir(at(name)).unwrap();
    }
    symlink("elsewhere", at("link")).unwrap();
    symlink("../elsewhere", at("figures/figures")).unwrap();
    symlink("../elsewhere/report.md", at("file/report.md")).unwrap();
    symlink("../elsewhere/report.sha256", at("list/report.sha256")).unwrap();
    for output in ["link", "link/", "figures", "file", "list"] {
        for force in [&[][..], &["--force"]] {
            let output = format!("{}/{output}", folder.path().display());
            let mut report = plumb();
            report.args(["-q", "report", "--formats", "md"]).arg(&bundle).args(["-o", &output]).args(force);
            refused(&mut report, folder.path(), &["symbolic link"]);
            let mut audit = audit(plumb(), folder.path(), &output);
            refused(audit.args(["--formats", "md"]).args(force), folder.path(), &["symbolic link"]);
        }
    }
    let link = at("link");
    let mut compare = plumb();
    compare.args(["-q", "compare", "--formats", "md"]).args([&bundle, &bundle]).arg("-o").arg(&link);
    refused(&mut compare, folder.path(), &["symbolic link"]);
    let mut fleet = plumb();
    fleet.args(["-q", "fleet"]).arg(folder.path()).arg("-o").arg(&link);
    refused(&mut fleet, folder.path(), &["symbolic link"]);
}

#[test]
fn an_audit_keeps_measurements_and_edited_reports() {
    let folder = tempfile::tempdir().unwrap();
    bundle(folder.path());
    let out = folder.path().join("out");
    let audit = || {
        let mut audit = audit(plumb(), folder.path(), out.to_str().unwrap());
        audit.args(["--formats", "md"]);
        audit
    };
    done(&mut audit());
    done(&mut audit());
    add_noise(&out.join("node.plumb"));
    refused(&mut audit(), folder.path(), &["node.plumb", "holds a measurement", "--force"]);
    assert!(!run(&mut audit()).err.contains("numa "), "it is refused before anything is collected");
    done(audit().arg("--force"));
    fs::write(out.join("report.md"), "mine\n").unwrap();
    refused(&mut audit(), folder.path(), &["report.md", "--force"]);
    assert!(!run(&mut audit()).err.contains("numa "), "it is refused before anything is collected");
    done(audit().arg("--force"));
}

#[test]
fn comparisons_fleets_results_and_records_replace_nothing_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = bundle(folder.path());
    let out = folder.path().join("out");
    let compare = || {
        let mut command = plumb();
        command.args(["-q", "compare", "--formats", "md,json"]).args([&bundle, &bundle]).arg("-o").arg(&out);
        command
    };
    let fleet = || {
        let mut command = plumb();
        command.args(["-q", "fleet", "--formats", "md,json"]).arg(folder.path()).arg("-o").arg(&out);
        command
    };
    for (command, name) in [(&compare as &dyn Fn() -> Command, "compare.md"), (&fleet, "fleet.md")] {
        done(&mut command());
        done(&mut command());
        fs::write(out.join(name), "mine\n").unwrap();
        refused(&mut command(), folder.path(), &[name, "--force"]);
        done(command().arg("--force"));
    }
    let mine = folder.path().join("mine");
    fs::write(&mine, "mine\n").unwrap();
    let plan = folder.path().join("plan.toml");
    let text = "schema = 1\n[server]\npid = 1\nurl = \"http://127.0.0.1:9\"\n[design]\nblocks = 2\n\
                [[placement]]\nname = \"as it is\"\n";
    fs::write(&plan, text).unwrap();
    let mut experiment = plumb();
    experiment
        .env("PLUMB_STATE", folder.path().join("state"))
        .arg("experiment")
        .arg(&plan)
        .arg("-o")
        .arg(&mine);
    refused(&mut experiment, folder.path(), &["mine", "is there already", "--force"]);
    let mut bench = plumb();
    bench.args(["bench", "http://127.0.0.1:9", "--records"]).arg(&mine);
    refused(&mut bench, folder.path(), &["mine", "is there already", "--force"]);
}

/// The program where no Typst is.
fn without_typst() -> Command {
    let mut command = plumb();
    command.env("PLUMB_TOOLS", "/none").env("PATH", "/none").env_remove("PLUMB_TYPST");
    command
}

#[test]
fn without_typst_there_is_html_in_place_of_the_pdf() {
    if target().join("typst").exists() {
        return skip("a node without Typst is not tried: it lies beside the program");
    }
    let folder = tempfile::tempdir().unwrap();
    let beside = target().join("typst").display().to_string();
    let places =
        [beside.as_str(), "/none/typst-0.15.1/bin/typst", "PATH", "--typst", "PLUMB_TYPST", "--formats"];
    let has = |out: &Path, names: &[&str]| {
        for name in names {
            assert!(fs::metadata(out.join(name)).is_ok_and(|file| file.len() > 0), "{name}");
        }
        assert!(!out.join("report.pdf").exists());
    };
    bundle(folder.path());
    let out = folder.path().join("audit");
    let audit = done(&mut audit(without_typst(), folder.path(), out.to_str().unwrap()));
    has(&out, &["node.plumb", "report.md", "report.html"]);
    for place in places {
        assert!(audit.err.contains(place), "{place}: {}", audit.err);
    }
    assert!(audit.out.contains("report.html") && !audit.out.contains("report.pdf"), "{}", audit.out);

    let bundle = out.join("node.plumb");
    let out = folder.path().join("report");
    let report = done(without_typst().arg("report").arg(&bundle).arg("-o").arg(&out));
    assert!(report.err.contains("warning: ") && report.err.contains("--formats"), "{report:?}");
    has(&out, &["report.md", "report.html"]);
    // Asked for by name, it is missing; what is not asked for is not missed.
    let out = folder.path().join("named");
    let report =
        run(without_typst().arg("report").arg(&bundle).args(["--formats", "pdf,json", "-o"]).arg(&out));
    assert_eq!(report.code, 2, "{report:?}");
    has(&out, &["report.json", "report.html"]);
    assert!(report.out.contains("report.json") && report.err.contains("is missing"), "{report:?}");
    let report = done(without_typst().arg("report").arg(&bundle).args(["--formats", "md", "-o"]).arg(&out));
    assert!(report.err.is_empty(), "{report:?}");

    let out = folder.path().join("compare");
    let mut compare = without_typst();
    compare.arg("compare").args([&bundle, &bundle]).arg("-o").arg(&out);
    done(&mut compare);
    assert!(out.join("compare.html").exists() && out.join("compare.md").exists());
    assert_eq!(run(compare.args(["--formats", "pdf"])).code, 2);
    // Typst that the environment names is as good as missing; one that the command line names is a mistake.
    let named =
        run(without_typst().env("PLUMB_TYPST", "/none/typst").arg("report").arg(&bundle).arg("-o").arg(&out));
    assert!(named.code == 0 && named.err.contains("`/none/typst`"), "{named:?}");
    let wrong =
        run(without_typst().args(["report", "--typst", "/none/typst"]).arg(&bundle).arg("-o").arg(&out));
    assert!(wrong.code == 2 && wrong.out.is_empty(), "{wrong:?}");
}

/// A program that says it is Typst, and what it does otherwise.
fn fake_typst(folder: &Path, otherwise: &str) -> PathBuf {
    let path = folder.join("typst");
    let version = plumb_report::TYPST_VERSION;
    let script =
        format!("#!/bin/sh\ncase $1 in --version) echo 'typst {version}'; exit ;; esac\n{otherwise}\n");
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn a_typst_that_fails_costs_the_pdf_alone() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = bundle(folder.path());
    let typst = fake_typst(folder.path(), "echo 'no fonts' >&2; exit 1");
    let out = folder.path().join("out");
    let report = run(plumb().arg("report").arg(&bundle).arg("--typst").arg(&typst).arg("-o").arg(&out));
    assert_eq!(report.code, 2, "{report:?}");
    assert!(report.err.contains("no fonts"), "{report:?}");
    assert!(out.join("report.md").exists() && out.join("report.html").exists());
    assert!(report.out.contains("report.md") && report.out.contains("report.html"), "{report:?}");
}

#[test]
fn a_full_folder_for_temporary_files_is_no_missing_typst() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = bundle(folder.path());
    fake_typst(folder.path(), "exit 1");
    let program = target().join("plumb");
    let script = r#"mount -t tmpfs -o size=16k none /mnt && { cat /dev/zero >/mnt/full 2>/dev/null; true; } || exit 99
        cd "$1" && TMPDIR=/mnt PLUMB_TYPST="$1/typst" "$2" report "$3" -o out"#;
    let Some(result) = in_own_mounts(script, &[folder.path(), &program, &bundle]) else { return };
    assert_eq!(result.code, 0, "{result:?}");
    for words in ["TMPDIR", "/mnt", "No space left"] {
        assert!(result.err.contains(words), "`{words}` is not in {result:?}");
    }
    assert!(!result.err.contains("was not found"), "{result:?}");
    assert!(folder.path().join("out/report.html").exists());
}
