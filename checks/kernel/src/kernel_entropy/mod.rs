//! `kernel.entropy`: random numbers do not block.
//!
//! The catalogue takes Linux 5.18 for the release from which the pool does not matter. Reads stopped to block once
//! the pool was filled for the first time with Linux 5.6, which took the blocking pool away; later releases only
//! count differently. So the estimate is judged before 5.6 alone.

use plumb_check_sdk::limit::Quantity;
use plumb_check_sdk::model::ListeningSocket;
use plumb_check_sdk::{
    Arg, Citation, Evidence, Finding, Intent, Likelihood, NoVerdict, Object, ProviderRequest, UpdatePart,
    parsed,
};

use crate::pages::kernel_entropy::{ENOUGH, LITTLE, PAGE, words};

const PATH: &str = "/proc/sys/kernel/random/entropy_avail";

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let (kernel, of_kernel) = crate::release(evidence)?;
    let (node, release) = (Object::node(), Arg::from(&kernel));
    match numbers(&kernel) {
        None => return Err(words::NoRelease { release }.into()),
        Some(numbers) if numbers >= (5, 6) => {
            return Ok(vec![PAGE.pass(node, words::NeverBlocks { release }).with_evidence(of_kernel)]);
        }
        Some(_) => {}
    }
    let text = evidence.sysctl("kernel.random.entropy_avail")?;
    let text = text.trim();
    let bits: u32 = parsed(PATH, text)?;
    let bits_count = Arg::from(bits);
    let bits = Quantity::new(f64::from(bits));
    let is_below_enough = evidence.limit(&PAGE, &ENOUGH).is_undercut_by(bits);
    let tls = if evidence.limit(&PAGE, &LITTLE).is_undercut_by(bits) {
        evidence.get("/network/listening").map(|sockets: Vec<ListeningSocket>| {
            sockets.into_iter().find(|socket| [443, 8443].contains(&socket.port))
        })
    } else {
        Ok(None)
    };
    let finding = match &tls {
        _ if !is_below_enough => PAGE.pass(node, words::Enough { bits_count }),
        Ok(Some(socket)) => {
            let port = Arg::text(socket.port.to_string());
            PAGE.fail(node, words::FewWithTls { bits_count, port })
                .with_evidence(Citation::new(&socket.path, &socket.address))
        }
        Ok(None) | Err(_) => PAGE.warn(node, words::Few { bits_count }),
    };
    let goal = match evidence.hypervisor() {
        Ok(Some(_)) => Intent::Provider { request: ProviderRequest::RandomDevice },
        _ => Intent::Update { part: UpdatePart::Kernel, was: Some(kernel) },
    };
    let finding = finding
        .with_likelihood(Likelihood::Setting)
        .with_evidence(Citation::new(PATH, text))
        .with_evidence(of_kernel)
        .mended_by([goal]);
    let unknown = tls.err().map(|why| PAGE.missing(Object::setting("connections with TLS"), &why));
    Ok(std::iter::once(finding).chain(unknown).collect())
}

/// Major and minor number of a kernel release.
fn numbers(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}
