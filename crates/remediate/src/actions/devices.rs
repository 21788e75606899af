//! GPUs, network cards, interrupts, bridges and what else of the machine can be set at run time.

use std::collections::BTreeMap;

use plumb_check_sdk::{Arg, CpuSet, GpuState, NicSetting, Object, ObjectKind};
use plumb_evidence::model::Interrupt;

use super::{Draft, Resolver, elsewhere, write};
use crate::quote::shell;

impl Resolver<'_> {
    /// True if a GPU of this vendor, whose tool the commands below are, was seen.
    pub(super) fn is_nvidia(&self) -> bool {
        let gpus = self.evidence.gpus.known().map(Vec::as_slice).unwrap_or_default();
        self.evidence.nvml.known().is_some()
            || gpus.iter().any(|gpu| gpu.vendor.eq_ignore_ascii_case("nvidia"))
    }

    pub(super) fn gpu(&self, address: &str, want: &GpuState) -> Draft {
        let object = Some(Object::gpu(address));
        let gpu = ("gpu", Arg::text(address));
        let watts = |watts: u32| Arg::quantity(f64::from(watts), "W", 0);
        let (key, args) = match want {
            GpuState::Persistent {} => ("do-gpu-persistent", vec![gpu]),
            GpuState::PowerLimit { want_watts, was_watts } => {
                ("do-gpu-power-limit", vec![gpu, ("want", watts(*want_watts)), ("was", watts(*was_watts))])
            }
            GpuState::FreeClocks {} => ("do-gpu-free-clocks", vec![gpu]),
            GpuState::Mig { on: true } => ("do-gpu-mig-on", vec![gpu]),
            GpuState::Mig { on: false } => ("do-gpu-mig-off", vec![gpu]),
            GpuState::Exclusive {} => ("do-gpu-exclusive", vec![gpu]),
            GpuState::Reset {} => ("do-gpu-reset", vec![gpu]),
        };
        let mut draft = Draft { object, key: key.to_owned(), args, ..Draft::default() };
        if !self.is_nvidia() {
            draft.by_hand = true;
            return draft;
        }
        let tool = format!("nvidia-smi -i {}", shell(address));
        let query = |what: &str| vec![format!("{tool} --query-gpu={what} --format=csv")];
        match want {
            GpuState::Persistent {} => {
                draft.now = vec![format!("{tool} -pm 1")];
                draft.undo = vec![format!("{tool} -pm 0")];
                draft.verify = query("persistence_mode");
                if self.has_unit("nvidia-persistenced.service") {
                    draft.permanent = vec!["systemctl enable nvidia-persistenced.service".to_owned()];
                    draft.undo.push("systemctl disable nvidia-persistenced.service".to_owned());
                }
            }
            GpuState::PowerLimit { want_watts, was_watts } => {
                draft.now = vec![format!("{tool} -pl {want_watts}")];
                draft.undo = vec![format!("{tool} -pl {was_watts}")];
                draft.verify = query("power.limit");
            }
            GpuState::FreeClocks {} => {
                draft.now = vec![format!("{tool} -rgc"), format!("{tool} -rac")];
                draft.verify = query("clocks.sm,clocks.max.sm");
            }
            GpuState::Mig { on } => {
                draft.now = vec![format!("{tool} -mig {}", u8::from(*on))];
                draft.undo = vec![format!("{tool} -mig {}", u8::from(!*on))];
                draft.verify = query("mig.mode.current");
            }
            GpuState::Exclusive {} => {
                draft.now = vec![format!("{tool} -c EXCLUSIVE_PROCESS")];
                draft.undo = vec![format!("{tool} -c DEFAULT")];
                draft.verify = query("compute_mode");
            }
            GpuState::Reset {} => {
                draft.now = vec![format!("{tool} --gpu-reset")];
                draft.verify = query("name,pci.bus_id");
            }
        }
        draft
    }

    /// True if the evidence describes a unit.
    pub(super) fn has_unit(&self, name: &str) -> bool {
        let services = self.evidence.services.known();
        let described = services.and_then(|services| services.units.known());
        described.is_some_and(|units| units.iter().any(|unit| unit.name == name))
    }

    /// Interrupts on CPUs that are left to the system near to their device, the way back with what each had.
    pub(super) fn interrupts(&self, irqs: &[u32], device: Option<&str>, avoid: &CpuSet) -> Draft {
        let mut draft = Draft {
            object: Some(match device {
                Some(address) => Object::new(ObjectKind::Nic, address),
                None => Object::setting("interrupts"),
            }),
            key: if device.is_some() { "do-interrupts-near" } else { "do-interrupts-off" }.to_owned(),
            args: vec![
                ("irqs", Arg::text(numbers(irqs))),
                ("device", Arg::text(device.unwrap_or_default())),
                ("cpus", avoid.into()),
            ],
            ..Draft::default()
        };
        let lines = self.evidence.interrupts.known().map(Vec::as_slice).unwrap_or_default();
        let mut wanted: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        let mut former: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        for line in lines.iter().filter(|line| irqs.contains(&line.irq)) {
            let cpus = self.near(line, avoid);
            if let Some(was) = line.smp_affinity_list.known().filter(|_| !cpus.is_empty()) {
                wanted.entry(cpus.to_string()).or_default().push(line.irq);
                former.entry(was.to_string()).or_default().push(line.irq);
            }
        }
        let planned = self.plan.interrupts.as_ref();
        if let Some(change) = planned {
            draft.permanent = vec!["./apply.sh --only interrupts --apply".to_owned()];
            draft.files = vec![if change.banned.is_empty() {
                "systemd/inference-irq-affinity.service".to_owned()
            } else {
                "systemd/irqbalance.service.d/50-plumb.conf".to_owned()
            }];
            if !change.banned.is_empty() {
                draft.permanent.push("systemctl restart irqbalance.service".to_owned());
            }
        }
        // What irqbalance runs beside, it moves again.
        if planned.is_none_or(|change| change.banned.is_empty()) {
            let set = |(cpus, irqs): (&String, &Vec<u32>)| write(cpus, &files(irqs));
            draft.now = wanted.iter().map(set).collect();
            draft.undo = former.iter().map(set).collect();
        }
        if wanted.is_empty() && planned.is_none() {
            draft.unknown = self.why_not("CPUs that serve interrupts");
        }
        let moved: Vec<u32> = wanted.values().flatten().copied().collect();
        if !moved.is_empty() {
            draft.verify = vec![format!("grep -H . {}", of_irqs(&moved, "effective_affinity_list"))];
        }
        draft
    }

    /// CPUs for an interrupt: those left to the system, on the NUMA node of its device where that is known, and none to avoid.
    fn near(&self, line: &Interrupt, avoid: &CpuSet) -> CpuSet {
        let Some(split) = &self.plan.partition else { return CpuSet::new() };
        let free = split.housekeeping.difference(avoid);
        let pci = self.evidence.pci.known().map(Vec::as_slice).unwrap_or_default();
        let device = line.device.known().and_then(|address| pci.iter().find(|own| own.address == *address));
        let node = device.and_then(|device| u32::try_from(*device.numa_node.known()?).ok());
        let numa = self.evidence.numa.known();
        match node.and_then(|id| numa?.node(id)) {
            Some(node) if !node.cpus.intersection(&free).is_empty() => node.cpus.intersection(&free),
            // Far from its device is worse than where it is.
            Some(_) => CpuSet::new(),
            None => free,
        }
    }

    /// Why a subject was not planned.
    fn why_not(&self, what: &str) -> String {
        let missing = self.plan.not_planned.iter().find(|missing| missing.what == what);
        missing.map_or_else(
            || "no CPU that is left to the system is known to be near".to_owned(),
            |missing| missing.why.clone(),
        )
    }

    pub(super) fn interrupt_ban(&self, cpus: &CpuSet) -> Draft {
        let mut draft = Draft {
            object: Some(Object::cpus(cpus)),
            key: "do-interrupt-ban".to_owned(),
            args: vec![("cpus", cpus.into())],
            verify: vec!["systemctl show irqbalance.service -p Environment".to_owned()],
            ..Draft::default()
        };
        match &self.plan.interrupts {
            Some(change) if !change.banned.is_empty() => {
                draft.permanent = vec![
                    "./apply.sh --only interrupts --apply".to_owned(),
                    "systemctl restart irqbalance.service".to_owned(),
                ];
                draft.files = vec!["systemd/irqbalance.service.d/50-plumb.conf".to_owned()];
            }
            _ => draft.unknown = self.why_not("CPUs that serve interrupts"),
        }
        draft
    }

    /// CPUs for inference alone.
    pub(super) fn reserve(&self, cpus: &CpuSet) -> Draft {
        let mut draft = Draft {
            object: Some(Object::cpus(cpus)),
            key: "do-reserve".to_owned(),
            args: vec![("cpus", cpus.into())],
            ..Draft::default()
        };
        match self.plan.partition.as_ref().filter(|split| split.slices.is_some()) {
            Some(split) => {
                draft.key = "do-reserve-split".to_owned();
                draft.args =
                    vec![("cpus", (&split.inference).into()), ("system", (&split.housekeeping).into())];
                draft.permanent = vec!["./apply.sh --only slices --apply".to_owned()];
                draft.undo = vec!["./undo.sh --apply".to_owned()];
                draft.verify = vec![
                    "systemctl show system.slice user.slice inference.slice -p EffectiveCPUs".to_owned(),
                ];
                draft.files =
                    ["inference.slice", "system.slice.d/50-plumb.conf", "user.slice.d/50-plumb.conf"]
                        .map(|file| format!("systemd/{file}"))
                        .to_vec();
            }
            None => draft.unknown = self.why_not(crate::plan::SLICES),
        }
        draft
    }

    pub(super) fn nic(&self, interface: &str, setting: NicSetting, want: u32, was: Option<u32>) -> Draft {
        let (key, show, change, name) = match setting {
            NicSetting::Channels => ("do-nic-channels", "-l", "-L", "combined"),
            NicSetting::ReceiveRing => ("do-nic-ring", "-g", "-G", "rx"),
        };
        let interface_word = shell(interface);
        let set = |value: u32| format!("ethtool {change} {interface_word} {name} {value}");
        Draft {
            object: Some(Object::new(ObjectKind::Nic, interface)),
            key: key.to_owned(),
            args: vec![
                ("interface", Arg::text(interface)),
                ("want", Arg::from(want)),
                ("was", was.map_or_else(|| Arg::text("none"), |was| Arg::text(was.to_string()))),
            ],
            now: vec![set(want)],
            undo: was.map(set).into_iter().collect(),
            verify: vec![format!("ethtool {show} {interface_word}")],
            ..Draft::default()
        }
    }

    pub(super) fn acs_off(&self, bridge: &str, was: &str) -> Draft {
        let register = format!("setpci -s {} ECAP_ACS+0x6.w", shell(bridge));
        Draft {
            object: Some(Object::new(ObjectKind::Other, bridge)),
            key: "do-acs-off".to_owned(),
            args: vec![("bridge", Arg::text(bridge)), ("was", Arg::text(was))],
            now: vec![format!("{register}=0000")],
            undo: vec![format!("{register}={}", shell(was.trim_start_matches("0x")))],
            verify: vec![register],
            ..Draft::default()
        }
    }

    pub(super) fn kernel_module(&self, name: &str) -> Draft {
        let file = format!("/etc/modules-load.d/{name}.conf");
        Draft {
            object: Some(Object::setting(format!("module {name}"))),
            key: "do-kernel-module".to_owned(),
            args: vec![("name", Arg::text(name))],
            now: vec![format!("modprobe {}", shell(name))],
            permanent: vec![write(name, &shell(&file))],
            undo: vec![format!("modprobe -r {}", shell(name)), format!("rm {}", shell(&file))],
            verify: vec![format!("grep -w {} /proc/modules", shell(name))],
            ..Draft::default()
        }
    }

    pub(super) fn swap_off(&self, area: &str) -> Draft {
        Draft {
            object: Some(Object::new(ObjectKind::File, area)),
            key: "do-swap-off".to_owned(),
            args: vec![("area", Arg::text(area))],
            now: vec![format!("swapoff {}", shell(area))],
            also: Some(("also-fstab", vec![("area", Arg::text(area))])),
            undo: vec![format!("swapon {}", shell(area))],
            verify: vec!["swapon --show".to_owned()],
            ..Draft::default()
        }
    }

    /// What is in force, written where it is read at boot: a kernel parameter has a file, the rest is done by hand.
    pub(super) fn persist(&self, setting: &str, want: &str, was: Option<&str>) -> Draft {
        let args = vec![
            ("setting", Arg::text(setting)),
            ("want", Arg::text(want)),
            ("was", Arg::text(was.unwrap_or("none"))),
        ];
        let object = Some(Object::setting(setting));
        let planned = self.plan.sysctls.iter().find(|change| change.name == setting && change.value == want);
        match planned {
            Some(_) => Draft {
                object,
                key: "do-persist".to_owned(),
                args,
                verify: vec![format!("sysctl {}", shell(setting))],
                ..self.by_topic("parameters", &["sysctl.d/90-plumb-parameters.conf"])
            },
            None => Draft { object, args, ..elsewhere("do-persist") },
        }
    }
}

/// Files of some interrupts that say which CPUs serve them.
fn files(irqs: &[u32]) -> String {
    of_irqs(irqs, "smp_affinity_list")
}

fn of_irqs(irqs: &[u32], file: &str) -> String {
    irqs.iter().map(|irq| format!("/proc/irq/{irq}/{file}")).collect::<Vec<_>>().join(" ")
}

/// Numbers as a reader takes them in: the first few of many.
fn numbers(irqs: &[u32]) -> String {
    const SHOWN: usize = 6;
    let shown: Vec<String> = irqs.iter().take(SHOWN).map(u32::to_string).collect();
    let more = if irqs.len() > SHOWN { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}
