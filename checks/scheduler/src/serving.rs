//! Inference servers and what they did in the window.

use plumb_check_sdk::model::{InferenceServer, Process, Role, Window};
use plumb_check_sdk::{Evidence, Missing, Object, ObjectKind};

/// The servers; `None` where no process of one was found: such a node has nothing to judge yet. Needs `/servers`.
pub(crate) fn servers<'a>(evidence: &Evidence<'a>) -> Result<Option<&'a [InferenceServer]>, Missing> {
    let servers = evidence.servers()?;
    Ok(servers.iter().any(|server| !server.processes.is_empty()).then_some(servers))
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

/// A server, as all packs name it.
pub(crate) fn server_object(server: &InferenceServer) -> Object {
    Object::new(ObjectKind::Server, server.pid.to_string()).named(server.subject())
}

/// What a process does, as sentences choose by it.
pub(crate) fn role(role: Role) -> &'static str {
    match role {
        Role::ApiServer => "api-server",
        Role::EngineCore => "engine-core",
        Role::GpuWorker => "gpu-worker",
        Role::Tokenizer => "tokenizer",
        Role::Router => "router",
        Role::Whole => "server",
        Role::Other => "helper",
    }
}

/// True for the collector itself, which has no place in a plan.
pub(crate) fn is_collector(process: &Process) -> bool {
    process.comm == COLLECTOR
}

/// Name of the collector's process.
pub(crate) const COLLECTOR: &str = "plumb";
