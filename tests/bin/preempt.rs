//! Takes a CPU away in a known way, for tests of what measures that.
//!
//! `preempt inject COUNT EVERY_US FOR_US [AFTER_US]` spins so many times for so long, at a fixed rate; as a real-time thread
//! (`chrt -f`) it takes its CPU from others exactly so often. `preempt burn SECONDS` spins all the time, and prints the share of a CPU
//! that it had, by the scheduler's account.

use std::time::{Duration, Instant};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| words.get(at).and_then(|word| word.parse::<u64>().ok());
    match (words.first().map(String::as_str), number(1), number(2), number(3)) {
        (Some("inject"), Some(count), Some(every), Some(length)) => {
            std::thread::sleep(Duration::from_micros(number(4).unwrap_or(0)));
            inject(count, Duration::from_micros(every), Duration::from_micros(length));
        }
        (Some("burn"), Some(seconds), ..) => burn(Duration::from_secs(seconds)),
        _ => {
            use std::io::Write;
            let usage = "usage: preempt inject COUNT EVERY_US FOR_US [AFTER_US] | preempt burn SECONDS\n";
            let _ = std::io::stderr().write_all(usage.as_bytes());
        }
    }
}

fn spin(length: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < length {
        std::hint::spin_loop();
    }
}

fn inject(count: u64, every: Duration, length: Duration) {
    let mut due = Instant::now();
    for _ in 0..count {
        due += every;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        spin(length);
    }
    // Its end takes the CPU, too: not as a part of the last one.
    std::thread::sleep(every);
}

fn burn(length: Duration) {
    // A third of a second to be on the CPU, and to be seen there.
    spin(Duration::from_millis(300));
    let (begun, before) = (Instant::now(), ran_ns());
    spin(length);
    let share = (ran_ns() - before) / begun.elapsed().as_nanos() as f64;
    use std::io::Write;
    let _ = writeln!(std::io::stdout(), "{share:.6}");
}

fn ran_ns() -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(f64::NAN)
}
