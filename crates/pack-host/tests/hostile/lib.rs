//! A pack that does whatever the evidence tells it to, all of which a host has to survive. Never shipped.
//!
//! `zoo.bad` does what `/node/hostname` says; `zoo.good` passes, so that a test can see whether it still got its answer.
#![expect(unsafe_code, reason = "does what no pack should")]

use std::borrow::Cow::Borrowed;
use std::hint::black_box;
use std::time::Duration;

use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Evidence, Finding, Missing, Remediation,
    Severity, export_pack,
};

export_pack! { id: "zoo", checks: [Good, Bad] }

struct Good;
struct Bad;

const fn meta(id: &'static str) -> CheckMeta {
    CheckMeta {
        id: Borrowed(id),
        title: Borrowed("The host survives"),
        category: Category::Platform,
        severity: Severity::Low,
        gate: false,
        top15_rank: None,
        rationale: Borrowed("for tests"),
        business: Borrowed("for tests"),
        needs: Borrowed(&[Borrowed("/node/hostname")]),
        remediation: Remediation {
            runtime: Borrowed("none"),
            persistent: Borrowed("none"),
            rollback: Borrowed("none"),
            change: ChangeKind::Process,
            verification: Borrowed("none"),
            expected_effect: Borrowed("none"),
        },
        thresholds: Borrowed(&[]),
        amplified_by: Borrowed(&[]),
        questions: Borrowed(&[]),
        positions: Borrowed(&[]),
        claims: Borrowed(&[]),
        applicability: Borrowed("tests"),
        caveat: None,
        references: Borrowed(&[]),
    }
}

static GOOD: CheckMeta = meta("zoo.good");
static BAD: CheckMeta = meta("zoo.bad");

impl Check for Good {
    fn meta(&self) -> &'static CheckMeta {
        &GOOD
    }

    fn evaluate(&self, _: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        Ok(vec![GOOD.pass("node", "still here")])
    }
}

impl Check for Bad {
    fn meta(&self) -> &'static CheckMeta {
        &BAD
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let behaviour: String = evidence.get("/node/hostname")?;
        // What the sandbox refuses ends in an error, and so in a `not-run`; a pass here means that it was possible.
        act(&behaviour).map_err(|error| Missing::new(Absence::Denied, error.to_string()))
    }
}

fn act(behaviour: &str) -> std::io::Result<Vec<Finding>> {
    match behaviour {
        "panic" => {
            let list: Vec<u32> = black_box(Vec::new());
            black_box(list[7]);
        }
        "panic in a thread" => {
            std::thread::spawn(|| panic!("in a thread"))
                .join()
                .map_err(|_| std::io::Error::other("the thread panicked"))?;
        }
        "segmentation fault" => {
            // SAFETY: none; this is the point.
            unsafe { black_box(8 as *mut u32).write_volatile(1) };
        }
        "abort" => std::process::abort(),
        "exit(0)" => {
            // SAFETY: ends the process.
            unsafe { libc::exit(0) };
        }
        "stack overflow" => {
            black_box(recurse(black_box(1)));
        }
        "endless loop" => loop {
            black_box(());
        },
        "sleep" => std::thread::sleep(Duration::from_secs(3600)),
        "1 GB allocation" => {
            let mut block = vec![0u8; black_box(1 << 30)];
            block.iter_mut().step_by(4096).for_each(|byte| *byte = 1);
            black_box(&block);
        }
        "20,000 findings" => return Ok(vec![BAD.pass("node", "m"); 20_000]),
        "byte trickle" => {
            send(&[0x84, 0xe8, 3, 0, 0]);
            loop {
                send(&[0]);
                std::thread::sleep(Duration::from_millis(300));
            }
        }
        "64 MiB frame" => {
            send(&[0x84, 0, 0, 0, 4]);
            loop {
                send(&[0; 4096]);
            }
        }
        // The numbers of the first two requests: all checks, then this one on its own.
        "malformed JSON" => (0..2).for_each(|number| send_reply(number, br#"{"findings":[{"#)),
        "unknown frame" => send(&[0x77, 0, 0, 0, 0]),
        "two replies" => send_reply(0, br#"{"findings":[]}"#),
        "closes its socket" => {
            // SAFETY: nothing here uses the descriptor again.
            unsafe { libc::close(3) };
            loop {
                std::thread::sleep(Duration::from_secs(1));
            }
        }
        "floods its standard error" => loop {
            // SAFETY: the buffer is readable.
            unsafe { libc::write(2, b"noise\n".as_ptr().cast(), 6) };
        },
        "finding for a foreign check" => {
            return Ok(vec![Finding::new(
                "cpu.governor",
                plumb_check_sdk::Outcome::Pass,
                "node",
                "all is well",
            )]);
        }
        "accepts its own deviation" => {
            return Ok(vec![BAD.finding(plumb_check_sdk::Outcome::Accepted, "node", "never mind")]);
        }
        "failure without evidence" => return Ok(vec![BAD.fail("node", "trust me")]),
        "no finding" => return Ok(Vec::new()),
        "escape sequences" => {
            return Ok(vec![
                BAD.warn("node", "\x1b[2Jgone").with_evidence(Citation::new("/x", "\u{202e}txt")),
            ]);
        }
        "prints" => {
            // SAFETY: the buffers are readable.
            unsafe {
                libc::write(1, b"to output".as_ptr().cast(), 9);
                libc::write(2, b"to error".as_ptr().cast(), 8);
            }
            return Ok(vec![BAD.pass("node", "printed")]);
        }
        "reads /etc/shadow" => drop(std::fs::read("/etc/shadow")?),
        "reads a library" => drop(std::fs::read("/usr/lib/x86_64-linux-gnu/libc.so.6")?),
        "writes a file" => std::fs::write("/tmp/plumb-zoo-was-here", b"x")?,
        "opens a socket" => drop(std::net::UdpSocket::bind("127.0.0.1:0")?),
        "spawns a process" => drop(std::process::Command::new("/bin/true").spawn()?),
        "kills the host" => {
            // SAFETY: plain system calls.
            let result = unsafe { libc::kill(libc::getppid(), libc::SIGKILL) };
            if result != 0 {
                return Err(std::io::Error::last_os_error());
            }
        }
        "maps code" => {
            // SAFETY: asks for a new mapping.
            let page = unsafe {
                libc::mmap(
                    std::ptr::null_mut(),
                    4096,
                    libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC,
                    libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                    -1,
                    0,
                )
            };
            if page == libc::MAP_FAILED {
                return Err(std::io::Error::last_os_error());
            }
        }
        // No process has that number: the kernel would say so, and does not get to.
        "signals a process that is not there" => tgkill(u32::MAX >> 1)?,
        "signals itself" => tgkill(std::process::id())?,
        "counts its descriptors" => {
            // SAFETY: asks for nothing; what is open here is closed with the process.
            let open = (5..64).filter(|&fd| unsafe { libc::close(fd) } == 0).count();
            return Ok(vec![BAD.info("node", format!("{open} more than its own"))]);
        }
        "reads its environment" => {
            let names: Vec<_> = std::env::vars_os().map(|(name, _)| name).collect();
            return Ok(vec![BAD.info("node", format!("{} variables", names.len()))]);
        }
        other => {
            if let Some(process) = other.strip_prefix("signals process ") {
                tgkill(process.parse().map_err(std::io::Error::other)?)?;
            }
        }
    }
    Ok(vec![BAD.pass("node", "nothing stopped it")])
}

/// Sends the signal that only asks whether one could be sent to the first thread of a process.
fn tgkill(process: u32) -> std::io::Result<()> {
    // SAFETY: a plain system call with three integers.
    match unsafe { libc::syscall(libc::SYS_tgkill, process, process, 0) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

/// A reply as a worker sends it: number of the request, status, text.
fn send_reply(number: u8, reply: &[u8]) {
    let length = u8::try_from(5 + reply.len()).unwrap_or(u8::MAX);
    send(&[&[0x84, length, 0, 0, 0, number, 0, 0, 0, 0], reply].concat());
}

fn send(bytes: &[u8]) {
    // SAFETY: the buffer is readable.
    unsafe { libc::write(3, bytes.as_ptr().cast(), bytes.len()) };
}

#[expect(unconditional_recursion, reason = "overflows the stack")]
fn recurse(depth: u64) -> u64 {
    let block = black_box([depth; 64]);
    recurse(depth + 1) + block[3]
}
