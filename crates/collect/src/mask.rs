//! Takes secrets out of command lines before they are kept.

/// What a masked value reads.
const MASK: &str = "***";

/// Words that name a secret, as parts of an option's or variable's name split at `-`, `_` and `.`.
///
/// Whole words: `--max-tokens` and `--tokenizer` are no secrets, `--hf-token` is.
const WORDS: &[&str] = &[
    "key",
    "apikey",
    "token",
    "secret",
    "password",
    "passwd",
    "pass",
    "credential",
    "credentials",
    "auth",
    "bearer",
];

/// Prefixes by which issuers mark their keys.
const ISSUED: &[&str] = &["sk-", "hf_", "ghp_", "github_pat_", "glpat-", "xoxb-", "AKIA", "eyJ"];

/// Masks the values of arguments that look like secrets in the text of `/proc/PID/cmdline` (separated by NUL).
pub(crate) fn mask_arguments(cmdline: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(cmdline);
    let mut mask_next = false;
    let arguments: Vec<String> = text
        .split('\0')
        .map(|argument| {
            if std::mem::take(&mut mask_next) && !argument.is_empty() {
                return MASK.to_owned();
            }
            if let Some((name, value)) = argument.split_once('=') {
                if names_a_secret(name) || looks_issued(value) {
                    return format!("{name}={MASK}");
                }
            } else if argument.starts_with('-') && names_a_secret(argument) {
                mask_next = true;
            } else if looks_issued(argument) {
                return MASK.to_owned();
            }
            mask_credentials(argument)
        })
        .collect();
    arguments.join("\0").into_bytes()
}

fn names_a_secret(name: &str) -> bool {
    name.len() <= 80
        && name
            .split(['-', '_', '.'])
            .any(|word| WORDS.iter().any(|secret| word.eq_ignore_ascii_case(secret)))
}

fn looks_issued(value: &str) -> bool {
    value.len() >= 16 && ISSUED.iter().any(|prefix| value.starts_with(prefix))
}

/// `scheme://user:password@host` → `scheme://***@host`
fn mask_credentials(argument: &str) -> String {
    let Some(start) = argument.find("://").map(|position| position + 3) else { return argument.to_owned() };
    let authority = argument[start..].split('/').next().unwrap_or_default();
    match authority.rfind('@') {
        Some(at) => format!("{}{MASK}{}", &argument[..start], &argument[start + at..]),
        None => argument.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(arguments: &[&str]) -> String {
        String::from_utf8(mask_arguments(arguments.join("\0").as_bytes())).unwrap().replace('\0', " ")
    }

    #[test]
    fn secrets_are_masked() {
        assert_eq!(
            masked(&["vllm", "serve", "m", "--api-key", "abc", "--port", "8000"]),
            "vllm serve m --api-key *** --port 8000"
        );
        assert_eq!(masked(&["x", "--api-key=abc", "HF_TOKEN=def"]), "x --api-key=*** HF_TOKEN=***");
        assert_eq!(masked(&["x", "hf_0123456789abcdef", "-u=sk-0123456789abcdef"]), "x *** -u=***");
        assert_eq!(masked(&["x", "http://me:pw@host/path"]), "x http://***@host/path");
    }

    #[test]
    fn options_that_only_sound_like_secrets_are_kept() {
        let kept =
            "vllm serve m --max-num-batched-tokens 8192 --tokenizer t --skip-special-tokens --keyboard=de";
        assert_eq!(masked(&kept.split(' ').collect::<Vec<_>>()), kept);
    }
}
