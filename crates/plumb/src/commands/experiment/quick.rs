//! The plan of `plumb experiment quick`.

use std::collections::BTreeMap;

use plumb_bench::{Amount, Load};
use plumb_evidence::NodeSet;
use plumb_experiment::{
    Aa, ExperimentPlan, HogKind, LoadPlan, MemoryPlan, MemoryPolicy, Neighbour, Node, Placement, Where, parse,
};

use crate::cli::QuickArgs;
use crate::exit::UsageError;

/// Unpinned and pinned, each alone and beside a CPU hog on the same CPUs.
pub(super) fn plan(args: &QuickArgs, node: &Node) -> anyhow::Result<ExperimentPlan> {
    let command = words(&args.server).map_err(UsageError)?;
    if !(2..=1000).contains(&args.blocks)
        || args.requests == 0
        || args.concurrency == 0
        || args.output_tokens == 0
    {
        let why = "give --blocks 2 to 1000, and at least one request, stream and token";
        return Err(UsageError(why.to_owned()).into());
    }
    // The defaults of a plan without settings, which has them in one place.
    let base = "schema = 1\n[server]\ncommand = [\"x\"]\nurl = \"http://x\"\n";
    let mut plan: ExperimentPlan = parse("quick", base)?;
    "quick".clone_into(&mut plan.name);
    plan.server.start = plumb_experiment::Start::Launch { command, env: BTreeMap::new() };
    plan.server.url.clone_from(&args.url);
    plan.load = LoadPlan {
        load: Load::Closed { concurrency: args.concurrency },
        warmup: Amount::Requests(2 * u64::from(args.concurrency)),
        extent: Amount::Requests(args.requests),
        output_tokens: args.output_tokens,
        client_cpus: args.client_cpus.clone(),
        ..plan.load
    };
    plan.design.blocks = args.blocks;
    plan.design.aa = Aa::Within;
    if args.requests < 20 {
        "e2e_p50".clone_into(&mut plan.design.primary);
    }
    plan.placements =
        vec![Placement { name: "unpinned".to_owned(), ..Placement::default() }, pinned(args, node)];
    plan.neighbours = vec![
        Neighbour { name: "quiet".to_owned(), ..Neighbour::default() },
        Neighbour { name: "hog-same-cpus".to_owned(), kind: Some(HogKind::Cpu), ..Neighbour::default() },
    ];
    Ok(plan)
}

fn pinned(args: &QuickArgs, node: &Node) -> Placement {
    let memory = MemoryPlan { policy: MemoryPolicy::Bind, nodes: None };
    let with_cpus: NodeSet =
        node.nodes.iter().filter(|(_, cpus)| !cpus.is_empty()).map(|(id, _)| *id).collect();
    if let Some(cpus) = &args.pin {
        return Placement {
            name: "pinned".to_owned(),
            cpus: Where::Cpus(cpus.clone()),
            ..Placement::default()
        };
    }
    if with_cpus.len() > 1 {
        if node.gpus.first().is_some_and(|gpu| gpu.node.is_some()) {
            return Placement { name: "gpu-local".to_owned(), cpus: Where::Gpu("0".to_owned()), memory };
        }
        let first: NodeSet = with_cpus.first().into_iter().collect();
        return Placement { name: format!("node {first}"), cpus: Where::Nodes(first), memory };
    }
    // On one node there is no far memory, and what pinning can do is to keep others and migration away.
    let spare = args.client_cpus.clone().unwrap_or_else(|| node.cpus.iter().last().into_iter().collect());
    let rest = node.cpus.difference(&spare);
    let cpus = if rest.is_empty() { node.cpus.clone() } else { rest };
    Placement { name: "pinned".to_owned(), cpus: Where::Cpus(cpus), ..Placement::default() }
}

/// Words of a command; quotes keep words together.
fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in text.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    match (quote, words.is_empty()) {
        (Some(quote), _) => Err(format!("--server: the quote {quote} is not closed")),
        (None, true) => Err("--server is empty; give the command that starts the server".to_owned()),
        (None, false) => Ok(words),
    }
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn quotes_keep_words_together() {
        let split = |text: &str| words(text).unwrap();
        assert_eq!(split("a  b 'c d' \"e 'f'\" ''"), ["a", "b", "c d", "e 'f'", ""]);
        assert_eq!(split(r#"s --x={"a":1}"#), ["s", "--x={a:1}"]);
        assert!(words("a 'b").is_err() && words("  ").is_err());
    }
}
