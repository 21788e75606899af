//! Arguments of the kernel.

use plumb_check_sdk::Intent;

use super::{Basis, BootChange, Plan, goals};

/// Arguments that findings ask for, and those that they want gone.
pub(super) fn plan(plan: &mut Plan) {
    for at in 0..plan.goals.len() {
        let goal = &plan.goals[at];
        let Intent::KernelArgument { argument, present } = goal.intent.clone() else { continue };
        let same = |intent: &Intent| *intent == goal.intent;
        if plan.boot.iter().any(|change| change.argument == argument) {
            continue;
        }
        if let Some(why) = goals::why_for(&plan.goals, Basis::Published, same) {
            plan.boot.push(BootChange { argument, add: present, why });
        }
    }
}
