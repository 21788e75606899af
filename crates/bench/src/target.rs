//! The server that is measured: its address, and the secret that opens it.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;

use hyper::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, HeaderValue, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use hyper::{HeaderMap, Uri};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::BenchError;
use super::openai::Api;

/// Which version of HTTP is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Http {
    /// HTTP/1.1 in clear text, what the server prefers over TLS.
    #[default]
    Auto,
    /// HTTP/1.1.
    One,
    /// HTTP/2; in clear text with prior knowledge.
    Two,
}

/// A secret that is sent to the server and to nobody else: it has no `Display`, and its `Debug` does not show it.
#[derive(Clone)]
pub struct ApiKey(HeaderValue);

impl ApiKey {
    /// Takes a key, without white space at its ends.
    ///
    /// # Errors
    /// Refuses an empty key and one that cannot stand in a header, without repeating it.
    pub fn new(key: &str) -> Result<Self, BenchError> {
        secret(key.trim()).map(Self).ok_or_else(|| {
            BenchError::Input("the API key is empty or has characters that no key has".to_owned())
        })
    }

    fn header(&self, style: Style) -> (HeaderName, HeaderValue) {
        if style == Style::Azure {
            return (HeaderName::from_static("api-key"), self.0.clone());
        }
        let bearer = [b"Bearer ", self.0.as_bytes()].concat();
        // What can stand in a header can stand there behind a word.
        let mut value = HeaderValue::from_bytes(&bearer).unwrap_or_else(|_| self.0.clone());
        value.set_sensitive(true);
        (AUTHORIZATION, value)
    }
}

fn secret(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok().filter(|_| !text.is_empty())?;
    value.set_sensitive(true);
    Some(value)
}

/// A header that is sent with every request. Its value is taken for a secret, as that of an [`ApiKey`] is.
#[derive(Clone)]
pub struct Header {
    name: HeaderName,
    value: HeaderValue,
}

impl Header {
    /// Takes a name and a value, without white space at their ends.
    ///
    /// # Errors
    /// Refuses what cannot stand in a header, and headers that HTTP itself or the measurement needs; the value is not repeated.
    pub fn new(name: &str, value: &str) -> Result<Self, BenchError> {
        const OWN: [HeaderName; 8] =
            [HOST, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING, CONNECTION, UPGRADE, TE, TRAILER];
        let name = name.trim();
        let bad = |why: &str| BenchError::Input(format!("the header `{name}` {why}"));
        let known: HeaderName = name.parse().map_err(|_| bad("has no name that a header can have"))?;
        if OWN.contains(&known) || known == super::request::REQUEST_ID {
            return Err(bad("is set by the measurement itself; leave it out"));
        }
        let value =
            secret(value.trim()).ok_or_else(|| bad("has no value, or one that cannot stand in a header"))?;
        Ok(Self { name: known, value })
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Header({}: …)", self.name)
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

/// How a server is addressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// As OpenAI is: `/v1`, and a key as bearer.
    OpenAi,
    /// As Azure's deployments are: no `/v1`, and a key in a header of its own.
    Azure,
}

/// A server.
#[derive(Clone)]
pub struct Target {
    uri: Uri,
    /// `host:port`, for the `Host` header.
    pub(crate) authority: String,
    style: Style,
    /// Path of the interface, before `/completions`, and of what stands beside it, before `/metrics`; without a slash at their
    /// ends.
    base: String,
    root: String,
    /// The interface that the path names.
    api: Option<Api>,
    headers: Vec<Header>,
    /// Found once: the time of a name server is not the inference server's.
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) tls: Option<Tls>,
    pub(crate) http: Http,
    pub(crate) key: Option<ApiKey>,
}

#[derive(Clone)]
pub(crate) struct Tls {
    pub(crate) connector: TlsConnector,
    pub(crate) name: ServerName<'static>,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({})", self.url())
    }
}

impl Target {
    /// Finds the server behind a URL such as `http://host:8000` or `https://host/prefix/v1`. A path that ends in
    /// `/chat/completions` or `/completions` is taken as it is, and one with `/deployments/NAME` as Azure's; a query goes with
    /// every request.
    ///
    /// `ca` is a file of further certificates to trust, in PEM form, besides those of the system. Variables that name a proxy
    /// are not heeded: a proxy would be measured with the server.
    ///
    /// # Errors
    /// Refuses what is no such URL, one with a password in it, a host that has no address and certificates that cannot be
    /// read.
    pub fn new(url: &str, http: Http, ca: Option<&Path>, key: Option<ApiKey>) -> Result<Self, BenchError> {
        let bad = |why: &str| BenchError::Input(format!("`{}` {why}", without_password(url)));
        let uri: Uri =
            url.trim().parse().map_err(|_| bad("is no URL; give one such as `http://host:8000`"))?;
        let (scheme, authority) = match (uri.scheme_str(), uri.authority()) {
            (Some(scheme @ ("http" | "https")), Some(authority)) => (scheme, authority),
            _ => {
                return Err(bad(
                    "does not begin with `http://` or `https://`; give a URL such as `http://host:8000`",
                ));
            }
        };
        if authority.as_str().contains('@') {
            return Err(bad("has a user or password in it; give the key by a variable or a file"));
        }
        let path = uri.path().trim_end_matches('/');
        let named = [("/chat/completions", Api::Chat), ("/completions", Api::Completions)];
        let named = named.into_iter().find_map(|(end, api)| Some((path.strip_suffix(end)?, api)));
        let style = if path.contains("/deployments/") { Style::Azure } else { Style::OpenAi };
        let (base, api) = match (named, style) {
            (Some((base, api)), _) => (base.to_owned(), Some(api)),
            (None, Style::Azure) => (path.to_owned(), Some(Api::Chat)),
            (None, Style::OpenAi) => (format!("{}/v1", path.strip_suffix("/v1").unwrap_or(path)), None),
        };
        let root = base.strip_suffix("/v1").unwrap_or(&base).to_owned();
        let secure = scheme == "https";
        let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let addresses: Vec<SocketAddr> = (host, port)
            .to_socket_addrs()
            .map_err(|source| BenchError::Resolve { host: host.to_owned(), source })?
            .collect();
        if addresses.is_empty() {
            return Err(bad("has no address"));
        }
        let tls = if secure {
            let name = ServerName::try_from(host.to_owned())
                .map_err(|_| bad("names no host that a certificate could"))?;
            Some(Tls { connector: connector(http, ca)?, name })
        } else {
            None
        };
        let authority = authority.as_str().to_owned();
        let headers = Vec::new();
        Ok(Self { authority, style, base, root, api, headers, addresses, tls, http, key, uri })
    }

    /// The same with headers that go with every request; one that the key would have takes its place.
    #[must_use]
    pub fn with_headers(mut self, headers: Vec<Header>) -> Self {
        self.headers = headers;
        self
    }

    /// The URL, without what may be a secret in it: of a query, only versions are shown.
    #[must_use]
    pub fn url(&self) -> String {
        let Some(query) = self.uri.query() else { return self.uri.to_string() };
        let shown: Vec<String> = query
            .split('&')
            .map(|part| match part.split_once('=') {
                Some((name, value)) if !value.is_empty() && !name.ends_with("version") => format!("{name}=…"),
                _ => part.to_owned(),
            })
            .collect();
        let whole = self.uri.to_string();
        format!("{}?{}", whole.split('?').next().unwrap_or_default(), shown.join("&"))
    }

    /// The interface that the URL names, if it does.
    #[must_use]
    pub fn api(&self) -> Option<Api> {
        self.api
    }

    /// The deployment that the URL names, which decides on the model.
    #[must_use]
    pub fn deployment(&self) -> Option<&str> {
        let (_, after) = self.base.split_once("/deployments/")?;
        after.split('/').next().filter(|name| !name.is_empty())
    }

    /// Name or address of its host, without brackets.
    pub(crate) fn host(&self) -> &str {
        self.uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']')
    }

    /// True for a server of this node: only addresses of it can be bound to.
    pub(crate) fn is_local(&self) -> bool {
        self.addresses.iter().any(|address| std::net::TcpListener::bind((address.ip(), 0)).is_ok())
    }

    /// First process of the server, where it is on this node and can be seen.
    #[must_use]
    pub fn leader(&self) -> Option<i32> {
        let port = self.addresses.first()?.port();
        if self.is_local() { crate::process::listening_on(port) } else { None }
    }

    /// Headers that go with every request, the key among them.
    pub(crate) fn headers(&self) -> HeaderMap {
        let key = self.key.iter().map(|key| key.header(self.style));
        let own = self.headers.iter().map(|header| (header.name.clone(), header.value.clone()));
        let mut headers = HeaderMap::new();
        for (name, value) in key.chain(own) {
            headers.insert(name, value);
        }
        headers
    }

    /// What must not be shown, although the server may repeat it: the key, values of headers and of the query.
    pub(crate) fn secrets(&self) -> Vec<String> {
        /// What is shorter stands in many a word.
        const SHORTEST: usize = 6;
        let key = self.key.iter().filter_map(|key| key.0.to_str().ok());
        let headers = self.headers.iter().filter_map(|header| header.value.to_str().ok());
        let words = headers.flat_map(str::split_whitespace);
        let query = self.uri.query().into_iter().flat_map(|query| query.split('&'));
        let query = query.filter_map(|part| part.split_once('=')).map(|(_, value)| value);
        key.chain(words.chain(query).filter(|word| word.len() >= SHORTEST)).map(str::to_owned).collect()
    }

    /// True where a key, or a header that may hold one, would be sent to another machine in clear text.
    #[must_use]
    pub fn key_in_clear(&self) -> bool {
        (self.key.is_some() || !self.headers.is_empty())
            && self.tls.is_none()
            && !self.addresses.iter().all(|address| address.ip().is_loopback())
    }

    /// The full URI of a path of the API.
    pub(crate) fn uri_of(&self, path: &str) -> Result<Uri, BenchError> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let path = match path.strip_prefix("/v1") {
            Some(rest) => format!("{}{rest}", self.base),
            None => format!("{}{path}", self.root),
        };
        let query = self.uri.query().map_or_else(String::new, |query| format!("?{query}"));
        format!("{scheme}://{}{path}{query}", self.authority)
            .parse()
            .map_err(|_| BenchError::Input(format!("`{}` cannot be part of a URL", path)))
    }
}

fn without_password(url: &str) -> String {
    match url.split_once("://").map(|(scheme, rest)| (scheme, rest.rsplit_once('@'))) {
        Some((scheme, Some((_, rest)))) => format!("{scheme}://…@{rest}"),
        _ => url.to_owned(),
    }
}

fn connector(http: Http, ca: Option<&Path>) -> Result<TlsConnector, BenchError> {
    let mut roots = RootCertStore::empty();
    // A certificate of the system that cannot be read is no reason to refuse the others.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca {
        let unreadable = |why: String| {
            BenchError::Input(format!("cannot use `{}` as certificates: {why}", path.display()))
        };
        let certificates =
            CertificateDer::pem_file_iter(path).map_err(|error| unreadable(error.to_string()))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| unreadable(error.to_string()))?;
            roots.add(certificate).map_err(|error| unreadable(error.to_string()))?;
        }
    }
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = match http {
        Http::Auto => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        Http::One => vec![b"http/1.1".to_vec()],
        Http::Two => vec![b"h2".to_vec()],
    };
    Ok(TlsConnector::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> Result<Target, String> {
        Target::new(url, Http::Auto, None, None).map_err(|error| error.to_string())
    }

    #[test]
    fn urls_in_all_forms() {
        let of = |url: &str, path: &str| target(url).unwrap().uri_of(path).unwrap().to_string();
        for (url, uri) in [
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000/v1/completions"),
            ("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000/v1/completions"),
            ("http://127.0.0.1/serving/m/v1", "http://127.0.0.1/serving/m/v1/completions"),
            ("https://[::1]:8443", "https://[::1]:8443/v1/completions"),
            ("http://127.0.0.1/api/v3/completions", "http://127.0.0.1/api/v3/completions"),
            ("http://127.0.0.1/?a=b&c=d", "http://127.0.0.1/v1/completions?a=b&c=d"),
        ] {
            assert_eq!(of(url, "/v1/completions"), uri);
        }
        assert_eq!(of("http://127.0.0.1/x/v1", "/metrics"), "http://127.0.0.1/x/metrics");
        let url = "https://127.0.0.1/openai/deployments/gpt-4o?api-version=2024-10-21";
        assert_eq!(
            of(url, "/v1/chat/completions"),
            "https://127.0.0.1/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21"
        );
        let azure = target(url).unwrap();
        assert_eq!((azure.api(), azure.deployment()), (Some(Api::Chat), Some("gpt-4o")));
        assert_eq!(azure.url(), url);
        let named = target("http://127.0.0.1/v1/chat/completions").unwrap();
        assert_eq!((named.api(), named.deployment()), (Some(Api::Chat), None));
    }

    #[test]
    fn what_is_no_server_is_refused_and_no_password_repeated() {
        for (url, word) in [("localhost:8000", "http://"), ("ftp://h", "http://"), ("", "URL")] {
            let error = target(url).unwrap_err();
            assert!(error.contains(word), "{url}: {error}");
        }
        let error = target("http://me:secret@127.0.0.1").unwrap_err();
        assert!(error.contains("password") && !error.contains("secret"), "{error}");
    }

    #[test]
    fn headers_and_queries_are_sent_and_not_shown() {
        let key = ApiKey::new("sk-12345").unwrap();
        let azure = "http://127.0.0.1:1/openai/deployments/m?api-version=1&sig=abcdef";
        let target = Target::new(azure, Http::Auto, None, Some(key.clone())).unwrap();
        assert_eq!(target.headers()["api-key"], "sk-12345");
        assert_eq!(target.url(), "http://127.0.0.1:1/openai/deployments/m?api-version=1&sig=…");
        let headers = vec![
            Header::new("X-Team ", " infra-7").unwrap(),
            Header::new("authorization", "Basic dXNlcjpw").unwrap(),
        ];
        let target = Target::new("http://127.0.0.1:1", Http::Auto, None, Some(key)).unwrap();
        assert_eq!(target.headers()["authorization"], "Bearer sk-12345");
        let target = target.with_headers(headers);
        assert_eq!((&target.headers()["x-team"], target.headers().len()), (&"infra-7".parse().unwrap(), 2));
        assert_eq!(target.headers()["authorization"], "Basic dXNlcjpw");
        assert!(!format!("{target:?} {:?} {:?}", target.headers, target.headers()).contains("infra"));
        assert_eq!(target.secrets(), ["sk-12345", "infra-7", "dXNlcjpw"]);
        for (name, value) in
            [("host", "x"), ("a b", "x"), ("x", ""), ("x", "se\u{7f}cret"), ("X-Request-Id", "1")]
        {
            let error = Header::new(name, value).unwrap_err().to_string();
            assert!(!error.contains("cret"), "{error}");
        }
    }

    #[test]
    fn a_key_is_not_shown() {
        let key = ApiKey::new(" sk-12345\n").unwrap();
        assert_eq!(key.header(Style::OpenAi).1, "Bearer sk-12345");
        let target = Target::new("http://127.0.0.1:1", Http::Auto, None, Some(key.clone())).unwrap();
        assert!(!format!("{key:?} {target:?} {:?}", key.header(Style::OpenAi)).contains("12345"));
        assert!(ApiKey::new(" ").is_err());
        let error = ApiKey::new("sk-\u{7f}12345").unwrap_err().to_string();
        assert!(!error.contains("12345"), "{error}");
    }
}
