//! The server that is measured: its address, and the secret that opens it.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;

use hyper::Uri;
use hyper::header::HeaderValue;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::BenchError;

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
        let key = key.trim();
        let value = (!key.is_empty()).then(|| HeaderValue::from_str(&format!("Bearer {key}")));
        match value {
            Some(Ok(mut value)) => {
                value.set_sensitive(true);
                Ok(Self(value))
            }
            _ => Err(BenchError::Input("the API key is empty or has characters that no key has".to_owned())),
        }
    }

    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

/// A server.
#[derive(Clone)]
pub struct Target {
    uri: Uri,
    /// `host:port`, for the `Host` header.
    pub(crate) authority: String,
    /// Path before `/v1`, without a slash at its end.
    pub(crate) prefix: String,
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
    /// Finds the server behind a URL such as `http://host:8000` or `https://host/prefix/v1`.
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
        if uri.query().is_some() {
            return Err(bad("has a query; give the server's address alone"));
        }
        let path = uri.path().trim_end_matches('/');
        let prefix = path.strip_suffix("/v1").unwrap_or(path).to_owned();
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
        Ok(Self { authority: authority.as_str().to_owned(), prefix, addresses, tls, http, key, uri })
    }

    /// The URL, which has no secret in it.
    #[must_use]
    pub fn url(&self) -> String {
        self.uri.to_string()
    }

    /// True where a key would be sent to another machine in clear text.
    #[must_use]
    pub fn key_in_clear(&self) -> bool {
        self.key.is_some()
            && self.tls.is_none()
            && !self.addresses.iter().all(|address| address.ip().is_loopback())
    }

    /// The full URI of a path of the API.
    pub(crate) fn uri_of(&self, path: &str) -> Result<Uri, BenchError> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}{}{path}", self.authority, self.prefix)
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
    fn urls_with_and_without_the_version_of_the_api() {
        for (url, uri) in [
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000/v1/completions"),
            ("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000/v1/completions"),
            ("http://127.0.0.1/serving/m/v1", "http://127.0.0.1/serving/m/v1/completions"),
            ("https://[::1]:8443", "https://[::1]:8443/v1/completions"),
        ] {
            assert_eq!(target(url).unwrap().uri_of("/v1/completions").unwrap().to_string(), uri);
        }
    }

    #[test]
    fn what_is_no_server_is_refused_and_no_password_repeated() {
        for (url, word) in
            [("localhost:8000", "http://"), ("ftp://h", "http://"), ("http://h/?a=b", "query"), ("", "URL")]
        {
            let error = target(url).unwrap_err();
            assert!(error.contains(word), "{url}: {error}");
        }
        let error = target("http://me:secret@127.0.0.1").unwrap_err();
        assert!(error.contains("password") && !error.contains("secret"), "{error}");
    }

    #[test]
    fn a_key_is_not_shown() {
        let key = ApiKey::new(" sk-12345\n").unwrap();
        assert_eq!(key.header(), "Bearer sk-12345");
        let target = Target::new("http://127.0.0.1:1", Http::Auto, None, Some(key.clone())).unwrap();
        assert!(!format!("{key:?} {target:?} {:?}", key.header()).contains("12345"));
        assert!(ApiKey::new(" ").is_err());
        let error = ApiKey::new("sk-\u{7f}12345").unwrap_err().to_string();
        assert!(!error.contains("12345"), "{error}");
    }
}
