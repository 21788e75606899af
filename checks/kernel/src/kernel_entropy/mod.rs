//! `kernel.entropy`: random numbers do not block.
//!
//! The catalogue takes Linux 5.18 for the release from which the pool does not matter. Reads stopped to block once
//! the pool was filled for the first time with Linux 5.6, which took the blocking pool away; later releases only
//! count differently. So the estimate is judged before 5.6 alone.

use plumb_check_sdk::limit::{Bits, Limit, Quantity};
use plumb_check_sdk::model::ListeningSocket;
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Evidence, Finding, Likelihood, Missing,
    Reference, Remediation, Severity, Threshold, ThresholdBasis,
};
use std::borrow::Cow::Borrowed;

const PATH: &str = "/proc/sys/kernel/random/entropy_avail";

/// Where the release stands if the evidence does not say otherwise.
const OSRELEASE: &str = "/proc/sys/kernel/osrelease";

/// See the module.
pub struct KernelEntropy;

const ENOUGH: Limit<Bits> = Limit {
    name: "random bits in the pool",
    value: Quantity::new(256.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: as many as a key needs",
    date: "2026-11-23",
    applies_to: "Linux before 5.6",
};
const LITTLE: Limit<Bits> = Limit {
    name: "random bits in the pool, too few",
    value: Quantity::new(100.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "Linux before 5.6",
};

static THRESHOLDS: [Threshold; 2] = [ENOUGH.threshold(), LITTLE.threshold()];

static META: CheckMeta = CheckMeta {
    id: Borrowed("kernel.entropy"),
    title: Borrowed("Random numbers do not block"),
    category: Category::Platform,
    severity: Severity::Info,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "It concerns old kernels and odd virtual machines only: programs may stand still while the kernel \
         gathers randomness.",
    ),
    business: Borrowed("Secure connections could stall while the machine waits for randomness."),
    needs: Borrowed(&[
        Borrowed("/node/kernel"),
        Borrowed("/node/kernel_path"),
        Borrowed("/sysctl/kernel.random.entropy_avail"),
        Borrowed("/network/listening"),
    ]),
    remediation: Remediation {
        runtime: Borrowed("`systemctl start rngd`"),
        persistent: Borrowed("a virtio-rng device for the virtual machine; the package rng-tools"),
        rollback: Borrowed("`systemctl stop rngd`"),
        change: ChangeKind::Runtime,
        verification: Borrowed("`cat /proc/sys/kernel/random/entropy_avail`"),
        expected_effect: Borrowed("No published number."),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Virtual machines above all"),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("Linux kernel: /proc/sys/kernel (numa_balancing, sched_*, watchdogs)"),
            url: Borrowed("https://docs.kernel.org/admin-guide/sysctl/kernel.html"),
        },
        Reference {
            title: Borrowed("LWN: Removing the Linux /dev/random blocking pool"),
            url: Borrowed("https://lwn.net/Articles/808575/"),
        },
    ]),
};

impl Check for KernelEntropy {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let kernel: String = evidence.get("/node/kernel")?;
        let malformed = || Missing::new(Absence::Malformed, format!("`{kernel}` is no kernel release"));
        let path: String = evidence.get("/node/kernel_path").unwrap_or_else(|_| OSRELEASE.to_owned());
        let of_kernel = Citation::new(path, &kernel);
        if release(&kernel).ok_or_else(malformed)? >= (5, 6) {
            let message = format!("Linux {kernel} does not block on random numbers once it has started");
            return Ok(vec![META.pass("node", message).with_evidence(of_kernel)]);
        }
        let text = evidence.sysctl("kernel.random.entropy_avail")?;
        let bits: f64 = text
            .trim()
            .parse()
            .map_err(|_| Missing::new(Absence::Malformed, format!("{PATH} holds `{text}`")))?;
        let bits = Quantity::new(bits);
        let message = format!("{} bits are in the pool of a kernel that may block on it", text.trim());
        let cite = |finding: Finding| {
            let finding = finding.with_likelihood(Likelihood::Setting);
            finding.with_evidence(Citation::new(PATH, text.trim())).with_evidence(of_kernel.clone())
        };
        if !evidence.limit(&META, &ENOUGH).is_undercut_by(bits) {
            return Ok(vec![cite(META.pass("node", message))]);
        }
        if !evidence.limit(&META, &LITTLE).is_undercut_by(bits) {
            return Ok(vec![cite(META.warn("node", message))]);
        }
        let listening: Result<Vec<ListeningSocket>, Missing> = evidence.get("/network/listening");
        Ok(match listening {
            Ok(sockets) => match sockets.iter().find(|socket| [443, 8443].contains(&socket.port)) {
                Some(socket) => {
                    let message =
                        format!("{message}, and connections with TLS come in on port {}", socket.port);
                    let citation = Citation::new(&socket.path, &socket.address);
                    vec![cite(META.fail("node", message)).with_evidence(citation)]
                }
                None => vec![cite(META.warn("node", message))],
            },
            Err(why) => {
                vec![cite(META.warn("node", message)), META.not_run("connections with TLS", why.to_string())]
            }
        })
    }
}

/// Major and minor number of a kernel release.
fn release(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}
