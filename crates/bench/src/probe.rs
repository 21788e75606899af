//! What is learned about a server before a run: its model, the form of request that it takes, and how it counts our words.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::BenchError;
use super::arrivals::Arrivals;
use super::ask::{Client, NoAnswer, event_loop};
use super::engine::Control;
use super::nonce::Nonce;
use super::openai::{Api, RequestForm, TokenLimit, UsageDetail};
use super::plan::{Load, Plan};
use super::prompts::PromptMaker;
use super::record::{Miss, Phase, Record};
use super::request::{Job, Requester};
use super::said::said;
use super::target::Target;

/// Where servers list their models.
const MODELS: &str = "/v1/models";
/// Between two looks at a server that is not ready, and the time that each may take.
const WAIT_STEP: Duration = Duration::from_millis(500);
const WAIT_LOOK: Duration = Duration::from_secs(5);
/// Tries in one form while the server says that it has too much to do, and the pause before each.
const BUSY_TRIES: u32 = 3;
const BUSY_PAUSE: Duration = Duration::from_millis(500);

pub(crate) struct Probed {
    pub(crate) form: RequestForm,
    pub(crate) maker: PromptMaker,
    /// Connections that the load will use at once, as far as one can tell.
    pub(crate) connections: usize,
    /// What is to be said of a choice that was made here.
    pub(crate) note: Option<String>,
}

/// Asks for the model, tries which options the server takes, and how many tokens it makes of our words.
pub(crate) fn probe(plan: &Plan, nonce: Nonce, control: &Control) -> Result<Probed, BenchError> {
    let runtime = event_loop().map_err(BenchError::Thread)?;
    let client = Client::new(&plan.target)?;
    runtime.block_on(async {
        await_ready(plan, &client, control).await;
        let url = plan.target.url();
        let unsuitable = |why: String| BenchError::Unsuitable { url: url.clone(), why };
        let (model, note) = match plan.model.as_deref().or(plan.target.deployment()) {
            Some(model) => (model.to_owned(), None),
            None => {
                let answer = client.get(MODELS, plan.timeout).await;
                let answer = answer.map_err(|none| none.ends(&plan.target, MODELS))?;
                choose_model(answer.status, &answer.body, &plan.target).map_err(unsuitable)?
            }
        };
        let form = RequestForm {
            api: plan.api,
            model,
            limit: TokenLimit::MaxTokens,
            usage: UsageDetail::Continuous,
            ignore_eos: plan.ignore_eos,
            temperature: Some(plan.temperature),
        };
        let mut maker = PromptMaker::new(plan.prompts.clone(), nonce);
        let target = Arc::new(plan.target.clone());
        let requester = Requester::new(&target, plan.api, plan.timeout)?;
        let (form, record) = find_form(plan, form, &maker, &requester).await?;
        // A prompt of one word tells what the server adds to each.
        if record.prompt_tokens.is_some() {
            let one = requester.perform(job(&form, PromptMaker::one_word(), 1)).await;
            match (maker.wanted_words(), record.prompt_tokens, one.prompt_tokens) {
                (Some(words), Some(counted), Some(of_one)) => maker.correct(words, counted, of_one),
                (None, _, Some(of_one)) => maker.learn_added(of_one),
                _ => {}
            }
        }
        let seconds = record.ttft_from_send().map(|ttft| {
            let token = record.tpot_range().map_or(0.0, |(_, most)| most);
            (ttft as f64 + token * f64::from(plan.output_tokens)) / 1e9
        });
        let connections = match &plan.load {
            Load::Closed { concurrency } => *concurrency as usize,
            // Little's law, with room for what comes in clumps.
            Load::Open { arrivals } => {
                let wanted = arrivals.rate().unwrap_or(1.0) * seconds.unwrap_or(1.0) * 1.3 + 4.0;
                let wanted = if let Arrivals::Burst { size, .. } = arrivals {
                    wanted.max(f64::from(*size))
                } else {
                    wanted
                };
                (wanted as usize).min(plan.max_in_flight).min(1024)
            }
        };
        Ok(Probed { form, maker, connections, note })
    })
}

/// Waits, no longer than the plan says, until the server answers and does not say itself that it is not ready: some answer while
/// they still load.
async fn await_ready(plan: &Plan, client: &Client, control: &Control) {
    let until = Instant::now() + plan.wait;
    while Instant::now() < until && !control.is_stopped() {
        let answers = |path| async move {
            match client.get(path, WAIT_LOOK).await {
                Ok(answer) => Some(answer.status),
                // An answer, too, and one that waiting does not change.
                Err(NoAnswer::Redirected { status, .. }) => Some(status),
                Err(_) => None,
            }
        };
        if answers(MODELS).await.is_some_and(|status| status < 500)
            && answers("/health").await.is_none_or(|status| status < 500)
        {
            return;
        }
        tokio::time::sleep(WAIT_STEP.min(until.saturating_duration_since(Instant::now()))).await;
    }
}

fn job(form: &RequestForm, prompt: &str, tokens: u32) -> Job {
    let body = form.body(prompt, tokens).into();
    Job { index: 0, phase: Phase::Warmup, due: 0, tokens, prompt_tokens: None, body }
}

/// The form with the most options that the server takes, and the request that it took. Where none works and the fault is the
/// server's, the first form: that requests fail is a result.
async fn find_form(
    plan: &Plan,
    wanted: RequestForm,
    maker: &PromptMaker,
    requester: &Requester,
) -> Result<(RequestForm, Record), BenchError> {
    let url = plan.target.url();
    let unsuitable = |why: String, record: &Record| {
        let said = record.said.as_ref().map_or_else(String::new, |said| format!(": {said}"));
        BenchError::Unsuitable { url: url.clone(), why: format!("{why}{said}") }
    };
    let mut form = wanted.clone();
    let mut tries = 0;
    loop {
        requester.listen();
        // A number that no measured prompt has, so that none finds its prompt in a cache.
        let prompt = maker.make(u64::MAX - 1, None);
        let record = requester.perform(job(&form, &prompt, plan.output_tokens.min(8))).await;
        tries += 1;
        let next = match (record.miss, record.status) {
            (None, _) => return Ok((form, record)),
            (Some(Miss::Http4xx), 401 | 403) => {
                return Err(unsuitable(format!("status {}; give the API key", record.status), &record));
            }
            (Some(Miss::Http4xx), 404) => {
                let why = format!("it has no `{}`, or no model `{}`", plan.api.path(), form.model);
                return Err(unsuitable(why, &record));
            }
            (Some(miss @ (Miss::ConnectRefused | Miss::ConnectFailed | Miss::Tls)), _) => {
                return Err(BenchError::Unreachable { url, miss });
            }
            (Some(Miss::ClientLimit | Miss::Dropped), _) => return Ok((wanted, record)),
            (Some(Miss::Http429), _) if tries < BUSY_TRIES => {
                tokio::time::sleep(BUSY_PAUSE * tries).await;
                continue;
            }
            // It takes long to find out, so only the form that asks for least is tried, too.
            (Some(Miss::Timeout), _) => bare(&form),
            (Some(Miss::Http4xx | Miss::Http429), _) => less(&form, &wanted, record.said.as_deref()),
            // Some servers fail over an option that they do not know. What fails for another reason may work when it is tried
            // again.
            (Some(_), _) if tries < 2 => continue,
            (Some(_), _) => less(&form, &wanted, record.said.as_deref()),
        };
        tries = 0;
        match next {
            Some(next) => form = next,
            None if record.miss == Some(Miss::Http4xx) => {
                let why = format!("status {} to every form of request", record.status);
                return Err(unsuitable(why, &record));
            }
            None => return Ok((wanted, record)),
        }
    }
}

/// The form with fewer options to try after `form`: without the one that the server names, else the next in order.
fn less(form: &RequestForm, wanted: &RequestForm, said: Option<&str>) -> Option<RequestForm> {
    let names = |word: &str| said.is_some_and(|said| said.contains(word));
    let other_limit = form.api == Api::Chat && form.limit == TokenLimit::MaxTokens;
    if other_limit && (names("max_tokens") || names("max_completion_tokens")) {
        return Some(RequestForm { limit: TokenLimit::MaxCompletionTokens, ..form.clone() });
    }
    if form.temperature.is_some() && names("temperature") {
        return Some(RequestForm { temperature: None, ..form.clone() });
    }
    if form.ignore_eos && names("ignore_eos") {
        return Some(RequestForm { ignore_eos: false, ..form.clone() });
    }
    let usage = match form.usage {
        UsageDetail::Continuous => UsageDetail::Final,
        UsageDetail::Final => UsageDetail::None,
        UsageDetail::None if form.ignore_eos => {
            return Some(RequestForm { ignore_eos: false, usage: UsageDetail::Continuous, ..form.clone() });
        }
        UsageDetail::None if other_limit => {
            return Some(RequestForm {
                limit: TokenLimit::MaxCompletionTokens,
                ignore_eos: wanted.ignore_eos,
                usage: UsageDetail::Continuous,
                ..form.clone()
            });
        }
        UsageDetail::None => return None,
    };
    Some(RequestForm { usage, ..form.clone() })
}

/// The form that asks for least; `None` for that one itself.
fn bare(form: &RequestForm) -> Option<RequestForm> {
    let bare = RequestForm { usage: UsageDetail::None, ignore_eos: false, ..form.clone() };
    (bare != *form).then_some(bare)
}

/// The model to ask for, and what is to be said where there was a choice: the first that is not named as one that makes no text.
fn choose_model(status: u16, body: &[u8], target: &Target) -> Result<(String, Option<String>), String> {
    /// Parts of names of models that embed, rank or transcribe.
    const NO_TEXT: [&str; 5] = ["embed", "rerank", "whisper", "bge-", "clip-"];
    if matches!(status, 401 | 403) {
        return Err(format!("status {status} for its list of models; give the API key"));
    }
    let list: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let models = list["data"].as_array().into_iter().flatten().filter_map(|model| model["id"].as_str());
    let models: Vec<&str> = models.filter(|_| status == 200).collect();
    let makes_text = |model: &&&str| {
        let name = model.to_ascii_lowercase();
        !NO_TEXT.iter().any(|part| name.contains(part))
    };
    match models.iter().find(makes_text).or(models.first()) {
        Some(chosen) => {
            let others: Vec<String> =
                models.iter().filter(|model| *model != chosen).map(|model| format!("`{model}`")).collect();
            let note = (!others.is_empty()).then(|| {
                let more = others.len().saturating_sub(5);
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                format!(
                    "the server lists {} models, and `{chosen}` was asked; `--model` asks another one ({}{more})",
                    models.len(),
                    others[..others.len().min(5)].join(", ")
                )
            });
            Ok(((*chosen).to_owned(), note))
        }
        _ if status >= 500 => {
            let said = said(body, &target.secrets()).map_or_else(String::new, |said| format!(" ({said})"));
            Err(format!(
                "status {status} for its list of models{said}; wait until the server is ready, or give `--wait SECONDS`"
            ))
        }
        None => Err(format!(
            "status {status} and no list of models at `/v1/models`; name the model with `--model`"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Http;

    #[test]
    fn a_choice_among_models_is_told() {
        let target = Target::new("http://127.0.0.1:1", Http::Auto, None, None).unwrap();
        let of = |body: &str| choose_model(200, body.as_bytes(), &target);
        assert_eq!(of(r#"{"data":[{"id":"a"}]}"#), Ok(("a".to_owned(), None)));
        let (model, note) =
            of(r#"{"data":[{"id":"nomic-embed-text"},{"id":"llama"},{"id":"qwen"}]}"#).unwrap();
        let note = note.unwrap();
        assert!(model == "llama" && note.contains("lists 3 models, and `llama` was asked"), "{note}");
        assert!(note.contains("`nomic-embed-text`, `qwen`"), "{note}");
        assert_eq!(of(r#"{"data":[{"id":"nomic-embed-text"}]}"#).unwrap().0, "nomic-embed-text");
        assert!(of("{}").unwrap_err().contains("--model"));
        assert!(choose_model(503, b"loading", &target).unwrap_err().contains("(loading)"));
    }

    #[test]
    fn options_go_one_after_the_other_and_first_the_one_that_is_named() {
        let wanted = RequestForm {
            api: Api::Chat,
            model: "m".to_owned(),
            limit: TokenLimit::MaxTokens,
            usage: UsageDetail::Continuous,
            ignore_eos: true,
            temperature: Some(0.0),
        };
        let mut forms = vec![wanted.clone()];
        while let Some(next) = less(forms.last().unwrap(), &wanted, None) {
            assert!(!forms.contains(&next));
            forms.push(next);
        }
        assert_eq!(forms.len(), 12);
        let named = |said: &str| less(&wanted, &wanted, Some(said)).unwrap();
        let limit = named("'max_tokens' is not supported with this model; use 'max_completion_tokens'");
        assert_eq!(limit, RequestForm { limit: TokenLimit::MaxCompletionTokens, ..wanted.clone() });
        assert_eq!(named("'temperature' does not support 0").temperature, None);
        let named = named("extra fields not permitted: ignore_eos");
        assert_eq!(named, RequestForm { ignore_eos: false, ..wanted.clone() });
        // The other interface has one limit only.
        let other = RequestForm { api: Api::Completions, ..wanted.clone() };
        assert_eq!(
            less(&other, &other, Some("max_tokens is too large")).unwrap().limit,
            TokenLimit::MaxTokens
        );
        assert_eq!(bare(&bare(&wanted).unwrap()), None);
    }
}
