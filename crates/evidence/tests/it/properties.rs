//! Whatever a node says, and whatever a bundle holds: no panic, and evidence that can be passed on.

use std::fs;

use plumb_evidence::bundle::sha256_hex;
use plumb_evidence::container::Limits;
use plumb_evidence::{Bundle, derive};
use proptest::prelude::*;

use crate::groups::{GROUPS, analyse, bundle, group, honest};

/// What numbers, lists and tables go wrong by.
const TOKENS: &[&str] = &[
    "",
    "-1",
    "0",
    "1",
    "4294967295",
    "4294967296",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775809",
    "0-",
    "-0",
    "0-4294967295",
    "5-3",
    ",",
    ",,",
    ":",
    "::",
    "\n",
    "\n\n",
    "\t",
    " ",
    "\0",
    "/",
    "..",
    "=",
    "(",
    ")",
    "\"",
    "{",
    "}",
    "nan",
    "inf",
    "1e999",
    "0x",
    "ffffffff",
    "max",
    "unlimited",
    "é",
    "\u{fffd}",
    "N0=",
    "kB",
];

/// A content that is none, any, or an honest one with some places changed.
fn spoilt() -> impl Strategy<Value = Spoil> {
    let edit = (any::<prop::sample::Index>(), 0usize..8, prop::sample::select(TOKENS));
    prop_oneof![
        1 => proptest::collection::vec(any::<u8>(), 0..200).prop_map(Spoil::Replace),
        2 => proptest::collection::vec(prop::sample::select(TOKENS), 0..20)
            .prop_map(|tokens| Spoil::Replace(tokens.concat().into_bytes())),
        6 => proptest::collection::vec(edit, 1..5).prop_map(|edits| {
            Spoil::Edit(edits.into_iter().map(|(at, remove, token)| (at, remove, token.as_bytes().to_vec())).collect())
        }),
    ]
}

#[derive(Clone, Debug)]
enum Spoil {
    Replace(Vec<u8>),
    Edit(Vec<(prop::sample::Index, usize, Vec<u8>)>),
}

impl Spoil {
    fn apply(&self, honest: &[u8]) -> Vec<u8> {
        match self {
            Self::Replace(content) => content.clone(),
            Self::Edit(edits) => edits.iter().fold(honest.to_vec(), |mut content, (at, remove, token)| {
                let from = at.index(content.len() + 1);
                let to = (from + remove).min(content.len());
                content.splice(from..to, token.iter().copied());
                content
            }),
        }
    }
}

#[test]
fn the_honest_node_is_understood() {
    let evidence = derive(&bundle(honest()));
    assert_eq!(evidence.cpu.require().unwrap().pus, 2);
    assert_eq!(evidence.gpus.require().unwrap().len(), 1);
    assert_eq!(evidence.servers.require().unwrap().len(), 1);
    assert_eq!(evidence.window.require().unwrap().seconds, 1.0);
    assert!(evidence.hwloc.require().is_ok() && evidence.nvml.require().is_ok());
    // Each group's files are understood, so that spoiling them tries the parser and not its first refusal.
    let known: [(&str, bool); 14] = [
        ("dimms", evidence.dimms.known().is_some_and(|dimms| dimms.slots.len() == 1)),
        ("swaps", evidence.memory.known().is_some_and(|memory| memory.swaps.known().is_some())),
        ("power", evidence.power.known().is_some_and(|power| power.window.known().is_some())),
        ("network", evidence.network.known().is_some_and(|net| net.listening.known().is_some())),
        (
            "rdma",
            evidence.network.known().is_some_and(|net| net.rdma.known().is_some_and(|all| all.len() == 1)),
        ),
        ("storage", evidence.storage.known().is_some_and(|storage| storage.nvme.known().is_some())),
        ("kernel log", evidence.kernel_log.known().is_some_and(|log| log.lines.len() == 2)),
        ("platform", evidence.platform.known().is_some_and(|all| all.kernel_config.known().is_some())),
        (
            "boot",
            evidence
                .platform
                .known()
                .is_some_and(|all| all.boot.known().is_some_and(|boot| !boot.is_empty())),
        ),
        (
            "clock",
            evidence
                .platform
                .known()
                .is_some_and(|all| all.clock.known().is_some_and(|clock| clock.kernel.known().is_some())),
        ),
        ("services", evidence.services.known().is_some()),
        ("containers", evidence.containers.known().is_some_and(|all| format!("{all:?}").contains("mbind"))),
        (
            "kubelet",
            evidence.containers.known().is_some_and(|all| format!("{all:?}").contains("full-pcpus-only")),
        ),
        (
            "measurements",
            evidence.measurements.known().is_some_and(|all| {
                all.bench.known().is_some()
                    && all.noise.known().is_some()
                    && all.experiments.known().is_some()
            }),
        ),
    ];
    for (subject, understood) in known {
        assert!(understood, "{subject} of the honest node is not understood");
    }
    for group in GROUPS {
        analyse(group, &[]);
        for path in group.paths {
            let path = path.replace("samples/", "samples/000/");
            assert!(honest().contains_key(&path), "{path} is spoilt and was never there");
        }
    }
}

macro_rules! any_text {
    ($($name:ident: $group:literal,)*) => {
        proptest! {
            #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
            $(
                #[test]
                fn $name(changes in proptest::collection::vec((any::<prop::sample::Index>(), spoilt()), 1..4)) {
                    let group = group($group);
                    let honest = honest();
                    let contents: Vec<_> = changes
                        .iter()
                        .map(|(number, spoil)| {
                            let number = number.index(group.paths.len() * 2);
                            let path = group.paths[number % group.paths.len()].replace("samples/", "samples/000/");
                            (number, spoil.apply(&honest[&path]))
                        })
                        .collect();
                    analyse(group, &contents);
                }
            )*
        }
    };
}

any_text! {
    any_text_of_cpus_is_survived: "cpu",
    any_text_of_numa_nodes_is_survived: "numa",
    any_text_of_pci_devices_is_survived: "pci",
    any_text_of_clocks_is_survived: "clocks",
    any_text_of_the_system_is_survived: "system",
    any_text_of_control_groups_is_survived: "cgroup",
    any_text_of_processes_is_survived: "process",
    any_text_of_servers_is_survived: "server",
    any_text_of_interrupts_is_survived: "interrupts",
    any_text_of_the_window_is_survived: "window",
    any_text_of_gpus_is_survived: "gpu",
    any_text_of_hwloc_is_survived: "hwloc",
    any_text_of_memory_is_survived: "memory",
    any_text_of_power_is_survived: "power",
    any_text_of_the_network_is_survived: "network",
    any_text_of_storage_is_survived: "storage",
    any_text_of_the_kernel_is_survived: "kernel",
    any_text_of_boot_loaders_is_survived: "boot",
    any_text_of_persistent_settings_is_survived: "persistent",
    any_text_of_units_is_survived: "unit",
    any_text_of_containers_is_survived: "container",
    any_text_of_the_kubelet_is_survived: "kubelet",
    any_answer_is_survived: "answers",
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5000, ..ProptestConfig::default() })]

    /// A reader of JSON that is content with the nearest but one breaks "same bundle, same bytes".
    #[test]
    fn a_number_is_the_same_after_its_way_to_a_pack(number in proptest::num::f64::NORMAL) {
        let text = serde_json::to_string(&number).unwrap();
        prop_assert_eq!(serde_json::from_str::<f64>(&text).unwrap().to_bits(), number.to_bits());
    }
}

/// The archive of a bundle, not compressed.
fn archive(bundle: &Bundle) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.plumb");
    bundle.write(&path).unwrap();
    zstd::decode_all(fs::File::open(&path).unwrap()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    /// Past the checksum of the compression, where an attacker begins.
    #[test]
    fn what_is_read_from_any_archive_is_what_its_manifest_says(
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        headers_only in any::<bool>(),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let mut files = honest();
        files.retain(|path, _| path.contains("cpu0"));
        let mut archive = archive(&bundle(files));
        for (at, value) in edits {
            // Most bytes are padding; the first 160 of a block may be a header.
            let at = at.index(archive.len());
            let at = if headers_only { at / 512 * 512 + at % 160 } else { at };
            if let Some(byte) = archive.get_mut(at) {
                *byte = value;
            }
        }
        if let Some(cut) = cut {
            archive.truncate(cut.index(archive.len()));
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.plumb");
        fs::write(&path, zstd::encode_all(archive.as_slice(), 1).unwrap()).unwrap();
        let limits = Limits { entries: 100, file_bytes: 1 << 20, total_bytes: 4 << 20, ..Limits::default() };
        if let Ok(read) = Bundle::read_within(&path, &limits) {
            prop_assert_eq!(read.files().len(), read.manifest().files.len());
            for record in &read.manifest().files {
                prop_assert_eq!(&sha256_hex(&read.files()[&record.path]), &record.sha256);
            }
            // What was read can be unpacked, and nothing lies beside the folder afterwards.
            read.unpack(&folder.path().join("unpacked")).unwrap();
            prop_assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        }
    }
}
