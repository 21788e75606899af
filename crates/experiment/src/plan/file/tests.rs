use std::path::Path;

use plumb_strict_toml::schema::mismatches;

use super::*;

const SERVER: &str = "[server]\ncommand = [\"s\"]\nurl = \"http://h\"\n";

fn fault(text: &str) -> String {
    parse("p.toml", text).unwrap_err().to_string()
}

#[test]
fn the_samples_are_plans() {
    for text in [
        include_str!("../../../../../samples/experiment.toml"),
        include_str!("../../../../../samples/experiment-gpu.toml"),
    ] {
        let plan = parse("sample", text).unwrap();
        assert!(plan.combinations().len() == 4 && plan.changes().is_empty());
    }
}

#[test]
fn the_published_schema_is_that_of_the_types() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/reference/experiment-plan.schema.json");
    plumb_strict_toml::schema::published(&schema(), &path).unwrap_or_else(|stale| panic!("{stale}"));
}

#[test]
fn the_schema_takes_what_the_reader_takes() {
    let page = include_str!("../../../../../docs/src/reference/experiment-plan.md");
    let of_page = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples");
    let sample = |name: &str| std::fs::read_to_string(samples.join(name)).unwrap();
    for text in [
        of_page,
        EVERYTHING,
        &sample("experiment.toml"),
        &sample("experiment-gpu.toml"),
        &sample("gpu-node/experiment.toml"),
    ] {
        parse("p.toml", text).unwrap_or_else(|fault| panic!("{fault}\n{text}"));
        assert_eq!(mismatches(&schema(), &toml::from_str(text).unwrap()), Vec::<String>::new(), "{text}");
    }
}

/// Every key that a plan can have.
const EVERYTHING: &str = r#"schema = 1
name = "all"
server = { command = ["s"], env = { A = "b" }, url = "http://h", ready = "/r", ready_s = 1, stop_s = 0.5, model = "m", api = "chat" }
[load]
concurrency = 4
requests = 200
warmup = 0
prompt_tokens = 0
output_tokens = 1
timeout_s = 86400
threads = 2
client_cpus = "0-3,8"
[design]
blocks = 2
seed = 0
cooldown_s = 0
margin = 0
primary = "ttft_p99"
aa = "first"
aa_blocks = 1000
calibrate = false
[[placement]]
name = "a"
node = 0
memory = "bind"
memory_nodes = "0-1"
[[placement]]
name = "b"
gpu = 0
memory = "default"
[[placement]]
name = "c"
gpu = "0000:01:00.0"
[[placement]]
name = "d"
cpus = "3"
memory = "interleave"
[[neighbour]]
name = "a"
kind = "none"
[[neighbour]]
name = "b"
kind = "cache"
where = "other-node"
workers = 4096
tool = "stress-ng"
[[neighbour]]
name = "c"
cpus = "1"
tool = "built-in"
[[governor]]
name = "a"
governor = "performance"
epp = "power"
[[numa_balancing]]
name = "a"
value = 0
[[load_level]]
name = "a"
[[load_level]]
name = "b"
rate = 0.5
[[variant]]
name = "a"
args = ["-x"]
env.B = "c"
[[cell]]
[[cell]]
placement = "b"
server = "a"
governor = "a"
numa_balancing = "a"
load = "b"
neighbour = "c"
"#;

#[test]
fn faults_name_line_key_and_remedy() {
    let with = |rest: &str| fault(&format!("schema = 1\n{SERVER}{rest}"));
    for (fault, expected) in [
        (fault(SERVER), "p.toml: schema: the version of the format is missing; write `schema = 1`"),
        (fault("schema = 2\n"), "p.toml:1: schema: expected version 1 of the format, found 2"),
        (fault("schema = 1\n"), "p.toml: server: this key is missing"),
        (fault("schema = 1\n[server]\nurl = \"http://h\"\n"), "p.toml:2: server: give either `command`"),
        (fault("schema = 1\nserver = { pid = 1 }\n"), "p.toml:2: server.url: this key is missing"),
        (with("pid = 1\n"), "p.toml:2: server: give `command` or `pid`, not both"),
        (with("[load]\nrequest = 5\n"), "p.toml:6: load.request: unknown key; did you mean `requests`?"),
        (
            with("[load]\nrequests = 5\n"),
            "p.toml:6: load.requests: 5 requests do not tell e2e_p95; measure at least 20",
        ),
        (with("load.requests = 5\n"), "p.toml:5: server.load: unknown key"),
        (
            with("[load]\nrate = 1\nconcurrency = 2\n"),
            "p.toml:6: load.rate: give `concurrency` or `rate`, not both",
        ),
        (with("[load]\nrequests = 1\nseconds = 2\n"), "p.toml:7: load.seconds: give `requests` or `seconds`"),
        (with("[load]\nrequests = 0\n"), "p.toml:6: load.requests: must be 1 or more, found 0"),
        (
            with("[load]\nconcurrency = -1\n"),
            "p.toml:6: load.concurrency: expected a whole number from 0 to 4294967295, found -1",
        ),
        (with("[load]\nseconds = 0.0\n"), "p.toml:6: load.seconds: must be above 0, found 0"),
        (
            with("[load]\ntimeout_s = 90000\n"),
            "p.toml:6: load.timeout_s: must be between 0 and 86400 seconds, found 90000",
        ),
        (
            with("[design]\nprimary = \"ttft_p99\"\n"),
            "p.toml: load.requests: 60 requests do not tell ttft_p99",
        ),
        (with("[design]\naa = \"none\"\n"), "p.toml:6: design.aa: there is nothing to compare"),
        (
            with("[design]\naa = \"last\"\n"),
            "p.toml:6: design.aa: unknown value `last`; expected one of `first`",
        ),
        (
            with("[design]\nprimary = \"e2e\"\n"),
            "p.toml:6: design.primary: unknown value `e2e`; did you mean `e2e_p50`?",
        ),
        (with("[design]\nblocks = 1\n"), "p.toml:6: design.blocks: must be between 2 and 1000, found 1"),
        (with("[design]\nmargin = 1.0\n"), "p.toml:6: design.margin: must be a share from 0 to below 1"),
        (
            with("[[placement]]\nname = \"a\"\n[[placement]]\nname = \"a\"\n"),
            "p.toml:7: placement.name: `a` is no name of its own",
        ),
        (with("placement = [{ name = 'a', cpus = 'x' }]\n"), "p.toml:5: server.placement: unknown key"),
        (
            fault(&format!("schema = 1\nplacement = [\n{{ name = 'a', cpus = 'x' }}]\n{SERVER}")),
            "p.toml:3: placement.cpus: expected a list of numbers, such as \"0-3,8\", found \"x\"",
        ),
        (
            with("[[placement]]\nname = \"a\"\ncpus = 1\n"),
            "p.toml:7: placement.cpus: expected a string, found 1",
        ),
        (
            with("[[placement]]\nname = \"a\"\nnode = 1.5\n"),
            "p.toml:7: placement.node: expected a whole number or a string, found 1.5",
        ),
        (
            with("[[placement]]\nname = \"a\"\ncpus = \"0\"\nnode = 1\n"),
            "p.toml:8: placement.node: give one of `cpus`, `node` and `gpu`",
        ),
        (
            with("[[placement]]\nname = \"a\"\nmemory = \"bind\"\n"),
            "p.toml:7: placement.memory: memory from which nodes?",
        ),
        (
            with("[[placement]]\nname = \"a\"\nmemory_nodes = 0\n"),
            "p.toml:7: placement.memory_nodes: without a policy nodes have no effect",
        ),
        (
            with("[[neighbour]]\nname = \"a\"\nkind = \"gpu\"\n"),
            "p.toml:7: neighbour.kind: unknown value `gpu`; did you mean `cpu`?",
        ),
        (
            with("[[neighbour]]\nname = \"a\"\nwhere = \"cpus\"\n"),
            "p.toml:7: neighbour.where: unknown value `cpus`; expected one of `same-cpus`",
        ),
        (
            with("[[neighbour]]\nname = \"a\"\nwhere = \"siblings\"\ncpus = \"0\"\n"),
            "p.toml:8: neighbour.cpus: give `where` or `cpus`, not both",
        ),
        (
            with("[[cell]]\nplacement = \"a\"\n"),
            "p.toml:6: cell.placement: no level of this factor is named `a`; there are: none",
        ),
        (with("[[cell]]\n\n[[cell]]\n"), "p.toml:7: cell: this combination stands above already"),
    ] {
        assert!(fault.starts_with(expected), "\n expected {expected}\n found    {fault}");
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
