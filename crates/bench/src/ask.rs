//! What is asked of a server besides the timed requests: metrics, the list of models, whether it is ready.
//!
//! Nothing of this is timed, so it goes through reqwest. It trusts the certificates that the timed requests trust, goes to the
//! addresses that they go to, and heeds no proxy, since the answers have to be those of the server that is measured. Each
//! question has a connection of its own: an idle one would keep a server busy that serves one connection at a time.

use std::error::Error;
use std::io;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Url, header};
use tokio::runtime::Runtime;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use super::BenchError;
use super::record::Miss;
use super::target::{Http, Target};
use super::transport::{hyper_miss, os_miss};

/// The longest answer that is read, in bytes. Metrics of a server with many labels have a few MB.
const LONGEST: usize = 32 << 20;

/// Asks one server.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    inner: reqwest::Client,
    target: Target,
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoAnswer {
    /// The connection or the protocol failed.
    #[error("{}", .0.as_str())]
    Failed(Miss),
    /// The server sends to another address. A key must not follow there, and the load would be measured with the detour.
    #[error(
        "status {status} sends on to `{to}`, and redirections are not followed; give the URL that the server has there"
    )]
    Redirected { status: u16, to: String },
    /// The answer has no end within [`LONGEST`].
    #[error("the answer is longer than {} MiB", LONGEST >> 20)]
    TooLong,
}

impl NoAnswer {
    /// As the error that ends a measurement.
    pub(crate) fn ends(self, target: &Target, path: &str) -> BenchError {
        let url = target.url();
        match self {
            Self::Failed(miss) => BenchError::Unreachable { url, miss },
            other => BenchError::Unsuitable { url, why: format!("`{path}`: {other}") },
        }
    }
}

/// An event loop of the thread's own.
pub(crate) fn event_loop() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

impl Client {
    pub(crate) fn new(target: &Target) -> Result<Self, BenchError> {
        // Without TLS there is nothing to trust, and reqwest would look for a provider of cryptography of its own.
        let tls = target.tls.as_ref().map_or_else(
            || ClientConfig::builder().with_root_certificates(RootCertStore::empty()).with_no_client_auth(),
            |tls| ClientConfig::clone(tls.connector.config()),
        );
        let builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .default_headers(target.headers())
            .redirect(Policy::none())
            .no_proxy()
            .pool_max_idle_per_host(0)
            .resolve_to_addrs(target.host(), &target.addresses);
        let builder = match target.http {
            Http::Auto => builder,
            Http::One => builder.http1_only(),
            Http::Two => builder.http2_prior_knowledge(),
        };
        let inner = builder.build().map_err(|error| {
            BenchError::Input(format!("`{}` cannot be asked: {}", target.url(), innermost(&error)))
        })?;
        Ok(Self { inner, target: target.clone() })
    }

    /// The answer to a `GET` of a path of the API, as [`Target::uri_of`] has it.
    ///
    /// # Errors
    /// Says why there is none within `limit`.
    pub(crate) async fn get(&self, path: &str, limit: Duration) -> Result<Answer, NoAnswer> {
        let uri = self.target.uri_of(path).map_err(|_| NoAnswer::Failed(Miss::Protocol))?;
        let url = Url::parse(&uri.to_string()).map_err(|_| NoAnswer::Failed(Miss::Protocol))?;
        let failed = |error: reqwest::Error| NoAnswer::Failed(miss(&error));
        let mut response = self.inner.get(url).timeout(limit).send().await.map_err(failed)?;
        let status = response.status();
        if let Some(to) = response.headers().get(header::LOCATION).filter(|_| status.is_redirection()) {
            let to = to.to_str().unwrap_or_default();
            // What stands in a query may be a secret.
            let to = to.split(['?', '#']).next().unwrap_or_default();
            let hidden = self.target.secrets();
            let to = hidden.iter().fold(to.to_owned(), |to, secret| to.replace(secret.as_str(), "…"));
            return Err(NoAnswer::Redirected { status: status.as_u16(), to });
        }
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(failed)? {
            if body.len() + piece.len() > LONGEST {
                return Err(NoAnswer::TooLong);
            }
            body.extend_from_slice(&piece);
        }
        Ok(Answer { status: status.as_u16(), body })
    }
}

/// Why a server is not ready: it does not answer `path` with status 200 within `limit`.
///
/// # Errors
/// Says what it does instead.
pub fn ready(target: &Target, path: &str, limit: Duration) -> Result<(), String> {
    let runtime = event_loop().map_err(|error| format!("no event loop could be made: {error}"))?;
    let client = Client::new(target).map_err(|error| error.to_string())?;
    match runtime.block_on(client.get(path, limit)) {
        Ok(Answer { status: 200, .. }) => Ok(()),
        Ok(Answer { status, .. }) => Err(format!("status {status}")),
        Err(why) => Err(why.to_string()),
    }
}

/// What a failure of reqwest means, in the words that requests have.
fn miss(error: &reqwest::Error) -> Miss {
    if error.is_timeout() {
        return Miss::Timeout;
    }
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if is_of_tls(error) {
            return Miss::Tls;
        }
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            return hyper_miss(error);
        }
        if let Some(miss) = error.downcast_ref::<io::Error>().and_then(os_miss) {
            return miss;
        }
        cause = error.source();
    }
    if error.is_connect() {
        Miss::ConnectFailed
    } else if error.is_body() || error.is_decode() {
        Miss::Truncated
    } else {
        Miss::Protocol
    }
}

/// Whether an error is one of TLS, which comes wrapped in errors of the system, one in another; their `source` leaves it out.
fn is_of_tls(error: &(dyn Error + 'static)) -> bool {
    let mut own = error;
    loop {
        if own.is::<rustls::Error>() {
            return true;
        }
        match own.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => own = inner,
            None => return false,
        }
    }
}

fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
