//! The table: who says what, and how the position for a node is chosen.

use plumb_check_sdk::Outcome;

use super::{Context, Decision, Source, Topic};
use crate::profile::{Answer, Platform, word};

const TUNED: (&str, &str) =
    ("TuneD profiles in source", "https://github.com/redhat-performance/tuned/tree/master/profiles");
const PERFSPECT: (&str, &str) = ("Intel PerfSpect, report insights", "https://github.com/intel/PerfSpect");
const MI300X: (&str, &str) = (
    "AMD Instinct MI300X system optimization",
    "https://github.com/ROCm/amdgpu-docs/blob/develop/docs/system-optimization/mi300x.rst",
);
const AZURE: (&str, &str) = ("Azure HPC images", "https://github.com/Azure/azhpc-images");
const MINDIE: (&str, &str) = (
    "Huawei MindIE LLM: Performance Tuning",
    "https://www.hiascend.com/document/detail/en/mindie/230/LLMframe/llmdev/mindie_llm0526.html",
);

const fn source(who: &'static str, says: &'static str, at: (&'static str, &'static str)) -> Source {
    Source { who, says, title: at.0, url: at.1 }
}

pub(super) const TOPICS: &[Topic] = &[
    Topic {
        id: "numa-balancing",
        topic: "Automatic NUMA balancing",
        sources: &[
            source("PerfSpect", "switch it on wherever there is more than one NUMA node", PERFSPECT),
            source(
                "SUSE",
                "it can help workloads that nobody has pinned",
                (
                    "System Analysis and Tuning Guide, resource management",
                    "https://documentation.suse.com/sled/15-SP6/html/SLED-all/part-tuning-resources.html",
                ),
            ),
            source("AMD", "switch it off for GPU work", MI300X),
            source(
                "NVIDIA",
                "switch it off on Grace hosts",
                (
                    "Grace CPU Benchmarking Guide: Platform Configuration",
                    "https://nvidia.github.io/grace-cpu-benchmarking-guide/platform/index.html",
                ),
            ),
            source("Azure", "switched off in the image that runs RCCL", AZURE),
            source("TuneD", "off in the profile network-latency", TUNED),
        ],
        decide: numa_balancing,
    },
    Topic {
        id: "idle-states",
        topic: "Idle states of the CPU",
        sources: &[
            source(
                "TuneD",
                "the profile latency-performance allows a wake-up time of a few microseconds at most",
                TUNED,
            ),
            source("TuneD", "the profile accelerator-performance allows 99 µs", TUNED),
            source("AMD", "leave idle states on in the firmware and disable only C2, from Linux", MI300X),
            source(
                "Intel",
                "the highest turbo clocks of priority cores need other cores to sleep",
                (
                    "Enabling Priority Core Turbo (PCT) for GPU Performance",
                    "https://github.com/intel/optimization-zone/blob/main/hardware/priority_core_turbo/README.md",
                ),
            ),
        ],
        decide: idle_states,
    },
    Topic {
        id: "smt",
        topic: "SMT (Hyper-Threading)",
        sources: &[
            source("PerfSpect", "switch it on", PERFSPECT),
            source(
                "AMD",
                "switch it off, or leave it to the firmware where the CPU is not the bottleneck",
                MI300X,
            ),
            source(
                "vLLM",
                "count physical cores: a hardware thread is worth about half of one",
                (
                    "Optimization and Tuning: CPU Resources for GPU Deployments",
                    "https://docs.vllm.ai/en/stable/configuration/optimization/#cpu-resources-for-gpu-deployments",
                ),
            ),
        ],
        decide: smt,
    },
    Topic {
        id: "isolation",
        topic: "isolcpus, nohz_full and the profile cpu-partitioning",
        sources: &[
            source(
                "Linux kernel",
                "isolcpus takes CPUs out of load balancing: a thread must be placed on each by hand",
                ("Kernel parameters", "https://docs.kernel.org/admin-guide/kernel-parameters.html"),
            ),
            source(
                "TuneD",
                "the profile cpu-partitioning isolates CPUs, and changes the frequency driver as well",
                TUNED,
            ),
        ],
        decide: isolation,
    },
    Topic {
        id: "acs",
        topic: "PCIe access control services (ACS)",
        sources: &[
            source(
                "NVIDIA, NCCL",
                "on bare metal, disable it: it sends traffic between GPUs through the CPU",
                (
                    "NCCL User Guide: Troubleshooting",
                    "https://docs.nvidia.com/deeplearning/nccl/user-guide/docs/troubleshooting.html",
                ),
            ),
            source(
                "NVIDIA, virtual machines",
                "on the path of a GPU that is passed through, set it and enable ATS, and not one value everywhere",
                (
                    "Optimizing VM Configuration for AI Inference, appendix",
                    "https://docs.nvidia.com/ai-enterprise/planning-resource/optimizing-vm-configuration-ai-inference/latest/appendix.html",
                ),
            ),
        ],
        decide: acs,
    },
    Topic {
        id: "huge-pages",
        topic: "Transparent huge pages",
        sources: &[
            source(
                "TuneD",
                "never in the profile network-latency, the default in throughput-performance",
                TUNED,
            ),
            source("Huawei", "always", MINDIE),
            source(
                "NVIDIA",
                "with pages of 64 KiB, as Grace hosts use them, a huge page is too large",
                (
                    "Grace Performance Tuning Guide: Operating System Settings",
                    "https://docs.nvidia.com/grace-perf-tuning-guide/os-settings.html",
                ),
            ),
        ],
        decide: huge_pages,
    },
    Topic {
        id: "zone-reclaim",
        topic: "vm.zone_reclaim_mode",
        sources: &[
            source(
                "Linux kernel",
                "0 by default; other values help where data is worth more near than cached",
                ("Documentation for /proc/sys/vm", "https://docs.kernel.org/admin-guide/sysctl/vm.html"),
            ),
            source("Azure", "1 in its images for HPC", AZURE),
        ],
        decide: zone_reclaim,
    },
    Topic {
        id: "cpu-limits",
        topic: "CPU limits in Kubernetes",
        sources: &[
            source(
                "Buffer",
                "remove them: its services became faster",
                (
                    "Make your services faster by removing CPU limits",
                    "https://erickhun.com/posts/kubernetes-faster-services-no-cpu-limits/",
                ),
            ),
            source(
                "Kubernetes",
                "a guaranteed pod with whole CPUs under the static policy gets CPUs of its own, and no quota",
                (
                    "Node Resource Managers",
                    "https://kubernetes.io/docs/concepts/policy/node-resource-managers",
                ),
            ),
        ],
        decide: cpu_limits,
    },
    Topic {
        id: "engine-binding",
        topic: "What serving engines bind by themselves",
        sources: &[
            source(
                "TensorRT-LLM",
                "binds by itself where nothing else does, and may clear a binding from outside",
                (
                    "CPU Affinity configuration",
                    "https://github.com/NVIDIA/TensorRT-LLM/blob/main/docs/source/deployment-guide/configuring-cpu-affinity.md",
                ),
            ),
            source(
                "vLLM",
                "binds engine core and workers where a flag asks for it, API servers never",
                ("NUMA binding support for GPU workers", "https://github.com/vllm-project/vllm/pull/38635"),
            ),
            source(
                "SGLang",
                "binds by flag or environment; the defaults changed several times",
                ("Auto bind NUMA node", "https://github.com/sgl-project/sglang/pull/15678"),
            ),
        ],
        decide: engine_binding,
    },
    Topic {
        id: "vendor-bias",
        topic: "Tools that recommend a purchase",
        sources: &[source("PerfSpect", "advises a processor of its vendor on any other", PERFSPECT)],
        decide: vendor_bias,
    },
];

fn numa_balancing(context: &Context<'_>) -> Decision {
    let (position, reason) = match context.deciding("placement") {
        Some(pins) if pins.outcome == Outcome::Pass => (
            "switch it off: the workers are placed, and moving their pages can only disturb them",
            format!("the check {} passes ({}: {})", pins.check, pins.subject, pins.message),
        ),
        Some(pins) if pins.outcome.is_deviation() => (
            "pin the workers first, then switch it off; measure both ways",
            format!("the check {} deviates ({}: {})", pins.check, pins.subject, pins.message),
        ),
        Some(pins) if pins.outcome == Outcome::NotApplicable => {
            ("leave it as it is", format!("there is no placement to protect ({})", pins.message))
        }
        Some(pins) => (
            "decide when it is known whether the workers are pinned",
            format!("the check {} has no answer ({}: {})", pins.check, pins.subject, pins.message),
        ),
        None => (
            "decide when it is known whether the workers are pinned",
            "no pack that was asked looks at the pins".to_owned(),
        ),
    };
    Decision { position, reason }
}

fn idle_states(context: &Context<'_>) -> Decision {
    let priority = context.about("priority-cores");
    if let Some(priority) = priority.filter(|finding| finding.outcome != Outcome::NotApplicable) {
        let reason = format!("priority cores are at stake ({}: {})", priority.subject, priority.message);
        return Decision {
            position: "limit the wake-up time to 99 µs on the inference CPUs only, and let the others sleep",
            reason,
        };
    }
    let strict =
        context.profile.traits.iter().any(|own| word(own.id) == "strict-tail" && own.answer == Answer::Yes);
    let reason = if strict {
        "the tail is promised, and a wake-up from a deeper state costs hundreds of microseconds; a few microseconds \
         gain nothing beyond 99 that a client could measure"
    } else {
        "99 µs keeps the deepest states away; to forbid all of them costs turbo clock and gains nothing that was \
         ever published for inference"
    };
    Decision {
        position: "limit the wake-up time to 99 µs on the inference CPUs, and never forbid idle states on all of them",
        reason: reason.to_owned(),
    }
}

fn smt(context: &Context<'_>) -> Decision {
    let reason = match context.evidence.cpu.known() {
        Some(cpu) if cpu.smt_active => {
            format!("SMT is on: {} hardware threads are counted as {} cores", cpu.pus, cpu.cores)
        }
        Some(cpu) => format!("SMT is off or absent here: {} cores are what they seem", cpu.cores),
        None => "it is not known whether SMT is on".to_owned(),
    };
    Decision {
        position: "no finding for either setting; physical cores are counted, and two busy threads must not share one",
        reason,
    }
}

fn isolation(context: &Context<'_>) -> Decision {
    let isolated = context.evidence.node.cmdline.known().map(|line| {
        line.split_whitespace().find(|word| word.starts_with("isolcpus=") || word.starts_with("nohz_full="))
    });
    let reason = match isolated {
        Some(Some(argument)) => {
            format!(
                "the kernel was started with `{argument}`: workers with many threads are not balanced over such CPUs"
            )
        }
        Some(None) => {
            "the kernel was started without isolation, and serving needs none: its workers have many threads"
                .to_owned()
        }
        None => "the kernel's command line is not known".to_owned(),
    };
    Decision { position: "divide the CPUs by cpuset, not by isolcpus; nohz_full only with proof", reason }
}

fn in_words(platform: Platform) -> &'static str {
    match platform {
        Platform::BareMetal => "bare metal",
        Platform::VmGuest => "a virtual machine",
        Platform::Container => "a container",
        Platform::Kubernetes => "Kubernetes",
        Platform::SharedHost => "a shared host",
        Platform::Unknown => "not known",
    }
}

fn acs(context: &Context<'_>) -> Decision {
    let platform = context.profile.platform;
    let position = match platform {
        Platform::BareMetal => {
            "disable it on the bridges between GPUs, unless this node hosts virtual machines: there it is a security \
             boundary"
        }
        Platform::VmGuest => {
            "do not touch it from the guest; ask the provider for ACS with ATS on the path of the GPUs"
        }
        Platform::Container | Platform::Kubernetes => {
            "decide it on the host, by what the host is; a container cannot"
        }
        Platform::SharedHost => "leave it on: it separates the tenants",
        Platform::Unknown => "decide when the platform is known; the two rules contradict each other",
    };
    let reason = format!("the platform is {} ({})", in_words(platform), context.profile.platform_source);
    Decision { position, reason }
}

fn huge_pages(context: &Context<'_>) -> Decision {
    let reason = match context.about("huge-pages") {
        Some(found) => format!("stall counters decide, not the setting: {}", found.message),
        None => "stall counters decide, not the setting".to_owned(),
    };
    Decision {
        position: "madvise with deferred defragmentation, and a finding of low severity at most without stalls",
        reason,
    }
}

fn zone_reclaim(context: &Context<'_>) -> Decision {
    let value = context.evidence.sysctl.get("vm.zone_reclaim_mode").and_then(|fact| fact.known());
    let reason = match value {
        Some(value) => {
            format!("it is {} here; reclaim stalls the server where remote memory would do", value.trim())
        }
        None => "its value is not known here".to_owned(),
    };
    Decision { position: "0 for serving; another value is a warning until stalls are counted", reason }
}

fn cpu_limits(context: &Context<'_>) -> Decision {
    let (position, mut reason) = match context.profile.platform {
        Platform::Kubernetes => (
            "whole CPUs for a guaranteed pod under the static policy; else no limit, and reservations for the system",
            format!("the platform is {}", in_words(context.profile.platform)),
        ),
        platform => (
            "no quota on the serving processes; a share of the CPUs by cpuset where there are neighbours",
            format!("the platform is {}, so the advice for pods does not apply", in_words(platform)),
        ),
    };
    if let Some(found) = context.about("cpu-limits").filter(|found| found.outcome.is_deviation()) {
        reason = format!("{reason}, and a limit is in the way today ({})", found.message);
    }
    Decision { position, reason }
}

fn engine_binding(context: &Context<'_>) -> Decision {
    let mut kinds: Vec<&str> = context
        .evidence
        .servers
        .known()
        .map(|servers| servers.iter().map(|server| server.kind.as_str()).collect())
        .unwrap_or_default();
    kinds.sort_unstable();
    kinds.dedup();
    let reason = if kinds.is_empty() {
        "flags and defaults differ by engine and version; the mask that a thread has is what counts"
            .to_owned()
    } else {
        format!(
            "this node serves with {}; the mask that a thread has is what counts, not the flag",
            kinds.join(", ")
        )
    };
    Decision {
        position: "judge the masks and the memory as they are found, not what a flag promises",
        reason,
    }
}

fn vendor_bias(context: &Context<'_>) -> Decision {
    let vendor = context.evidence.cpu.known().and_then(|cpu| cpu.vendor.known());
    let reason = match vendor {
        Some(vendor) => {
            // As the processor itself gives it.
            let vendor = match vendor.as_str() {
                "GenuineIntel" => "Intel",
                "AuthenticAMD" => "AMD",
                other => other,
            };
            format!("the processor is by {vendor}; its settings are judged by the rules of its own vendor")
        }
        None => "whose processor it is makes no difference to a finding".to_owned(),
    };
    Decision {
        position: "no check recommends a purchase; hardware is a question of capacity, with numbers",
        reason,
    }
}
