//! What is missing, who can give it, and what it would open.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use plumb_engine::Assessment;
use plumb_engine::assessment::RatedFinding;
use plumb_engine::categories::gaps;
use plumb_engine::profile::Platform;
use plumb_evidence::Evidence;

/// Who can give an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    /// Whoever runs the collector as root, on the host.
    Root,
    /// Whoever runs it outside of the container.
    Host,
    /// Whoever runs it while the service works.
    Load,
    /// Whoever makes load tests and measurements.
    Test,
    /// The client, in writing.
    Client,
    /// The provider, or whoever knows the machine.
    Provider,
    /// Somebody who looks by hand: the node has no such source.
    Hand,
}

impl Who {
    pub(crate) const ALL: [Self; 7] =
        [Self::Client, Self::Load, Self::Test, Self::Root, Self::Host, Self::Provider, Self::Hand];

    /// Key of its words.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Host => "host",
            Self::Load => "load",
            Self::Test => "test",
            Self::Client => "client",
            Self::Provider => "provider",
            Self::Hand => "hand",
        }
    }

    /// What opens it on the command line, for a server that answers at `url`; empty where no command does, and where the address
    /// of the server is not known.
    pub(crate) fn command(self, url: Option<&str>) -> String {
        match (self, url) {
            (Self::Root | Self::Host, _) => "sudo plumb collect --sample 30 -o node.plumb".to_owned(),
            (Self::Load, _) => "plumb collect --sample 60 -o node.plumb".to_owned(),
            (Self::Test, Some(url)) => format!("plumb bench {url} --sweep --into node.plumb"),
            (Self::Client, _) => "plumb report --init engagement.toml".to_owned(),
            (Self::Test, None) | (Self::Provider | Self::Hand, _) => String::new(),
        }
    }

    /// By the English sentence of a finding without an answer: checks and evidence write their reasons in a few forms.
    pub(crate) fn of(finding: &RatedFinding, assessment: &Assessment) -> Self {
        let text = finding.message.as_str();
        let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
        let is_contained = matches!(assessment.profile.platform, Platform::Container | Platform::Kubernetes);
        match () {
            // What was denied to root is not to be had by more rights on the same machine.
            () if has(&["(denied)", "as root"]) && !assessment.provenance.root => Self::Root,
            () if has(&["(denied)", "as root"]) && is_contained => Self::Host,
            () if has(&["(denied)"]) => Self::Hand,
            () if has(&["ask the provider", "management controller", "hypervisor"]) => Self::Provider,
            () if has(&["inside a container", "in a container", "inside of a container"]) => Self::Host,
            () if has(&["engagement", "is not stated"]) => Self::Client,
            () if has(&[
                "plumb bench",
                "measurements/",
                "is met at",
                "too few values",
                "measured",
                "noise",
                "load test",
                "test longer",
            ]) =>
            {
                Self::Test
            }
            () if has(&["while", "window", "--sample", "idle", "was seen", "was found: collect"]) => {
                Self::Load
            }
            () => Self::Hand,
        }
    }
}

/// Where an inference server of the node answers, seen from the node itself: the socket that one of its processes waits at.
pub(crate) fn server_url(evidence: &Evidence) -> Option<String> {
    let servers = evidence.servers.known()?;
    let sockets = evidence.network.known()?.listening.known()?;
    let is_server = |pid: &u32| {
        let known = servers.iter().filter(|server| server.kind != "unknown");
        known.flat_map(|server| &server.processes).any(|process| process.pid == *pid)
    };
    let socket = sockets.iter().find(|socket| socket.owners.iter().any(is_server))?;
    let address: SocketAddr = socket.address.parse().ok()?;
    let ip = address.ip().to_canonical();
    let here = ip.is_unspecified() || ip.is_loopback();
    Some(if here { format!("http://127.0.0.1:{}", socket.port) } else { format!("http://{address}") })
}

/// Checks that somebody can open, and what that would add to the coverage.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ask {
    /// Ids of the checks, each once.
    pub(crate) checks: Vec<String>,
    /// What the coverage lacks for them, 0 to 1: no more than the whole gap over all who can give something.
    pub(crate) share: f64,
}

/// What is missing, by who can give it. A check that several could open counts for the first.
pub(crate) fn all(assessment: &Assessment) -> BTreeMap<Who, Ask> {
    let mut open: BTreeMap<&str, Who> = BTreeMap::new();
    for finding in &assessment.findings {
        if finding.outcome.is_unanswered() {
            open.entry(&finding.check).or_insert_with(|| Who::of(finding, assessment));
        }
    }
    let gaps = gaps(&assessment.findings);
    let mut asks: BTreeMap<Who, Ask> = BTreeMap::new();
    for (check, who) in open {
        let ask = asks.entry(who).or_default();
        ask.checks.push(check.to_owned());
        ask.share += gaps.get(check).copied().unwrap_or_default();
    }
    asks
}
