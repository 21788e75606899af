//! `plumb packs`: what is listed, shown, verified and trusted.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use plumb_tests::{plumb, run, target, workspace};

/// A copy of the shipped pack in a folder of its own, which nothing vouches for.
fn foreign_pack(folder: &Path) -> PathBuf {
    let pack = folder.join("topology");
    let shipped = target().join("packs/topology");
    fs::create_dir(&pack).unwrap();
    for entry in fs::read_dir(&shipped).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, pack.join(path.file_name().unwrap())).unwrap();
        }
    }
    pack
}

/// `plumb` from an installation without packs, with a configuration folder of its own.
fn bare_plumb(folder: &Path) -> Command {
    let program = folder.join("plumb");
    if !program.exists() {
        fs::copy(target().join("plumb"), &program).unwrap();
    }
    let mut command = Command::new(program);
    command.env("XDG_CONFIG_HOME", folder.join("config")).env_remove("PLUMB_PACK_PATH");
    command
}

#[test]
fn shipped_packs_keep_all_rules() {
    let result = run(plumb().args(["packs", "verify"]));
    assert_eq!(result.code, 0, "{}", result.out);
    assert!(!result.out.contains("FAIL"), "{}", result.out);
    // Examples of checks that have pages are cases, which `cargo test -p plumb-pack-PACK` tries by the same rules.
    let checks = workspace().join("checks");
    let mut pack = "";
    for line in result.out.lines() {
        match line.split_once(' ') {
            Some((id, _)) if !id.is_empty() => pack = id,
            _ if line.starts_with("  skip") => {
                assert!(!checks.join(pack).join("fixtures").exists(), "{pack}: {line}");
            }
            _ => {}
        }
    }
}

#[test]
fn list_and_show_load_nothing_and_name_the_checks() {
    let list = run(plumb().args(["packs", "list"]));
    assert_eq!(list.code, 0, "{}", list.err);
    for check in ["cpu.governor", "numa.gpu-affinity", "topo.gpu-numa-known"] {
        assert!(list.out.contains(check), "{}", list.out);
        let page = run(plumb().args(["packs", "show", check]));
        assert!(page.out.contains("## Evidence"), "{}", page.out);
        assert!(!page.out.contains(": \n"), "a label without what it is for: {}", page.out);
    }
    let unknown = run(plumb().args(["packs", "show", "no.such"]));
    assert_eq!(unknown.code, 2, "{unknown:?}");
    assert!(unknown.err.contains("`plumb packs list`"), "{unknown:?}");
    let near = run(plumb().args(["packs", "show", "cpu.governer"]));
    assert_eq!(near.code, 2, "{near:?}");
    assert!(near.err.contains("did you mean `cpu.governor`?"), "{near:?}");
}

#[test]
fn no_pack_at_all_is_an_error_that_says_where_was_looked() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("node.plumb");
    assert_eq!(run(plumb().args(["-q", "collect", "-o"]).arg(&bundle)).code, 0);
    let result = run(bare_plumb(folder.path()).arg("check").arg(&bundle));
    assert_eq!(result.code, 2, "{result:?}");
    assert!(result.err.contains("--pack") && result.err.contains("packs`"), "{result:?}");
}

#[test]
fn an_unpinned_pack_is_not_run_until_it_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("node.plumb");
    assert_eq!(run(plumb().args(["-q", "collect", "-o"]).arg(&bundle)).code, 0);
    let pack = foreign_pack(folder.path());
    let check = || -> serde_json::Value {
        let mut command = bare_plumb(folder.path());
        let result = run(command.args(["check", "--format", "json", "--pack"]).arg(&pack).arg(&bundle));
        // The report comes all the same; but the pack was named.
        let assessment: serde_json::Value = serde_json::from_str(&result.out).unwrap();
        let loaded = assessment["packs"][0]["status"] == "ok";
        assert_eq!(result.code, if loaded { 0 } else { 5 }, "{result:?}");
        assert_eq!(result.err.contains("was not asked: "), !loaded, "{result:?}");
        assessment
    };
    let outcomes = |assessment: &serde_json::Value| -> Vec<String> {
        let findings = assessment["findings"].as_array().unwrap();
        findings.iter().map(|finding| finding["outcome"].as_str().unwrap().to_owned()).collect()
    };
    let refused = check();
    assert!(outcomes(&refused).iter().all(|outcome| outcome == "not-run"), "{refused}");
    assert_eq!(outcomes(&refused).len() as u64, refused["packs"][0]["checks"].as_u64().unwrap());
    assert_eq!(refused["coverage"], 0.0);
    assert!(refused["packs"][0]["status"].as_str().unwrap().contains("packs trust"), "{refused}");

    let trust = run(bare_plumb(folder.path()).args(["packs", "trust"]).arg(&pack));
    assert_eq!(trust.code, 0, "{trust:?}");
    let trusted = check();
    assert_eq!(trusted["packs"][0]["status"], "ok", "{trusted}");

    // One changed byte, and it is another library.
    let library = fs::read_dir(&pack)
        .unwrap()
        .map(|e| e.unwrap().path())
        .find(|p| p.extension().is_some_and(|e| e == "so"));
    let library = library.unwrap();
    let bytes = fs::read(&library).unwrap();
    fs::write(&library, [bytes.as_slice(), b"x"].concat()).unwrap();
    assert!(outcomes(&check()).iter().all(|outcome| outcome == "not-run"));
    fs::write(&library, bytes).unwrap();

    // A folder that others may write to is no safe place, pinned or not.
    fs::set_permissions(&pack, fs::Permissions::from_mode(0o777)).unwrap();
    assert!(outcomes(&check()).iter().all(|outcome| outcome == "not-run"));
    fs::set_permissions(&pack, fs::Permissions::from_mode(0o755)).unwrap();

    let revoke = run(bare_plumb(folder.path()).args(["packs", "trust", "--revoke"]).arg(&pack));
    assert_eq!(revoke.code, 0, "{revoke:?}");
    assert!(outcomes(&check()).iter().all(|outcome| outcome == "not-run"));
}

#[test]
fn a_signature_of_a_trusted_key_is_enough_and_a_changed_library_breaks_it() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("node.plumb");
    assert_eq!(run(plumb().args(["-q", "collect", "-o"]).arg(&bundle)).code, 0);
    let pack = foreign_pack(folder.path());
    let library = pack.join("libplumb_pack_topology.so");
    let bytes = fs::read(&library).unwrap();
    let keys = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
    let signature = minisign::sign(Some(&keys.pk), &keys.sk, bytes.as_slice(), None, None).unwrap();
    fs::write(pack.join("libplumb_pack_topology.so.minisig"), signature.into_string()).unwrap();
    let status = || -> String {
        let mut command = bare_plumb(folder.path());
        let result = run(command.args(["check", "--format", "json", "--pack"]).arg(&pack).arg(&bundle));
        let assessment: serde_json::Value = serde_json::from_str(&result.out).unwrap();
        let status = assessment["packs"][0]["status"].as_str().unwrap().to_owned();
        assert_eq!(result.code, if status == "ok" { 0 } else { 5 }, "{result:?}");
        status
    };
    assert!(status().contains("not trusted"), "{}", status());
    let trusted = folder.path().join("config/plumb/trusted-keys");
    fs::create_dir_all(&trusted).unwrap();
    fs::write(trusted.join("vendor.pub"), keys.pk.to_box().unwrap().into_string()).unwrap();
    assert_eq!(status(), "ok");
    fs::write(&library, [bytes.as_slice(), b"x"].concat()).unwrap();
    assert!(status().contains("not trusted"), "{}", status());

    fs::write(trusted.join("broken.pub"), "no key\n").unwrap();
    let broken = run(bare_plumb(folder.path()).args(["packs", "list", "--pack"]).arg(&pack));
    assert_eq!(broken.code, 0, "a key that is none is no reason to list nothing: {broken:?}");
    assert!(broken.err.contains("broken.pub"), "{broken:?}");
}

#[test]
fn the_handbook_has_a_page_for_each_check_of_the_installation() {
    let folder = tempfile::tempdir().unwrap();
    let mut pages =
        plumb_handbook::write(&plumb_tests::workspace(), &folder.path().join("handbook")).unwrap();
    pages.sort();
    let list = run(plumb().args(["packs", "list", "--format", "json"]));
    assert_eq!(list.code, 0, "{list:?}");
    let packs: serde_json::Value = serde_json::from_str(&list.out).unwrap();
    let checks =
        packs.as_array().unwrap().iter().flat_map(|pack| pack["manifest"]["checks"].as_array().unwrap());
    let mut checks: Vec<String> = checks.map(|check| check["id"].as_str().unwrap().to_owned()).collect();
    checks.sort();
    assert_eq!(pages, checks);
    let read =
        |page: &str| fs::read_to_string(folder.path().join("handbook/src/reference").join(page)).unwrap();
    assert_eq!(read("checks.md").matches("| [`").count(), checks.len());
    let governor = read("checks/cpu.governor.md");
    for part in [
        "## Why it matters",
        "`/cpufreq`",
        "client's question `governor`",
        "{cpus_count} CPUs are held at their lowest clock",
    ] {
        assert!(governor.contains(part), "{part}: {governor}");
    }
}

/// `cargo test` of a pack outside of the workspace, with what this workspace has built already.
fn cargo_test(pack: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        // What cargo tells this test about itself is not true of what it starts.
        if name
            .to_str()
            .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
        {
            command.env_remove(name);
        }
    }
    // Compiled as in this workspace: dependencies would be compiled once more otherwise.
    let manifest = fs::read_to_string(plumb_tests::workspace().join("Cargo.toml")).unwrap();
    let profiles = pack.join("profiles.toml");
    fs::write(&profiles, &manifest[manifest.find("[profile.").unwrap()..]).unwrap();
    command.args(["test", "--offline", "--config"]).arg(profiles);
    command.env("CARGO_TARGET_DIR", target().parent().unwrap()).current_dir(pack);
    command
}

#[test]
fn a_new_pack_compiles_passes_its_tests_and_comes_into_use() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("house");
    let new = |folder: &Path, sdk: &Path, check: &str| {
        run(plumb().args(["packs", "new", "--check", check, "--sdk"]).arg(sdk).arg(folder))
    };
    let made = new(&source, &plumb_tests::workspace(), "house.swap");
    assert_eq!(made.code, 0, "{made:?}");
    assert!(made.out.contains("src/house_swap/page.toml"), "{made:?}");
    let (other, spaced) = (folder.path().join("other"), folder.path().join("My Pack"));
    for (folder, sdk, check, expected) in [
        (source.as_path(), plumb_tests::workspace(), "house.swap", "is not replaced"),
        (other.as_path(), folder.path().to_owned(), "house.swap", "expected a checkout of Plumb's source"),
        (other.as_path(), plumb_tests::workspace(), "swap", "expected the id of a check"),
        (spaced.as_path(), plumb_tests::workspace(), "house.swap", "expected the name of a pack"),
    ] {
        let refused = new(folder, &sdk, check);
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(refused.err.contains(expected), "{refused:?}");
    }

    fs::copy(plumb_tests::workspace().join("Cargo.lock"), source.join("Cargo.lock")).unwrap();
    let tested = run(cargo_test(&source).env("PLUMB_PACK_OUT", "packs"));
    assert_eq!(tested.code, 0, "{}{}", tested.out, tested.err);
    assert!(tested.out.contains("house.swap::bad::worker"), "{}", tested.out);
    let pack = source.join("packs/house");
    let verified = run(plumb().args(["packs", "verify"]).arg(&pack));
    assert_eq!(verified.code, 0, "{verified:?}");
    assert!(!verified.out.contains("FAIL") && !verified.out.contains("skip"), "{}", verified.out);

    let bundle = folder.path().join("node.plumb");
    assert_eq!(run(plumb().args(["-q", "collect", "-o"]).arg(&bundle)).code, 0);
    assert_eq!(run(bare_plumb(folder.path()).args(["packs", "trust"]).arg(&pack)).code, 0);
    let mut command = bare_plumb(folder.path());
    let checked = run(command.args(["check", "--format", "json", "--pack"]).arg(&pack).arg(&bundle));
    let assessment: serde_json::Value = serde_json::from_str(&checked.out).unwrap();
    assert_eq!(assessment["packs"][0]["status"], "ok", "{assessment}");
    let finding = &assessment["findings"][0];
    assert_eq!(finding["check"], "house.swap", "{assessment}");
    // What is said of this machine depends on it, but it is said.
    assert!(!finding["message"].as_str().unwrap().is_empty(), "{assessment}");
}
