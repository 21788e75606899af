//! `slo.defined`: there is a service level to measure against.

use std::collections::BTreeMap;

use plumb_check_sdk::model::ServiceLevel;
use plumb_check_sdk::{Arg, Citation, Evidence, Finding, Missing, Step, WorkloadTrait};

use crate::load::{of_service, step};
use crate::pages::slo_defined::{PAGE, words};

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
    // The workload is there wherever an engagement file was read.
    let engagement: Result<BTreeMap<WorkloadTrait, bool>, Missing> = evidence.get("/engagement/workload");
    let slo: ServiceLevel = match (evidence.get("/engagement/slo"), engagement) {
        (Ok(slo), _) => slo,
        (Err(missing), Ok(_)) if missing.is_absent() => ServiceLevel::default(),
        (Err(missing), _) => return Err(missing),
    };
    Ok(vec![judge(&slo)])
}

fn judge(slo: &ServiceLevel) -> Finding {
    let stated = [
        ("percentile", slo.percentile),
        ("time to first token (ms)", slo.ttft_ms),
        ("inter-token latency (ms)", slo.itl_ms),
        ("time per output token (ms)", slo.tpot_ms),
        ("whole request (ms)", slo.e2e_ms),
        ("share of requests (%)", slo.attainment_percent),
        ("window (days)", slo.window_days),
    ];
    let told: Vec<String> =
        stated.iter().filter_map(|(name, value)| Some(format!("{name} {}", (*value)?))).collect();
    let object = of_service("service level");
    let cite = |value: String| Citation::new("engagement", value);
    if told.is_empty() {
        return PAGE
            .fail(object, words::None {})
            .with_evidence(cite("no service level".to_owned()))
            .with_intent(step(Step::AgreeServiceLevel));
    }
    let paced = slo.itl_ms.or(slo.tpot_ms).or(slo.e2e_ms);
    let parts = [slo.percentile, slo.ttft_ms, paced, slo.attainment_percent, slo.window_days];
    let lacking = parts.iter().filter(|part| part.is_none()).count();
    let finding = if lacking == 0 {
        PAGE.pass(object, words::Full {})
    } else {
        let [percentile, first, pace, share, window] =
            parts.map(|part| Arg::text(if part.is_some() { "yes" } else { "no" }));
        let lacking_count = lacking.into();
        PAGE.warn(object, words::Incomplete { first, lacking_count, pace, percentile, share, window })
            .with_intent(step(Step::AgreeServiceLevel))
    };
    finding.with_evidence(cite(told.join(", ")))
}
