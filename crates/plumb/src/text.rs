//! Results as text for a terminal. Understandable without colour; the same facts as the JSON form.

pub(crate) mod compare;
pub(crate) mod fleet;

use std::fmt::Write;
use std::path::Path;

use plumb_check_sdk::Outcome;
use plumb_collect::Planned;
use plumb_engine::action::ActionState;
use plumb_engine::assessment::{Assessment, CategoryResult, FindingRef, Grade, RatedFinding, by_root};
use plumb_engine::profile::{Answer, word};
use plumb_engine::waiver::WaiverState;
use plumb_evidence::Bundle;
use plumb_evidence::manifest::{Manifest, ProbeStatus};
use plumb_report::pattern::is_pattern;

/// Widest line that is printed, however wide the terminal is.
const WIDTH: usize = 100;

/// For so many of the first steps of the order of work it is told what they do for the service.
const FIRST_STEPS: usize = 3;

fn width() -> usize {
    textwrap::termwidth().clamp(40, WIDTH)
}

/// Adds `text`, wrapped, with `first` before it and its later lines set in by as much.
pub(crate) fn wrap(out: &mut String, first: &str, text: &str) {
    let rest = " ".repeat(first.chars().count());
    let options = textwrap::Options::new(width())
        .initial_indent(first)
        .subsequent_indent(&rest)
        // At blanks only, and in no command: it is copied as a whole.
        .word_separator(textwrap::WordSeparator::Custom(outside_code))
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .break_words(false);
    out.push_str(&textwrap::fill(text, options));
    out.push('\n');
}

/// Words between blanks, of which a text in backticks is one.
fn outside_code(line: &str) -> Box<dyn Iterator<Item = textwrap::core::Word<'_>> + '_> {
    let mut words = Vec::new();
    let (mut start, mut in_code, mut after_blank) = (0, false, false);
    for (at, c) in line.char_indices() {
        if after_blank && c != ' ' && !in_code {
            words.push(textwrap::core::Word::from(&line[start..at]));
            start = at;
        }
        in_code ^= c == '`';
        after_blank = c == ' ' && !in_code;
    }
    words.push(textwrap::core::Word::from(&line[start..]));
    Box::new(words.into_iter())
}

/// Risk, coverage and key issue in a few lines.
pub(crate) fn headline(assessment: &Assessment) -> String {
    let risk = &assessment.risk;
    let grade = graded(Some(risk.grade), risk.at_least).to_uppercase();
    let mut out = String::new();
    wrap(&mut out, "Risk:     ", &format!("{grade} ({})", risk.reason));
    wrap(&mut out, "Coverage: ", &coverage(assessment.coverage));
    wrap(&mut out, "Issue:    ", &assessment.key_issue.sentence);
    out
}

fn graded(grade: Option<Grade>, at_least: Option<Grade>) -> String {
    let mut text = grade.map_or("Does not apply", Grade::title).to_owned();
    if let Some(least) = at_least {
        let _ = write!(text, ", at least {}", least.title());
    }
    text
}

fn coverage(share: Option<f64>) -> String {
    share.map_or_else(
        || "nothing that carries risk applies".to_owned(),
        |share| format!("{:.0} % of what applies, weighted by severity", (share * 100.0).floor()),
    )
}

/// The assessment, the verdict last: what deviates and what has no answer, and with `all` the rest, too.
pub(crate) fn assessment(assessment: &Assessment, all: bool) -> String {
    let mut out = String::new();
    wrap(&mut out, "Node:     ", &assessment.node.hostname);
    wrap(
        &mut out,
        "Evidence: ",
        &format!(
            "collected {} ({}), manifest sha256 {}",
            assessment.provenance.collected,
            assessment.provenance.origin,
            assessment.provenance.bundle_sha256
        ),
    );
    profile(&mut out, assessment);
    contradictions(&mut out, assessment);
    let mut left_out = Vec::new();
    for (title, wanted, is_brief) in [
        ("Findings", &[Outcome::Fail, Outcome::Warn][..], false),
        ("Not answered", &[Outcome::Contradictory, Outcome::NotRun], false),
        ("Accepted", &[Outcome::Accepted], false),
        ("For information", &[Outcome::Info], true),
        ("In order", &[Outcome::Pass], true),
        ("Not applicable", &[Outcome::NotApplicable], true),
    ] {
        let findings: Vec<&RatedFinding> =
            assessment.findings.iter().filter(|finding| wanted.contains(&finding.outcome)).collect();
        if findings.is_empty() {
            continue;
        }
        if is_brief && !all {
            left_out.push(format!("{} {}", findings.len(), title.to_lowercase()));
            continue;
        }
        if title == "Not answered" && !all {
            unanswered(&mut out, &findings);
            continue;
        }
        if wanted.iter().any(|outcome| outcome.is_deviation()) {
            deviations(&mut out, assessment, &findings, title);
            continue;
        }
        let _ = writeln!(out, "\n{title} ({})", findings.len());
        for finding in findings {
            one(&mut out, assessment, finding);
        }
    }
    actions(&mut out, assessment);
    work(&mut out, assessment);
    client(&mut out, assessment);
    verdict(&mut out, assessment, all);
    if !left_out.is_empty() {
        wrap(&mut out, "\n", &format!("Left out here: {}; `--all` prints them.", left_out.join(", ")));
    }
    out
}

/// Grades, answers and the headline, which is what one wants to read and so stands where the eye is at the end.
fn verdict(out: &mut String, assessment: &Assessment, all: bool) {
    out.push_str("\nVerdict\n");
    for category in &assessment.categories {
        let _ = writeln!(out, "  {:<28}{}", category.title, grade_of(category));
    }
    for question in &assessment.checklist {
        wrap(out, "  ", question.question.as_str());
        let grade = graded(question.grade, question.at_least);
        wrap(out, "      ", &format!("{grade}: {}", question.sentence));
        for backing in question.findings.iter().filter(|own| all && !own.evidence.is_empty()).take(2) {
            let citation = &backing.evidence[0];
            wrap(
                out,
                "      evidence  ",
                &format!(
                    "{} ({}): {} = {}",
                    backing.finding.check, backing.finding.subject, citation.source, citation.value
                ),
            );
        }
    }
    let indices = &assessment.indices;
    let hardening = indices.hardening.map_or_else(|| "none".to_owned(), |index| format!("{index:.1}"));
    let text = format!(
        "exposure {:.1}, hardening {hardening}; coverage {}",
        indices.exposure,
        coverage(indices.coverage)
    );
    out.push('\n');
    wrap(out, "Indices:  ", &text);
    out.push_str(&headline(assessment));
}

/// What has no answer, by its reason: one lack often leaves many checks open.
fn unanswered(out: &mut String, findings: &[&RatedFinding]) {
    let mut by_reason: Vec<(String, Vec<&str>)> = Vec::new();
    for finding in findings {
        let reason = format!("{} {}", finding.outcome.as_str().to_uppercase(), finding.message);
        match by_reason.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, checks)) if !checks.contains(&finding.check.as_str()) => checks.push(&finding.check),
            Some(_) => {}
            None => by_reason.push((reason, vec![&finding.check])),
        }
    }
    let _ = writeln!(out, "\nNot answered ({})", findings.len());
    for (reason, checks) in by_reason {
        wrap(out, "  ", &reason);
        wrap(out, "      ", &checks.join(", "));
    }
}

/// Statements that cannot both be true, before anything that rests on them.
fn contradictions(out: &mut String, assessment: &Assessment) {
    if assessment.contradictions.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "\nContradictions ({}): act on none of these before it is known which side is wrong",
        assessment.contradictions.len()
    );
    for own in &assessment.contradictions {
        wrap(out, "  - ", &own.sentence);
        for source in &own.sources {
            wrap(out, "    evidence  ", &format!("{} = {}", source.source, source.value));
        }
    }
}

fn profile(out: &mut String, assessment: &Assessment) {
    let profile = &assessment.profile;
    wrap(out, "Platform: ", &format!("{} ({})", profile.platform.as_str(), profile.platform_source));
    let with = |answer: Answer| {
        let of = profile.traits.iter().filter(|own| own.answer == answer);
        of.map(|own| format!("{} ({})", word(own.id), own.source)).collect::<Vec<_>>().join(", ")
    };
    let unknown: Vec<&str> =
        profile.traits.iter().filter(|own| own.answer == Answer::Unknown).map(|own| word(own.id)).collect();
    for (label, text) in [
        ("Workload: has ", with(Answer::Yes)),
        ("Workload: has no ", with(Answer::No)),
        ("Workload: unknown, taken as sensitive: ", unknown.join(", ")),
    ] {
        if !text.is_empty() {
            wrap(out, "", &format!("{label}{text}"));
        }
    }
    let seen = if assessment.load_sample.seen { "yes" } else { "no" };
    wrap(out, "Load:     ", &format!("{seen} ({})", assessment.load_sample.reason));
}

/// The order of work.
fn work(out: &mut String, assessment: &Assessment) {
    if assessment.work.is_empty() {
        return;
    }
    let _ = writeln!(out, "\nOrder of work (risk divided by risk of change)");
    for (item, n) in assessment.work.iter().zip(1..) {
        let mut tags = String::new();
        if item.quick_win {
            tags.push_str(", quick win");
        }
        if item.verify_first {
            tags.push_str(", verify first");
        }
        let checks = if item.checks.is_empty() { item.check.clone() } else { item.checks.join(", ") };
        let text =
            format!("{checks}  {:.1} = {:.1} / {}{tags}", item.priority, item.score, item.risk_of_change);
        wrap(out, &format!("  {n}. "), &text);
        let effect = assessment
            .findings
            .iter()
            .filter(|_| n <= FIRST_STEPS)
            .find(|finding| FindingRef::to(finding) == item.first)
            .map(|finding| if finding.effect.is_empty() { &finding.business } else { &finding.effect });
        if let Some(effect) = effect {
            wrap(out, "     ", effect);
        }
    }
}

/// What the client decided, and what came of it.
fn client(out: &mut String, assessment: &Assessment) {
    if !assessment.waivers.is_empty() {
        let day = assessment.as_of.date.as_deref().unwrap_or("an unknown day");
        let _ = writeln!(out, "\nWaivers (as of {day})");
    }
    for waiver in &assessment.waivers {
        let state = match waiver.state {
            WaiverState::InForce => "in force",
            WaiverState::Expired => "EXPIRED",
            WaiverState::Unused => "matches no deviation",
            WaiverState::UnknownCheck => "UNKNOWN CHECK",
        };
        let subject = waiver.subject.as_deref().unwrap_or("all subjects");
        let text =
            format!("{state}: {subject}, until {}, {}: {}", waiver.expires, waiver.owner, waiver.reason);
        wrap(out, &format!("  {}  ", waiver.check), &text);
    }
    if !assessment.overrides.is_empty() {
        let _ = writeln!(out, "\nReplaced thresholds");
    }
    for wanted in &assessment.overrides {
        let unit = wanted.unit.as_deref().unwrap_or("");
        let original = wanted.original.map_or_else(
            || "NO EFFECT: no check has this threshold".to_owned(),
            |original| format!("{} {unit} instead of {original} {unit}", wanted.number),
        );
        wrap(out, "  ", &format!("{}: {original} ({})", wanted.key, wanted.reason));
    }
}

fn grade_of(category: &CategoryResult) -> String {
    let Some(grade) = category.grade else { return "nothing applies".to_owned() };
    let mut text = grade.title().to_owned();
    if let Some(least) = category.at_least {
        let _ = write!(text, ", at least {}", least.title());
    }
    if let Some(share) = category.coverage {
        let _ = write!(text, ", coverage {:.0} %", (share * 100.0).floor());
    }
    if category.stepped_up {
        text.push_str(", raised by many findings");
    }
    if category.unanswered > 0 {
        let _ = write!(text, ", {} not answered", category.unanswered);
    }
    text
}

/// Deviations by cause: what one change would mend stands together, the worst in full and what adds nothing to do in a line.
fn deviations(out: &mut String, assessment: &Assessment, findings: &[&RatedFinding], title: &str) {
    let causes = by_root(findings.iter().copied());
    if causes.len() == findings.len() {
        let _ = writeln!(out, "\n{title} ({})", findings.len());
    } else {
        let _ = writeln!(out, "\n{title} ({}, of {} causes)", findings.len(), causes.len());
    }
    for members in causes {
        let Some((first, others)) = members.split_first() else { continue };
        one(out, assessment, first);
        let adds_nothing = |finding: &&&RatedFinding| {
            finding.variant.is_some()
                && finding.waiver.is_none()
                && finding.actions.iter().all(|id| first.actions.contains(id))
        };
        let (same, own): (Vec<&&RatedFinding>, Vec<_>) = others.iter().partition(adds_nothing);
        for finding in same {
            let outcome = finding.outcome.as_str().to_uppercase();
            let text = if finding.problem.is_empty() { &finding.message } else { &finding.problem };
            wrap(out, "      also      ", &format!("{outcome} {}: {text}", finding.check));
        }
        for finding in own {
            one(out, assessment, finding);
        }
    }
}

fn one(out: &mut String, assessment: &Assessment, finding: &RatedFinding) {
    let mut head = format!("  {} {}", finding.outcome.as_str().to_uppercase(), finding.check);
    if let Some(grade) = finding.grade {
        let _ = write!(head, "  risk {} ({:.1})", grade.title(), finding.score);
    }
    if finding.verify_first {
        head.push_str("  verify first");
    }
    let _ = writeln!(out, "{head}");
    if !finding.problem.is_empty() {
        wrap(out, "      ", &finding.problem);
    }
    // Of a problem that says it all nothing is left but whom it concerns.
    if finding.problem == finding.message {
        wrap(out, "      ", &finding.subject);
    } else {
        wrap(out, "      ", &format!("{}: {}", finding.subject, finding.message));
    }
    if let Some(waiver) = &finding.waiver {
        let mut text = if waiver.expired { "expired on ".to_owned() } else { "until ".to_owned() };
        let _ = write!(text, "{}, {}: {}", waiver.expires, waiver.owner, waiver.reason);
        if let Some(grade) = waiver.grade.filter(|_| !waiver.expired) {
            let outcome = waiver.outcome.as_str();
            let _ = write!(text, "; without it {outcome}, risk {} ({:.1})", grade.title(), waiver.score);
        }
        wrap(out, "      waiver    ", &text);
    }
    if let Some(reason) = finding.likelihood_reason.as_ref().map(|reason| &reason.english) {
        wrap(out, "      weighs less: ", reason);
    }
    for limit in &finding.thresholds {
        if let Some(wanted) = &limit.overridden {
            let threshold = &limit.threshold;
            let text = format!(
                "{}: {} {unit} instead of {} {unit} ({})",
                threshold.name,
                wanted.number,
                threshold.number,
                wanted.reason,
                unit = threshold.unit
            );
            wrap(out, "      limit     ", &text);
        }
    }
    if finding.outcome == Outcome::Pass || finding.outcome == Outcome::NotApplicable {
        return;
    }
    for citation in finding.evidence.iter().take(6) {
        wrap(out, "      evidence  ", &format!("{} = {}", citation.source, citation.value));
    }
    if finding.evidence.len() > 6 {
        let _ = writeln!(out, "      evidence  and {} more, see --format json", finding.evidence.len() - 6);
    }
    if finding.grade.is_some_and(|grade| grade > Grade::NotAssessable) {
        if finding.variant.is_some() {
            for action in assessment.actions.iter().filter(|action| finding.actions.contains(&action.id)) {
                wrap(out, "      do        ", &format!("{}: {}", action.id, action.title("en")));
            }
        } else {
            remedy(out, finding);
        }
    }
}

/// The remedy of a check without intents. Commands with names to be put in are not those of this node.
fn remedy(out: &mut String, finding: &RatedFinding) {
    let mut has_patterns = false;
    for (head, step) in [("fix now", &finding.remediation.runtime), ("undo", &finding.remediation.rollback)] {
        if is_pattern(step, &[finding]) {
            has_patterns = true;
        } else {
            wrap(out, &format!("      {head:<10}"), step);
        }
    }
    if has_patterns {
        let text = format!("commands with names to be put in: `plumb packs show {}`", finding.check);
        wrap(out, "      pattern   ", &text);
    }
}

/// What is to be done on this node, each once.
fn actions(out: &mut String, assessment: &Assessment) {
    if assessment.actions.is_empty() {
        return;
    }
    let _ = writeln!(out, "\nActions ({})", assessment.actions.len());
    for action in &assessment.actions {
        wrap(out, &format!("  {:<4}", action.id), action.title("en"));
        let why = match action.state {
            ActionState::Resolved | ActionState::ByHand => None,
            ActionState::NotKnown => Some("not known here"),
            ActionState::Conflict => Some("not planned, since findings contradict each other"),
            ActionState::Refused => Some("refused"),
        };
        if let Some(why) = why {
            wrap(out, "      ", &format!("{why}: {}", action.reason));
        }
        for (label, commands) in [
            ("      now       ", &action.now),
            ("      to last   ", &action.permanent),
            ("      verify    ", &action.verify),
            ("      undo      ", &action.undo),
        ] {
            // A command that is cut in two is two commands.
            for command in commands {
                let _ = writeln!(out, "{label}{command}");
            }
            if label.contains("to last") && !action.also("en").is_empty() {
                wrap(out, "                ", action.also("en"));
            }
        }
        if let Some(pack) = &action.foreign {
            let files = match action.files.join(", ") {
                files if files.is_empty() => files,
                files => format!("; also in {files}, which nothing applies by itself"),
            };
            wrap(
                out,
                "      ",
                &format!("asked for by the pack {pack}, which did not come with Plumb{files}"),
            );
        }
    }
    if assessment.actions.iter().any(|action| !action.files.is_empty()) {
        wrap(out, "  ", "The folder with apply.sh is written by `plumb remediate BUNDLE -o DIR`.");
    }
}

/// What `collect` says at its end.
pub(crate) fn collected(bundle: &Bundle, output: &Path) -> String {
    let manifest = bundle.manifest();
    let mut out = String::new();
    let partial = manifest.probes.iter().filter(|probe| probe.status != ProbeStatus::Ok).count();
    let _ = writeln!(
        out,
        "{} files from {} probes, {partial} of them with gaps; {}",
        manifest.files.len(),
        manifest.probes.len(),
        cost(manifest)
    );
    let _ = writeln!(out, "{}", output.display());
    out
}

fn cost(manifest: &Manifest) -> String {
    let cost = &manifest.cost;
    let mut text = format!(
        "{:.1} ms of wall time, {:.1} ms of CPU time, {:.1} MiB at most",
        millis(cost.wall_us),
        millis(cost.cpu_us),
        millis(cost.peak_rss_kib) / 1.024
    );
    for helper in &cost.helpers {
        let _ = write!(text, ", {} {:.1} MiB", helper.probe, millis(helper.peak_rss_kib) / 1.024);
    }
    if !cost.cpus.is_empty() {
        let _ = write!(text, "; on CPUs {}", cost.cpus);
    }
    text
}

/// What a collection would read.
pub(crate) fn plan(plan: &[Planned]) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{:<10} {:<8} {:>6} {:>9}  reads", "probe", "status", "files", "bytes ~");
    for planned in plan {
        let mut what = planned.probe.reads.join(" ");
        if planned.asks_a_library() {
            what = format!("asks a library in a process of its own: {}", planned.probe.title);
        }
        if planned.sampled > 0 {
            let _ = write!(what, "; {} files twice more", planned.sampled);
        }
        if planned.wants_root() {
            what.push_str("; root sees more");
        }
        if planned.status != ProbeStatus::Ok {
            let _ = write!(what, "; {}", planned.reason);
        }
        let first = format!(
            "{:<10} {:<8} {:>6} {:>9}  ",
            planned.probe.id,
            planned.status.as_str(),
            planned.files,
            planned.bytes
        );
        wrap(&mut out, &first, &what);
    }
    let (files, bytes) =
        plan.iter().fold((0, 0), |(files, bytes), planned| (files + planned.files, bytes + planned.bytes));
    let _ = writeln!(
        out,
        "{files} files, about {} KiB; nothing was kept or written, and no library was asked",
        bytes / 1024
    );
    out
}

#[expect(clippy::cast_precision_loss, reason = "one decimal is printed")]
fn millis(thousandths: u64) -> f64 {
    thousandths as f64 / 1000.0
}

/// What a bundle holds.
pub(crate) fn bundle(bundle: &Bundle) -> String {
    let manifest = bundle.manifest();
    let mut out = String::new();
    let bytes: u64 = manifest.files.iter().map(|file| file.size).sum();
    let _ = writeln!(out, "Format:    {} (written by plumb {})", manifest.schema, manifest.tool_version);
    let _ = writeln!(out, "Collected: {} to {}", manifest.started, manifest.finished);
    let _ = writeln!(out, "Host:      token {}", manifest.host_token);
    let root = if manifest.privileges.euid == 0 { "root" } else { "not root" };
    let _ = writeln!(out, "Rights:    {root}, capabilities {}", manifest.privileges.cap_eff);
    let _ = writeln!(out, "Complete:  {}", if manifest.complete { "yes" } else { "no, interrupted" });
    let _ = writeln!(out, "Files:     {} with {bytes} bytes, all hashes right", manifest.files.len());
    let _ = writeln!(out, "Manifest:  sha256 {}", bundle.manifest_sha256());
    let _ = writeln!(out, "Cost:      {}", cost(manifest));
    if !manifest.cost.placement.is_empty() {
        let _ = writeln!(out, "Placement: {}, niceness {}", manifest.cost.placement, manifest.cost.nice);
    }
    for redaction in &manifest.redactions {
        let _ = writeln!(out, "Redacted:  {redaction}");
    }
    let _ =
        writeln!(out, "\n{:<10} {:<10} {:>6} {:>9} {:>8}  reason", "probe", "status", "files", "bytes", "ms");
    for probe in &manifest.probes {
        let row = format!(
            "{:<10} {:<10} {:>6} {:>9} {:>8.1}  {}",
            probe.id,
            probe.status.as_str(),
            probe.files,
            probe.bytes,
            millis(probe.duration_us),
            probe.reason
        );
        let _ = writeln!(out, "{}", row.trim_end());
    }
    if !manifest.unread.is_empty() {
        let _ = writeln!(out, "\nNot readable ({})", manifest.unread.len());
        for unread in manifest.unread.iter().take(20) {
            let _ = writeln!(out, "  {} {}", unread.status.as_str(), unread.path);
        }
        if manifest.unread.len() > 20 {
            let _ = writeln!(out, "  and {} more, see --as manifest", manifest.unread.len() - 20);
        }
    }
    out
}
