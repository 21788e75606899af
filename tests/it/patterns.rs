//! Remedies with names of another node are never printed as the fix of this one.

use std::fs;

use plumb_evidence::Bundle;
use plumb_tests::{plumb, run, workspace};

/// What a check that was written on one node may have taken over from it.
fn is_foreign(word: &str) -> bool {
    let is_list = word.contains(',') && word.contains('-') && word.split([',', '-']).all(is_number);
    is_list || (word.ends_with(".service") && word.starts_with("vllm"))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_digit())
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || "=`\"'()".contains(c))
}

#[test]
fn remedies_name_no_unit_and_no_cpus_of_an_example() {
    let mut told = Vec::new();
    for pack in fs::read_dir(workspace().join("checks")).unwrap() {
        // Packs whose checks have pages write no commands at all.
        for page in fs::read_dir(pack.unwrap().path().join("docs")).into_iter().flatten() {
            let path = page.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            let is_remedy = |line: &&str| {
                ["Now:", "For good:", "Undo:", "Verify:"].iter().any(|head| line.starts_with(head))
            };
            for line in text.lines().filter(is_remedy) {
                told.extend(words(line).filter(|word| is_foreign(word)).map(|word| {
                    format!("{}: `{word}`: write a word in capitals, such as CPUS or UNIT", path.display())
                }));
            }
        }
    }
    assert!(told.is_empty(), "{}", told.join("\n"));
}

#[test]
fn the_terminal_prints_no_command_that_lacks_a_name() {
    let bundle = workspace().join("samples/reports/untuned/node.plumb");
    let result = run(plumb().arg("check").arg(&bundle));
    let is_head = |line: &&str| line.starts_with("      fix now   ") || line.starts_with("      undo      ");
    let fixes: Vec<&str> = result.out.lines().filter(is_head).collect();
    assert!(!fixes.is_empty(), "{}", result.out);
    let content = Bundle::read(&bundle).unwrap();
    let is_of_node = |word: &str| {
        let holds = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).contains(word);
        content.files().values().any(holds)
    };
    for fix in fixes {
        let lacks = |word: &str| ["PID", "UNIT", "CPUS", "NAME", "PATH"].contains(&word);
        assert!(!words(fix).any(|word| lacks(word) || is_foreign(word) && !is_of_node(word)), "{fix}");
    }
    let pointer = "pattern commands with names to be put in: `plumb packs show ";
    let text = result.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains(pointer), "{}", result.out);
}
