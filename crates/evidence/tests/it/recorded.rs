//! What a recorded tree lacks was not recorded, unless its neighbours were; what a running node lacks is absent.

use std::collections::BTreeMap;

use plumb_evidence::manifest::{Manifest, ProbeStatus};
use plumb_evidence::model::Origin;
use plumb_evidence::{Absence, Bundle, Evidence, Fact, derive};

use crate::{files, probe};

const CPUINFO: &str = "processor\t: 0\nflags\t\t: fpu\n\n";

fn evidence(origin: Origin, further: &[(&str, &str)]) -> Evidence {
    let reads = ["/proc", "/sys", "/etc", "/usr", "/run", "/boot", "/dev", "/var"];
    let manifest = Manifest {
        probes: reads.iter().map(|reads| probe("all", ProbeStatus::Ok, reads)).collect(),
        ..Manifest::new(origin)
    };
    let mut all = files(&[("raw/proc/cpuinfo", CPUINFO), ("raw/proc/sys/vm/swappiness", "60\n")]);
    all.extend(files(further));
    derive(&Bundle::new(manifest, all, BTreeMap::new()))
}

fn absence<T>(fact: &Fact<T>) -> Option<Absence> {
    fact.require().err().map(|why| why.missing)
}

const SERVER: &[(&str, &str)] = &[
    (
        "raw/proc/7/stat",
        "7 (vllm) S 1 7 7 0 -1 0 0 0 0 0 9 1 0 0 20 0 1 0 5 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0",
    ),
    ("raw/proc/7/cmdline", "vllm\0serve\0m\0"),
];

#[test]
fn a_recording_without_processes_says_nothing_of_a_kubelet() {
    let recorded = evidence(Origin::Sysroot, &[]);
    assert_eq!(absence(&recorded.processes), Some(Absence::NotRecorded));
    assert_eq!(absence(&recorded.containers), Some(Absence::NotRecorded));
    assert_eq!(absence(&recorded.servers), Some(Absence::NotRecorded));
}

#[test]
fn a_recording_of_some_processes_says_nothing_of_others() {
    let some = evidence(Origin::Sysroot, SERVER);
    let kubelet = |evidence: &Evidence| absence(&evidence.containers.known().unwrap().kubelet);
    assert_eq!(kubelet(&some), Some(Absence::NotRecorded));
    assert_eq!(kubelet(&evidence(Origin::Live, SERVER)), Some(Absence::Absent));
    let first = SERVER[0].1.replace("7 (vllm)", "1 (systemd)");
    let all: Vec<_> = SERVER.iter().copied().chain([("raw/proc/1/stat", first.as_str())]).collect();
    assert_eq!(kubelet(&evidence(Origin::Sysroot, &all)), Some(Absence::Absent));
}

#[test]
fn a_process_without_its_groups_is_not_one_that_is_in_no_unit() {
    let recorded = evidence(Origin::Sysroot, SERVER);
    let server = &recorded.servers.known().unwrap()[0];
    assert_eq!(absence(&server.unit), Some(Absence::NotRecorded));
    assert_eq!(absence(&server.container), Some(Absence::NotRecorded));
    // Nor is one whose group is all that can be seen.
    let inside: Vec<_> = SERVER.iter().copied().chain([("raw/proc/7/cgroup", "0::/\n")]).collect();
    let server = &evidence(Origin::Live, &inside).servers.known().unwrap()[0].clone();
    assert_eq!(absence(&server.unit), Some(Absence::NotRecorded));
    let outside: Vec<_> = SERVER.iter().copied().chain([("raw/proc/7/cgroup", "0::/user.slice\n")]).collect();
    let server = &evidence(Origin::Sysroot, &outside).servers.known().unwrap()[0].clone();
    assert_eq!(absence(&server.unit), Some(Absence::Absent));
}

#[test]
fn a_kernel_parameter_is_absent_only_where_its_kind_was_recorded() {
    let tracking = |evidence: &Evidence| absence(&evidence.sysctl["net.netfilter.nf_conntrack_count"]);
    assert_eq!(tracking(&evidence(Origin::Sysroot, &[])), Some(Absence::NotRecorded));
    assert_eq!(tracking(&evidence(Origin::Live, &[])), Some(Absence::Absent));
    let with = [("raw/proc/sys/net/core/somaxconn", "4096\n")];
    assert_eq!(tracking(&evidence(Origin::Sysroot, &with)), Some(Absence::Absent));
}

#[test]
fn a_configuration_is_absent_only_where_its_folders_were_recorded() {
    let profile = |evidence: &Evidence| {
        let services = evidence.services.known().unwrap().persistent.known().unwrap().clone();
        (absence(&services.tuned_profile), absence(&services.sysctl))
    };
    let nothing = Some(Absence::NotRecorded);
    assert_eq!(profile(&evidence(Origin::Sysroot, &[])), (nothing, nothing));
    let with = [("raw/usr/lib/sysctl.d/9.conf", "vm.swappiness = 1\n")];
    assert_eq!(profile(&evidence(Origin::Sysroot, &with)), (nothing, None));
    assert_eq!(profile(&evidence(Origin::Live, &with)).0, Some(Absence::Absent));
    let units: Vec<_> =
        evidence(Origin::Sysroot, SERVER).services.known().unwrap().programs.known().unwrap().clone();
    assert!(units.iter().all(|program| absence(&program.started_by) == nothing), "{units:?}");
}
