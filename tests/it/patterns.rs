//! A command that is printed can be pasted on this node: it has no names to be put in, and none of another node.

use plumb_evidence::Bundle;
use plumb_tests::{plumb, run, workspace};
use serde_json::Value;

/// What a check that was written on one node may have taken over from it.
fn is_foreign(word: &str) -> bool {
    word.ends_with(".service") && word.starts_with("vllm")
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || "=`\"'()".contains(c))
}

#[test]
fn no_command_lacks_a_name_or_has_one_of_another_node() {
    let mut commands_seen = 0;
    for sample in
        ["reports/untuned", "reports/remedied", "reports/guest", "reports/this-machine", "h200", "h100-x2"]
    {
        let bundle = workspace().join("samples").join(sample).join("node.plumb");
        let result = run(plumb().args(["check", "--format", "json"]).arg(&bundle));
        assert_eq!(result.code, 0, "{}", result.err);
        let json: Value = serde_json::from_str(&result.out).unwrap();
        let content = Bundle::read(&bundle).unwrap();
        let is_of_node =
            |word: &str| content.files().values().any(|bytes| String::from_utf8_lossy(bytes).contains(word));
        let actions = json["actions"].as_array().map(Vec::as_slice).unwrap_or_default();
        let of_action = |action: &Value| {
            let keys = ["now", "permanent", "undo", "verify"];
            let all = keys.map(|key| action[key].as_array().cloned().unwrap_or_default()).concat();
            all.into_iter().filter_map(|command| command.as_str().map(str::to_owned)).collect::<Vec<_>>()
        };
        for command in actions.iter().flat_map(of_action) {
            commands_seen += 1;
            let lacks = |word: &str| {
                ["PID", "UNIT", "CPUS", "NAME", "PATH", "ADDRESS", "INDEX", "VALUE", "NODES"].contains(&word)
            };
            let wrong = |word: &str| lacks(word) || is_foreign(word) && !is_of_node(word);
            assert!(!words(&command).any(wrong), "{sample}: {command}");
        }
        // Nothing is left of remedies that were written for any node.
        let text = run(plumb().arg("check").arg(&bundle)).out;
        assert!(!text.contains("commands with names to be put in"), "{sample}: {text}");
    }
    assert!(commands_seen > 30, "{commands_seen}");
}
