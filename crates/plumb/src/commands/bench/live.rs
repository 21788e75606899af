//! How a run goes, on one line that is written over: only where a person looks at it.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use plumb_bench::{Control, Progress};

use super::is_watched;
use crate::console::Console;

/// The line, as long as this value lives.
pub(super) struct View {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl View {
    pub(super) fn start(control: &Control, console: &Console) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let thread = (console.is_talking() && is_watched()).then(|| {
            let (control, stop) = (control.clone(), Arc::clone(&stop));
            std::thread::spawn(move || show(&control, &stop))
        });
        Self { stop, thread }
    }
}

impl Drop for View {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn show(control: &Control, stop: &AtomicBool) {
    let mut shown = Progress::default();
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(100));
        let progress = control.progress();
        if progress != shown {
            let _ = write!(std::io::stderr().lock(), "\r\x1b[K{}", line(&progress));
            shown = progress;
        }
    }
    let _ = write!(std::io::stderr().lock(), "\r\x1b[K");
}

/// The line for a state of a run.
fn line(progress: &Progress) -> String {
    if !progress.measuring {
        return format!("warming up, {} under way", progress.in_flight);
    }
    let mut line = format!(
        "{:3.0} %  {} requests  {:.1}/s  {} under way  {} failed",
        progress.share * 100.0,
        progress.requests,
        progress.requests_per_s,
        progress.in_flight,
        progress.errors
    );
    if let Some([ttft50, ttft95, e2e50, e2e95]) = progress.latency_ms {
        line.push_str(&format!(
            "  TTFT p50 {ttft50:.1} p95 {ttft95:.1}  E2E p50 {e2e50:.0} p95 {e2e95:.0} ms"
        ));
    }
    if let Some(left) = progress.left {
        line.push_str(&format!("  {left:.0} s left"));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_how_the_run_goes() {
        let mut progress = Progress { in_flight: 3, ..Progress::default() };
        assert_eq!(line(&progress), "warming up, 3 under way");
        progress = Progress {
            measuring: true,
            share: 0.5,
            requests: 20,
            errors: 1,
            requests_per_s: 4.04,
            latency_ms: Some([20.0, 25.0, 600.0, 700.4]),
            left: Some(5.2),
            ..progress
        };
        assert_eq!(
            line(&progress),
            " 50 %  20 requests  4.0/s  3 under way  1 failed  TTFT p50 20.0 p95 25.0  E2E p50 600 p95 700 ms  5 s left"
        );
    }
}
