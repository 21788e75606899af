//! Errors of NVIDIA GPUs and switches in the kernel log, and what NVIDIA asks for at once.
//!
//! The actions are the column "Resolution Bucket (Immediate Action)" of NVIDIA's catalogue
//! (<https://docs.nvidia.com/deploy/xid-errors/analyzing-xid-catalog.html>, as of 2025-10-29, for Ampere and newer), those of
//! switches are from the appendix on SXid errors of the user guide of the fabric manager.

use std::fmt;

use super::LogLine;

/// An error of a GPU or a switch, by what the driver calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GpuFault {
    /// An error with a number.
    Xid(u32),
    /// The GPU has fallen off the bus, told without a number.
    FallenOff,
    /// The driver could not start the GPU.
    NotStarted,
    /// The memory in which the GPU keeps its own settings and its history of errors is damaged.
    CorruptInfoRom,
    /// The driver in the kernel and the libraries of a program are of different versions.
    VersionMismatch,
    /// An error of an NVSwitch.
    Switch(u32),
    /// An Xid in words that are not known.
    Unreadable,
}

/// What is to be done at once about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum XidAction {
    /// Nothing.
    Ignore,
    /// What another error of the GPU asks for; nothing where there is none.
    Follow,
    /// What ran on the GPU is to be started again.
    RestartPrograms,
    /// The work that uses links to other GPUs is to be moved away.
    DrainPeers,
    /// The GPU is to be reset, after its work was moved away.
    Reset,
    /// The virtual machine that owns the GPU is to be started again.
    RestartGuest,
    /// The machine is to be started again.
    RestartNode,
    /// The links between GPUs are to be looked at, and the GPU is to be reset.
    CheckLinks,
    /// Power cables are to be looked at.
    CheckPower,
    /// Driver or firmware is to be updated.
    Update,
    /// NVIDIA's support, or the maker of the machine, is to be asked.
    Support,
    /// The error is in the catalogue, which asks for nothing at once.
    Unstated,
    /// The error is not in the catalogue.
    Unknown,
}

/// What the driver writes without the number of an Xid.
const UNTOLD: &[(GpuFault, &[&str])] = &[
    (
        GpuFault::FallenOff,
        &["fallen off the bus", "GPU_IS_LOST", "GPU is lost", "GPU lost from the bus", "Lost GPU"],
    ),
    (
        GpuFault::NotStarted,
        &[
            "RmInitAdapter failed",
            "rm_init_adapter failed",
            "probe routine failed",
            "assigned to your NVIDIA device is invalid",
            "None of the NVIDIA devices were",
            "is not supported by",
        ],
    ),
    (GpuFault::CorruptInfoRom, &["infoROM is corrupted", "InfoROM is corrupted"]),
    (GpuFault::VersionMismatch, &["API mismatch"]),
];
/// The last number of the catalogue.
const LAST: u32 = 172;
/// Errors after which nothing is to be done at once.
const IGNORE: &[u32] =
    &[14, 37, 38, 43, 44, 63, 66, 67, 92, 93, 106, 107, 108, 121, 137, 141, 152, 153, 157, 160, 161];
/// Errors after which what ran on the GPU is to be started again.
const RESTART_PROGRAMS: &[u32] = &[
    8, 11, 13, 25, 31, 32, 39, 40, 41, 60, 68, 69, 70, 71, 72, 75, 76, 77, 80, 82, 83, 84, 85, 86, 88, 89,
    94, 96, 97, 98, 99, 100, 101, 102, 103, 104, 105, 126, 127, 128, 129, 130, 131, 132, 133, 134, 135, 139,
];
/// Errors after which the GPU is to be reset. 159 asks for it where unified memory is in use, which is so wherever CUDA is;
/// 171 and 172 tell which memory a 48 was of.
const RESET: &[u32] = &[46, 48, 62, 64, 95, 109, 110, 119, 120, 136, 140, 143, 155, 156, 158, 159, 171, 172];
/// The GPU has fallen off the bus.
const OFF_THE_BUS: u32 = 79;
/// The driver asks for something else to be done than before.
const ACTION_CHANGED: u32 = 154;
/// Errors of switches that the whole fabric does not survive, whatever the line says.
const ALWAYS_FATAL: &[u32] = &[10003, 12020, 22003, 22011];
/// Link states (bits 20 to 25 of the first register) in which the host brought the link down on purpose.
const BROUGHT_DOWN: &[u32] = &[0b10_0110, 0b10_1000];

impl XidAction {
    /// Whether the GPU is not to be used until that was done.
    #[must_use]
    pub fn takes_gpu_out(self) -> bool {
        matches!(
            self,
            Self::DrainPeers
                | Self::Reset
                | Self::RestartGuest
                | Self::RestartNode
                | Self::CheckLinks
                | Self::CheckPower
        )
    }

    /// A word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ignore => "ignore",
            Self::Follow => "follow",
            Self::RestartPrograms => "restart-programs",
            Self::DrainPeers => "drain-peers",
            Self::Reset => "reset",
            Self::RestartGuest => "restart-guest",
            Self::RestartNode => "restart-node",
            Self::CheckLinks => "check-links",
            Self::CheckPower => "check-power",
            Self::Update => "update",
            Self::Support => "support",
            Self::Unstated => "unstated",
            Self::Unknown => "unknown",
        }
    }

    /// By number and, where that leaves it open, by what the line says.
    fn of_xid(number: u32, text: &str) -> Self {
        match number {
            _ if IGNORE.contains(&number) => Self::Ignore,
            _ if RESTART_PROGRAMS.contains(&number) => Self::RestartPrograms,
            _ if RESET.contains(&number) => Self::Reset,
            45 => Self::Follow,
            54 => Self::CheckPower,
            74 => Self::CheckLinks,
            78 => Self::Update,
            OFF_THE_BUS => Self::RestartNode,
            144..=150 => Self::of_link(text),
            151 => Self::RestartGuest,
            ACTION_CHANGED => Self::of_change(text),
            162..=170 => Self::Unstated,
            // Older GPUs had these numbers, or nobody uses them.
            1..=LAST => Self::Support,
            _ => Self::Unknown,
        }
    }

    /// Errors of the fifth generation of NVLink say in the line how bad they are.
    fn of_link(text: &str) -> Self {
        let lower = text.to_lowercase();
        if lower.contains("nonfatal") || lower.contains("non-fatal") {
            let ends_programs = ["RLW_REMAP", "RLW_SRC_TRACK"].iter().any(|unit| text.contains(unit));
            return if ends_programs { Self::RestartPrograms } else { Self::Ignore };
        }
        let register = text.split_once("(0x").map(|(_, rest)| rest);
        let digits = register.and_then(|rest| rest.split(|c: char| !c.is_ascii_hexdigit()).next());
        let state =
            digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).map(|bits| bits >> 20 & 0x3f);
        let is_link_down = text.contains("NETIR_LINK_EVT") || text.contains("NETIR_LINK_DOWN");
        match state {
            Some(state) if is_link_down && BROUGHT_DOWN.contains(&state) => Self::Ignore,
            _ => Self::Reset,
        }
    }

    /// `GPU recovery action changed from 0x0 (None) to 0x2 (Node Reboot Required)`
    fn of_change(text: &str) -> Self {
        let asked = text.rsplit_once(" to ").map_or(text, |(_, asked)| asked).to_lowercase();
        let says = |number: &str, words: &str| asked.starts_with(number) || asked.contains(words);
        if says("0x0", "none") {
            Self::Ignore
        } else if says("0x2", "reboot") {
            Self::RestartNode
        } else if says("0x3", "p2p") {
            Self::DrainPeers
        } else {
            Self::Reset
        }
    }
}

/// Errors that tell of memory that was repaired or whose errors were corrected.
const REPAIRS: &[u32] = &[63, 92, 157];
/// Errors of memory.
const OF_MEMORY: &[u32] = &[48, 63, 64, 92, 94, 95, 140, 171, 172];
/// Errors that a program causes as a rule: illegal access, reset channel, stopped processing.
const OF_PROGRAMS: &[u32] = &[11, 13, 25, 31, 32, 37, 43, 45, 69, 80, 137, 141];
/// Errors of older GPUs, which the catalogue no longer has and Azure's node health checks take for critical.
const OF_OLDER_GPUS: &[u32] = &[56, 57, 58, 65, 73, 81];

impl fmt::Display for GpuFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Xid(number) => write!(f, "Xid {number}"),
            Self::Switch(number) => write!(f, "SXid {number}"),
            Self::FallenOff => f.write_str("fallen off the bus"),
            Self::NotStarted => f.write_str("not started"),
            Self::CorruptInfoRom => f.write_str("memory of its settings"),
            Self::VersionMismatch => f.write_str("versions of the driver"),
            Self::Unreadable => f.write_str("Xid in words that are not known"),
        }
    }
}

impl GpuFault {
    fn is_xid_of(self, numbers: &[u32]) -> bool {
        matches!(self, Self::Xid(number) if numbers.contains(&number))
    }

    /// Whether it tells of memory of the GPU.
    #[must_use]
    pub fn is_of_memory(self) -> bool {
        self.is_xid_of(OF_MEMORY)
    }

    /// Whether it tells of memory that was repaired or whose errors were corrected.
    #[must_use]
    pub fn is_repair(self) -> bool {
        self.is_xid_of(REPAIRS)
    }

    /// Whether a program causes it as a rule.
    #[must_use]
    pub fn is_of_program(self) -> bool {
        self.is_xid_of(OF_PROGRAMS)
    }

    /// Whether only older GPUs have it, for which nothing but a look at the GPU helps.
    #[must_use]
    pub fn is_of_older_gpu(self) -> bool {
        self.is_xid_of(OF_OLDER_GPUS)
    }

    /// Whether the GPU is off the bus.
    #[must_use]
    pub fn is_off_bus(self) -> bool {
        matches!(self, Self::Xid(OFF_THE_BUS) | Self::FallenOff)
    }

    /// Whether this is so until the node is booted again.
    #[must_use]
    pub fn lasts(self) -> bool {
        self.is_off_bus() || self == Self::NotStarted
    }

    /// What these lines ask for together, and those of them that say so: what is asked for most; of what the driver asks for
    /// (Xid 154), the last.
    #[must_use]
    pub fn asked<'a>(self, lines: &[&'a LogLine]) -> (XidAction, Vec<&'a LogLine>) {
        let last = lines.last().map_or(XidAction::Unknown, |line| self.action(line));
        if self == Self::Xid(ACTION_CHANGED) {
            return (last, lines.to_vec());
        }
        let weight = |action: &XidAction| (action.takes_gpu_out(), *action);
        let most = lines.iter().map(|line| self.action(line)).max_by_key(weight).unwrap_or(last);
        (most, lines.iter().filter(|line| self.action(line) == most).copied().collect())
    }

    /// What a line asks for that tells of this.
    #[must_use]
    pub fn action(self, line: &LogLine) -> XidAction {
        let text = line.text.as_str();
        match self {
            Self::Xid(number) => XidAction::of_xid(number, text),
            Self::FallenOff => XidAction::RestartNode,
            Self::NotStarted | Self::CorruptInfoRom | Self::VersionMismatch => XidAction::Unstated,
            Self::Switch(number) if ALWAYS_FATAL.contains(&number) || (23001..=23017).contains(&number) => {
                XidAction::RestartNode
            }
            Self::Switch(_) if text.contains("Fatal") && !text.contains("Non-fatal") => XidAction::CheckLinks,
            Self::Switch(_) => XidAction::Ignore,
            Self::Unreadable => XidAction::Unknown,
        }
    }
}

impl LogLine {
    /// The error of a GPU or a switch of NVIDIA's that the line tells of, and the address of its device as the line has it
    /// (`0000:18:00`, `0000:18:00.0`; empty where it has none).
    #[must_use]
    pub fn gpu_fault(&self) -> Option<(String, GpuFault)> {
        match self.subject.as_str() {
            "xid" => Some(xid(&self.text).unwrap_or((String::new(), GpuFault::Unreadable))),
            "nvrm" => untold(&self.text),
            _ => None,
        }
    }

    /// The PCI address (`0000:b3:00.0`) that the line names.
    #[must_use]
    pub fn pci_address(&self) -> Option<String> {
        pci_address(&self.text)
    }
}

fn pci_address(text: &str) -> Option<String> {
    let is_address = |word: &&str| {
        let bytes = word.as_bytes();
        bytes.len() == 12 && (bytes[4], bytes[7], bytes[10]) == (b':', b':', b'.')
    };
    let not_part = |c: char| !c.is_ascii_hexdigit() && c != ':' && c != '.';
    let mut words = text.split(not_part).map(|word| word.trim_matches([':', '.']));
    words.find(is_address).map(str::to_lowercase)
}

/// `NVRM: Xid (PCI:0000:18:00): 79, pid=1, …` → (`0000:18:00`, 79); `NVRM: Xid: 154, …` names no GPU. Instances of a divided GPU
/// stand behind its address: `Xid (PCI:0000:18:00 GPU-I:05): 43`.
fn xid(text: &str) -> Option<(String, GpuFault)> {
    let rest = text.split_once("Xid")?.1.trim_start();
    let (gpu, rest) = match rest.strip_prefix('(') {
        Some(rest) => rest.split_once("):")?,
        None => ("", rest.strip_prefix(':')?),
    };
    Some((device(gpu), GpuFault::Xid(leading(rest)?)))
}

fn device(name: &str) -> String {
    let name = name.trim_start_matches("PCI:");
    name.split_whitespace().next().unwrap_or_default().to_lowercase()
}

fn leading(text: &str) -> Option<u32> {
    let digits: String = text.trim_start().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// What the driver writes without the number of an Xid.
fn untold(text: &str) -> Option<(String, GpuFault)> {
    if let Some((_, rest)) = text.split_once("SXid (") {
        let (switch, rest) = rest.split_once("):")?;
        return Some((device(switch), GpuFault::Switch(leading(rest)?)));
    }
    let (fault, _) = UNTOLD.iter().find(|(_, words)| words.iter().any(|word| text.contains(word)))?;
    Some((pci_address(text).unwrap_or_default(), *fault))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(subject: &str, text: &str) -> LogLine {
        LogLine { seconds: 0.0, subject: subject.to_owned(), text: text.to_owned() }
    }

    fn action(number: u32, rest: &str) -> XidAction {
        GpuFault::Xid(number).action(&line("xid", &format!("NVRM: Xid (PCI:0000:18:00): {number}, {rest}")))
    }

    /// How many of the numbers from 1 to 172 NVIDIA's catalogue gives to each action.
    #[test]
    fn every_number_of_the_catalogue_has_its_action() {
        let numbers =
            |wanted| (1..=LAST).filter(|&number| action(number, "") == wanted).collect::<Vec<u32>>();
        assert_eq!(
            numbers(XidAction::Reset),
            [
                46, 48, 62, 64, 95, 109, 110, 119, 120, 136, 140, 143, 144, 145, 146, 147, 148, 149, 150,
                154, 155, 156, 158, 159, 171, 172
            ]
        );
        assert_eq!(numbers(XidAction::Ignore).len(), 21);
        assert_eq!(numbers(XidAction::RestartPrograms).len(), 48);
        assert_eq!(numbers(XidAction::Support).len(), 62);
        assert_eq!(numbers(XidAction::Unstated), (162..=170).collect::<Vec<u32>>());
        assert_eq!(numbers(XidAction::RestartNode), [79]);
        assert_eq!(numbers(XidAction::RestartGuest), [151]);
        assert_eq!(numbers(XidAction::CheckLinks), [74]);
        assert_eq!(numbers(XidAction::CheckPower), [54]);
        assert_eq!(numbers(XidAction::Update), [78]);
        assert_eq!(numbers(XidAction::Follow), [45]);
        assert_eq!((action(0, ""), action(173, "")), (XidAction::Unknown, XidAction::Unknown));
        for number in [63, 92, 43, 137] {
            assert!(!action(number, "").takes_gpu_out(), "{number}");
        }
    }

    #[test]
    fn a_line_decides_where_the_number_leaves_it_open() {
        let changed = |to: &str| action(154, &format!("GPU recovery action changed from 0x0 (None) to {to}"));
        assert_eq!(changed("0x0 (None)"), XidAction::Ignore);
        assert_eq!(changed("0x1 (GPU Reset Required)"), XidAction::Reset);
        assert_eq!(changed("0x2 (Node Reboot Required)"), XidAction::RestartNode);
        assert_eq!(changed("0x3 (Drain P2P)"), XidAction::DrainPeers);
        assert_eq!(changed("0x4 (Drain and Reset)"), XidAction::Reset);
        for (text, wanted) in [
            ("NETIR_LINK_EVT  Fatal   XC0 i0 Link 08 (0x004505c6 0x00000000)", XidAction::Reset),
            ("NETIR_LINK_DOWN Fatal   XC0 i0 Link 08 (0x02600091 0x00000000)", XidAction::Ignore),
            ("NETIR_BER_EVENT Nonfatal XC0 i0 Link 08 (0x00000093 0x00000001)", XidAction::Ignore),
            ("RLW_REMAP Nonfatal XC1 i0 Link 08 (0x00000004 0x00000004)", XidAction::RestartPrograms),
        ] {
            assert_eq!(action(149, text), wanted, "{text}");
        }
        let switch = |number, text| GpuFault::Switch(number).action(&line("nvrm", text));
        assert_eq!(switch(20034, "SXid (PCI:0000:c1:00.0): 20034, Fatal"), XidAction::CheckLinks);
        assert_eq!(switch(12028, "SXid (PCI:0000:c1:00.0): 12028, Non-fatal"), XidAction::Ignore);
        assert_eq!(switch(23004, "SXid (PCI:0000:c1:00.0): 23004, Non-fatal"), XidAction::RestartNode);
    }

    #[test]
    fn lines_of_the_driver_are_read_with_their_device() {
        let gpu = |name: &str, fault| Some((name.to_owned(), fault));
        for (subject, text, wanted) in [
            ("xid", "NVRM: Xid (PCI:0000:18:00): 79, pid=1", gpu("0000:18:00", GpuFault::Xid(79))),
            ("xid", "NVRM: Xid (0000:03:00): 14, Channel 00000001", gpu("0000:03:00", GpuFault::Xid(14))),
            ("xid", "NVRM: Xid (PCI:0000:1B:00 GPU-I:05): 43, pid=9", gpu("0000:1b:00", GpuFault::Xid(43))),
            ("xid", "NVRM: Xid: 154, GPU recovery action changed", gpu("", GpuFault::Xid(154))),
            ("xid", "NVRM: Xid reported in a new form", gpu("", GpuFault::Unreadable)),
            (
                "nvrm",
                "NVRM: GPU 0000:18:00.0: GPU has fallen off the bus.",
                gpu("0000:18:00.0", GpuFault::FallenOff),
            ),
            (
                "nvrm",
                "NVRM: Check failed: GPU lost from the bus [NV_ERR_GPU_IS_LOST]",
                gpu("", GpuFault::FallenOff),
            ),
            (
                "nvrm",
                "NVRM: GPU 0000:18:00.0: RmInitAdapter failed!",
                gpu("0000:18:00.0", GpuFault::NotStarted),
            ),
            ("nvrm", "NVRM: The NVIDIA probe routine failed for 1 device(s).", gpu("", GpuFault::NotStarted)),
            (
                "nvrm",
                "nvidia-nvswitch3: SXid (PCI:0000:c1:00.0): 20034, Fatal",
                gpu("0000:c1:00.0", GpuFault::Switch(20034)),
            ),
            ("nvrm", "NVRM: loading NVIDIA UNIX x86_64 Kernel Module", None),
            ("aer", "pcieport 0000:17:00.0: AER: Corrected", None),
        ] {
            assert_eq!(line(subject, text).gpu_fault(), wanted, "{text}");
        }
    }

    #[test]
    fn a_lost_gpu_is_told_once() {
        let log = |lines: &[(&str, &str)]| crate::model::KernelLog {
            lines: lines.iter().map(|(subject, text)| line(subject, text)).collect(),
            ..crate::model::KernelLog::default()
        };
        let told = |lines: &[(&str, &str)]| -> Vec<(String, GpuFault)> {
            log(lines).gpu_faults().into_keys().collect()
        };
        let xid = ("xid", "NVRM: Xid (PCI:0000:18:00): 79, GPU has fallen off the bus.");
        let of_gpu = ("nvrm", "NVRM: GPU 0000:18:00.0: GPU has fallen off the bus.");
        let unnamed =
            ("nvrm", "NVRM: nvCheckOkFailedNoLog: Check failed: GPU lost from the bus [NV_ERR_GPU_IS_LOST]");
        let number = ("0000:18:00".to_owned(), GpuFault::Xid(79));
        let fallen = ("0000:18:00.0".to_owned(), GpuFault::FallenOff);
        assert_eq!(told(&[xid, of_gpu, unnamed]), std::slice::from_ref(&number));
        assert_eq!(told(&[unnamed, xid]), std::slice::from_ref(&number));
        assert_eq!(told(&[of_gpu, unnamed]), std::slice::from_ref(&fallen));
        assert_eq!(told(&[unnamed]), [(String::new(), GpuFault::FallenOff)]);
        let other = ("nvrm", "NVRM: GPU 0000:2a:00.0: GPU has fallen off the bus.");
        assert_eq!(told(&[xid, other]).len(), 2);
        let three = [
            ("nvrm", "NVRM: The NVIDIA GPU 0000:18:00.0"),
            ("nvrm", "NVRM: fallen off the bus and is not responding."),
        ];
        assert_eq!(told(&three), [fallen]);
    }
}
