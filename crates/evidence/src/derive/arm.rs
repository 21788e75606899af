//! Names of Arm processors. `/proc/cpuinfo` has numbers only: who made the core and which core it is (fields of the register
//! MIDR_EL1, `CPU implementer` and `CPU part`). Names are those that lscpu prints; makers of chips with Arm's own cores, such
//! as Grace, Graviton or Axion, do not show here.

use crate::derive::cpuinfo::CpuInfo;

/// Makers by number.
const MAKERS: &[(u32, &str)] = &[
    (0x41, "ARM"),
    (0x42, "Broadcom"),
    (0x43, "Cavium"),
    (0x46, "FUJITSU"),
    (0x48, "HiSilicon"),
    (0x4e, "NVIDIA"),
    (0x50, "APM"),
    (0x51, "Qualcomm"),
    (0x56, "Marvell"),
    (0x61, "Apple"),
    (0x6d, "Microsoft"),
    (0x70, "Phytium"),
    (0xc0, "Ampere"),
];

/// Cores by the numbers of maker and part.
const CORES: &[(u32, u32, &str)] = &[
    (0x41, 0xd03, "Cortex-A53"),
    (0x41, 0xd05, "Cortex-A55"),
    (0x41, 0xd07, "Cortex-A57"),
    (0x41, 0xd08, "Cortex-A72"),
    (0x41, 0xd09, "Cortex-A73"),
    (0x41, 0xd0a, "Cortex-A75"),
    (0x41, 0xd0b, "Cortex-A76"),
    (0x41, 0xd0c, "Neoverse-N1"),
    (0x41, 0xd0d, "Cortex-A77"),
    (0x41, 0xd40, "Neoverse-V1"),
    (0x41, 0xd41, "Cortex-A78"),
    (0x41, 0xd42, "Cortex-A78AE"),
    (0x41, 0xd44, "Cortex-X1"),
    (0x41, 0xd46, "Cortex-A510"),
    (0x41, 0xd47, "Cortex-A710"),
    (0x41, 0xd48, "Cortex-X2"),
    (0x41, 0xd49, "Neoverse-N2"),
    (0x41, 0xd4a, "Neoverse-E1"),
    (0x41, 0xd4b, "Cortex-A78C"),
    (0x41, 0xd4d, "Cortex-A715"),
    (0x41, 0xd4e, "Cortex-X3"),
    (0x41, 0xd4f, "Neoverse-V2"),
    (0x41, 0xd80, "Cortex-A520"),
    (0x41, 0xd81, "Cortex-A720"),
    (0x41, 0xd82, "Cortex-X4"),
    (0x41, 0xd83, "Neoverse-V3AE"),
    (0x41, 0xd84, "Neoverse-V3"),
    (0x41, 0xd85, "Cortex-X925"),
    (0x41, 0xd87, "Cortex-A725"),
    (0x41, 0xd8e, "Neoverse-N3"),
    (0x42, 0x516, "ThunderX2"),
    (0x43, 0x0a1, "ThunderX-88XX"),
    (0x43, 0x0af, "ThunderX2-99xx"),
    (0x43, 0x0b8, "ThunderX3-T110"),
    (0x46, 0x001, "A64FX"),
    (0x46, 0x003, "MONAKA"),
    // Kunpeng 920 and 930.
    (0x48, 0xd01, "TaiShan-v110"),
    (0x48, 0xd02, "TaiShan-v120"),
    (0x4e, 0x003, "Denver 2"),
    (0x4e, 0x004, "Carmel"),
    (0x4e, 0x010, "Olympus"),
    (0x50, 0x000, "X-Gene"),
    (0x51, 0x001, "Oryon"),
    (0x51, 0xc00, "Falkor"),
    (0x6d, 0xd49, "Azure-Cobalt-100"),
    (0x70, 0x660, "FTC660"),
    (0x70, 0x661, "FTC661"),
    (0x70, 0x662, "FTC662"),
    (0x70, 0x663, "FTC663"),
    (0x70, 0x664, "FTC664"),
    (0x70, 0x862, "FTC862"),
    (0xc0, 0xac3, "Ampere-1"),
    (0xc0, 0xac4, "Ampere-1a"),
];

fn number(text: &str) -> Option<u32> {
    u32::from_str_radix(text.trim().strip_prefix("0x")?, 16).ok()
}

/// The maker of the cores; `None` for one that is not in the table, and on other architectures.
pub(crate) fn maker(info: &CpuInfo) -> Option<&'static str> {
    let own = number(info.first(&["CPU implementer"]).known()?)?;
    MAKERS.iter().find(|(maker, _)| *maker == own).map(|(_, name)| *name)
}

/// The names of the cores, each once, in the order of their CPUs (`Cortex-A725 + Cortex-X925`); `None` where one of them is not
/// in the table, and on other architectures.
pub(crate) fn cores(info: &CpuInfo) -> Option<String> {
    let mut names: Vec<&str> = Vec::new();
    for block in info.processors.values() {
        let own = (number(block.get("CPU implementer")?)?, number(block.get("CPU part")?)?);
        let (.., name) = CORES.iter().find(|(maker, part, _)| (*maker, *part) == own)?;
        if !names.contains(name) {
            names.push(name);
        }
    }
    (!names.is_empty()).then(|| names.join(" + "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(cpus: &[(&str, &str)]) -> CpuInfo {
        let block = |(cpu, (maker, part)): (usize, &(&str, &str))| {
            format!(
                "processor\t: {cpu}\nCPU implementer\t: {maker}\nCPU architecture: 8\nCPU part\t: {part}\n\n"
            )
        };
        CpuInfo::parse(&cpus.iter().enumerate().map(block).collect::<String>())
    }

    #[test]
    fn numbers_of_maker_and_part_have_names() {
        for (cpus, maker_name, cores_name) in [
            (&[("0x41", "0xd4f"); 2][..], Some("ARM"), Some("Neoverse-V2")),
            (&[("0x41", "0xd87"), ("0x41", "0xd85")][..], Some("ARM"), Some("Cortex-A725 + Cortex-X925")),
            (&[("0xc0", "0xac3")][..], Some("Ampere"), Some("Ampere-1")),
            (&[("0x48", "0xd01")][..], Some("HiSilicon"), Some("TaiShan-v110")),
            (&[("0x41", "0xfff")][..], Some("ARM"), None),
            (&[("0x99", "0xd4f")][..], None, None),
        ] {
            let info = info(cpus);
            assert_eq!((maker(&info), cores(&info).as_deref()), (maker_name, cores_name), "{cpus:?}");
        }
        let x86 = CpuInfo::parse("processor : 0\nvendor_id : GenuineIntel\nmodel name : x\n");
        assert_eq!((maker(&x86), cores(&x86)), (None, None));
    }
}
