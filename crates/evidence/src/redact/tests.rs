//! Names that are planted, and a look for them that knows nothing of the redactor.

use super::*;
use crate::model::Origin;

fn with(given: BTreeMap<String, String>) -> Redaction {
    Redaction { given, ..Redaction::default() }
}

const UUID: &str = "GPU-d554a509-efe6-a637-fd3f-a3c3da62af2a";

fn bundle(files: &[(&str, &str)]) -> Bundle {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
    let links = [("/proc/7/fd/3".to_owned(), "/home/anna/model".to_owned())].into();
    Bundle::new(Manifest::new(Origin::Live), files, links)
}

fn example() -> Bundle {
    let id = "a".repeat(63) + "1";
    bundle(&[
        ("raw/proc/sys/kernel/hostname", "gpu-node-17\n"),
        ("raw/etc/hosts", "127.0.0.1 localhost\n10.20.30.40 gpu-node-17 gpu-node-170\n"),
        (&format!("raw/sys/fs/cgroup/docker-{id}.scope/cpu.max"), "max 100000\n"),
        ("api/nvml.json", &format!(r#"{{"uuid":"{UUID}","driver":"580.159.04","vbios":"96.00.DA.00.0C"}}"#)),
        ("raw/proc/7/cmdline", "serve\0--model\0/home/anna/model\0"),
        ("raw/sys/class/net/eth0/address", "3c:fd:fe:01:02:03\n"),
    ])
}

#[test]
fn names_are_gone_and_everything_else_is_there() {
    let given = [("anna".to_owned(), "user".to_owned())].into();
    let how = Redaction { given, ..Redaction::default() };
    let Redacted { bundle, tokens, .. } = redact(&example(), &how).unwrap();
    let text = |path: &str| String::from_utf8_lossy(&bundle.files()[path]).into_owned();
    assert_eq!(text("raw/proc/sys/kernel/hostname"), "host-1\n");
    assert_eq!(text("raw/etc/hosts"), "127.0.0.1 localhost\n192.0.2.1 host-1 host-2\n");
    assert_eq!(text("raw/sys/class/net/eth0/address"), "02:00:00:00:00:01\n");
    assert_eq!(text("raw/proc/7/cmdline"), "serve\0--model\0/home/user/model\0");
    let nvml = text("api/nvml.json");
    assert!(nvml.contains(r#""GPU-00000000-0000-0000-0000-000000000001""#), "{nvml}");
    assert!(nvml.contains("580.159.04") && nvml.contains("96.00.DA.00.0C"), "versions stay: {nvml}");
    let container = format!("raw/sys/fs/cgroup/docker-{:064x}.scope/cpu.max", 2);
    assert!(bundle.files().contains_key(&container), "{:?}", bundle.files().keys());
    assert_eq!(bundle.links["/proc/7/fd/3"], "/home/user/model");
    assert_eq!(tokens["02:00:00:00:00:01"], "3c:fd:fe:01:02:03");
    assert!(bundle.manifest().redactions.iter().any(|line| line.contains("replaced by tokens")));
}

#[test]
fn the_same_bundle_gives_the_same_and_a_redacted_one_stays() {
    let none = Redaction::default();
    let once = redact(&example(), &none).unwrap().bundle;
    assert_eq!(once, redact(&example(), &none).unwrap().bundle);
    let again = redact(&once, &none).unwrap().bundle;
    assert_eq!(once.files(), again.files());
}

#[test]
fn short_names_of_hosts_are_not_taken_out_of_other_words() {
    let short = bundle(&[("raw/proc/sys/kernel/hostname", "vm\n"), ("raw/proc/sys/vm/swappiness", "60\n")]);
    let redacted = redact(&short, &Redaction::default()).unwrap().bundle;
    assert_eq!(redacted.files()["raw/proc/sys/kernel/hostname"], b"host-1\n");
    assert!(redacted.files().contains_key("raw/proc/sys/vm/swappiness"));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let empty = [(String::new(), "x".to_owned())].into();
    assert!(matches!(redact(&example(), &with(empty)), Err(RedactError::Replacement(..))));
    let two = bundle(&[("raw/a", "1"), ("raw/b", "2")]);
    let same = [("raw/a".to_owned(), "raw/b".to_owned())].into();
    assert!(matches!(redact(&two, &with(same)), Err(RedactError::Collision(path)) if path == "raw/b"));
    // The new text brings the old one back.
    let back = [("hosts".to_owned(), "my hosts".to_owned())].into();
    assert!(matches!(redact(&example(), &with(back)), Err(RedactError::Leak { .. })));
}

/// A node whose name is `gpuprod17.dc4.acmebank.test`, in every notation that a node writes.
fn planted() -> Bundle {
    let pod = "8f4e2b17-33aa-4b5c-9d0e-1f2a3b4c5d6e";
    let id = "4f0c1d9e8b7a65".repeat(5)[..64].to_owned();
    bundle(&[
        ("raw/proc/sys/kernel/hostname", "gpuprod17.dc4.acmebank.test\n"),
        (
            "raw/etc/hosts",
            "127.0.0.1 localhost\n10.20.30.40 gpuprod17.dc4.acmebank.test gpuprod17\n2001:0470:1f0b:0001::17 GPUPROD17\n",
        ),
        (
            "raw/proc/7/cmdline",
            "ray\0--node=GpuProd17_rank0\0--master=ip-10-20-30-40.dc4.acmebank.test\0--peer\x0010.20.30.41:8000\0--x=::ffff:10.20.30.42\0--mail=anna.k@acmebank.test",
        ),
        (
            "raw/proc/net/tcp",
            "  sl  local_address rem_address\n   0: 281E140A:1F90 00000000:0000 0A\n   1: 0100007F:0050 00000000:0000 0A\n",
        ),
        ("raw/proc/net/if_inet6", "200104701f0b00010000000000000017 02 40 00 80 eth0\n"),
        ("raw/sys/class/net/eth0/address", "3c:fd:fe:01:02:03\n"),
        ("raw/sys/class/net/ib0/address", "80:00:02:08:fe:80:00:00:00:00:00:00:0c:42:a1:03:00:7b:5e:9a\n"),
        ("raw/sys/class/infiniband/mlx5_0/node_guid", "0c42:a103:007b:5e9a\n"),
        ("raw/proc/net/dev", "enx3cfdfe010203: 1 2 3\n"),
        ("raw/var/log", "3C-FD-FE-01-02-03 3cfd.fe01.0203 fe80::3efd:feff:fe01:203 i-0abcdef1234567890\n"),
        (
            &format!(
                "raw/sys/fs/cgroup/kubepods-burstable-pod{}.slice/cri-containerd-{id}.scope/cpu.max",
                pod.replace('-', "_")
            ),
            "max 100000\n",
        ),
        (
            "raw/proc/8/cgroup",
            &format!(
                "0::/kubepods/pod{pod}/{}_{}\n",
                id.to_uppercase(),
                "0f1e2d3c4b5a69788796a5b4c3d2e1f001234567"
            ),
        ),
        ("raw/proc/9/cmdline", "containerd-shim\0-id\x003f9a1c7be204\0x"),
        ("raw/proc/net/wireless", "eth0:3c:fd:fe:01:02:03 std::string a::b 0000:3b:00.0 12:34:56"),
        ("raw/sys/class/dmi/id/product_serial", "J7XK2M3\n"),
        (
            "api/nvml.json",
            &format!(
                r#"{{"uuid":"{UUID}","serial":"1655023012345","vbios":"96.00.DA.00.0C","driver":"580.159.04"}}"#
            ),
        ),
        ("raw/proc/10/cmdline", "x\0--note=J7XK2M3/1655023012345"),
        ("raw/proc/10/status", "CapEff:\t000001ffffffffff\nCpus_allowed:\tffffffff,ffffffff\n"),
        ("raw/proc/11/environ", "SLURM_CPU_BIND=mask_cpu:0x00000000ffff0000ffff0000ffff0000\0"),
    ])
}

/// Everything of [`planted`] that must be gone, in lower case and without what may stand between digits.
const PLANTED: &[&str] = &[
    "gpuprod17",
    "acmebank",
    "dc4acmebank",
    "10203040",
    "10203041",
    "10203042",
    "281e140a",
    "200104701f0b",
    "200104701f0b00010000000000000017",
    "200104701f0b000117",
    "3cfdfe010203",
    "fe803efdfefffe01203",
    "0c42a103007b5e9a",
    "0208fe80",
    "8f4e2b1733aa4b5c9d0e1f2a3b4c5d6e",
    "4f0c1d9e8b7a65",
    "0f1e2d3c4b5a69788796a5b4c3d2e1f001234567",
    "3f9a1c7be204",
    "j7xk2m3",
    "1655023012345",
    "d554a509efe6a637fd3fa3c3da62af2a",
    "0abcdef1234567890",
    "annak",
];

/// The detector of these tests: everything in small letters, with nothing between letters and digits.
fn is_there(bundle: &Bundle) -> Vec<String> {
    let mut there = Vec::new();
    let manifest =
        serde_json::to_string(&Manifest { files: Vec::new(), ..bundle.manifest().clone() }).unwrap();
    let texts = bundle
        .files()
        .iter()
        .flat_map(|(path, bytes)| [path.clone(), String::from_utf8_lossy(bytes).into_owned()]);
    for text in texts.chain([manifest]) {
        let bare: String =
            text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        there.extend(
            PLANTED.iter().filter(|plant| bare.contains(**plant)).map(|plant| format!("{plant} in {text:?}")),
        );
    }
    there
}

#[test]
fn no_planted_name_survives_in_any_notation() {
    assert!(is_there(&planted()).len() >= PLANTED.len() - 2, "or the test could not fail");
    let key = Key::new(b"a key of the client").unwrap();
    for key in [None, Some(key)] {
        for level in [Level::Standard, Level::Strict] {
            let how = Redaction { key: key.clone(), level, ..Redaction::default() };
            let redacted = redact(&planted(), &how).unwrap();
            assert_eq!(is_there(&redacted.bundle), Vec::<String>::new());
            assert_eq!(redacted.left, Vec::new());
            let text = |path: &str| String::from_utf8_lossy(&redacted.bundle.files()[path]).into_owned();
            assert!(text("raw/proc/10/status").contains("000001ffffffffff"), "masks are evidence");
            assert!(text("raw/proc/11/environ").contains("0x00000000ffff0000"), "masks are evidence");
            assert!(text("raw/proc/net/wireless").ends_with("std::string a::b 0000:3b:00.0 12:34:56"));
            assert!(text("raw/proc/net/tcp").contains("0100007F:0050"));
            assert!(text("api/nvml.json").contains("96.00.DA.00.0C"), "versions stay");
        }
    }
}

#[test]
fn one_thing_has_one_token_in_every_notation() {
    let redacted = redact(&planted(), &Redaction::default()).unwrap().bundle;
    let text = |path: &str| String::from_utf8_lossy(&redacted.files()[path]).into_owned();
    assert_eq!(text("raw/proc/sys/kernel/hostname"), "host-1.domain-1.example\n");
    assert_eq!(text("raw/sys/class/net/eth0/address"), "02:00:00:00:00:01\n");
    assert!(text("raw/var/log").starts_with("02-00-00-00-00-01 0200.0000.0001 "), "{}", text("raw/var/log"));
    assert!(text("raw/proc/net/dev").starts_with("enx020000000001:"));
    assert!(text("raw/proc/net/tcp").contains("010200C0:1F90"), "{}", text("raw/proc/net/tcp"));
    assert!(
        text("raw/etc/hosts").contains("192.0.2.1 host-1.domain-1.example host-1\n"),
        "{}",
        text("raw/etc/hosts")
    );
    assert!(
        text("raw/proc/7/cmdline").contains(
            "--node=host-1_rank0\0--master=ip-192-0-2-1.domain-1.example\0--peer\x00192.0.2.2:8000"
        )
    );
}

#[test]
fn with_one_key_two_bundles_pair_and_without_it_none_do() {
    let mut nodes = [planted(), planted(), planted()];
    for (node, token) in nodes.iter_mut().zip(["aaaa", "aaaa", "bbbb"]) {
        node.manifest.host_token = token.to_owned();
    }
    let key = Key::new(b"a key of the client").unwrap();
    let token = |bundle: &Bundle, key: Option<&Key>| {
        redact(bundle, &Redaction { key: key.cloned(), ..Redaction::default() })
            .unwrap()
            .bundle
            .manifest()
            .host_token
            .clone()
    };
    assert_eq!(token(&nodes[0], Some(&key)), token(&nodes[1], Some(&key)));
    assert_ne!(token(&nodes[0], Some(&key)), token(&nodes[2], Some(&key)));
    let other = Key::new(b"the key of another").unwrap();
    assert_ne!(token(&nodes[0], Some(&key)), token(&nodes[0], Some(&other)));
    // The token of before may be a hash of the host's name, which can be tried.
    assert!(nodes.iter().all(|node| token(node, None) != node.manifest().host_token));
    assert!(Key::new(b"short").is_none());
}

#[test]
fn tokens_of_a_key_are_hmacs() {
    // RFC 4231, case 2, through the same crate: key "Jefe".
    use hmac::Mac;
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(b"Jefe").unwrap();
    mac.update(b"what do ya want for nothing?");
    assert_eq!(mac.finalize().into_bytes()[..4], [0x5b, 0xdc, 0xc1, 0x46]);
}

#[test]
fn strict_takes_users_models_and_folders_too() {
    let node = bundle(&[
        ("raw/proc/sys/kernel/hostname", "gpuprod17\n"),
        (
            "raw/proc/7/cmdline",
            "vllm\0serve\0acme-labs/Secret-7B\0--download-dir\0/mnt/team-blue/w\0--hook\0https://hooks.acme.org/x",
        ),
        (
            "raw/proc/8/cmdline",
            "/home/annak/bin/python\0--model=/home/annak/models/Secret-7B\0--numa-node\x001",
        ),
    ]);
    let strict = Redaction { level: Level::Strict, ..Redaction::default() };
    let redacted = redact(&node, &strict).unwrap();
    let text = |path: &str| String::from_utf8_lossy(&redacted.bundle.files()[path]).into_owned();
    assert_eq!(
        text("raw/proc/7/cmdline"),
        "vllm\0serve\0model-2/model-1\0--download-dir\0/mnt/folder-1/w\0--hook\0https://site-1.example/x"
    );
    assert_eq!(
        text("raw/proc/8/cmdline"),
        "/home/user-2/bin/python\0--model=/home/user-2/models/model-1\0--numa-node\x001",
        "the first is in a link"
    );
    let standard = redact(&node, &Redaction::default()).unwrap().bundle;
    assert!(String::from_utf8_lossy(&standard.files()["raw/proc/7/cmdline"]).contains("acme-labs"));
}

#[test]
fn a_host_that_is_called_as_evidence_is_takes_no_evidence_away() {
    let node = bundle(&[
        ("raw/proc/sys/kernel/hostname", "node\n"),
        ("raw/etc/hosts", "127.0.1.1 node\n"),
        ("raw/sys/devices/system/node/node0/cpulist", "0-3\n"),
    ]);
    let redacted = redact(&node, &Redaction::default()).unwrap();
    assert_eq!(redacted.common_host.as_deref(), Some("node"));
    assert!(redacted.bundle.files().contains_key("raw/sys/devices/system/node/node0/cpulist"));
    assert_eq!(redacted.bundle.files()["raw/proc/sys/kernel/hostname"], b"host-1\n");
    assert_eq!(redacted.bundle.files()["raw/etc/hosts"], b"127.0.1.1 host-1\n");
}
