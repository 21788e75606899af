//! The node as a sketch for a terminal of 80 columns: what is where, and what is away from its GPU.

use std::fmt::Write;

use super::places::{Core, GpuBox, Mark, Node, Places};
use crate::fact::Missing;
use crate::index_set::CpuSet;
use crate::model::{Evidence, Gpu, InferenceServer, Role, ServerProcess};

/// Widest line.
const WIDTH: usize = 80;
/// So many processes of a server are listed, those with threads at work or on GPUs first.
const PROCESSES: usize = 12;

/// What the sketch is drawn with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// For terminals that show nothing else.
    Ascii,
    /// Frames and blocks.
    Unicode,
}

impl Charset {
    fn core(self, core: &Core) -> char {
        match (self, core.mark, core.allowed) {
            (Self::Unicode, Some(Mark::Near), _) => '■',
            (Self::Unicode, Some(Mark::Far), _) => '╳',
            (Self::Unicode, None, true) => '□',
            (Self::Unicode, None, false) => '·',
            (Self::Ascii, Some(Mark::Near), _) => '#',
            (Self::Ascii, Some(Mark::Far), _) => 'X',
            (Self::Ascii, None, true) => 'o',
            (Self::Ascii, None, false) => '.',
        }
    }

    fn line(self) -> &'static str {
        match self {
            Self::Unicode => "─",
            Self::Ascii => "-",
        }
    }
}

/// The node with its cores, GPUs and network devices by NUMA node, and where the threads and pages of the inference servers are.
///
/// # Errors
/// Says why not even the CPUs are known.
pub fn sketch(evidence: &Evidence, charset: Charset) -> Result<String, Missing> {
    let cpu = evidence.cpu.require()?;
    let Some(places) = Places::of(evidence) else {
        return Err(Missing::not_recorded("no CPU is in the evidence"));
    };
    let servers = evidence.servers.known().map_or(&[][..], Vec::as_slice);
    let mut text = String::new();
    head(&mut text, evidence, &places);
    for socket in &places.sockets {
        for node in &socket.nodes {
            let title = match node.id {
                Some(id) if places.sockets.len() > 1 => format!("socket {}, NUMA node {id}", socket.id),
                Some(id) => format!("NUMA node {id}"),
                None => format!("socket {}, NUMA node not recorded", socket.id),
            };
            draw(&mut text, &title, node, charset);
        }
    }
    for gpu in &places.homeless {
        wrapped(&mut text, "  ", &format!("{gpu}: no source tells its NUMA node"));
    }
    text.push('\n');
    let gpus = evidence.gpus.known().map_or(&[][..], Vec::as_slice);
    match &evidence.servers {
        crate::Fact::Missing(why) => {
            wrapped(&mut text, "", &format!("Whether an inference server runs here is not known: {why}"));
        }
        crate::Fact::Known(servers) if servers.is_empty() => {
            wrapped(&mut text, "", "No inference server was found: it may not have been started yet.");
        }
        crate::Fact::Known(servers) => {
            for server in servers {
                of_server(&mut text, evidence, cpu, server, gpus);
            }
        }
    }
    legend(&mut text, &places, !servers.is_empty(), charset);
    Ok(text)
}

fn head(text: &mut String, evidence: &Evidence, places: &Places<'_>) {
    let name = evidence.node.hostname.known().map_or("this node", String::as_str);
    let nodes = places.sockets.iter().flat_map(|socket| &socket.nodes);
    let cores: Vec<&Core> = nodes.clone().flat_map(|node| &node.cores).collect();
    let pus: usize = cores.iter().map(|core| core.cpus.len()).sum();
    let mut parts = vec![
        count(places.sockets.len(), "socket"),
        count(nodes.filter(|node| node.id.is_some()).count() + places.memory_only, "NUMA node"),
        count(cores.len(), "core"),
        count(pus, "PU"),
    ];
    if let Some(gpus) = evidence.gpus.known() {
        parts.push(count(gpus.len(), "GPU"));
    }
    parts.push(count(places.servers, "inference server"));
    wrapped(text, "", &format!("{name}: {}", parts.join(", ")));
    if let Some(model) = evidence.cpu.known().and_then(|cpu| cpu.model.known()) {
        wrapped(text, "", model);
    }
}

fn draw(text: &mut String, title: &str, node: &Node<'_>, charset: Charset) {
    let rule = charset.line();
    let memory = node.mem_total.map(|bytes| format!(" {} {rule}{rule}", gib(bytes))).unwrap_or_default();
    let used = title.chars().count() + memory.chars().count() + 4;
    let fill = rule.repeat(WIDTH.saturating_sub(used));
    let _ = writeln!(text, "\n{rule}{rule} {title} {fill}{memory}");
    let marks: Vec<char> = node.cores.iter().map(|core| charset.core(core)).collect();
    // In groups of eight, which are counted at a glance.
    let groups: Vec<String> = marks.chunks(8).map(|group| group.iter().collect()).collect();
    wrapped(text, "  ", &groups.join(" "));
    wrapped(text, "  CPUs ", &node.cpus);
    for gpu in &node.gpus {
        wrapped(text, "  ", &of_gpu(gpu));
    }
    if !node.nics.is_empty() {
        let names: Vec<String> = node.nics.iter().map(|nic| nic.name()).collect();
        wrapped(text, "  network ", &names.join(", "));
    }
    if node.server_bytes > 0 {
        let mut line = format!("{} of the servers' memory", gib(node.server_bytes));
        if node.far_bytes > 0 {
            let _ = write!(
                line,
                "; FAR: {} of it belongs to processes whose GPU is elsewhere",
                gib(node.far_bytes)
            );
        }
        wrapped(text, "  ", &line);
    }
}

fn of_gpu(gpu: &GpuBox) -> String {
    let mut line = format!("GPU {} {} at {}", gpu.index, gpu.name, gpu.address);
    match &gpu.worker_nodes {
        Some(nodes) if gpu.far => {
            let _ = write!(line, "; FAR: the threads of its processes are on node {nodes}");
        }
        Some(nodes) => {
            let _ = write!(line, "; threads on node {nodes}");
        }
        None => {}
    }
    line
}

fn of_server(
    text: &mut String,
    evidence: &Evidence,
    cpu: &crate::model::Cpu,
    server: &InferenceServer,
    gpus: &[Gpu],
) {
    let unit = server.unit.known().map(|unit| format!(", {unit}")).unwrap_or_default();
    let model = server.model.known().map(|model| format!(", {model}")).unwrap_or_default();
    wrapped(text, "", &format!("{} server, process {}{unit}{model}", server.kind, server.pid));
    let mut processes: Vec<&ServerProcess> = server.processes.iter().collect();
    processes.sort_by_key(|process| (!process.is_critical(), process.role == Role::Other, process.pid));
    for process in processes.iter().take(PROCESSES) {
        wrapped(text, "  ", &of_process(evidence, cpu, process, gpus));
    }
    if processes.len() > PROCESSES {
        let _ = writeln!(text, "  and {} more processes", processes.len() - PROCESSES);
    }
}

fn of_process(evidence: &Evidence, cpu: &crate::model::Cpu, process: &ServerProcess, gpus: &[Gpu]) -> String {
    let numa = evidence.numa.known();
    let mut line = format!("{} {}", process.pid, process.comm);
    let own = process.gpus.known().into_iter().flatten();
    let index = |address: &String| gpus.iter().position(|gpu| gpu.address == *address);
    let own: Vec<String> = own.filter_map(|own| Some(format!("GPU {}", index(own)?))).collect();
    if !own.is_empty() {
        let _ = write!(line, " ({})", own.join(", "));
    }
    let mask = process.mask(&cpu.online);
    let nodes = |cpus: &CpuSet| numa.map(|numa| numa.nodes_of(cpus)).filter(|nodes| !nodes.is_empty());
    let threads = process.threads.len();
    let _ = match &mask.unknown {
        Some(why) => write!(line, ": masks of its threads are not known: {why}"),
        None if mask.cpus == cpu.online => write!(line, ": {} may run anywhere", count(threads, "thread")),
        None => write!(line, ": {} may run on CPUs {}", count(threads, "thread"), mask.cpus),
    };
    if mask.unknown.is_none()
        && mask.cpus != cpu.online
        && let Some(nodes) = nodes(&mask.cpus)
    {
        let _ = write!(line, " (node {nodes})");
    }
    let seen: CpuSet = process.threads.iter().filter_map(|thread| thread.last_cpu.known().copied()).collect();
    if let Some(nodes) = nodes(&seen) {
        let _ = write!(line, ", last ran on node {nodes}");
    }
    match &process.memory {
        crate::Fact::Known(memory) => {
            let parts: Vec<String> = memory
                .anonymous_by_node
                .iter()
                .filter(|(_, bytes)| **bytes >= 1 << 20)
                .map(|(node, bytes)| format!("{} on node {node}", gib(*bytes)))
                .collect();
            if !parts.is_empty() {
                let _ = write!(line, "; memory: {}", parts.join(", "));
            }
        }
        crate::Fact::Missing(why) => {
            let _ = write!(line, "; where its memory is, is not known ({})", why.missing);
        }
    }
    line
}

fn legend(text: &mut String, places: &Places<'_>, has_servers: bool, charset: Charset) {
    let sign = |mark, allowed| charset.core(&Core { cpus: Vec::new(), mark, allowed });
    let line = if has_servers {
        format!(
            "One sign a core: {} a server's thread {}; {} the same, away from its GPU; {} a server may run there; {} none may",
            sign(Some(Mark::Near), true),
            if places.in_window { "was at work there" } else { "ran there last" },
            sign(Some(Mark::Far), true),
            sign(None, true),
            sign(None, false)
        )
    } else {
        format!("One sign a core: {}", sign(None, false))
    };
    text.push('\n');
    wrapped(text, "", &line);
    if places.unknown_home {
        wrapped(text, "", "Threads of processes whose GPU has no known node count as near.");
    }
}

fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

fn gib(bytes: u64) -> String {
    let gib = bytes as f64 / f64::from(1 << 30);
    if gib >= 100.0 { format!("{gib:.0} GiB") } else { format!("{gib:.1} GiB") }
}

/// Adds a text in lines of at most [`WIDTH`] columns; later lines are set in by two more than the first.
fn wrapped(text: &mut String, indent: &str, content: &str) {
    let rest = " ".repeat(indent.chars().count().min(2) + 2);
    let (mut line, mut width) = (indent.to_owned(), indent.chars().count());
    let mut is_empty = true;
    for word in content.split(' ') {
        let length = word.chars().count();
        if !is_empty && width + 1 + length > WIDTH {
            let _ = writeln!(text, "{line}");
            (line, width, is_empty) = (rest.clone(), rest.chars().count(), true);
        }
        if !is_empty {
            line.push(' ');
            width += 1;
        }
        line.push_str(word);
        width += length;
        is_empty = false;
    }
    let _ = writeln!(text, "{line}");
}
