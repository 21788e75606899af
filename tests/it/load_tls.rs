//! `plumb bench` over TLS and HTTP/2.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use plumb_tests::{plumb, run};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::time::Sleep;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

const GAP: Duration = Duration::from_millis(3);

/// A whole reply at once, or one of so many tokens, one every 3 ms.
struct Tokens {
    whole: Option<&'static str>,
    left: u32,
    timer: Pin<Box<Sleep>>,
}

impl Body for Tokens {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(text) = self.whole.take() {
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(text.as_bytes())))));
        }
        if self.left == 0 {
            return Poll::Ready(None);
        }
        std::task::ready!(self.timer.as_mut().poll(cx));
        self.left -= 1;
        self.timer = Box::pin(tokio::time::sleep(GAP));
        let text = if self.left == 0 {
            "data: {\"choices\":[{\"text\":\"\",\"finish_reason\":\"length\"}]}\n\ndata: [DONE]\n\n"
        } else {
            "data: {\"choices\":[{\"text\":\" a\"}]}\n\n"
        };
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(text.as_bytes())))))
    }
}

/// Nine events, of which eight hold a token; models and metrics to whoever asks for them.
async fn answer(request: Request<Incoming>) -> Result<Response<Tokens>, Infallible> {
    let path = request.uri().path();
    let left = if path.ends_with("/completions") { 9 } else { 0 };
    let whole = match path {
        "/v1/models" => Some("{\"data\":[{\"id\":\"over-tls\"}]}"),
        "/metrics" => Some("vllm:num_requests_running 3\nvllm:generation_tokens_total 5\n"),
        _ => None,
    };
    assert!(request.version() == Version::HTTP_2 || request.headers().contains_key("host"));
    Ok(Response::new(Tokens { whole, left, timer: Box::pin(tokio::time::sleep(GAP)) }))
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(stream: S, two: bool) {
    let stream = TokioIo::new(stream);
    // A client that goes away is no fault of the test.
    if two {
        let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .serve_connection(stream, service_fn(answer))
            .await;
    } else {
        let _ = hyper::server::conn::http1::Builder::new().serve_connection(stream, service_fn(answer)).await;
    }
}

/// Starts a server, in clear text as HTTP/2 if `tls` is none; gives its port.
fn start(tls: Option<Arc<ServerConfig>>) -> u16 {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            sender.send(listener.local_addr().unwrap().port()).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                // Else the kernel keeps small writes back until the client has acknowledged the last one, 40 ms later.
                stream.set_nodelay(true).unwrap();
                let tls = tls.clone();
                tokio::spawn(async move {
                    let Some(tls) = tls else { return serve(stream, true).await };
                    if let Ok(stream) = TlsAcceptor::from(tls).accept(stream).await {
                        let two = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                        serve(stream, two).await;
                    }
                });
            }
        });
    });
    receiver.recv().unwrap()
}

fn measured(url: &str, further: &[&str]) -> Value {
    let result =
        run(plumb().args(["-q", "bench", url, "-c", "4", "-n", "12", "--format", "json"]).args(further));
    let json: Value = serde_json::from_str(&result.out).unwrap_or_else(|error| panic!("{error}: {result:?}"));
    assert_eq!((&json["errors"], &json["requests"]), (&serde_json::json!({}), &Value::from(12)), "{json}");
    assert_eq!(json["tokens"]["output"], 12 * 8);
    // What is not timed comes by the same certificates and version of HTTP.
    assert_eq!(
        (&json["target"]["model"], &json["server"]["kind"]),
        (&"over-tls".into(), &"vllm".into()),
        "{json}"
    );
    // The server does not count tokens, so that the gaps are between events.
    assert!(json["chunk_gap_ms"]["p50"].as_f64().is_some_and(|ms| ms >= 2.5), "{json}");
    json
}

#[test]
fn over_tls_the_server_chooses_the_version_and_a_stranger_is_refused() {
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let url = format!("https://localhost:{}", start(Some(Arc::new(config))));
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, certified.cert.pem()).unwrap();
    let ca = ca.to_str().unwrap();
    // One connection carries all streams in HTTP/2, and each stream has its own in HTTP/1.1.
    assert_eq!(measured(&url, &["--ca", ca])["client"]["connections"], 1);
    assert_eq!(measured(&url, &["--ca", ca, "--http", "1"])["client"]["connections"], 4);
    for more in [&["--model", "m"][..], &[]] {
        let stranger = run(plumb().args(["bench", &url]).args(more));
        assert_eq!(stranger.code, 2, "{stranger:?}");
        assert!(stranger.err.contains("(tls)"), "{stranger:?}");
    }
}

#[test]
fn http_2_in_clear_text_with_prior_knowledge() {
    let url = format!("http://127.0.0.1:{}", start(None));
    assert_eq!(measured(&url, &["--http", "2"])["client"]["connections"], 1);
}
