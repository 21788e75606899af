//! A neighbour that takes what a server needs: time of CPUs, bandwidth of memory, room in caches.

use std::hint::black_box;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::sched::sched_setaffinity;
use nix::unistd::Pid;
use plumb_evidence::CpuSet;

use super::plan::HogKind;
use super::sys::mask_of;

/// Bytes that a worker goes through for bandwidth: several times what a core has of the last cache.
const STREAM: usize = 96 << 20;
/// Bytes that a worker keeps in caches: more than a second-level cache, so that it lives in the shared one.
const CACHE: usize = 8 << 20;

/// Runs `workers` loops, each on one of `cpus` in turn, until `time` is over or standard input ends; says `ready` on standard
/// output once they run.
///
/// # Errors
/// Fails where there is no thread or no such CPU.
pub fn hog(kind: HogKind, cpus: &CpuSet, workers: usize, time: Duration) -> io::Result<()> {
    let places: Vec<u32> = cpus.iter().collect();
    let over = Arc::new(AtomicBool::new(false));
    let (ready, readiness) = std::sync::mpsc::channel();
    let mut threads = Vec::new();
    for worker in 0..workers.max(1) {
        let place = places.get(worker % places.len().max(1)).copied();
        let (over, ready) = (Arc::clone(&over), ready.clone());
        threads.push(std::thread::Builder::new().name(format!("hog-{}", kind.as_str())).spawn(
            move || {
                // Bound before it touches memory, so that its pages are beside it.
                if let Some(mask) = place.and_then(|cpu| mask_of(&[cpu].into_iter().collect()).ok()) {
                    let _ = sched_setaffinity(Pid::from_raw(0), &mask);
                }
                match kind {
                    HogKind::Cpu => compute(&over, &ready),
                    HogKind::Memory => stream(&over, &ready),
                    HogKind::Cache => chase(&over, &ready),
                }
            },
        )?);
    }
    drop(ready);
    // Workers keep their sender while they work: counted, not waited for.
    for _ in &threads {
        let _ = readiness.recv();
    }
    let mut out = io::stdout();
    writeln!(out, "ready")?;
    out.flush()?;
    let ended = Arc::clone(&over);
    std::thread::Builder::new().name("input".to_owned()).spawn(move || {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        ended.store(true, Ordering::Relaxed);
    })?;
    let end = Instant::now() + time;
    while !over.load(Ordering::Relaxed) && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(50));
    }
    over.store(true, Ordering::Relaxed);
    for thread in threads {
        let _ = thread.join();
    }
    Ok(())
}

type Ready = std::sync::mpsc::Sender<()>;

/// Multiplications and additions in registers.
fn compute(over: &AtomicBool, ready: &Ready) {
    let mut sums = [1.0f64, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7];
    let _ = ready.send(());
    while !over.load(Ordering::Relaxed) {
        for _ in 0..10_000 {
            for sum in &mut sums {
                *sum = black_box(*sum * 0.999_999 + 1e-6);
            }
        }
    }
    black_box(sums);
}

/// a = b + c · s over arrays far larger than caches.
fn stream(over: &AtomicBool, ready: &Ready) {
    let length = STREAM / 3 / size_of::<f64>();
    let (mut a, b, c) = (vec![0.5f64; length], vec![1.5f64; length], vec![2.5f64; length]);
    let _ = ready.send(());
    while !over.load(Ordering::Relaxed) {
        for ((a, b), c) in a.chunks_mut(1 << 14).zip(b.chunks(1 << 14)).zip(c.chunks(1 << 14)) {
            for ((a, b), c) in a.iter_mut().zip(b).zip(c) {
                *a = b + c * 3.0;
            }
            if over.load(Ordering::Relaxed) {
                break;
            }
        }
        black_box(&mut a);
    }
}

/// Reads and writes lines of a buffer in an order that no prefetcher knows.
fn chase(over: &AtomicBool, ready: &Ready) {
    let lines = CACHE / 64;
    let mut buffer = vec![1u64; lines * 8];
    let mut place = 1usize;
    let _ = ready.send(());
    while !over.load(Ordering::Relaxed) {
        for _ in 0..10_000 {
            // A full period over a power of two.
            place = place.wrapping_mul(1_664_525).wrapping_add(1_013_904_223) % lines;
            buffer[place * 8] = buffer[place * 8].wrapping_add(place as u64);
        }
    }
    black_box(buffer);
}
