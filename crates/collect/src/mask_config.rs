//! Takes secrets out of configuration files before they are kept: units of systemd, lines of settings, JSON of containers.

use plumb_evidence::derive::server::is_kept;
use serde_json::{Map, Value};

use crate::mask::mask_arguments;

/// What a masked value reads.
const MASK: &str = "***";

/// Settings of units whose values are masked but for variables that may be kept.
const ENVIRONMENT: &str = "Environment";
/// Settings of units whose values are masked whole.
const CREDENTIALS: &[&str] = &["SetCredential", "SetCredentialEncrypted"];

/// Masks what looks like a secret in a file of lines, each as an argument of a command line.
pub(crate) fn mask_lines(text: &[u8]) -> Vec<u8> {
    // Lines are joined as arguments are, so that a value on the line after its option is found too.
    let joined: Vec<u8> = text.iter().map(|&byte| if byte == b'\n' { 0 } else { byte }).collect();
    mask_arguments(&joined).into_iter().map(|byte| if byte == 0 { b'\n' } else { byte }).collect()
}

/// Masks secrets in a unit of systemd: as [`mask_lines`], and variables of the environment that are not to be kept.
pub(crate) fn mask_unit(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(&mask_lines(text)).into_owned();
    let mut masked = String::with_capacity(text.len());
    let mut goes_on: Option<bool> = None;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        if trimmed.starts_with(['#', ';']) {
            // A comment may hold anything, such as a setting that was put out of use.
            masked.push_str(if trimmed.contains('=') { "#\n" } else { line });
            continue;
        }
        let key = trimmed.split('=').next().unwrap_or_default().trim();
        let (private, first) = match goes_on {
            Some(private) => (private, false),
            None => (key == ENVIRONMENT || CREDENTIALS.contains(&key), true),
        };
        goes_on = trimmed.ends_with('\\').then_some(private);
        if private {
            let (head, rest) =
                if first { line.split_at(line.find('=').map_or(0, |at| at + 1)) } else { ("", line) };
            masked.push_str(head);
            masked.push_str(&mask_assignments(rest, key != ENVIRONMENT && first));
        } else {
            masked.push_str(line);
        }
    }
    masked.into_bytes()
}

/// Keeps of systemd's own configuration what it says of CPUs: the rest may hold anything, such as variables for all services.
pub(crate) fn keep_manager(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(text);
    let is_kept = |line: &&str| {
        let line = line.trim();
        line.starts_with('[') || line.split('=').next().is_some_and(|key| key.trim() == "CPUAffinity")
    };
    text.split_inclusive('\n').filter(is_kept).collect::<String>().into_bytes()
}

/// Words `NAME=VALUE`, in quotes or not, with the values masked that are not to be kept.
fn mask_assignments(text: &str, all: bool) -> String {
    let end = if text.ends_with('\n') { "\n" } else { "" };
    let body = text.trim_end();
    let (body, tail) = match body.strip_suffix('\\') {
        Some(body) => (body, " \\"),
        None => (body, ""),
    };
    let mut words = Vec::new();
    let mut quote = None;
    let mut word = String::new();
    for c in body.chars() {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), _) if c == open => quote = None,
            (None, c) if c.is_whitespace() => words.push(std::mem::take(&mut word)),
            _ => word.push(c),
        }
    }
    words.push(word);
    let keep = |word: &String| match word.split_once('=') {
        Some((name, value)) if !all && is_kept(name) => format!("\"{name}={value}\""),
        Some((name, _)) if !all => format!("{name}={MASK}"),
        _ => MASK.to_owned(),
    };
    let words: Vec<String> = words.iter().filter(|word| !word.is_empty()).map(keep).collect();
    format!("{}{tail}{end}", words.join(" "))
}

/// Keeps the members of a JSON object that `paths` name (`process.args`), with secrets masked; what is no JSON is not kept.
///
/// A list of texts named `env` or `Env` keeps the variables that may be kept; all other texts are masked as arguments.
pub(crate) fn keep_json(text: &[u8], paths: &[&str]) -> Vec<u8> {
    let Ok(value) = serde_json::from_slice::<Value>(text) else { return b"null".to_vec() };
    let mut kept = Value::Object(Map::new());
    for path in paths {
        let keys: Vec<&str> = path.split('/').collect();
        let found = keys.iter().try_fold(&value, |value, key| value.get(key));
        if let Some(found) = found {
            let mut found = found.clone();
            mask_json(&mut found, keys.last().copied().unwrap_or_default());
            put(&mut kept, &keys, found);
        }
    }
    serde_json::to_vec(&kept).unwrap_or_default()
}

/// Keeps the members `keys` of a YAML mapping, with all that is indented below them; of JSON as [`keep_json`].
///
/// What is kept is kept verbatim but for lines with a secret: of a comment its mark is left, and the mask stands in quotes,
/// because it would be an alias otherwise.
pub(crate) fn keep_yaml(text: &[u8], keys: &[&str]) -> Vec<u8> {
    if text.trim_ascii_start().starts_with(b"{") {
        return keep_json(text, keys);
    }
    let text = String::from_utf8_lossy(text);
    let mut kept = String::new();
    let mut keeps = false;
    for line in text.split_inclusive('\n') {
        // A list may stand as far left as the key that it belongs to.
        if !line.starts_with([' ', '\t', '-', '\n', '\r']) {
            let key = line.split(':').next().unwrap_or_default().trim().trim_matches(['"', '\'']);
            keeps = keys.contains(&key);
        }
        if keeps {
            let masked = mask_text(line);
            match masked == line {
                true => kept.push_str(line),
                false if line.trim_start().starts_with('#') => kept.push_str("#\n"),
                false => kept.push_str(&quoted_mask(&masked)),
            }
        }
    }
    kept.into_bytes()
}

/// A masked line as YAML takes it.
fn quoted_mask(line: &str) -> String {
    line.replace(&format!("\"{MASK}\""), MASK)
        .replace(&format!("'{MASK}'"), MASK)
        .replace(MASK, &format!("\"{MASK}\""))
}

fn put(into: &mut Value, keys: &[&str], value: Value) {
    let Some((first, rest)) = keys.split_first() else { return };
    let Some(object) = into.as_object_mut() else { return };
    if rest.is_empty() {
        object.insert((*first).to_owned(), value);
    } else {
        put(object.entry((*first).to_owned()).or_insert_with(|| Value::Object(Map::new())), rest, value);
    }
}

fn mask_json(value: &mut Value, name: &str) {
    match value {
        Value::String(text) => *text = mask_text(text),
        Value::Array(items) if name.eq_ignore_ascii_case("env") => {
            items.retain(|item| {
                item.as_str().and_then(|text| text.split_once('=')).is_some_and(|(name, _)| is_kept(name))
            });
            items.iter_mut().for_each(|item| mask_json(item, ""));
        }
        Value::Array(items) => {
            // A list of arguments is one command line.
            if items.iter().all(Value::is_string) {
                let texts: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
                let masked = mask_arguments(texts.join("\0").as_bytes());
                let masked = String::from_utf8_lossy(&masked).into_owned();
                if !texts.is_empty() {
                    *items = masked.split('\0').map(|text| Value::String(text.to_owned())).collect();
                }
            } else {
                items.iter_mut().for_each(|item| mask_json(item, ""));
            }
        }
        Value::Object(members) => members.iter_mut().for_each(|(name, member)| mask_json(member, name)),
        _ => {}
    }
}

fn mask_text(text: &str) -> String {
    String::from_utf8_lossy(&mask_arguments(text.as_bytes())).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unit(text: &str) -> String {
        String::from_utf8(mask_unit(text.as_bytes())).unwrap()
    }

    #[test]
    fn units_keep_what_checks_ask_for() {
        let text = "[Service]\n# Environment=OLD=secret\nEnvironment=\"FOO=my secret\" CUDA_VISIBLE_DEVICES=0,1 \\\n  BAR=x\nEnvironment=VLLM_API_KEY=abc\nSetCredential=a:b c\nExecStart=/bin/vllm --api-key abc \\\n  --port 80\nCPUAffinity=0-7\n";
        assert_eq!(
            unit(text),
            "[Service]\n#\nEnvironment=FOO=*** \"CUDA_VISIBLE_DEVICES=0,1\" \\\nBAR=***\nEnvironment=\"VLLM_API_KEY=***\"\nSetCredential=*** ***\nExecStart=/bin/vllm --api-key *** \\\n  --port 80\nCPUAffinity=0-7\n"
        );
    }

    #[test]
    fn an_option_and_its_value_on_two_lines() {
        assert!(!unit("ExecStart=/bin/vllm --api-key \\\nabc\n").contains("abc"));
    }

    #[test]
    fn json_keeps_named_members_only() {
        let text = br#"{"Config":{"Env":["HF_TOKEN=a","NCCL_DEBUG=INFO","X=b"],"Cmd":["--api-key","abc","m"],"Labels":{"k":"s"}},"Other":1}"#;
        let kept = String::from_utf8(keep_json(text, &["Config/Env", "Config/Cmd", "Absent"])).unwrap();
        assert_eq!(kept, r#"{"Config":{"Cmd":["--api-key","***","m"],"Env":["NCCL_DEBUG=INFO"]}}"#);
        assert_eq!(keep_json(b"secret", &["a"]), b"null");
    }

    #[test]
    fn yaml_keeps_named_members_with_what_is_below_them() {
        let text = "kind: K\nheader:\n  a: [secret]\nreservedMemory:\n- numaNode: 0\n  limits:\n    memory: 1Gi\nx: secret\n\"kind\": K\n";
        let kept = String::from_utf8(keep_yaml(text.as_bytes(), &["kind", "reservedMemory"])).unwrap();
        assert_eq!(
            kept,
            "kind: K\nreservedMemory:\n- numaNode: 0\n  limits:\n    memory: 1Gi\n\"kind\": K\n"
        );
        assert_eq!(keep_yaml(br#" {"kind": "K", "x": "secret"}"#, &["kind"]), br#"{"kind":"K"}"#);
    }

    proptest! {
        #[test]
        fn no_variable_that_is_not_to_be_kept_survives(secret in "[a-z]{12}", quote in "[\"' ]?") {
            let quote = quote.trim();
            let text = format!("[Service]\nEnvironment={quote}A={secret}{quote} B={secret}\n");
            prop_assert!(!unit(&text).contains(&secret));
        }

        #[test]
        fn any_text_is_masked(text in "\\PC*|([A-Za-z=\"' \\\\#;]{0,30}\n){0,4}") {
            let _ = mask_unit(text.as_bytes());
            let _ = keep_json(text.as_bytes(), &["a"]);
            let _ = keep_yaml(text.as_bytes(), &["a"]);
        }
    }
}
