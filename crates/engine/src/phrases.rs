//! What a failed check means, in the words of the one-sentence answers: a client reads these without the report.
//!
//! They stand for failures only, and each holds for every way in which its check can fail; a warning, and a check
//! without a phrase, speaks with its own message.

/// The phrase of a check: no capital, no full stop.
pub(crate) fn failed(check: &str) -> Option<&'static str> {
    PHRASES.iter().find(|(id, _)| *id == check).map(|(_, phrase)| *phrase)
}

const PHRASES: &[(&str, &str)] = &[
    ("ctr.cpuset-numa", "the container is confined to CPUs or memory away from its GPU"),
    ("gpu.acs-iommu", "traffic between GPUs takes the detour through the CPU"),
    ("gpu.clock-throttle", "heat or power protection slows GPUs down"),
    ("gpu.ecc-remap", "GPU memory has errors that need a repair"),
    ("gpu.nvlink-fabric", "links between GPUs are down"),
    ("gpu.pcie-link", "a GPU is connected with less PCIe width or speed than it has"),
    ("gpu.xid", "the driver reported critical GPU errors"),
    ("irq.critical-cores", "device interrupts hit the busiest inference cores"),
    ("k8s.cpu-manager", "the pod has no exclusive cores"),
    ("k8s.topology-memory-manager", "Kubernetes does not keep CPU, memory and GPU together"),
    ("mem.headroom", "host memory is nearly exhausted"),
    ("mem.numa-balancing", "the kernel moves pages of processes that are placed already"),
    ("mem.swap", "memory of the inference server is swapped out"),
    ("mem.thp", "the kernel stalls the server while it makes huge pages"),
    ("sched.cfs-throttling", "a CPU quota stops the server again and again"),
    ("sched.isolation-plan", "system work and inference share the same CPUs"),
    ("sched.noisy-neighbours", "other workloads take CPU time on the inference cores"),
    ("sched.os-jitter", "the operating system interrupts the inference cores noticeably"),
    ("sched.run-delay", "ready threads wait for a CPU"),
    ("slo.attainment", "the service misses its objectives at today's load"),
    ("slo.gpu-starvation", "GPUs idle while requests wait"),
    ("slo.tail-ratio", "the slowest requests take many times the median"),
    ("topo.gpu-numa-known", "it is not known which part of the server a GPU is attached to"),
    ("topo.numa-visible", "the operating system does not see the server's NUMA layout"),
    ("virt.steal", "the hypervisor takes processor time away from the VM"),
    ("virt.vnuma-pinning", "the VM's layout does not follow the hardware"),
];
