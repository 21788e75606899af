//! Which libraries may be loaded, and that what was checked is what is loaded.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use plumb_check_sdk::Outcome;
use plumb_pack_host::{
    HostOptions, LOCK_FILE, LockFile, Origin, PackLocation, PackStatus, TrustBasis, TrustPolicy, check_trust,
    pin,
};

use crate::support::{CPack, assert_all_not_run, behaviour, options, run_once};

/// A policy with one lock, in which the packs are pinned.
fn pinned(folder: &Path, locations: &[&PackLocation]) -> TrustPolicy {
    let mut lock = LockFile::default();
    for location in locations {
        lock.insert(pin(location).unwrap());
    }
    let path = folder.join(LOCK_FILE);
    lock.write(&path).unwrap();
    TrustPolicy { locks: vec![path], ..TrustPolicy::default() }
}

fn with(trust: TrustPolicy) -> HostOptions {
    HostOptions { trust, ..options() }
}

#[test]
fn an_unknown_pack_is_refused_until_it_is_pinned() {
    let pack = CPack::sample().build();
    let run = run_once(with(TrustPolicy::default()), &pack.location, &behaviour("x"));
    assert_all_not_run(&run, "it is not pinned in any `packs.lock`: look at it, then run `plumb packs trust");
    assert!(run.sandbox.is_empty(), "a refused pack must not be started");

    let locks = tempfile::tempdir().unwrap();
    let policy = pinned(locks.path(), &[&pack.location]);
    let trust = check_trust(&pack.location, &policy).unwrap();
    assert_eq!(trust.basis, TrustBasis::Pinned(locks.path().join(LOCK_FILE)));
    let run = run_once(with(policy), &pack.location, &behaviour("x"));
    assert_eq!(run.status, PackStatus::Ok);
    assert_eq!(run.sha256, trust.sha256);
}

/// The same as for locks: a key in a folder that others could write to proves nothing.
#[test]
fn keys_that_others_could_have_written_are_not_used() {
    const KEY: &str = "untrusted comment: x\nRWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3\n";
    let folder = tempfile::tempdir().unwrap();
    let keys = || {
        let mut policy = TrustPolicy::default();
        policy.add_keys(folder.path());
        (policy.keys.len(), policy.refused_keys.join("\n"))
    };
    let file = folder.path().join("a.pub");
    fs::write(&file, KEY).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    assert_eq!(keys(), (1, String::new()));
    fs::set_permissions(&file, Permissions::from_mode(0o666)).unwrap();
    let (count, why) = keys();
    assert!(count == 0 && why.contains("can be written by others"), "{why}");
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
    let (count, why) = keys();
    assert!(count == 0 && why.contains("can be written by others"), "{why}");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    symlink("a.pub", folder.path().join("b.pub")).unwrap();
    fs::write(folder.path().join("c.pub"), "nonsense").unwrap();
    let (count, why) = keys();
    assert!(count == 1 && why.contains("symbolic link") && why.contains("c.pub"), "{why}");
}

#[test]
fn a_tampered_library_is_refused() {
    let pack = CPack::sample().build();
    let locks = tempfile::tempdir().unwrap();
    let policy = pinned(locks.path(), &[&pack.location]);
    let mut bytes = fs::read(pack.location.library_path()).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(pack.location.library_path(), bytes).unwrap();
    assert_all_not_run(&run_once(with(policy), &pack.location, &behaviour("x")), "is pinned in");
}

#[test]
fn an_installed_pack_is_trusted_by_the_lock_of_its_installation() {
    let pack = CPack::sample().build();
    let install = tempfile::tempdir().unwrap();
    let folder = install.path().join("sample-c");
    fs::create_dir(&folder).unwrap();
    for file in fs::read_dir(pack.folder.path()).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), folder.join(file.file_name())).unwrap();
    }
    let location = PackLocation { folder, origin: Origin::Install, ..pack.location.clone() };
    let policy = TrustPolicy::default();
    assert_eq!(check_trust(&location, &policy).unwrap().basis, TrustBasis::Installed);

    let mut lock = LockFile::default();
    lock.insert(pin(&location).unwrap());
    lock.write(&install.path().join(LOCK_FILE)).unwrap();
    assert!(matches!(check_trust(&location, &policy).unwrap().basis, TrustBasis::Pinned(_)));

    lock.remove("sample-c");
    lock.write(&install.path().join(LOCK_FILE)).unwrap();
    assert!(check_trust(&location, &policy).unwrap_err().to_string().contains("it is not pinned"));
    // A lock that lies in a folder of the search path vouches for nothing: who put the pack there put it there too.
    let found = PackLocation { origin: Origin::SearchPath, ..location };
    assert!(check_trust(&found, &policy).is_err());
}

#[test]
fn whatever_others_could_write_is_refused() {
    let pack = CPack::sample().build();
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("inner/sample-c");
    fs::create_dir_all(&folder).unwrap();
    let library = folder.join(&pack.location.library);
    fs::copy(pack.location.library_path(), &library).unwrap();
    let location = PackLocation { folder: folder.clone(), ..pack.location.clone() };
    let locks = tempfile::tempdir().unwrap();
    let policy = pinned(locks.path(), &[&location]);
    let refusal = || check_trust(&location, &policy).unwrap_err().to_string();

    for (path, mode) in [
        (parent.path().join("inner"), 0o777),
        (parent.path().join("inner"), 0o775),
        (parent.path().join("inner"), 0o1777),
        (folder.clone(), 0o757),
        (library.clone(), 0o666),
        (locks.path().join(LOCK_FILE), 0o664),
    ] {
        let is_ours = nix::unistd::geteuid().is_root();
        let before = fs::metadata(&path).unwrap().permissions();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        // A sticky folder of root protects what is in it.
        if mode == 0o1777 && is_ours {
            check_trust(&location, &policy).unwrap();
        } else if mode != 0o1777 {
            let told =
                format!("`{}` can be written by others (mode {mode:04o}): `chmod go-w", path.display());
            assert!(refusal().contains(&told), "expected `{told}` in `{}`", refusal());
        }
        fs::set_permissions(&path, before).unwrap();
    }
    check_trust(&location, &policy).unwrap();

    if nix::unistd::geteuid().is_root() {
        std::os::unix::fs::chown(&library, Some(1234), None).unwrap();
        assert!(refusal().contains("belongs to uid 1234, expected root: `chown 0 "), "{}", refusal());
    }
}

#[test]
fn a_link_or_a_pipe_in_place_of_the_library_is_refused() {
    let pack = CPack::sample().build();
    let policy = crate::support::trusting();
    let library = pack.location.library_path();
    let moved = pack.folder.path().join("moved.so");
    fs::rename(&library, &moved).unwrap();
    let refusal = || check_trust(&pack.location, &policy).unwrap_err().to_string();
    assert!(refusal().contains("there is no"), "{}", refusal());
    symlink(&moved, &library).unwrap();
    assert!(refusal().contains("is a symbolic link: expected the file itself"), "{}", refusal());
    fs::remove_file(&library).unwrap();
    nix::unistd::mkfifo(&library, nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert!(refusal().contains("is not a regular file"), "{}", refusal());
}

/// While one thread swaps the library for another and back, and the folder for a link, the pinned one is loaded or none is.
#[test]
fn a_library_swapped_between_check_and_load_is_never_loaded() {
    let honest = CPack::hostile(&["-DMESSAGE=\"honest\""]).build();
    let evil = CPack::hostile(&["-DMESSAGE=\"evil\""]).build();
    let locks = tempfile::tempdir().unwrap();
    let policy = pinned(locks.path(), &[&honest.location]);
    let library = honest.location.library_path();
    let good = honest.folder.path().join("good.so");
    fs::copy(&library, &good).unwrap();
    let stop = AtomicBool::new(false);
    let (mut loaded, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let next = honest.folder.path().join("next.so");
            while !stop.load(Ordering::Relaxed) {
                symlink(evil.location.library_path(), &next).unwrap();
                fs::rename(&next, &library).unwrap();
                fs::copy(evil.location.library_path(), &next).unwrap();
                fs::rename(&next, &library).unwrap();
                fs::copy(&good, &next).unwrap();
                fs::rename(&next, &library).unwrap();
            }
        });
        for _ in 0..150 {
            let run = run_once(with(policy.clone()), &honest.location, &behaviour("x"));
            match run.findings[0].outcome {
                Outcome::Pass => {
                    assert_eq!(run.findings[0].message, "honest");
                    loaded += 1;
                }
                _ => refused += 1,
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    println!("loaded the pinned library {loaded} times, refused {refused} times");
    assert!(refused > 0, "the swap never hit");
}
