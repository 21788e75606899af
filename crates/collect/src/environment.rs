//! Which environment variables may be kept: names that checks ask for. All others may be secrets.

/// Whole names.
const NAMES: &[&str] = &[
    "CUDA_DEVICE_ORDER",
    "CUDA_VISIBLE_DEVICES",
    "GOMP_CPU_AFFINITY",
    "KMP_AFFINITY",
    "LD_PRELOAD",
    "MALLOC_ARENA_MAX",
    "MKL_NUM_THREADS",
    "NVIDIA_DRIVER_CAPABILITIES",
    "NVIDIA_VISIBLE_DEVICES",
    "OMP_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "TOKENIZERS_PARALLELISM",
];

/// Beginnings of names. What looks like a secret behind them is masked all the same (`VLLM_API_KEY`).
const PREFIXES: &[&str] =
    &["NCCL_", "OMPI_MCA_hwloc_", "OMPI_MCA_rmaps_", "SGLANG_", "SLURM_CPU_BIND", "TLLM_", "VLLM_"];

/// True if the value of a variable may be kept.
pub(crate) fn is_allowed(name: &str) -> bool {
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}
