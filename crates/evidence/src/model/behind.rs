//! How many GPUs answer behind a URL that was tested.

use super::{InferenceServer, Role, no_server};
use crate::fact::{Absence, Fact, Missing};

/// The port that a server listens at unless `--port` says otherwise, by kind, as its documentation has it.
const PORTS: [(&str, u16); 7] = [
    ("vllm", 8000),
    ("sglang", 30_000),
    ("tensorrt-llm", 8000),
    ("tgi", 3000),
    ("llama.cpp", 8080),
    ("ollama", 11_434),
    ("lmdeploy", 23_333),
];

/// GPUs that answer behind `url`: tensor × pipeline × data parallel ranks of the one server of this node, `hostname`, that
/// listens there.
///
/// What was measured at a URL is what all GPUs behind it do together: of eight data parallel ranks, not of one.
///
/// # Errors
/// No server runs, the URL is none of theirs or a router's, or the number of its GPUs is not known.
pub fn gpus_behind(url: &str, hostname: Option<&str>, servers: &[InferenceServer]) -> Result<u32, Missing> {
    let unknown = |why: String| {
        let reason = format!("how many GPUs answer behind {url}, which was tested, is not known: {why}");
        Missing::new(Absence::Skipped, reason)
    };
    if servers.is_empty() {
        return Err(unknown(no_server().reason));
    }
    let (host, port) =
        host_and_port(url).ok_or_else(|| unknown("it is no URL with a host and a port".to_owned()))?;
    let is_here = ["localhost", "::1", "0.0.0.0", "::"].contains(&host)
        || host.starts_with("127.")
        || hostname.is_some_and(|own| {
            host == own || host.strip_prefix(own).is_some_and(|rest| rest.starts_with('.'))
        });
    if !is_here {
        return Err(unknown("it is not shown to be a server of this node".to_owned()));
    }
    let mut those = servers.iter().filter(|server| listens_at(server) == Some(port));
    let server = match (those.next(), those.next()) {
        (Some(server), None) => server,
        (None, _) => {
            let why = "no server of this node is known to listen there, and a router may answer for several";
            return Err(unknown(why.to_owned()));
        }
        (Some(_), Some(_)) => return Err(unknown("several servers of this node name that port".to_owned())),
    };
    if server.main_process().is_some_and(|process| process.role == Role::Router) {
        return Err(unknown(
            "a router answers there, for servers of which it is not known how many there are".to_owned(),
        ));
    }
    let told = told(server).map_err(|why| unknown(why.reason))?;
    let seen = server.demand().gpus;
    if seen > told {
        return Err(unknown(format!("its options say {told}, and its processes use {seen}")));
    }
    Ok(told)
}

/// By the options of the server.
fn told(server: &InferenceServer) -> Result<u32, Missing> {
    let options = server.options.require()?;
    let of_one = server.tensor_parallel.require()?.saturating_mul(*server.pipeline_parallel.require()?);
    let has = |name: &str| options.get(name).is_some_and(|value| value != "false");
    // One rank of several that have URLs of their own; ranks that share the GPUs of the attention.
    let is_one_rank =
        has("data-parallel-rank") || has("data-parallel-external-lb") || has("enable-dp-attention");
    if is_one_rank {
        return Ok(of_one);
    }
    if has("data-parallel-hybrid-lb") {
        let reason = "its ranks are spread over nodes, each of which answers for its own";
        return Err(Missing::new(Absence::Skipped, reason));
    }
    match of_one.saturating_mul(*server.data_parallel.require()?) {
        0 => Err(Missing::new(Absence::Malformed, "its options say none")),
        gpus => Ok(gpus),
    }
}

fn listens_at(server: &InferenceServer) -> Option<u16> {
    let Fact::Known(options) = &server.options else { return None };
    match options.get("port") {
        Some(port) => port.parse().ok(),
        None => PORTS.iter().find(|(kind, _)| *kind == server.kind).map(|(_, port)| *port),
    }
}

/// Of `http://HOST[:PORT][/PATH]`; an IPv6 address without its brackets.
fn host_and_port(url: &str) -> Option<(&str, u16)> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let authority = authority.rsplit('@').next()?;
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let default = if scheme == "https" { 443 } else { 80 };
    let port = match port.strip_prefix(':') {
        Some(digits) => digits.parse().ok()?,
        None => default,
    };
    (!host.is_empty()).then_some((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ServerProcess;

    fn server(
        kind: &str,
        sizes: [u32; 3],
        options: &[(&str, &str)],
        role: Role,
        gpus: usize,
    ) -> InferenceServer {
        let [tensor, pipeline, data] = sizes.map(Fact::Known);
        let gpus = (0..gpus).map(|gpu| format!("0000:{gpu:02x}:00.0")).collect();
        InferenceServer {
            kind: kind.to_owned(),
            pid: 7,
            options: Fact::Known(
                options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            ),
            tensor_parallel: tensor,
            pipeline_parallel: pipeline,
            data_parallel: data,
            processes: vec![ServerProcess {
                pid: 7,
                role,
                gpus: Fact::Known(gpus),
                ..ServerProcess::default()
            }],
            ..InferenceServer::default()
        }
    }

    #[test]
    fn data_parallel_ranks_behind_the_url_count() {
        let of = |sizes, options: &[(&str, &str)], seen| {
            let servers = [server("vllm", sizes, options, Role::ApiServer, seen)];
            gpus_behind("http://127.0.0.1:8000/v1", None, &servers)
        };
        assert_eq!(of([1, 1, 8], &[], 8), Ok(8));
        assert_eq!(of([4, 2, 1], &[], 8), Ok(8));
        assert_eq!(of([2, 1, 8], &[], 8), Ok(16), "on several nodes");
        assert_eq!(of([2, 1, 8], &[("data-parallel-rank", "3")], 2), Ok(2));
        assert_eq!(of([8, 1, 8], &[("enable-dp-attention", "true")], 8), Ok(8));
        assert!(of([1, 1, 8], &[("data-parallel-hybrid-lb", "true")], 4).is_err());
        assert!(
            of([1, 1, 2], &[], 4).unwrap_err().reason.contains("its options say 2, and its processes use 4")
        );
    }

    #[test]
    fn what_answers_behind_a_router_is_not_known() {
        let engine = |port| server("vllm", [1, 1, 1], &[("port", port)], Role::ApiServer, 1);
        let router = server("vllm", [1, 1, 1], &[("port", "8000")], Role::Router, 0);
        let all = [engine("8001"), engine("8002"), router];
        let at = |url: &str| gpus_behind(url, Some("gpu-01"), &all);
        assert_eq!(
            [at("http://localhost:8001"), at("http://gpu-01.example:8002/"), at("http://[::1]:8002")],
            [Ok(1), Ok(1), Ok(1)]
        );
        assert!(at("http://127.0.0.1:8000").unwrap_err().reason.contains("a router answers"));
        assert!(at("http://127.0.0.1:9000").unwrap_err().reason.contains("may answer for several"));
        for elsewhere in ["http://gpu-011:8001", "http://10.0.0.7:8001", "http://api.example", "8001", ""] {
            assert!(at(elsewhere).is_err(), "{elsewhere}");
        }
        let twice = [engine("8001"), engine("8001")];
        assert!(gpus_behind("http://127.0.0.1:8001", None, &twice).is_err());
        assert!(gpus_behind("http://127.0.0.1:8001", None, &[]).is_err());
    }
}
