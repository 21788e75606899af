//! What a worker costs. Measured in release builds, on demand:
//! `cargo test --release -p plumb-pack-host -- --ignored --nocapture bench`.

use std::time::{Duration, Instant};

use plumb_check_sdk::abi::{PlumbBuffer, PlumbPack, PlumbSlice};
use plumb_pack_host::{EvidenceDocument, Host, PackLocation, check_trust};

use crate::support::{options, rust_pack, trusting};

const ROUNDS: usize = 300;

/// Evidence whose `/nvml` has about `declared` bytes and whose other sections have about `other` bytes.
fn evidence(declared: usize, other: usize) -> Vec<u8> {
    let device = |index: usize| {
        serde_json::json!({
            "index": index, "address": format!("0000:{index:02x}:00.0"), "name": "NVIDIA H100 80GB HBM3",
            "uuid": format!("GPU-8f1c-{index:08}"), "cpu_affinity": "0-47,96-143", "memory_affinity": "0",
            "compute_processes": [{ "pid": 4711, "used_bytes": 68719476736u64 }], "persistence": true, "pstate": 0,
            "pcie_gen_current": 5, "pcie_gen_max": 5, "pcie_width_current": 16, "pcie_width_max": 16,
            "mig": { "missing": "absent", "reason": "not supported by this device" },
        })
    };
    let one = device(0).to_string().len();
    let devices: Vec<_> = (0..declared / one).map(device).collect();
    let padding: Vec<_> = (0..other / one).map(device).collect();
    serde_json::json!({
        "schema": 1, "pci": padding,
        "nvml": { "driver_version": "550.54", "nvml_version": "12.550", "devices": devices },
    })
    .to_string()
    .into_bytes()
}

/// The same call without a worker: the function of the library, in this process.
#[expect(unsafe_code, reason = "loads a library of this repository to compare with")]
fn in_process(location: &PackLocation) -> impl Fn(&[u8]) -> usize {
    // SAFETY: built from this repository.
    let table: &'static PlumbPack = unsafe {
        let library = libloading::Library::new(location.library_path()).unwrap();
        let entry: libloading::Symbol<'_, unsafe extern "C" fn() -> *const PlumbPack> =
            library.get("plumb_pack_v1").unwrap();
        let table = entry();
        std::mem::forget(library);
        &*table
    };
    move |evidence| {
        let mut reply = PlumbBuffer::EMPTY;
        // SAFETY: by the contract of the ABI, which this library keeps.
        unsafe {
            let status = (table.evaluate.unwrap())(
                PlumbSlice { ptr: evidence.as_ptr(), len: evidence.len() },
                &raw mut reply,
            );
            assert_eq!(status, 0);
            (table.free.unwrap())(reply);
        }
        reply.len
    }
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e6
}

fn time(rounds: usize, mut work: impl FnMut()) -> f64 {
    let once = |work: &mut dyn FnMut()| {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    work();
    median((0..rounds).map(|_| once(&mut work)).collect())
}

fn memory(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
#[ignore = "measures; run it alone and in a release build"]
fn bench() {
    let pack = rust_pack("hundred");
    // Packs are delivered without debug information, which is most of a library otherwise.
    let stripped = std::process::Command::new("strip").arg(pack.location.library_path()).status().unwrap();
    assert!(stripped.success());
    println!("\n| what | value | limit |\n|---|---|---|");

    let size = std::fs::metadata(pack.location.library_path()).unwrap().len();
    let trust = time(20, || drop(check_trust(&pack.location, &trusting()).unwrap()));
    println!("| check and hash a library of {} kB | {:.2} ms | |", size / 1000, trust / 1000.0);
    let start = time(20, || drop(Host::open(options(), std::slice::from_ref(&pack.location))));
    println!("| start, load, greet and end one pack | {:.2} ms | 10 ms |", start / 1000.0);
    assert!(start < 10_000.0);

    let ten: Vec<PackLocation> = std::iter::repeat_n(pack.location.clone(), 10).collect();
    let begin = Instant::now();
    let mut host = Host::open(options(), &ten);
    println!("| start ten packs | {:.2} ms | |", begin.elapsed().as_secs_f64() * 1e3);
    assert_eq!(host.workers().len(), 10);
    let document = EvidenceDocument::from_json(&evidence(200_000, 0)).unwrap();
    let all = time(50, || drop(host.evaluate(&document)));
    println!("| 200 kB to ten packs, 1000 checks | {all:.0} µs | |");
    let (now, most) = (memory("VmRSS"), memory("VmHWM"));
    println!(
        "| memory of this process with ten packs | {:.1} MB, {:.1} MB at most | 20 MB |",
        now as f64 / 1e3,
        most as f64 / 1e3
    );
    assert!(most < 20_000);
    drop(host);

    let direct = in_process(&pack.location);
    for (name, declared, other) in
        [("200 kB declared", 200_000, 0), ("16 kB declared of 200 kB", 16_000, 184_000)]
    {
        let json = evidence(declared, other);
        let prepare = time(ROUNDS, || drop(EvidenceDocument::from_json(&json).unwrap()));
        let mut host = Host::open(options(), std::slice::from_ref(&pack.location));
        // The cut is made once per bundle and set of needs; it is measured as part of the first evaluation below.
        let documents: Vec<_> = (0..ROUNDS).map(|_| EvidenceDocument::from_json(&json).unwrap()).collect();
        let mut next = documents.iter().cycle();
        host.evaluate(&documents[0]);
        let worker = time(ROUNDS - 1, || drop(host.evaluate(next.next().unwrap())));
        let sent = if other == 0 { json.clone() } else { evidence(declared, 0) };
        let inside = time(ROUNDS, || {
            direct(&sent);
        });
        println!("| {name}: split the evidence, once per bundle | {prepare:.0} µs | |");
        println!("| {name}: 100 checks in process | {inside:.0} µs | |");
        println!("| {name}: 100 checks through the worker | {worker:.0} µs | |");
        println!("| {name}: ratio | {:.2} | {} |", worker / inside, if other == 0 { "2" } else { "" });
        if other == 0 {
            assert!(worker < 2.0 * inside);
        }
    }
}
