//! The table: who says what, and where. The words are in the message files.

use super::{Source, Topic, positions};

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

const fn source(key: &'static str, who: &'static str, at: (&'static str, &'static str)) -> Source {
    Source { key, who, title: at.0, url: at.1 }
}

pub(super) const TOPICS: &[Topic] = &[
    Topic {
        id: "numa-balancing",
        sources: &[
            source("perfspect", "PerfSpect", PERFSPECT),
            source(
                "suse",
                "SUSE",
                (
                    "System Analysis and Tuning Guide, resource management",
                    "https://documentation.suse.com/sled/15-SP6/html/SLED-all/part-tuning-resources.html",
                ),
            ),
            source("amd", "AMD", MI300X),
            source(
                "nvidia",
                "NVIDIA",
                (
                    "Grace CPU Benchmarking Guide: Platform Configuration",
                    "https://nvidia.github.io/grace-cpu-benchmarking-guide/platform/index.html",
                ),
            ),
            source("azure", "Azure", AZURE),
            source("tuned", "TuneD", TUNED),
        ],
        decide: positions::numa_balancing,
    },
    Topic {
        id: "idle-states",
        sources: &[
            source("tuned-latency", "TuneD", TUNED),
            source("tuned-accelerator", "TuneD", TUNED),
            source("amd", "AMD", MI300X),
            source(
                "intel",
                "Intel",
                (
                    "Enabling Priority Core Turbo (PCT) for GPU Performance",
                    "https://github.com/intel/optimization-zone/blob/main/hardware/priority_core_turbo/README.md",
                ),
            ),
        ],
        decide: positions::idle_states,
    },
    Topic {
        id: "smt",
        sources: &[
            source("perfspect", "PerfSpect", PERFSPECT),
            source("amd", "AMD", MI300X),
            source(
                "vllm",
                "vLLM",
                (
                    "Optimization and Tuning: CPU Resources for GPU Deployments",
                    "https://docs.vllm.ai/en/stable/configuration/optimization/#cpu-resources-for-gpu-deployments",
                ),
            ),
        ],
        decide: positions::smt,
    },
    Topic {
        id: "isolation",
        sources: &[
            source(
                "linux",
                "Linux kernel",
                ("Kernel parameters", "https://docs.kernel.org/admin-guide/kernel-parameters.html"),
            ),
            source("tuned", "TuneD", TUNED),
        ],
        decide: positions::isolation,
    },
    Topic {
        id: "acs",
        sources: &[
            source(
                "nccl",
                "NVIDIA, NCCL",
                (
                    "NCCL User Guide: Troubleshooting",
                    "https://docs.nvidia.com/deeplearning/nccl/user-guide/docs/troubleshooting.html",
                ),
            ),
            source(
                "virtual",
                "NVIDIA, virtual machines",
                (
                    "Optimizing VM Configuration for AI Inference, appendix",
                    "https://docs.nvidia.com/ai-enterprise/planning-resource/optimizing-vm-configuration-ai-inference/latest/appendix.html",
                ),
            ),
        ],
        decide: positions::acs,
    },
    Topic {
        id: "huge-pages",
        sources: &[
            source("tuned", "TuneD", TUNED),
            source("huawei", "Huawei", MINDIE),
            source(
                "nvidia",
                "NVIDIA",
                (
                    "Grace Performance Tuning Guide: Operating System Settings",
                    "https://docs.nvidia.com/grace-perf-tuning-guide/os-settings.html",
                ),
            ),
        ],
        decide: positions::huge_pages,
    },
    Topic {
        id: "zone-reclaim",
        sources: &[
            source(
                "linux",
                "Linux kernel",
                ("Documentation for /proc/sys/vm", "https://docs.kernel.org/admin-guide/sysctl/vm.html"),
            ),
            source("azure", "Azure", AZURE),
        ],
        decide: positions::zone_reclaim,
    },
    Topic {
        id: "cpu-limits",
        sources: &[
            source(
                "buffer",
                "Buffer",
                (
                    "Make your services faster by removing CPU limits",
                    "https://erickhun.com/posts/kubernetes-faster-services-no-cpu-limits/",
                ),
            ),
            source(
                "kubernetes",
                "Kubernetes",
                (
                    "Node Resource Managers",
                    "https://kubernetes.io/docs/concepts/policy/node-resource-managers",
                ),
            ),
        ],
        decide: positions::cpu_limits,
    },
    Topic {
        id: "engine-binding",
        sources: &[
            source(
                "tensorrt",
                "TensorRT-LLM",
                (
                    "CPU Affinity configuration",
                    "https://github.com/NVIDIA/TensorRT-LLM/blob/main/docs/source/deployment-guide/configuring-cpu-affinity.md",
                ),
            ),
            source(
                "vllm",
                "vLLM",
                ("NUMA binding support for GPU workers", "https://github.com/vllm-project/vllm/pull/38635"),
            ),
            source(
                "sglang",
                "SGLang",
                ("Auto bind NUMA node", "https://github.com/sgl-project/sglang/pull/15678"),
            ),
        ],
        decide: positions::engine_binding,
    },
    Topic {
        id: "vendor-bias",
        sources: &[source("perfspect", "PerfSpect", PERFSPECT)],
        decide: positions::vendor_bias,
    },
];
