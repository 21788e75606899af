//! Inference servers and what they did in the window.

use plumb_check_sdk::model::{InferenceServer, Process, Role, Window};
use plumb_check_sdk::{Absence, Evidence, Missing};

/// The servers. Needs `/servers`.
///
/// # Errors
/// A node without a server has nothing to judge yet.
pub(crate) fn servers(evidence: &Evidence<'_>) -> Result<Vec<InferenceServer>, Missing> {
    let servers: Vec<InferenceServer> = evidence.get("/servers")?;
    if servers.iter().all(|server| server.processes.is_empty()) {
        let reason = "no process of an inference server was found: collect while the service runs";
        return Err(Missing::new(Absence::Skipped, reason));
    }
    Ok(servers)
}

/// Length of the window and threads of the servers; the rest of it stays empty. Needs `/window/seconds` and
/// `/window/threads`.
///
/// # Errors
/// Fails where nothing was read twice.
pub(crate) fn window(evidence: &Evidence<'_>) -> Result<Window, Missing> {
    let seconds = evidence.get("/window/seconds")?;
    Ok(Window { seconds, threads: evidence.get("/window/threads").into(), ..Window::default() })
}

/// What a process does, in words.
pub(crate) fn role(role: Role) -> &'static str {
    match role {
        Role::ApiServer => "API server",
        Role::EngineCore => "engine core",
        Role::GpuWorker => "GPU worker",
        Role::Tokenizer => "tokenizer",
        Role::Router => "router",
        Role::Whole => "server",
        Role::Other => "helper",
    }
}

/// True for the collector itself, which has no place in a plan.
pub(crate) fn is_collector(process: &Process) -> bool {
    process.comm == "plumb"
}
