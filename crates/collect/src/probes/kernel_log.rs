//! The kernel log: lines of the subjects that checks ask for.
//!
//! The log holds much that is nobody's business, so other lines are not kept; of the first record only its time is, which
//! tells how far the log goes back.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;

use nix::fcntl::OFlag;
use plumb_evidence::derive::kernel_log::{FILES, KMSG, parse_file, parse_kmsg, subject};
use plumb_evidence::{Absence, Missing, Source};

use super::{Files, SECONDS};
use crate::fs_source::missing;
use crate::mask::mask_arguments;
use crate::probe::{Method, Privilege, Probe};

pub(super) const PROBE: Probe = Probe {
    id: "kernel-log",
    title: "errors and throttling in the kernel log",
    reads: &[KMSG, "/var/log/kern.log", "/var/log/dmesg"],
    privilege: Privilege::Root,
    budget: SECONDS,
    method: Method::Files(run),
    sample: None,
};

/// Longest record (`CONSOLE_EXT_LOG_MAX` of the kernel, which refuses a shorter buffer).
const RECORD: usize = 8192;
/// Most records that are read: a log is written to while it is read.
const MOST_RECORDS: usize = 1 << 20;
/// How much of the end of a log file is read.
const TAIL: u64 = 16 << 20;

fn run(files: &Files<'_>) -> Result<(), Missing> {
    let live = files.source().root().is_none();
    let log = if live { kmsg() } else { files.source().read(KMSG) };
    let why = match log {
        Ok(bytes) => {
            files.keep(KMSG, filter(&bytes, parse_kmsg));
            return Ok(());
        }
        Err(why) => why,
    };
    for path in FILES {
        let text = if live { tail(path) } else { files.source().read(path) };
        if let Ok(bytes) = text {
            files.keep(path, filter(&bytes, parse_file));
            return Ok(());
        }
    }
    files.unread(KMSG, why.clone());
    Err(why)
}

/// Every record, one a line. Reading neither empties the log nor waits for more.
fn kmsg() -> Result<Vec<u8>, Missing> {
    let told = |error: std::io::Error| missing(KMSG, &error);
    let flags = OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let mut file = File::options().read(true).custom_flags(flags.bits()).open(KMSG).map_err(told)?;
    let mut log = Vec::new();
    let mut record = vec![0; RECORD];
    for _ in 0..MOST_RECORDS {
        match file.read(&mut record) {
            Ok(0) => break,
            Ok(length) => log.extend_from_slice(record.get(..length).unwrap_or_default()),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock => break,
                // The record was overwritten before it was read: the next one is still there.
                ErrorKind::BrokenPipe | ErrorKind::Interrupted => {}
                _ => return Err(told(error)),
            },
        }
    }
    if log.is_empty() {
        return Err(Missing::new(Absence::Absent, format!("{KMSG} holds no record")));
    }
    Ok(log)
}

fn tail(path: &str) -> Result<Vec<u8>, Missing> {
    let told = |error: std::io::Error| missing(path, &error);
    let flags = OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let mut file = File::options().read(true).custom_flags(flags.bits()).open(path).map_err(told)?;
    let length = file.metadata().map_err(told)?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL))).map_err(told)?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes).map_err(told)?;
    Ok(bytes)
}

/// Lines of the subjects, without what looks like a secret; and the time of the first record, of one that follows a restart
/// of the clock, and of the last.
fn filter(bytes: &[u8], parse: fn(&str) -> Option<(f64, &str)>) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    let mut kept = Vec::new();
    let mut before: Option<f64> = None;
    let mut last = None;
    for line in text.lines() {
        let Some((seconds, text)) = parse(line) else { continue };
        let boundary = before.is_none_or(|before| seconds + 1.0 < before);
        before = Some(seconds);
        last = None;
        if subject(text).is_some() {
            kept.extend(mask_arguments(line.as_bytes()));
            kept.push(b'\n');
        } else if boundary {
            kept.extend_from_slice(without_text(line, text).as_bytes());
        } else {
            last = Some(without_text(line, text));
        }
    }
    kept.extend_from_slice(last.unwrap_or_default().as_bytes());
    kept
}

fn without_text(line: &str, text: &str) -> String {
    format!("{}\n", line.strip_suffix(text).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filtered(text: &str, parse: fn(&str) -> Option<(f64, &str)>) -> String {
        String::from_utf8(filter(text.as_bytes(), parse)).unwrap()
    }

    #[test]
    fn only_lines_of_a_subject_are_kept() {
        let text = "6,0,0,-;Linux version 6.8.0\n SUBSYSTEM=x\n4,1,1000000,-;audit: user=alice\n\
                    3,2,2000000,-;NVRM: Xid (PCI:0000:18:00): 79, pid=1, name=python3 --api-key=abcdef\n\
                    4,3,3000000,-;audit: user=bob\n";
        assert_eq!(
            filtered(text, parse_kmsg),
            "6,0,0,-;\n3,2,2000000,-;NVRM: Xid (PCI:0000:18:00): 79, pid=1, name=python3 --api-key=***\n4,3,3000000,-;\n"
        );
    }

    #[test]
    fn a_restart_of_the_clock_is_kept() {
        let text = "n kernel: [9.5] usb: x\nn kernel: [99.5] NVRM: Xid (PCI:0): 79\nn kernel: [0.0] Linux version\n\
                    n kernel: [5.0] usb: y\n";
        assert_eq!(
            filtered(text, parse_file),
            "n kernel: [9.5] \nn kernel: [99.5] NVRM: Xid (PCI:0): 79\nn kernel: [0.0] \nn kernel: [5.0] \n"
        );
    }
}
