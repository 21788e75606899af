//! What the node is taken to be, and what its workload is taken to be sensitive to.
//!
//! The platform comes from the evidence unless the client says otherwise. Traits of the workload come from the client,
//! and from arguments of the serving software that leave no doubt; what neither tells is unknown, and counts as
//! sensitive.

use plumb_check_sdk::WorkloadTrait;
use plumb_evidence::Evidence;
use plumb_evidence::model::{InferenceServer, Node, ServiceLevel};
use serde::{Deserialize, Serialize};

use crate::speech::{LikelihoodReason, Speech, Text, Translations, say};

/// Fewer requests at a time than this are a small batch (catalogue: batch < 8).
const SMALL_BATCH_BELOW: u64 = 8;
/// Objectives for this percentile or a higher one are strict (catalogue: p99).
const STRICT_PERCENTILE: f64 = 99.0;
/// An inter-token latency of this many ms or less is strict (catalogue: ITL <= 50 ms).
const STRICT_ITL_MS: f64 = 50.0;

/// What kind of machine the serving software runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Platform {
    /// The operating system runs on the hardware, and the workload on the operating system.
    BareMetal,
    /// Under a hypervisor.
    VmGuest,
    /// The collector ran in a container that is not Kubernetes'.
    Container,
    /// In a pod.
    Kubernetes,
    /// Several tenants share the node.
    SharedHost,
    /// The evidence does not tell.
    Unknown,
}

impl Platform {
    /// All that a client may name.
    pub const ALL: [Self; 5] =
        [Self::BareMetal, Self::VmGuest, Self::Container, Self::Kubernetes, Self::SharedHost];

    /// The word that reports print and that files use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BareMetal => "bare-metal",
            Self::VmGuest => "vm-guest",
            Self::Container => "container",
            Self::Kubernetes => "kubernetes",
            Self::SharedHost => "shared-host",
            Self::Unknown => "unknown",
        }
    }
}

/// Whether a workload has a trait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It has.
    Yes,
    /// It has not.
    No,
    /// Nobody said, and the evidence does not show it.
    Unknown,
}

/// The profile that the assessment used, and where it came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Profile {
    /// Kind of machine.
    pub platform: Platform,
    /// How one knows, in one phrase.
    pub platform_source: String,
    /// `platform_source` in other languages.
    #[serde(skip_serializing_if = "Translations::is_empty")]
    pub words: Translations,
    /// All traits, in the order of the type.
    pub traits: Vec<TraitAnswer>,
}

/// Whether the workload has one trait, and how one knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TraitAnswer {
    /// The trait.
    #[serde(rename = "trait")]
    pub id: WorkloadTrait,
    /// Whether the workload has it.
    pub answer: Answer,
    /// How one knows, in one phrase.
    pub source: String,
    /// `source` in other languages.
    #[serde(skip_serializing_if = "Translations::is_empty")]
    pub words: Translations,
}

impl Profile {
    /// The profile of a node; `stated` is the platform that the client named.
    pub(crate) fn of(evidence: &Evidence, stated: Option<Platform>, speech: &Speech) -> Self {
        let (seen, source) = detect(&evidence.node);
        let (platform, source) = match stated {
            Some(platform) if platform == seen => (platform, say("given-and-seen").with("seen", source)),
            Some(platform) => {
                (platform, say("given-overrides").with("platform", seen.as_str()).with("seen", source))
            }
            None => (seen, source),
        };
        let traits = ALL_TRAITS.iter().map(|&id| {
            let (answer, source) = answer(evidence, id, platform);
            let mut words = Translations::default();
            TraitAnswer { id, answer, source: speech.field(&mut words, "source", &source), words }
        });
        let mut words = Translations::default();
        Self {
            platform,
            platform_source: speech.field(&mut words, "platform_source", &source),
            words,
            traits: traits.collect(),
        }
    }

    /// Why a workload is known not to be sensitive to a check with these amplifiers; `None` where it is sensitive or
    /// nobody knows, or where the check has none.
    pub(crate) fn insensitive(
        &self,
        amplified_by: &[WorkloadTrait],
        speech: &Speech,
    ) -> Option<LikelihoodReason> {
        if amplified_by.is_empty() {
            return None;
        }
        let mut without = Vec::new();
        for wanted in amplified_by {
            let own = self.traits.iter().find(|own| own.id == *wanted)?;
            if own.answer != Answer::No {
                return None;
            }
            without.push(word(own.id));
        }
        without.sort_unstable();
        without.dedup();
        Some(LikelihoodReason::new(speech, &say("trait-without").with("traits", without.join(", "))))
    }
}

/// All traits, in the order of the type.
const ALL_TRAITS: [WorkloadTrait; 7] = [
    WorkloadTrait::SmallBatch,
    WorkloadTrait::TensorParallel,
    WorkloadTrait::Offload,
    WorkloadTrait::LongPrompts,
    WorkloadTrait::Disaggregated,
    WorkloadTrait::SharedHost,
    WorkloadTrait::StrictTail,
];

/// The word that reports print and that files use.
#[must_use]
pub fn word(id: WorkloadTrait) -> &'static str {
    match id {
        WorkloadTrait::SmallBatch => "small-batch",
        WorkloadTrait::TensorParallel => "tensor-parallel",
        WorkloadTrait::Offload => "offload",
        WorkloadTrait::LongPrompts => "long-prompts",
        WorkloadTrait::Disaggregated => "disaggregated",
        WorkloadTrait::SharedHost => "shared-host",
        WorkloadTrait::StrictTail => "strict-tail",
    }
}

fn detect(node: &Node) -> (Platform, Text<'_>) {
    match (node.container.known().map(String::as_str), node.virtualization.known().map(String::as_str)) {
        (Some("kubernetes"), _) => (Platform::Kubernetes, say("in-pod")),
        (Some(runtime), _) if runtime != "none" => {
            (Platform::Container, say("in-container").with("runtime", runtime))
        }
        (_, Some("none")) => (Platform::BareMetal, say("no-hypervisor")),
        (_, Some(hypervisor)) => (Platform::VmGuest, say("hypervisor").with("name", hypervisor)),
        (_, None) => (Platform::Unknown, say("platform-not-told")),
    }
}

/// The evidence decides where it proves that the trait is there: the client may be wrong about what runs. Otherwise the
/// client's word counts, and then what the evidence rules out.
fn answer(evidence: &Evidence, id: WorkloadTrait, platform: Platform) -> (Answer, Text<'_>) {
    let engagement = evidence.engagement.known();
    let stated = engagement.and_then(|engagement| engagement.workload.get(&id).copied());
    let servers = evidence.servers.known().map_or(&[][..], Vec::as_slice);
    let proven = match id {
        WorkloadTrait::SmallBatch => small_batch(servers),
        WorkloadTrait::TensorParallel => tensor_parallel(servers),
        WorkloadTrait::Offload => offload(servers),
        WorkloadTrait::LongPrompts => None,
        WorkloadTrait::Disaggregated => disaggregated(servers),
        WorkloadTrait::SharedHost => shared_host(servers, platform),
        WorkloadTrait::StrictTail => engagement.and_then(|engagement| strict_tail(engagement.slo.known()?)),
    };
    match (stated, proven) {
        (Some(true), _) => (Answer::Yes, say("given")),
        (Some(false), Some((true, why))) => (Answer::Yes, say("trait-given-but").with("why", why)),
        (_, Some((true, why))) => (Answer::Yes, why),
        (Some(false), _) => (Answer::No, say("given")),
        (None, Some((false, why))) => (Answer::No, why),
        (None, None) => (Answer::Unknown, say("trait-unknown")),
    }
}

/// Whether the evidence shows a trait or rules it out, and by what.
type Proof<'a> = Option<(bool, Text<'a>)>;

fn option<'a>(server: &'a InferenceServer, names: &[&'static str]) -> Option<(&'static str, &'a str)> {
    let options = server.options.known()?;
    names.iter().find_map(|&name| Some((name, options.get(name)?.as_str())))
}

/// A sentence that names an option of a server.
fn of_option<'a>(key: &'static str, server: &'a InferenceServer, option: &'static str) -> Text<'a> {
    say(key).with("option", option).with("server", &server.kind)
}

fn small_batch(servers: &[InferenceServer]) -> Proof<'_> {
    servers.iter().find_map(|server| {
        let (name, value) = option(server, &["max-num-seqs", "max-running-requests", "max-batch-size"])?;
        let limit: u64 = value.parse().ok()?;
        (limit < SMALL_BATCH_BELOW)
            .then(|| (true, of_option("trait-small-batch", server, name).with("limit", limit.to_string())))
    })
}

fn tensor_parallel(servers: &[InferenceServer]) -> Proof<'_> {
    let size = servers.iter().filter_map(|server| server.tensor_parallel.known()).max();
    if let Some(size) = size.filter(|&&size| size >= 2) {
        return Some((true, say("trait-tensor-parallel").with("size", size.to_string())));
    }
    // The default of an option can be changed in a file that nobody read; the number of GPUs cannot.
    let gpus_of = |server: &InferenceServer| -> Option<usize> {
        let mut gpus = std::collections::BTreeSet::new();
        for process in &server.processes {
            gpus.extend(process.gpus.known()?.iter());
        }
        Some(gpus.len())
    };
    let single = !servers.is_empty() && servers.iter().all(|server| gpus_of(server).is_some_and(|n| n <= 1));
    single.then(|| (false, say("trait-one-gpu")))
}

fn offload(servers: &[InferenceServer]) -> Proof<'_> {
    servers.iter().find_map(|server| {
        let (name, value) = option(
            server,
            &["cpu-offload-gb", "kv-offloading-size", "enable-hierarchical-cache", "kv-offloading-backend"],
        )?;
        let off = value.parse::<f64>().is_ok_and(|number| number == 0.0) || value == "false";
        (!off).then(|| (true, of_option("trait-option", server, name).with("value", value)))
    })
}

fn disaggregated(servers: &[InferenceServer]) -> Proof<'_> {
    servers.iter().find_map(|server| {
        if let Some((name, value)) = option(server, &["kv-transfer-config", "disaggregation-mode"])
            && value != "null"
        {
            return Some((true, of_option("trait-runs-with", server, name)));
        }
        let (name, value) = option(server, &["nnodes"])?;
        let nodes: u32 = value.parse().ok()?;
        (nodes >= 2).then(|| (true, of_option("trait-option", server, name).with("value", nodes.to_string())))
    })
}

fn shared_host(servers: &[InferenceServer], platform: Platform) -> Proof<'_> {
    if platform == Platform::SharedHost {
        return Some((true, say("trait-shared-platform")));
    }
    let mut homes: Vec<&String> = servers
        .iter()
        .filter_map(|server| server.container.known().or_else(|| server.unit.known()))
        .collect();
    homes.sort_unstable();
    homes.dedup();
    (homes.len() >= 2).then(|| (true, say("trait-shared-units").count("n", homes.len())))
}

fn strict_tail(slo: &ServiceLevel) -> Proof<'static> {
    let between_tokens = slo.itl_ms.or(slo.tpot_ms);
    match (slo.percentile, between_tokens) {
        (Some(percentile), _) if percentile >= STRICT_PERCENTILE => {
            Some((true, say("trait-strict-percentile").with("percentile", Text::Number(percentile, ""))))
        }
        (_, Some(ms)) if ms <= STRICT_ITL_MS => {
            Some((true, say("trait-strict-tokens").with("time", Text::Number(ms, "ms"))))
        }
        (Some(percentile), Some(ms)) => {
            let why = say("trait-not-strict").with("time", Text::Number(ms, "ms"));
            Some((false, why.with("percentile", Text::Number(percentile, ""))))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use plumb_evidence::Fact;
    use plumb_evidence::model::Engagement;

    use super::*;
    use crate::testing::empty_evidence;

    fn english() -> Speech {
        Speech::new::<&str>(&[])
    }

    fn server(options: &[(&str, &str)], tensor_parallel: u32) -> InferenceServer {
        InferenceServer {
            kind: "vllm".into(),
            options: Fact::Known(
                options.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect(),
            ),
            tensor_parallel: Fact::Known(tensor_parallel),
            ..InferenceServer::default()
        }
    }

    fn answer_of(evidence: &Evidence, id: WorkloadTrait) -> TraitAnswer {
        let profile = Profile::of(evidence, None, &english());
        profile.traits.into_iter().find(|own| own.id == id).unwrap()
    }

    #[test]
    fn nothing_known_is_unknown_and_never_insensitive() {
        let profile = Profile::of(&empty_evidence(), None, &english());
        assert_eq!(profile.platform, Platform::Unknown);
        assert!(profile.traits.iter().all(|own| own.answer == Answer::Unknown));
        assert_eq!(profile.insensitive(&[WorkloadTrait::Offload], &english()), None);
        assert_eq!(profile.insensitive(&[], &english()), None);
    }

    #[test]
    fn arguments_prove_traits_and_outdo_the_client() {
        let mut evidence = empty_evidence();
        evidence.servers = Fact::Known(vec![server(&[("cpu-offload-gb", "4"), ("max-num-seqs", "4")], 4)]);
        evidence.engagement = Fact::Known(Engagement {
            workload: BTreeMap::from([
                (WorkloadTrait::TensorParallel, false),
                (WorkloadTrait::LongPrompts, false),
            ]),
            ..Engagement::default()
        });
        for id in [WorkloadTrait::Offload, WorkloadTrait::SmallBatch, WorkloadTrait::TensorParallel] {
            assert_eq!(answer_of(&evidence, id).answer, Answer::Yes, "{id:?}");
        }
        assert!(
            answer_of(&evidence, WorkloadTrait::TensorParallel).source.contains("the client says no, but")
        );
        let profile = Profile::of(&evidence, None, &english());
        assert!(profile.insensitive(&[WorkloadTrait::LongPrompts], &english()).is_some());
        assert!(
            profile.insensitive(&[WorkloadTrait::LongPrompts, WorkloadTrait::Offload], &english()).is_none()
        );
    }

    #[test]
    fn a_default_of_one_does_not_rule_out_tensor_parallelism() {
        let mut evidence = empty_evidence();
        let mut one = server(&[], 1);
        one.processes = vec![plumb_evidence::model::ServerProcess::default()];
        evidence.servers = Fact::Known(vec![one.clone()]);
        assert_eq!(answer_of(&evidence, WorkloadTrait::TensorParallel).answer, Answer::Unknown);
        one.processes[0].gpus = Fact::Known(vec!["0000:18:00.0".into()]);
        evidence.servers = Fact::Known(vec![one]);
        assert_eq!(answer_of(&evidence, WorkloadTrait::TensorParallel).answer, Answer::No);
    }

    #[test]
    fn objectives_tell_whether_the_tail_is_strict() {
        let slo = |percentile, itl_ms| ServiceLevel { percentile, itl_ms, ..ServiceLevel::default() };
        assert!(strict_tail(&slo(Some(99.0), None)).unwrap().0);
        assert!(strict_tail(&slo(Some(95.0), Some(50.0))).unwrap().0);
        assert!(!strict_tail(&slo(Some(95.0), Some(80.0))).unwrap().0);
        assert!(strict_tail(&slo(Some(95.0), None)).is_none());
    }

    #[test]
    fn the_platform_comes_from_the_evidence_unless_the_client_says_otherwise() {
        let mut evidence = empty_evidence();
        evidence.node.virtualization = Fact::Known("kvm".into());
        let profile = Profile::of(&evidence, None, &english());
        assert_eq!(
            (profile.platform, &*profile.platform_source),
            (Platform::VmGuest, "the hypervisor shows itself (kvm)")
        );
        let profile = Profile::of(&evidence, Some(Platform::SharedHost), &english());
        assert!(
            profile.platform_source.contains("overrides what the evidence says: vm-guest"),
            "{profile:?}"
        );
        assert_eq!(profile.traits[5].answer, Answer::Yes);
    }
}
