//! HTML and JSON: the same findings, nothing from elsewhere, and nothing of a node as markup.

use plumb_engine::compare::{COMPARISON_SCHEMA, ComparisonSet, State, Unpaired, compare};
use plumb_evidence::Evidence;
use plumb_report::model::{APPENDIX, MAIN};
use plumb_report::{Theme, comparison, escape, html, markdown, model, report_json, typst_source};

use crate::sample;

const HOSTILE: &str = "#import \"x\" *_<b>";

/// Elements that are opened and never closed.
const VOID: [&str; 5] = ["meta", "img", "input", "br", "link"];

/// Fails unless every element is closed in the order in which it was opened.
fn assert_nested(name: &str, page: &str) {
    let mut open: Vec<String> = Vec::new();
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if rest.starts_with('!') {
            continue;
        }
        let end = rest.find('>').unwrap();
        let tag = &rest[..end];
        rest = &rest[end + 1..];
        let word: String = tag
            .trim_start_matches('/')
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '-')
            .collect();
        if tag.starts_with('/') {
            assert_eq!(
                open.pop().as_deref(),
                Some(word.as_str()),
                "{name}: near `{}`",
                &rest[..rest.len().min(80)]
            );
        } else if !VOID.contains(&word.as_str()) && !tag.ends_with('/') {
            if word == "script" || word == "style" {
                let close = rest.find(&format!("</{word}>")).unwrap();
                rest = &rest[close + word.len() + 3..];
            } else {
                open.push(word);
            }
        }
    }
    assert!(open.is_empty(), "{name}: never closed: {open:?}");
}

/// Fails where the page would ask for something that it does not hold.
fn assert_self_contained(name: &str, page: &str) {
    for mark in ["src=\"http", "@import", "url(http", "<link", "<iframe", "<object", "srcset"] {
        assert!(!page.contains(mark), "{name} has `{mark}`");
    }
    assert!(page.contains("default-src 'none'"), "{name}");
    let ids: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let mut sorted = ids.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), ids.len(), "{name}: an id is given twice");
    for link in page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(ids.contains(&link), "{name}: nothing has the id `{link}`");
    }
}

#[test]
fn the_page_and_the_model_have_the_findings() {
    let theme = Theme::builtin().unwrap();
    for (name, assessment) in sample::all() {
        let report = sample::report(&assessment);
        let page = html(&report, &theme).unwrap();
        assert_eq!(page, html(&report, &theme).unwrap(), "{name}: the same bytes");
        assert_nested(name, &page);
        assert_self_contained(name, &page);
        let model = report_json(&assessment, &report).unwrap();
        for finding in &assessment.findings {
            let text = escape::html(&escape::clean(&finding.message));
            assert!(page.contains(&text), "{name}: {text}");
            assert!(
                page.contains(&escape::html(&escape::clean(&finding.subject))),
                "{name}: {}",
                finding.subject
            );
            assert!(page.contains(&finding.check), "{name}: {}", finding.check);
            assert!(model.contains(&serde_json::to_string(&finding.message).unwrap()), "{name}");
        }
    }
}

#[test]
fn no_text_of_a_node_or_client_is_markup() {
    let theme = Theme::builtin().unwrap();
    let mut assessment = sample::typical();
    assessment.node.hostname = HOSTILE.to_owned();
    for finding in &mut assessment.findings {
        finding.message = format!("{HOSTILE}<script>alert(1)</script>");
        finding.subject = "\" onload=\"x' <img src=x>".to_owned();
    }
    let page = html(&sample::report(&assessment), &theme).unwrap();
    assert_nested("hostile", &page);
    assert!(!page.contains("<b>") && !page.contains("alert(1)</script>"), "markup of a node");
    assert!(!page.contains("<img src=x") && page.contains("&lt;script&gt;alert(1)"), "markup of a node");
}

pub(crate) fn evidence() -> Evidence {
    let missing = serde_json::json!({"missing": "skipped", "reason": HOSTILE});
    let mut value = serde_json::json!({
        "schema": 1,
        "collection": {"tool_version": "0", "started": "2026-01-01T00:00:00Z", "finished": "2026-01-01T00:00:01Z",
                       "origin": "live", "root": true, "probes": []},
        "node": {"hostname": missing, "kernel": "6.1", "os": missing, "cmdline": "quiet",
                 "virtualization": missing, "container": missing, "machine": missing},
        "sysctl": {},
    });
    for section in [
        "cpu",
        "numa",
        "pci",
        "gpus",
        "cpufreq",
        "cpuidle",
        "interrupts",
        "cgroup",
        "processes",
        "hwloc",
        "nvml",
    ] {
        value[section] = missing.clone();
    }
    serde_json::from_value(value).unwrap()
}

/// A comparison with something in most of its lists.
pub(crate) fn comparisons() -> ComparisonSet {
    let before_evidence = evidence();
    let mut after_evidence = evidence();
    after_evidence.node.cmdline = plumb_evidence::Fact::Known(format!("isolcpus={HOSTILE}"));
    let before = sample::typical();
    let mut after = sample::typical();
    after.node.hostname = HOSTILE.to_owned();
    let mut count = 0;
    for finding in after.findings.iter_mut().filter(|finding| finding.outcome.is_deviation()) {
        count += 1;
        finding.outcome =
            if count % 2 == 0 { plumb_check_sdk::Outcome::Pass } else { plumb_check_sdk::Outcome::NotRun };
        finding.message = format!("{HOSTILE} {count}");
    }
    assert!(count > 1, "the sample has deviations");
    let state =
        |name, evidence, assessment| State { name, host_token: "", evidence, assessment, language: "en" };
    ComparisonSet {
        schema: COMPARISON_SCHEMA,
        tool_version: "0".to_owned(),
        document: plumb_engine::document::DocumentTerms {
            client: plumb_engine::document::Client { name: Some(HOSTILE.to_owned()), ..Default::default() },
            ..Default::default()
        },
        nodes: vec![compare(
            state("a.plumb", &before_evidence, &before),
            state("b.plumb", &after_evidence, &after),
        )],
        only_before: vec![Unpaired { name: HOSTILE.to_owned(), why: "no partner".to_owned() }],
        only_after: Vec::new(),
    }
}

#[test]
fn a_comparison_says_the_same_in_all_formats() {
    let theme = Theme::builtin().unwrap();
    let set = comparisons();
    let found = &set.nodes[0].findings;
    assert!(!found.fixed.is_empty() && !found.not_comparable.is_empty());
    let document = comparison::model(&set, &theme).unwrap();
    let page = html(&document, &theme).unwrap();
    assert_nested("comparison", &page);
    assert_self_contained("comparison", &page);
    assert!(!page.contains("<b>"), "markup of a node");
    let text = markdown(&document, &theme).unwrap().text;
    let source = typst_source(&document, APPENDIX, &theme).unwrap();
    let file = |wanted: &str| {
        source
            .files()
            .find(|(name, _)| *name == wanted)
            .map(|(_, bytes)| String::from_utf8(bytes.to_vec()).unwrap())
    };
    let (main, data) = (file("report.typ").unwrap(), file("data.json").unwrap());
    assert!(!main.contains("#import \"x\""), "text of a node is Typst source");
    for change in found.fixed.iter().chain(&found.not_comparable).chain(&found.unchanged) {
        let message = escape::clean(&change.after.as_ref().unwrap().message);
        assert!(page.contains(&escape::html(&message)), "{message}");
        assert!(text.contains(&escape::markdown(&message)), "{message}");
        assert!(data.contains(&serde_json::to_string(&message).unwrap()), "{message}");
    }
    assert!(text.contains("isolcpus") && page.contains("isolcpus") && data.contains("isolcpus"));
}

#[test]
fn colours_and_logo_come_from_the_engagement() {
    let mut assessment = sample::typical();
    assessment.document.colours.accent = Some("#abcdef".to_owned());
    let png = [0x89, b'P', b'N', b'G', 1, 2, 3].to_vec();
    let theme = Theme::builtin().unwrap().with_logo("logo.png".as_ref(), png).unwrap();
    let report = model(&assessment, &theme).unwrap();
    let page = html(&report, &theme).unwrap();
    assert!(
        page.contains("--accent: #abcdef;") && page.contains("src=\"data:image/png;base64,iVBORwECAw==\"")
    );
    assert!(Theme::builtin().unwrap().with_logo("x".as_ref(), b"GIF89a".to_vec()).is_err());
    let mut vast = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    vast.extend([60_000u32.to_be_bytes(), 60_000u32.to_be_bytes()].concat());
    let error = Theme::builtin().unwrap().with_logo("x".as_ref(), vast).unwrap_err();
    assert!(error.to_string().contains("60000 × 60000 pixels is too large"), "{error}");
    // Markdown and Typst still render with it.
    markdown(&report, &theme).unwrap();
    typst_source(&report, MAIN, &theme).unwrap();
}
