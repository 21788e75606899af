//! Comparisons and fleets through the model that reports go through, too.

use std::collections::BTreeSet;

use plumb_engine::fleet::{Fleet, Member, summarise};
use plumb_report::fleet::Sheet;
use plumb_report::model::{APPENDIX, Block, MAIN};
use plumb_report::{Model, Theme, comparison, docx, fleet, html, markdown, report_json, typst_source, xlsx};

use crate::html::{comparisons, evidence};
use crate::sample;

/// Four nodes: two that deviate in much, one in nothing that applies, and one whose name is no good.
fn nodes(theme: &Theme) -> (Fleet, Vec<Sheet>) {
    let hosts = ["gpu-1", "gpu-2", "idle", "<b>*_#x\u{202e}"];
    let (mut members, mut sheets) = (Vec::new(), Vec::new());
    for (host, name) in hosts.iter().zip(["1.plumb", "2.plumb", "3.plumb", "4.plumb"]) {
        let mut evidence = evidence();
        evidence.node.hostname = plumb_evidence::Fact::Known((*host).to_owned());
        let mut assessment = if *host == "idle" { sample::all_not_applicable() } else { sample::typical() };
        assessment.node.hostname = (*host).to_owned();
        members.push(Member::new(name, &evidence, &assessment, theme.language()));
        sheets.push(Sheet::new(name, &evidence, &assessment, theme).unwrap());
    }
    let left_out = vec![plumb_engine::compare::Unpaired { name: "<x>".into(), why: "no *bundle*".into() }];
    (summarise(members, left_out, "EUR"), sheets)
}

/// Renders all formats, and again from the JSON alone: the same bytes.
fn all_formats(what: &str, model: &Model, facts: &impl serde::Serialize, theme: &Theme) {
    let file = report_json(facts, model).unwrap();
    let again = Model::read(file.as_bytes()).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(&again, model, "{what}");
    let text = markdown(model, theme).unwrap();
    assert_eq!(text, markdown(&again, theme).unwrap(), "{what}");
    assert_eq!(html(model, theme).unwrap(), html(&again, theme).unwrap(), "{what}");
    for part in [MAIN, APPENDIX] {
        assert_eq!(typst_source(model, part, theme).unwrap(), typst_source(&again, part, theme).unwrap());
    }
    assert_eq!(docx(model, theme, None).unwrap(), docx(&again, theme, None).unwrap(), "{what}");
    assert_eq!(xlsx(model, theme).unwrap(), xlsx(&again, theme).unwrap(), "{what}");
    assert!(!html(model, theme).unwrap().contains("<b>"), "{what}: markup of a node");
    for chapter in model.parts.iter().flat_map(|part| &part.chapters) {
        assert!(!chapter.title.is_empty() && !chapter.number.is_empty(), "{what}: {chapter:?}");
        assert!(!chapter.blocks.is_empty(), "{what}: `{}` is empty", chapter.id);
    }
}

#[test]
fn a_fleet_is_rendered_in_all_formats_and_languages() {
    for language in ["en", "de"] {
        let theme = Theme::builtin().unwrap().with_language(language).unwrap();
        let (fleet, sheets) = nodes(&theme);
        let model = fleet::model(&fleet, &sheets, &theme).unwrap();
        all_formats(language, &model, &fleet, &theme);
        // A finding has a line in the main report, an entry in the appendix with all its nodes, and one for other tools.
        let causes = &fleet.frequent;
        assert!(!causes.is_empty());
        assert_eq!(model.actions.len(), causes.len());
        let nodes: usize = causes.iter().map(|cause| cause.nodes).sum();
        assert_eq!(model.findings.len(), nodes);
        let anchors: BTreeSet<&str> = model.part(APPENDIX).unwrap().chapters[0]
            .blocks
            .iter()
            .filter_map(|block| if let Block::Heading { id, .. } = block { Some(id.as_str()) } else { None })
            .collect();
        for action in &model.actions {
            assert!(anchors.contains(action.id.as_str()), "{}", action.id);
        }
        // Whichever came first.
        let reversed: Vec<Sheet> = sheets.iter().rev().cloned().collect();
        assert_eq!(fleet::model(&fleet, &reversed, &theme).unwrap(), model);
    }
}

#[test]
fn a_fleet_without_nodes_says_so() {
    let theme = Theme::builtin().unwrap();
    let fleet = summarise(Vec::new(), Vec::new(), "");
    let model = fleet::model(&fleet, &[], &theme).unwrap();
    let text = markdown(&model, &theme).unwrap().text;
    assert!(text.contains("No bundle could be read"), "{text}");
}

#[test]
fn a_comparison_is_rendered_in_all_formats_and_languages() {
    for language in ["en", "de"] {
        let theme = Theme::builtin().unwrap().with_language(language).unwrap();
        let set = comparisons();
        let model = comparison::model(&set, &theme).unwrap();
        all_formats(language, &model, &set, &theme);
        let changes = &set.nodes[0].findings;
        let listed = [
            &changes.fixed,
            &changes.new,
            &changes.worse,
            &changes.better,
            &changes.unchanged,
            &changes.not_comparable,
        ];
        assert_eq!(model.findings.len(), listed.iter().map(|list| list.len()).sum::<usize>());
    }
}
