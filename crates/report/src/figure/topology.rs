//! The node as a drawing: sockets, NUMA nodes, cores, GPUs, network devices, and where the threads and pages of the
//! inference servers really are. What is away from its GPU is marked.

use plumb_evidence::model::Evidence;
use plumb_evidence::views::places::{Core, Mark, Node, Places, Socket};

use super::Figure;
use super::svg::{ACCENT, Area, FAR, HAIR, INK, PAPER, PLAIN, SOFT, Svg, WASH, WIDTH, width_of};
use crate::ReportError;
use crate::messages::Messages;

/// So many sockets are drawn; more of them are told in words.
const MAX_SOCKETS: usize = 8;
const GAP: f64 = 12.0;
const PAD: f64 = 9.0;
/// A GPU.
const GPU: (f64, f64) = (64.0, 34.0);
/// A network device.
const NIC: (f64, f64) = (102.0, 19.0);
/// So many network devices are drawn per NUMA node: hosts have many virtual functions.
const MAX_NICS: usize = 6;

/// Draws the node; `None` where not even its CPUs are known.
pub(crate) fn draw(evidence: &Evidence, messages: &Messages) -> Result<Option<Figure>, ReportError> {
    let Some(places) = Places::of(evidence) else { return Ok(None) };
    let word = |key: &str| messages.get("figure", key);
    let mut svg = Svg::default();
    let shown = places.sockets.len().min(MAX_SOCKETS);
    let columns = if shown > 1 { 2 } else { 1 };
    let width = (WIDTH - 2.0 - GAP * (columns as f64 - 1.0)) / columns as f64;
    let mut top = 1.0;
    for row in places.sockets[..shown].chunks(columns) {
        let height = row.iter().map(|socket| socket_height(socket, width)).fold(0.0, f64::max);
        for (column, socket) in row.iter().enumerate() {
            let area = Area::new(1.0 + column as f64 * (width + GAP), top, width, height);
            draw_socket(&mut svg, area, socket, messages)?;
        }
        top += height + GAP;
    }
    if places.sockets.len() > shown {
        let more = (places.sockets.len() - shown).to_string();
        svg.text((1.0, top + 8.0), &messages.fill("figure", "more_sockets", &[("n", &more)])?, PLAIN.soft());
        top += 20.0;
    }
    if !places.homeless.is_empty() {
        let names: Vec<String> = places.homeless.iter().map(|name| name.to_string()).collect();
        let text = messages.fill("figure", "no_node", &[("devices", &names.join(", "))])?;
        svg.fitted((1.0, top + 8.0), &text, WIDTH - 4.0, PLAIN.soft());
        top += 20.0;
    }
    let height = legend(&mut svg, top, &places, messages)?;
    let title = word("topology")?;
    let alt = alt(&places, messages)?;
    let caption = caption(&places, messages)?;
    Ok(Some(Figure {
        id: "topology".into(),
        title: title.to_owned(),
        svg: svg.finish(height, title, &alt),
        alt,
        caption,
        chapter: "node".into(),
    }))
}

/// Side of a core's square and cores per row, for so many cores in `width`.
fn cells(cores: usize, width: f64) -> (f64, usize) {
    let side = match cores {
        0..=16 => 17.0,
        17..=160 => 11.0,
        _ => 7.0,
    };
    let per_row = ((width + 3.0) / (side + 3.0)).floor().max(1.0);
    (side, per_row as usize)
}

fn rows(items: usize, per_row: usize) -> f64 {
    items.div_ceil(per_row.max(1)) as f64
}

fn per_row(size: f64, width: f64) -> usize {
    ((width + 5.0) / (size + 5.0)).floor().max(1.0) as usize
}

fn shown_nics(node: &Node<'_>) -> usize {
    node.nics.len().min(MAX_NICS)
}

fn node_height(node: &Node<'_>, width: f64) -> f64 {
    let inner = width - 2.0 * PAD;
    let (side, each) = cells(node.cores.len(), inner);
    let mut height = 20.0 + rows(node.cores.len(), each) * (side + 3.0) + PAD;
    if node.server_bytes > 0 {
        height += 27.0;
    }
    if !node.gpus.is_empty() {
        height += rows(node.gpus.len(), per_row(GPU.0, inner)) * (GPU.1 + 5.0) + 16.0;
    }
    if !node.nics.is_empty() {
        height += rows(shown_nics(node), per_row(NIC.0, inner)) * (NIC.1 + 5.0) + 3.0;
    }
    height
}

fn socket_height(socket: &Socket<'_>, width: f64) -> f64 {
    let inner = width - 2.0 * PAD;
    24.0 + socket.nodes.iter().map(|node| node_height(node, inner) + PAD).sum::<f64>()
}

fn draw_socket(
    svg: &mut Svg,
    area: Area,
    socket: &Socket<'_>,
    messages: &Messages,
) -> Result<(), ReportError> {
    svg.rect(area, PAPER, SOFT, 1.2);
    let name = messages.fill("figure", "socket", &[("n", &socket.id.to_string())])?;
    svg.text((area.x + PAD, area.y + 16.0), &name, PLAIN.bold());
    let cores: usize = socket.nodes.iter().map(|node| node.cores.len()).sum();
    let threads: usize = socket.nodes.iter().flat_map(|node| &node.cores).map(|core| core.cpus.len()).sum();
    let size = messages.fill("figure", "cores", &[("n", &cores.to_string()), ("m", &threads.to_string())])?;
    svg.text((area.right() - PAD, area.y + 16.0), &size, PLAIN.small().soft().end());
    let mut top = area.y + 24.0;
    for node in &socket.nodes {
        let height = node_height(node, area.w - 2.0 * PAD);
        draw_node(svg, Area::new(area.x + PAD, top, area.w - 2.0 * PAD, height), node, messages)?;
        top += height + PAD;
    }
    Ok(())
}

fn draw_node(svg: &mut Svg, area: Area, node: &Node<'_>, messages: &Messages) -> Result<(), ReportError> {
    svg.rect(area, WASH, HAIR, 0.8);
    let inner = area.w - 2.0 * PAD;
    let left = area.x + PAD;
    let name = match node.id {
        Some(id) => messages.fill("figure", "numa_node", &[("n", &id.to_string())])?,
        None => messages.get("figure", "numa_unknown")?.to_owned(),
    };
    svg.text((left, area.y + 14.0), &name, PLAIN.small().bold());
    let memory = node.mem_total.map(|bytes| gib(bytes, messages)).unwrap_or_default();
    // Bold letters are wider.
    let beside = width_of(&name, 9.5) * 1.12 + 12.0;
    let room = inner - beside - width_of(&memory, 9.5) - 12.0;
    let cpus = messages.fill("figure", "cpus", &[("list", &node.cpus)])?;
    svg.fitted((left + beside, area.y + 14.0), &cpus, room, PLAIN.small().soft());
    svg.text((area.right() - PAD, area.y + 14.0), &memory, PLAIN.small().soft().end());

    let mut y = area.y + 21.0;
    let (side, each) = cells(node.cores.len(), inner);
    for (index, core) in node.cores.iter().enumerate() {
        let x = left + (index % each) as f64 * (side + 3.0);
        let at = y + (index / each) as f64 * (side + 3.0);
        draw_core(svg, Area::new(x, at, side, side), core);
    }
    y += rows(node.cores.len(), each) * (side + 3.0) + 3.0;
    if node.server_bytes > 0 {
        pages(svg, (left, y), inner, node, messages)?;
        y += 27.0;
    }
    if !node.gpus.is_empty() {
        let names: Vec<&str> = node.gpus.iter().map(|gpu| gpu.name.as_str()).collect();
        svg.fitted((left, y + 9.0), &counted(&names), inner, PLAIN.small());
        y += 14.0;
        let each = per_row(GPU.0, inner);
        for (index, gpu) in node.gpus.iter().enumerate() {
            let x = left + (index % each) as f64 * (GPU.0 + 5.0);
            let at = y + (index / each) as f64 * (GPU.1 + 5.0);
            let area = Area::new(x, at, GPU.0, GPU.1);
            svg.rect(area, PAPER, if gpu.far { FAR } else { INK }, if gpu.far { 2.4 } else { 1.2 });
            svg.fitted(
                (x + 5.0, at + 14.0),
                &format!("GPU {}", gpu.index),
                GPU.0 - 8.0,
                PLAIN.small().bold(),
            );
            let note = match &gpu.worker_nodes {
                Some(nodes) if gpu.far => messages.fill("figure", "worker_on", &[("nodes", nodes)])?,
                _ => gpu.address.trim_start_matches("0000:").to_owned(),
            };
            svg.fitted(
                (x + 5.0, at + 27.0),
                &note,
                GPU.0 - 8.0,
                PLAIN.small().paint(if gpu.far { FAR } else { SOFT }),
            );
        }
        y += rows(node.gpus.len(), each) * (GPU.1 + 5.0) + 2.0;
    }
    let each = per_row(NIC.0, inner);
    for (index, nic) in node.nics.iter().take(MAX_NICS).enumerate() {
        let x = left + (index % each) as f64 * (NIC.0 + 5.0);
        let at = y + (index / each) as f64 * (NIC.1 + 5.0);
        svg.rect(Area::new(x, at, NIC.0, NIC.1), WASH, SOFT, 0.8);
        let left_out = node.nics.len() - shown_nics(node);
        let text = if index + 1 == MAX_NICS && left_out > 0 {
            messages.fill("figure", "more_nics", &[("n", &(left_out + 1).to_string())])?
        } else {
            nic.name()
        };
        svg.fitted((x + 5.0, at + 13.0), &text, NIC.0 - 8.0, PLAIN.small().soft());
    }
    Ok(())
}

/// Solid: a thread of a server was seen. Crossed out: it was away from its GPU. A dot: a server may run there.
fn draw_core(svg: &mut Svg, area: Area, core: &Core) {
    match core.mark {
        Some(Mark::Near) => svg.rect(area, ACCENT, ACCENT, 1.0),
        Some(Mark::Far) => {
            svg.rect(area, PAPER, FAR, 1.6);
            svg.line((area.x, area.y), (area.right(), area.bottom()), FAR, 1.6, "");
            svg.line((area.x, area.bottom()), (area.right(), area.y), FAR, 1.6, "");
        }
        None => {
            svg.rect(area, PAPER, HAIR, 1.0);
            if core.allowed {
                let (w, h) = (area.w / 3.4, area.h / 3.4);
                let dot = Area::new(area.x + (area.w - w) / 2.0, area.y + (area.h - h) / 2.0, w, h);
                svg.rect(dot, SOFT, SOFT, 0.0);
            }
        }
    }
}

/// How much memory of the servers is on this node; hatched is what belongs to processes whose GPU is elsewhere.
fn pages(
    svg: &mut Svg,
    (x, y): (f64, f64),
    width: f64,
    node: &Node<'_>,
    messages: &Messages,
) -> Result<(), ReportError> {
    let bar = Area::new(x, y, width, 8.0);
    svg.rect(bar, PAPER, SOFT, 0.8);
    let share = |bytes: u64| width * (bytes as f64 / node.all_server_bytes.max(1) as f64).clamp(0.0, 1.0);
    let near = share(node.server_bytes - node.far_bytes);
    svg.rect(Area::new(x, y, near, 8.0), ACCENT, ACCENT, 0.0);
    let far = Area::new(x + near, y, share(node.far_bytes), 8.0);
    if far.w > 0.5 {
        svg.rect(far, PAPER, FAR, 0.8);
        svg.hatch(far, FAR);
    }
    let (bytes, away) = (gib(node.server_bytes, messages), gib(node.far_bytes, messages));
    let percent = format!("{:.0}", 100.0 * node.server_bytes as f64 / node.all_server_bytes.max(1) as f64);
    let key = if node.far_bytes > 0 { "pages_far" } else { "pages" };
    let text = messages.fill("figure", key, &[("size", &bytes), ("share", &percent), ("far", &away)])?;
    svg.fitted((x, y + 19.0), &text, width, PLAIN.small());
    Ok(())
}

/// `4 × NVIDIA H100, NVIDIA L4`
fn counted(names: &[&str]) -> String {
    let mut groups: Vec<(&str, usize)> = Vec::new();
    for name in names {
        match groups.iter_mut().find(|(known, _)| known == name) {
            Some((_, count)) => *count += 1,
            None => groups.push((name, 1)),
        }
    }
    let text = |(name, count): &(&str, usize)| {
        if *count == 1 { (*name).to_owned() } else { format!("{count} × {name}") }
    };
    groups.iter().map(text).collect::<Vec<_>>().join(", ")
}

fn gib(bytes: u64, messages: &Messages) -> String {
    let gib = bytes as f64 / f64::from(1 << 30);
    messages.numeral(&if gib >= 100.0 { format!("{gib:.0} GiB") } else { format!("{gib:.1} GiB") })
}

fn legend(svg: &mut Svg, top: f64, places: &Places<'_>, messages: &Messages) -> Result<f64, ReportError> {
    let mut entries = vec![(Core { cpus: Vec::new(), mark: None, allowed: false }, "core_idle")];
    if places.servers > 0 {
        entries.push((Core { cpus: Vec::new(), mark: None, allowed: true }, "core_allowed"));
        entries.push((Core { cpus: Vec::new(), mark: Some(Mark::Near), allowed: true }, "core_near"));
        entries.push((Core { cpus: Vec::new(), mark: Some(Mark::Far), allowed: true }, "core_far"));
    }
    let (mut x, mut y) = (1.0, top + 2.0);
    for (core, key) in entries {
        let text = messages.get("figure", key)?;
        let width = 24.0 + width_of(text, 9.5);
        if x + width > WIDTH {
            (x, y) = (1.0, y + 17.0);
        }
        draw_core(svg, Area::new(x, y, 11.0, 11.0), &core);
        svg.text((x + 16.0, y + 9.0), text, PLAIN.small());
        x += width + 10.0;
    }
    Ok(y + 20.0)
}

fn caption(places: &Places<'_>, messages: &Messages) -> Result<String, ReportError> {
    let key = match (places.servers, places.in_window) {
        (0, _) => "topology_no_server",
        (_, true) => "topology_window",
        (_, false) => "topology_last",
    };
    let mut text = messages.get("figure", key)?.to_owned();
    if places.servers > 0 && places.unknown_home {
        text.push(' ');
        text.push_str(messages.get("figure", "topology_unknown")?);
    }
    if places.memory_only > 0 {
        text.push(' ');
        let count = places.memory_only.to_string();
        text.push_str(&messages.fill("figure", "memory_only", &[("n", &count)])?);
    }
    Ok(text)
}

fn alt(places: &Places<'_>, messages: &Messages) -> Result<String, ReportError> {
    let nodes = || places.sockets.iter().flat_map(|socket| &socket.nodes);
    let cores = nodes().map(|node| node.cores.len()).sum::<usize>().to_string();
    let sockets = places.sockets.len().to_string();
    let count = nodes().filter(|node| node.id.is_some()).count().to_string();
    let values = [("sockets", &*sockets), ("nodes", &*count), ("cores", &*cores)];
    let mut parts = vec![messages.fill("figure", "topology_alt", &values)?];
    for node in nodes() {
        let Some(id) = node.id else { continue };
        let marked = |mark| node.cores.iter().filter(|core| core.mark == Some(mark)).count().to_string();
        let gpus: Vec<String> = node.gpus.iter().map(|gpu| gpu.index.to_string()).collect();
        let gpus =
            if gpus.is_empty() { messages.get("text", "none_given")?.to_owned() } else { gpus.join(", ") };
        let (id, near, far) = (id.to_string(), marked(Mark::Near), marked(Mark::Far));
        let (bytes, away) = (gib(node.server_bytes, messages), gib(node.far_bytes, messages));
        let values = [
            ("n", &*id),
            ("gpus", &*gpus),
            ("near", &*near),
            ("far", &*far),
            ("size", &*bytes),
            ("away", &*away),
        ];
        let key = if places.servers > 0 { "topology_alt_node" } else { "topology_alt_plain" };
        parts.push(messages.fill("figure", key, &values)?);
    }
    Ok(parts.join(" "))
}
