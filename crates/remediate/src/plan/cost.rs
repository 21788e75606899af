//! What the steps of a plan cost and risk.

use plumb_check_sdk::{GpuState, Intent};
use plumb_engine::action::Interrupts;

/// What a kind of change interrupts, how many minutes it takes from and to, and the least risk that it has. Our estimates.
pub(crate) fn cost(intent: &Intent) -> (Interrupts, (u32, u32), u8) {
    match intent {
        Intent::Governor { .. }
        | Intent::EnergyPreference { .. }
        | Intent::EnergyBias { .. }
        | Intent::FrequencyCap { .. }
        | Intent::Boost { .. }
        | Intent::IdleState { .. }
        | Intent::Value { .. }
        | Intent::Sysctl { .. }
        | Intent::TunedProfile { .. }
        | Intent::Unit { .. } => (Interrupts::Nothing, (5, 30), 1),
        Intent::Interrupts { .. }
        | Intent::InterruptBan { .. }
        | Intent::Nic { .. }
        | Intent::KernelModule { .. }
        | Intent::TimeService {}
        | Intent::Persist { .. }
        | Intent::SwapOff { .. }
        | Intent::NormalPolicy { .. }
        | Intent::Elsewhere { .. }
        | Intent::CpuQuota { .. } => (Interrupts::Nothing, (5, 30), 1),
        Intent::Gpu { want: GpuState::Reset {} | GpuState::Mig { .. } | GpuState::Exclusive {}, .. } => {
            (Interrupts::Service, (15, 60), 2)
        }
        Intent::Gpu { .. } => (Interrupts::Nothing, (5, 30), 1),
        Intent::Place { .. }
        | Intent::Cores { .. }
        | Intent::ThreadPool { .. }
        | Intent::Variable { .. }
        | Intent::WithOption { .. }
        | Intent::Service { .. }
        | Intent::Capability { .. }
        | Intent::SharedMemory { .. }
        | Intent::GuaranteedPod { .. }
        | Intent::ContainerDevices { .. }
        | Intent::LocalModel { .. }
        | Intent::Restart { .. }
        | Intent::Reserve { .. }
        | Intent::WithoutOption { .. } => (Interrupts::Service, (15, 60), 2),
        Intent::Kubelet { .. } | Intent::AcsOff { .. } => (Interrupts::Node, (30, 90), 3),
        Intent::ProductionKernel { .. } | Intent::Update { .. } => (Interrupts::Node, (30, 120), 3),
        Intent::Step { .. } => (Interrupts::Nothing, (30, 240), 1),
        Intent::KernelArgument { .. } => (Interrupts::Node, (30, 90), 3),
        Intent::Firmware { .. } => (Interrupts::Node, (60, 240), 4),
        Intent::Hardware { .. } => (Interrupts::Node, (60, 480), 4),
        Intent::Provider { .. } => (Interrupts::Nothing, (15, 60), 1),
    }
}
