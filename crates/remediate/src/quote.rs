//! Text of a bundle inside files that machines obey.
//!
//! A name, an argument or a path comes from somebody else's machine. Each place that it can land in has one function here,
//! and what cannot be quoted safely is refused by a test ([`is_plain`] and its like) before anything is planned with it.

use std::fmt::Write;

use plumb_report::escape::clean;

/// True for a word that no reader of the files takes for anything but itself: letters, digits and `_ . / : = , + @ -`,
/// not starting with `-`.
#[must_use]
pub fn is_plain(word: &str) -> bool {
    !word.is_empty()
        && !word.starts_with('-')
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_./:=,+@-".contains(&byte))
}

/// True for the name of a service that can be the name of a folder and an argument of `systemctl`.
#[must_use]
pub fn is_service_name(name: &str) -> bool {
    let stem = name.strip_suffix(".service").unwrap_or_default();
    is_plain(name)
        && name.len() <= 200
        && !stem.is_empty()
        && !stem.starts_with('.')
        && !name.contains(['/', '=', ',', '+'])
}

/// True for the address of a PCI device, `0000:18:00.0`.
#[must_use]
pub fn is_pci_address(text: &str) -> bool {
    let parts: Vec<&str> = text.split([':', '.']).collect();
    let hex = |part: &str, least: usize, most: usize| {
        (least..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    matches!(parts.as_slice(), [domain, bus, device, function]
        if hex(domain, 4, 8) && hex(bus, 2, 2) && hex(device, 2, 2) && hex(function, 1, 1))
        && text.as_bytes().get(text.len() - 2) == Some(&b'.')
}

/// True for the name of a host or of a Kubernetes object.
#[must_use]
pub fn is_host_name(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.')
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
}

/// True for the name of an environment variable.
#[must_use]
pub fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 100
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A name of lower-case letters, digits and single dashes, at most 40 long: for files, units, pods and jobs.
#[must_use]
pub fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars().map(|c| c.to_ascii_lowercase()) {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() == 40 {
            break;
        }
    }
    slug.trim_end_matches('-').to_owned()
}

/// One line for a comment of any of the formats.
#[must_use]
pub fn comment(text: &str) -> String {
    let mut line = clean(text).split_whitespace().collect::<Vec<_>>().join(" ");
    // systemd joins a line that ends in a backslash with the next one.
    if line.ends_with('\\') {
        line.push('.');
    }
    line
}

/// A word of a POSIX shell.
#[must_use]
pub fn shell(word: &str) -> String {
    if is_option(word) && !word.contains('=') {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// A word of bash, whose form for unusual characters the POSIX shell does not have.
#[must_use]
pub fn bash(word: &str) -> String {
    if !word.chars().any(char::is_control) {
        return shell(word);
    }
    let mut quoted = String::from("$'");
    for c in word.chars() {
        match c {
            '\'' | '\\' => {
                quoted.push('\\');
                quoted.push(c);
            }
            c if c.is_control() => {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    let _ = write!(quoted, "\\x{byte:02x}");
                }
            }
            c => quoted.push(c),
        }
    }
    quoted.push('\'');
    quoted
}

/// A word of `ExecStart=`, in which `%` is a specifier and `$` a variable.
#[must_use]
pub fn exec_word(word: &str) -> String {
    systemd(word, true)
}

/// A word of `Environment=`, in which `%` is a specifier and `$` is itself.
#[must_use]
pub fn environment_word(word: &str) -> String {
    systemd(word, false)
}

fn systemd(word: &str, variables: bool) -> String {
    if is_option(word) {
        return word.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in word.chars() {
        match c {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(c);
            }
            '%' => quoted.push_str("%%"),
            '$' if variables => quoted.push_str("$$"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_ascii_control() => {
                let _ = write!(quoted, "\\x{:02x}", u32::from(c));
            }
            // Those beyond ASCII are all below U+0100.
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A plain word that may start with dashes, as options do.
fn is_option(word: &str) -> bool {
    is_plain(word.trim_start_matches('-'))
}

/// A scalar of YAML, always in double quotes.
#[must_use]
pub fn yaml(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(c);
            }
            '\n' => quoted.push_str("\\n"),
            ' '..='~' => quoted.push(c),
            // Plain text of the languages that people write; everything unusual goes by number.
            c if c.is_alphanumeric() => quoted.push(c),
            c if u32::from(c) <= 0xffff => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => {
                let _ = write!(quoted, "\\U{:08x}", u32::from(c));
            }
        }
    }
    quoted.push('"');
    quoted
}

/// A scalar of a Compose file, in which `$` is a variable.
#[must_use]
pub fn compose(text: &str) -> String {
    yaml(&text.replace('$', "$$"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_has_its_quotes() {
        assert_eq!(shell("a b'c"), r"'a b'\''c'");
        assert_eq!(shell("/usr/bin/vllm"), "/usr/bin/vllm");
        assert_eq!(shell("A=b"), "'A=b'");
        assert_eq!(shell("--port"), "--port");
        assert_eq!(shell(""), "''");
        assert_eq!(bash("a'b\n\u{85}"), r"$'a\'b\x0a\xc2\x85'");
        assert_eq!(exec_word("\u{1}\u{85}"), r#""\x01\u0085""#);
        assert_eq!(exec_word("--port"), "--port");
        assert_eq!(exec_word("50%$HOME\"\\\n;"), "\"50%%$$HOME\\\"\\\\\\n;\"");
        assert_eq!(exec_word(";"), "\";\"");
        assert_eq!(environment_word("$x%"), "\"$x%%\"");
        assert_eq!(yaml("a: \"b\"\n\u{2028}"), "\"a: \\\"b\\\"\\n\\u2028\"");
        assert_eq!(compose("${X}"), "\"$${X}\"");
        assert_eq!(comment("a\nb \\"), "a b \\.");
    }

    #[test]
    fn names_are_of_the_form_that_they_must_have() {
        for good in ["vllm.service", "vllm@0.service", "a_b-c.service"] {
            assert!(is_service_name(good), "{good}");
        }
        for bad in [
            "",
            ".service",
            "a/b.service",
            "-a.service",
            "a b.service",
            "a\n.service",
            "..service",
            "a.scope",
            "x=y.service",
        ] {
            assert!(!is_service_name(bad), "{bad}");
        }
        assert!(is_pci_address("0000:18:00.0") && is_pci_address("10000:e1:00.0"));
        for bad in ["", "0000:18:00", "0000:18:00:0", "../8:18:00.0", "0000:18:00.0 ", "0000.18.00.0x"] {
            assert!(!is_pci_address(bad), "{bad}");
        }
        assert_eq!(slug("vLLM  example/Model_70B\n"), "vllm-example-model-70b");
        assert_eq!(slug("../../"), "");
        assert!(
            is_host_name("node-1.example")
                && !is_host_name("a b")
                && !is_host_name("-a")
                && !is_host_name("")
        );
        assert!(is_variable("HF_HOME") && !is_variable("1A") && !is_variable("A B"));
    }
}
