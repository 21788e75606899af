//! What the kernel itself says it did on a CPU, from its tracepoints: interrupts, software interrupts and threads, with their
//! times. This names gaps exactly.
//!
//! The tracepoints come through `perf_event_open`, not through the files of the tracing folder: nothing is switched on that
//! would have to be switched off again, since the kernel does that when the descriptors are closed, even if Plumb is
//! killed. It takes root or `CAP_PERFMON`.

mod follow;
mod format;
mod perf;

pub(super) use follow::{Follow, Span};
pub(super) use format::Formats;
pub(super) use perf::Tap;

/// Open tracepoints of some CPUs.
pub(super) struct Trace {
    taps: Vec<(u32, Tap, Follow)>,
    formats: Formats,
}

impl Trace {
    /// Opens all tracepoints on each CPU; the thread that loops there is no cause of gaps.
    ///
    /// # Errors
    /// In words, where the kernel has none or does not let this process see them.
    pub(super) fn open(loops: &[(u32, i32)]) -> Result<Self, String> {
        let formats = Formats::read()?;
        let taps = loops
            .iter()
            .map(|&(cpu, thread)| Ok((cpu, Tap::open(cpu, &formats.ids())?, Follow::of(thread))))
            .collect::<Result<_, String>>()?;
        Ok(Self { taps, formats })
    }

    /// Takes what came since the last time. To be called often: what does not fit into the kernel's buffer is lost, and
    /// counted.
    pub(super) fn drain(&mut self) {
        for (_, tap, follow) in &mut self.taps {
            let formats = &self.formats;
            follow.lost += tap.drain(|at, raw| {
                if let Some(point) = formats.decode(raw) {
                    follow.see(at, point);
                }
            });
        }
    }

    /// What was traced on each CPU.
    pub(super) fn finish(mut self) -> Vec<(u32, Follow)> {
        self.drain();
        self.taps.into_iter().map(|(cpu, _, follow)| (cpu, follow)).collect()
    }
}
