//! Tracepoints as the kernel describes them: numbers and places of fields differ between kernels.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

/// Where the tracing folder is, where it is mounted.
const FOLDER: &str = "/sys/kernel/tracing";

/// Something that the kernel traced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Point {
    /// It began to do this.
    Enter(String),
    /// It ended what it began last.
    Leave,
    /// Another thread has the CPU.
    Switch { next: i32, comm: String },
    /// A non-maskable interrupt ended, and had taken so long.
    Nmi { ns: u64 },
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Irq { number: usize, name: usize },
    Softirq { vector: usize },
    Vector(String),
    Leave,
    Switch { pid: usize, comm: usize },
    Nmi { ns: usize },
}

/// The tracepoints that are looked at, by number.
#[derive(Clone, Debug)]
pub(in super::super) struct Formats(BTreeMap<u64, Kind>);

/// Vectors that the kernel does not let be sampled: it wakes whoever reads samples by them.
const UNSAMPLED: &[&str] = &["irq_work"];

/// Software interrupts by number, as `/proc/softirqs` names them.
const SOFTIRQS: [&str; 10] =
    ["HI", "TIMER", "NET_TX", "NET_RX", "BLOCK", "IRQ_POLL", "TASKLET", "SCHED", "HRTIMER", "RCU"];

impl Formats {
    /// # Errors
    /// In words, where there is no tracing folder to be seen.
    pub(in super::super) fn read() -> Result<Self, String> {
        let mounted = Path::new(FOLDER);
        if mounted.join("events").is_dir() {
            return Self::read_in(mounted);
        }
        // Not mounted: a mount that only one thread sees, and that goes with it, leaves the node as it is.
        let reader = std::thread::spawn(|| {
            let refused =
                |error| format!("the tracing folder is not mounted, and cannot be for Plumb alone: {error}");
            unshare(CloneFlags::CLONE_NEWNS).map_err(refused)?;
            let none: Option<&str> = None;
            mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).map_err(refused)?;
            mount(Some("tracefs"), FOLDER, Some("tracefs"), MsFlags::MS_RDONLY, none).map_err(refused)?;
            Self::read_in(Path::new(FOLDER))
        });
        reader.join().unwrap_or_else(|_| Err("reading the tracing folder failed".to_owned()))
    }

    fn read_in(folder: &Path) -> Result<Self, String> {
        let events = folder.join("events");
        let mut kinds = BTreeMap::new();
        let mut add = |group: &str, name: &str, kind: &dyn Fn(&Fields) -> Option<Kind>| {
            let path: PathBuf = events.join(group).join(name).join("format");
            let text =
                std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            let fields =
                Fields::parse(&text).ok_or_else(|| format!("{}: no number in it", path.display()))?;
            let kind = kind(&fields).ok_or_else(|| format!("{}: fields are missing", path.display()))?;
            kinds.insert(fields.id, kind);
            Ok::<(), String>(())
        };
        add("irq", "irq_handler_entry", &|fields| {
            Some(Kind::Irq { number: fields.at("irq")?, name: fields.at("name")? })
        })?;
        add("irq", "softirq_entry", &|fields| Some(Kind::Softirq { vector: fields.at("vec")? }))?;
        add("sched", "sched_switch", &|fields| {
            Some(Kind::Switch { pid: fields.at("next_pid")?, comm: fields.at("next_comm")? })
        })?;
        for exit in ["irq_handler_exit", "softirq_exit"] {
            add("irq", exit, &|_| Some(Kind::Leave))?;
        }
        // These are not in every kernel.
        let _ = add("nmi", "nmi_handler", &|fields| Some(Kind::Nmi { ns: fields.at("delta_ns")? }));
        let vectors = std::fs::read_dir(events.join("irq_vectors")).into_iter().flatten().flatten();
        for name in vectors.filter_map(|entry| entry.file_name().into_string().ok()) {
            if let Some(vector) = name.strip_suffix("_entry").filter(|vector| !UNSAMPLED.contains(vector)) {
                add("irq_vectors", &name, &|_| Some(Kind::Vector(vector.to_owned())))?;
                add("irq_vectors", &format!("{vector}_exit"), &|_| Some(Kind::Leave))?;
            }
        }
        Ok(Self(kinds))
    }

    pub(super) fn ids(&self) -> Vec<u64> {
        self.0.keys().copied().collect()
    }

    /// What a raw record says; `None` where it is of no known kind, or cut off.
    pub(super) fn decode(&self, raw: &[u8]) -> Option<Point> {
        let id = u16::from_le_bytes(raw.get(..2)?.try_into().ok()?);
        let int = |at: usize| Some(i32::from_le_bytes(raw.get(at..at + 4)?.try_into().ok()?));
        Some(match self.0.get(&u64::from(id))? {
            Kind::Irq { number, name } => {
                // Length in the upper half, place in the lower.
                let place = int(*name)?.cast_unsigned();
                let name = text(raw.get(usize::try_from(place & 0xffff).ok()?..)?);
                let number = int(*number)?;
                Point::Enter(if name.is_empty() { format!("irq {number}") } else { format!("irq {name}") })
            }
            Kind::Softirq { vector } => {
                let vector = usize::try_from(int(*vector)?).ok()?;
                let name = SOFTIRQS.get(vector).map_or_else(|| vector.to_string(), |name| (*name).to_owned());
                Point::Enter(format!("softirq {name}"))
            }
            Kind::Vector(name) => Point::Enter(format!("irq {name}")),
            Kind::Leave => Point::Leave,
            Kind::Switch { pid, comm } => {
                Point::Switch { next: int(*pid)?, comm: text(raw.get(*comm..comm + 16)?) }
            }
            Kind::Nmi { ns } => Point::Nmi { ns: u64::from_le_bytes(raw.get(*ns..ns + 8)?.try_into().ok()?) },
        })
    }
}

/// Bytes up to the first zero.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

/// A `format` file.
struct Fields {
    id: u64,
    at: BTreeMap<String, usize>,
}

impl Fields {
    fn parse(text: &str) -> Option<Self> {
        let id = text.lines().find_map(|line| line.strip_prefix("ID:"))?.trim().parse().ok()?;
        let at = text
            .lines()
            .filter_map(|line| {
                let mut parts = line.trim().strip_prefix("field:")?.split(';');
                // `char next_comm[16]`, `int irq`
                let name = parts.next()?.rsplit([' ', '*']).next()?.split('[').next()?;
                let offset = parts.find_map(|part| part.trim().strip_prefix("offset:"))?.parse().ok()?;
                Some((name.to_owned(), offset))
            })
            .collect();
        Some(Self { id, at })
    }

    fn at(&self, name: &str) -> Option<usize> {
        self.at.get(name).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMON: &str = "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n";

    /// A tracing folder as Linux 6.18 has it, without what is not looked at.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let formats = [
            (
                "irq/irq_handler_entry",
                225,
                "\tfield:int irq;\toffset:8;\tsize:4;\n\tfield:__data_loc char[] name;\toffset:12;\tsize:4;\n",
            ),
            ("irq/irq_handler_exit", 224, ""),
            ("irq/softirq_entry", 223, "\tfield:unsigned int vec;\toffset:8;\tsize:4;\n"),
            ("irq/softirq_exit", 222, ""),
            (
                "sched/sched_switch",
                372,
                "\tfield:char next_comm[16];\toffset:40;\tsize:16;\n\tfield:pid_t next_pid;\toffset:56;\tsize:4;\n",
            ),
            ("irq_vectors/local_timer_entry", 165, ""),
            ("irq_vectors/local_timer_exit", 164, ""),
        ];
        for (name, id, fields) in formats {
            let path = folder.path().join("events").join(name);
            std::fs::create_dir_all(&path).unwrap();
            std::fs::write(
                path.join("format"),
                format!("name: x\nID: {id}\nformat:\n{COMMON}\n{fields}\nprint fmt: \"\"\n"),
            )
            .unwrap();
        }
        folder
    }

    #[test]
    fn records_are_read_by_the_kernels_own_description() {
        let formats = Formats::read_in(folder().path()).unwrap();
        assert_eq!(formats.ids(), [164, 165, 222, 223, 224, 225, 372]);
        let raw = |id: u16, rest: &[(usize, &[u8])]| {
            let mut bytes = vec![0; 64];
            bytes[..2].copy_from_slice(&id.to_le_bytes());
            for (at, part) in rest {
                bytes[*at..at + part.len()].copy_from_slice(part);
            }
            bytes
        };
        let place = (8_u32 << 16 | 16).to_le_bytes();
        let cases = [
            (
                raw(225, &[(8, &[36, 0, 0, 0]), (12, &place), (16, b"virtio1\0")]),
                Some(Point::Enter("irq virtio1".into())),
            ),
            (raw(223, &[(8, &[3, 0, 0, 0])]), Some(Point::Enter("softirq NET_RX".into()))),
            (raw(165, &[]), Some(Point::Enter("irq local_timer".into()))),
            (raw(164, &[]), Some(Point::Leave)),
            (
                raw(372, &[(40, b"kworker/1:0"), (56, &[9, 0, 0, 0])]),
                Some(Point::Switch { next: 9, comm: "kworker/1:0".into() }),
            ),
            (raw(9, &[]), None),
            (vec![225, 0, 1], None),
        ];
        for (bytes, expected) in cases {
            assert_eq!(formats.decode(&bytes), expected);
        }
    }

    #[test]
    fn a_kernel_without_tracepoints_is_told() {
        let empty = tempfile::tempdir().unwrap();
        assert!(Formats::read_in(empty.path()).unwrap_err().contains("irq_handler_entry"));
    }
}
