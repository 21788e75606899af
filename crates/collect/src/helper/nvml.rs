//! NVIDIA's management library (NVML): the GPUs once, as the JSON form of [`Nvml`], or again and again during a window, as
//! that of [`NvmlWindow`].
//!
//! Behind a trait, so that machines with GPUs can be tested on one without: see [`recording`].

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use plumb_evidence::model::{Nvml, NvmlDeviceReading, NvmlReading, NvmlWindow};
use plumb_evidence::{Absence, Missing};
use serde_json::ser::to_vec_pretty;

mod driver;
mod link;
mod raw;
pub(super) mod recording;

/// What answers for NVML.
trait Gpus {
    /// All that is known of the GPUs now.
    fn inventory(&self) -> Result<Nvml, Missing>;

    /// What moves, of all GPUs, now.
    fn reading(&self, depth: Depth) -> Result<Vec<NvmlDeviceReading>, Missing>;
}

/// How much of what moves is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
    /// Everything, at both ends of a window.
    Whole,
    /// All but counters of which only the growth over the window matters and that are dear: those of NVLink take 30 ms of CPU
    /// time for each GPU with 18 links.
    Cheap,
}

fn open() -> Result<Box<dyn Gpus>, Missing> {
    match recording::folder() {
        Some(folder) => recording::open(&folder),
        None => driver::open(),
    }
}

/// Asks for everything that the evidence model keeps.
pub(super) fn ask() -> Result<Vec<u8>, Missing> {
    written(to_vec_pretty(&open()?.inventory()?))
}

/// Time between two readings at first.
const INTERVAL: Duration = Duration::from_secs(1);
/// Most readings that are kept: then every other is dropped, and the interval doubles.
const MOST_READINGS: usize = 600;

/// Reads the GPUs again and again until standard input ends, and once more then: at least twice.
pub(super) fn watch() -> Result<Vec<u8>, Missing> {
    let (ended, end) = channel::<()>();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        drop(ended);
    });
    written(serde_json::to_vec(&read_until(open()?.as_ref(), &end, INTERVAL)?))
}

fn read_until(gpus: &dyn Gpus, end: &Receiver<()>, interval: Duration) -> Result<NvmlWindow, Missing> {
    let begun = Instant::now();
    let mut interval = interval;
    let mut window = NvmlWindow::default();
    let read = |depth| {
        let seconds = begun.elapsed().as_secs_f64();
        Ok(NvmlReading { seconds, devices: gpus.reading(depth)? })
    };
    window.readings.push(read(Depth::Whole)?);
    loop {
        if window.readings.len() >= MOST_READINGS {
            let mut keep = false;
            window.readings.retain(|_| {
                keep = !keep;
                keep
            });
            interval *= 2;
        }
        // From the beginning on, so that the time that a reading takes does not add up.
        let past = begun.elapsed().as_nanos() % interval.as_nanos().max(1);
        let rest = interval.saturating_sub(Duration::from_nanos(u64::try_from(past).unwrap_or(0)));
        if end.recv_timeout(rest) != Err(RecvTimeoutError::Timeout) {
            window.readings.push(read(Depth::Whole)?);
            return Ok(window);
        }
        window.readings.push(read(Depth::Cheap)?);
    }
}

fn written(json: serde_json::Result<Vec<u8>>) -> Result<Vec<u8>, Missing> {
    json.map_err(|error| Missing::new(Absence::Failed, format!("NVML's answers cannot be written: {error}")))
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::sync::mpsc::Sender;

    use plumb_evidence::Fact;

    use super::*;

    /// Counts its readings, and ends the window after some.
    struct Counter {
        count: Cell<u64>,
        depths: RefCell<Vec<Depth>>,
        last: u64,
        ended: Cell<Option<Sender<()>>>,
    }

    impl Gpus for Counter {
        fn inventory(&self) -> Result<Nvml, Missing> {
            Ok(Nvml::default())
        }

        fn reading(&self, depth: Depth) -> Result<Vec<NvmlDeviceReading>, Missing> {
            self.depths.borrow_mut().push(depth);
            self.count.set(self.count.get() + 1);
            if self.count.get() >= self.last {
                drop(self.ended.take());
            }
            let energy_mj = Fact::Known(self.count.get());
            Ok(vec![NvmlDeviceReading { energy_mj, ..NvmlDeviceReading::default() }])
        }
    }

    fn readings(last: u64) -> Vec<u64> {
        let (ended, end) = channel();
        let gpus =
            Counter { count: Cell::new(0), depths: RefCell::default(), last, ended: Cell::new(Some(ended)) };
        let window = read_until(&gpus, &end, Duration::from_nanos(1)).unwrap();
        let depths = gpus.depths.into_inner();
        let whole: Vec<usize> = (0..depths.len()).filter(|&at| depths[at] == Depth::Whole).collect();
        assert_eq!(whole, [0, depths.len() - 1], "everything is read at both ends, and only there");
        window.readings.iter().map(|reading| *reading.devices[0].energy_mj.known().unwrap()).collect()
    }

    #[test]
    fn the_shortest_window_has_two_readings() {
        assert_eq!(readings(1), [1, 2]);
    }

    #[test]
    fn a_long_window_is_thinned_out_from_end_to_end() {
        let kept = readings(1500);
        assert!(kept.len() <= MOST_READINGS, "{}", kept.len());
        assert_eq!((kept[0], kept[kept.len() - 1]), (1, 1501));
        assert!(kept.is_sorted());
    }
}
