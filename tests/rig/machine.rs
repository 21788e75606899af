//! The machines that a guest can run on, as arguments of QEMU.

/// A machine of the rig. None has KVM: each is emulated, and times on it mean nothing but with [`Machine::OneCpu`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// Two sockets of two CPUs, each a NUMA node, distances 10 and 21.
    TwoNodes,
    /// The same with two threads per core (eight CPUs), and a third node with memory but no CPU, at distance 31.
    SmtAndMemoryNode,
    /// One CPU whose clock counts executed instructions: what the host takes away is not seen by the guest, so that
    /// gaps and latencies are the same at each run. One node, no PCI devices but the disk of the results.
    ///
    /// More CPUs hang with such a clock.
    OneCpu,
}

impl Machine {
    /// The machine as a word for arguments and messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TwoNodes => "two-nodes",
            Self::SmtAndMemoryNode => "smt-and-memory-node",
            Self::OneCpu => "one-cpu",
        }
    }

    /// Arguments for QEMU. `disk` is the name of a drive for the results: an NVMe device, on node 0 where there are two.
    pub(super) fn arguments(self, disk: &str) -> Vec<String> {
        let text = match self {
            Self::TwoNodes => format!(
                "-accel tcg,thread=multi -m 1024M -smp 4,sockets=2,cores=2,threads=1 {} {} {} {} {}",
                node(0, Some("0-1"), 512),
                node(1, Some("2-3"), 512),
                distance(0, 1, 21),
                bridges(disk),
                DEVICES
            ),
            Self::SmtAndMemoryNode => format!(
                "-accel tcg,thread=multi -m 1280M -smp 8,sockets=2,cores=2,threads=2 {} {} {} {} {} {} {} {}",
                node(0, Some("0-3"), 512),
                node(1, Some("4-7"), 512),
                node(2, None, 256),
                distance(0, 1, 21),
                distance(0, 2, 31),
                distance(1, 2, 31),
                bridges(disk),
                DEVICES
            ),
            Self::OneCpu => format!(
                "-accel tcg,thread=single -icount shift=3,align=off,sleep=off -m 768M -smp 1 \
                 -device nvme,serial=results,drive={disk}"
            ),
        };
        let text = format!("-cpu {CPU} {text}");
        text.split_whitespace().map(str::to_owned).collect()
    }
}

/// All that the emulator can do. As AMD's, threads of one core would not be told apart from cores.
const CPU: &str = "max,vendor=GenuineIntel";

/// Behind the bridge of node 1: a display controller (a GPU's stand-in) and a network card with a driver.
const DEVICES: &str = "-device bochs-display,bus=rp1 -device virtio-net-pci,bus=rp3";

/// A host bridge per node with root ports, and the disk behind the one of node 0.
fn bridges(disk: &str) -> String {
    format!(
        "-device pxb-pcie,id=pxb0,bus=pcie.0,bus_nr=64,numa_node=0 \
         -device pxb-pcie,id=pxb1,bus=pcie.0,bus_nr=128,numa_node=1 \
         -device pcie-root-port,id=rp0,bus=pxb0,chassis=1,slot=1 \
         -device pcie-root-port,id=rp1,bus=pxb1,chassis=2,slot=2 \
         -device pcie-root-port,id=rp3,bus=pxb1,chassis=3,slot=3 \
         -device nvme,bus=rp0,serial=results,drive={disk}"
    )
}

fn node(id: u32, cpus: Option<&str>, mebibytes: u32) -> String {
    let cpus = cpus.map(|cpus| format!(",cpus={cpus}")).unwrap_or_default();
    format!("-object memory-backend-ram,id=m{id},size={mebibytes}M -numa node,nodeid={id}{cpus},memdev=m{id}")
}

/// Both directions: QEMU wants each pair.
fn distance(a: u32, b: u32, value: u32) -> String {
    format!("-numa dist,src={a},dst={b},val={value} -numa dist,src={b},dst={a},val={value}")
}
