use super::*;

const SERVER: &str = "[server]\ncommand = [\"s\"]\nurl = \"http://h\"\n";

fn fault(text: &str) -> String {
    parse("p.toml", text).unwrap_err().to_string()
}

#[test]
fn the_samples_are_plans() {
    for text in [
        include_str!("../../../../../../samples/experiment.toml"),
        include_str!("../../../../../../samples/experiment-gpu.toml"),
    ] {
        let plan = parse("sample", text).unwrap();
        assert!(plan.combinations().len() == 4 && plan.changes().is_empty());
    }
}

#[test]
fn faults_name_line_key_and_remedy() {
    let with = |rest: &str| fault(&format!("schema = 1\n{SERVER}{rest}"));
    let load = "[load]\nrequests = 5\n";
    for (fault, words) in [
        (fault(SERVER), vec!["p.toml: `schema`", "write `schema = 1`"]),
        (fault("schema = 2\n"), vec!["p.toml:1: `schema`", "reads version 1"]),
        (fault("schema = 1\n[server]\nurl = \"http://h\"\n"), vec!["p.toml:2: `server`", "`pid`"]),
        (with("[load]\nrequest = 5\n"), vec!["p.toml:6: `request`", "unknown field", "`requests`"]),
        (with(load), vec!["p.toml:6: `load.requests`", "at least 20"]),
        (with("[design]\naa = \"none\"\n"), vec!["p.toml:6: `design.aa`", "nothing to compare"]),
        (with("[design]\nprimary = \"e2e\"\n"), vec!["p.toml:6", "no metric", "e2e_p95"]),
        (with("[design]\nblocks = 1\n"), vec!["p.toml:6: `design.blocks`", "six"]),
        (with("[[placement]]\nname = \"a\"\n[[placement]]\nname = \"a\"\n"), vec!["no name of its own"]),
        (
            with("[[placement]]\nname = \"a\"\ncpus = \"x\"\n"),
            vec!["p.toml:7: `placement.cpus`", "\"0-3,8\""],
        ),
        (
            with("[[placement]]\nname = \"a\"\nmemory = \"bind\"\n"),
            vec!["p.toml:7: `placement.memory`", "which nodes"],
        ),
        (
            with("[[neighbour]]\nname = \"a\"\nkind = \"gpu\"\n"),
            vec!["p.toml:7: `neighbour.kind`", "\"cpu\""],
        ),
        (with("[[cell]]\nplacement = \"a\"\n"), vec!["p.toml:6: `cell.placement`", "there are: none"]),
    ] {
        for word in words {
            assert!(fault.contains(word), "`{word}` is not in: {fault}");
        }
    }
}

#[test]
fn combinations_are_all_or_those_chosen() {
    let levels = "[[placement]]\nname = \"a\"\n[[placement]]\nname = \"b\"\ncpus = \"0\"\n\
                  [[governor]]\nname = \"c\"\n[[governor]]\nname = \"d\"\ngovernor = \"performance\"\n";
    let text = format!("schema = 1\n{SERVER}{levels}");
    let all = parse("p", &text).unwrap();
    let names: Vec<String> =
        all.combinations().iter().map(|combination| all.cell_name(combination)).collect();
    assert_eq!(names, ["a", "a + d", "b", "b + d"]);
    assert_eq!(all.changes(), ["scaling_governor to `performance`"]);
    assert_eq!(all.launches(), 4 * 6 + 12);
    let chosen = format!("{text}[[cell]]\n[[cell]]\nplacement = \"b\"\n");
    let chosen = parse("p", &chosen).unwrap();
    assert_eq!(chosen.combinations().len(), 2);
    // A governor that no chosen cell uses is no change.
    assert!(chosen.changes().is_empty());
}
