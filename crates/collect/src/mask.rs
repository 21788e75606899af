//! Takes secrets out of command lines before they are kept.
//!
//! An argument may be a command line itself (`sh -c "…"`), JSON, a header or a URL, so names are looked for anywhere in
//! it. Keys that their issuers mark, and text that only chance writes, are found without a name (`issued`); what a program
//! takes as a secret under a short option, by the program (`program`). Where it is not clear how far a secret goes, more is
//! masked rather than less; all else stays byte for byte.

mod issued;
mod program;

use issued::{issued, looks_random};

/// What a masked value reads.
const MASK: &[u8] = b"***";

/// Words that name a secret, as parts of an option's or variable's name: `--hf-token`, `rd.iscsi.password`, `apiKey`.
///
/// Whole words: `--max-num-batched-tokens` and `--tokenizer` are no secrets.
const WORDS: &[&str] = &[
    "key",
    "token",
    "secret",
    "pass",
    "credential",
    "credentials",
    "auth",
    "authorization",
    "bearer",
    "signature",
    "psk",
    "jwt",
    "cookie",
    "passcode",
    "creds",
    "secrets",
    "passwords",
    "otp",
    "webhook",
];

/// Words that name a secret also where others are run together with them: `PGPASSWORD`, `accesskey`.
const ENDINGS: &[&str] = &[
    "apikey",
    "accesskey",
    "secretkey",
    "privatekey",
    "authkey",
    "signingkey",
    "encryptionkey",
    "masterkey",
    "licensekey",
    "accountkey",
    "passkey",
    "password",
    "passwd",
    "passphrase",
    "token",
    "secret",
];

/// Words that name a secret as the last of a name only: `module.sig_enforce` is a setting of the kernel.
const LAST: &[&str] = &["pwd", "sig", "pw", "pat", "session"];

/// What stands before the secret in an HTTP header.
const SCHEMES: &[&str] = &["bearer", "basic", "digest", "token", "negotiate", "apikey"];

/// Masks what looks like a secret in the text of `/proc/PID/cmdline` (arguments separated by NUL) or `/proc/cmdline`.
pub(crate) fn mask_arguments(cmdline: &[u8]) -> Vec<u8> {
    match issued::without_private_keys(cmdline, MASK) {
        Some(text) => program::mask_options(mask_all(&text)),
        None => program::mask_options(mask_all(cmdline)),
    }
}

fn mask_all(cmdline: &[u8]) -> Vec<u8> {
    let mut masked = Vec::with_capacity(cmdline.len());
    let mut whole_next = false;
    for (position, argument) in cmdline.split(|&byte| byte == 0).enumerate() {
        if position > 0 {
            masked.push(0);
        }
        if std::mem::take(&mut whole_next) && !argument.is_empty() {
            masked.extend_from_slice(MASK);
        } else {
            whole_next = mask_argument(argument, &mut masked);
        }
    }
    masked
}

/// Masks one argument; true if it ends with an option whose value is the next one.
fn mask_argument(text: &[u8], masked: &mut Vec<u8>) -> bool {
    let mut at = 0;
    while at < text.len() {
        if let Some(secret) = credentials(text, at) {
            masked.extend_from_slice(&text[at..secret.start]);
            masked.extend_from_slice(MASK);
            at = secret.end;
            continue;
        }
        if text[at..].starts_with(b"://") {
            // A host may be called `auth` or `token`, and its port is no secret.
            let end = end_of(text, at + 3, |byte| b"/?#".contains(&byte) || ends_word(byte));
            masked.extend_from_slice(&text[at..end]);
            at = end;
            if let Some(secret) = hook(&text[..at], &text[at..]) {
                masked.extend_from_slice(MASK);
                at += secret;
            }
            continue;
        }
        if let Some(secret) = of_comment(text, at) {
            masked.extend_from_slice(&text[at..secret.start]);
            masked.extend_from_slice(MASK);
            at = secret.end;
            continue;
        }
        if separates(text[at]) {
            masked.push(text[at]);
            at += 1;
            continue;
        }
        let end = end_of(text, at, separates);
        let word = &text[at..end];
        if let Some(start) = key_in(text, at, end) {
            masked.extend_from_slice(&text[at..start]);
            masked.extend_from_slice(MASK);
            at = end_of_word(text, start);
            continue;
        }
        masked.extend_from_slice(word);
        let name = at;
        at = end;
        if word.eq_ignore_ascii_case(b"bearer") && text.get(end).copied().is_some_and(is_blank) {
            let value = end_of(text, end, |byte| !is_blank(byte));
            at = mask_value(text, end, value, end_of_word(text, value), masked);
        } else if names_a_secret(word) {
            if let Some((value, stop)) = value_of(text, name, end) {
                at = mask_value(text, end, value, stop, masked);
            } else if word.starts_with(b"-") && text[end..].iter().all(|&byte| quotes(byte) || is_blank(byte))
            {
                masked.extend_from_slice(&text[end..]);
                return true;
            }
        }
    }
    false
}

/// Keeps the text from `from` to `value`, masks the one up to `stop`, and returns where to go on.
fn mask_value(text: &[u8], from: usize, value: usize, stop: usize, masked: &mut Vec<u8>) -> usize {
    masked.extend_from_slice(&text[from..value]);
    if value < stop {
        masked.extend_from_slice(MASK);
    }
    stop.max(value)
}

/// Where the value of the name at `name..end` begins and ends, if it has one in this argument.
fn value_of(text: &[u8], name: usize, end: usize) -> Option<(usize, usize)> {
    let byte = |at: usize| text.get(at).copied();
    let after_quote = end_of(text, end, |byte| !quotes(byte));
    let after_blank = end_of(text, after_quote, |byte| !is_blank(byte));
    let sign = byte(after_blank).filter(|byte| b"=:".contains(byte));
    let mut value = match sign {
        Some(_) => end_of(text, after_blank, |byte| !b"=:".contains(&byte)),
        // An option and its value, as in `sh -c "… --api-key x"`, or in a list: `["--api-key", "x"]`.
        None if text[name] == b'-' => {
            let listed =
                |at: usize| byte(at).is_some_and(|byte| is_blank(byte) || quotes(byte) || byte == b',');
            (end..text.len()).find(|&at| !listed(at))?
        }
        None => return None,
    };
    if sign.is_some() && (sign == Some(b':') || after_blank > after_quote) {
        // `password: x` and `password = x`; in `HF_TOKEN= vllm` the blank ends an empty value.
        value = end_of(text, value, |byte| !is_blank(byte));
    }
    if sign.is_none() {
        // Back to the quote that opens the value.
        while value > end && quotes(text[value - 1]) {
            value -= 1;
        }
        if !(end..value).any(|at| is_blank(text[at]) || text[at] == b',') {
            return None;
        }
    }
    // An object is no secret as a whole; the names in it are looked at in turn.
    if byte(value) == Some(b'{') && byte(value + 1).is_some_and(|byte| quotes(byte) || is_blank(byte)) {
        return None;
    }
    let slashes = end_of(text, value, |byte| byte != b'\\') - value;
    if let Some(quote) = byte(value + slashes).filter(|byte| b"'\"`".contains(byte)) {
        let value = value + slashes + 1;
        let mut stop = closing_quote(text, value, quote, slashes);
        // In a shell, `"a"b` is one word.
        if byte(stop + 1).is_some_and(|byte| !separates(byte)) && byte(stop) == Some(quote) {
            stop = end_of_word(text, stop + 1);
        }
        return Some((value, stop));
    }
    let header = sign == Some(b':') && value > after_blank + 1
        || is_one_of(last_part(&text[name..end]), &["authorization"]) && sign.is_some();
    let scheme = end_of(text, value, separates);
    if header && is_one_of(&text[value..scheme], SCHEMES) && byte(scheme).is_some_and(is_blank) {
        value = end_of(text, scheme, |byte| !is_blank(byte));
    }
    let stop = if name == 0
        && sign.is_some()
        && (text[0] == b'-' || header || !text[end..].iter().copied().any(is_blank))
    {
        // The argument is this one setting, and nothing in it ends the value.
        text.len()
    } else if header && name > 0 && after_quote == end && b"'\"".contains(&text[name - 1]) {
        let slashes = text[..name - 1].iter().rev().take_while(|&&byte| byte == b'\\').count();
        closing_quote(text, value, text[name - 1], slashes)
    } else {
        end_of_word(text, value)
    };
    Some((value, stop))
}

/// Where the quote that was opened before `from`, after so many backslashes, is closed; the backslashes of the closing
/// one are not part of the value.
fn closing_quote(text: &[u8], from: usize, quote: u8, slashes: usize) -> usize {
    let mut run = 0;
    for (at, &byte) in text.iter().enumerate().skip(from) {
        let closes = if slashes > 0 { run <= slashes } else { quote == b'\'' || run % 2 == 0 };
        if byte == quote && closes {
            return at - run.min(slashes);
        }
        run = if byte == b'\\' { run + 1 } else { 0 };
    }
    text.len()
}

/// Where an unquoted value ends.
///
/// A comma or a closing bracket may be part of a password: it ends the value only where another setting or nothing
/// follows.
fn end_of_word(text: &[u8], from: usize) -> usize {
    let mut at = from;
    while at < text.len() {
        let next = text.get(at + 1).copied();
        match text[at] {
            // What is escaped belongs to the value, but for a quote, which may close one around it.
            b'\\' if next.is_some_and(|next| !quotes(next)) => at += 1,
            b'\\' => return at,
            b',' => {
                let rest = &text[at + 1..];
                let name = rest.iter().take_while(|&&byte| !separates(byte)).count();
                let ends = match rest.get(name) {
                    Some(b'=' | b':') => true,
                    Some(&byte) => name == 0 && (is_blank(byte) || quotes(byte) || byte == b'{'),
                    None => name == 0,
                };
                if ends {
                    return at;
                }
            }
            b'}' | b']' if next.is_none_or(separates) => return at,
            byte if ends_word(byte) => return at,
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// `scheme://user:password@host` at `://`, and `netroot=iscsi:user:password@host` of a kernel's command line: the part
/// before the host.
fn credentials(text: &[u8], at: usize) -> Option<std::ops::Range<usize>> {
    let rest = &text[at..];
    let start = at + [&b"://"[..], b"iscsi:"].into_iter().find(|mark| rest.starts_with(mark))?.len();
    let outside = |byte: u8| is_blank(byte) || b"'\"`<>".contains(&byte);
    let authority = &text[start..end_of(text, start, |byte| b"/?#".contains(&byte) || outside(byte))];
    let last_at = |part: &[u8]| part.iter().rposition(|&byte| byte == b'@').map(|end| start..start + end);
    last_at(authority).or_else(|| {
        // A password with a slash in it; after a host there would be a port.
        let colon = authority.iter().rposition(|&byte| byte == b':')?;
        let port = &authority[colon + 1..];
        if port.ends_with(b"]") || (!port.is_empty() && port.iter().all(u8::is_ascii_digit)) {
            return None;
        }
        // Not far, or a line of many such would be read many times.
        let near = &text[start..text.len().min(start + authority.len() + 256)];
        last_at(&near[..end_of(near, 0, outside)])
    })
}

fn names_a_secret(name: &[u8]) -> bool {
    name.len() <= 80
        && (parts(name)
            .any(|part| is_one_of(part, WORDS) || ENDINGS.iter().any(|ending| ends_with(part, ending)))
            || is_one_of(last_part(name), LAST))
}

/// The words of a name: `rd.iscsi.password`, `HF_TOKEN`, `accessToken`, `password2`.
fn parts(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    name.split(|byte| !byte.is_ascii_alphanumeric())
        .flat_map(|word| word.chunk_by(|a, b| !(a.is_ascii_lowercase() && b.is_ascii_uppercase())))
        .map(|part| &part[..part.iter().rposition(|byte| !byte.is_ascii_digit()).map_or(0, |last| last + 1)])
        .filter(|part| !part.is_empty())
}

fn last_part(name: &[u8]) -> &[u8] {
    parts(name).last().unwrap_or_default()
}

fn is_one_of(word: &[u8], words: &[&str]) -> bool {
    words.iter().any(|other| word.eq_ignore_ascii_case(other.as_bytes()))
}

fn ends_with(word: &[u8], ending: &str) -> bool {
    word.len() >= ending.len() && is_one_of(&word[word.len() - ending.len()..], &[ending])
}

/// Where the key begins that shows by itself in the word at `at..end`: behind a prefix of its issuer, or the whole word if only
/// chance writes it.
fn key_in(text: &[u8], at: usize, end: usize) -> Option<usize> {
    if let Some(start) = (at..end).find(|&start| issued(text, start).is_some()) {
        return Some(start);
    }
    let word = &text[at..end];
    let before = at.checked_sub(1).map(|before| text[before]);
    let is_path = word.starts_with(b"/") || word.starts_with(b"./") || word.starts_with(b"~");
    // A password is marked neither by letters nor by chance: names and paths of files are long, too.
    (!is_path && looks_random(word, matches!(before, Some(b'=' | b':')))).then_some(at)
}

/// How much of a URL's path is a secret: hooks of chats have no other.
fn hook(before: &[u8], path: &[u8]) -> Option<usize> {
    const HOSTS: &[&str] =
        &["hooks.slack.com", ".webhook.office.com", "discord.com", "discordapp.com", "api.telegram.org"];
    let host = HOSTS.iter().any(|host| before.ends_with(host.as_bytes()));
    (host && path.len() > 1 && path[0] == b'/').then(|| end_of_word(path, 0))
}

/// What a comment says behind the name of a secret: `# password X`. Comments are no evidence, so the rest of it goes.
fn of_comment(text: &[u8], at: usize) -> Option<std::ops::Range<usize>> {
    if !b"#;".contains(&text[at]) || (text[at] == b';' && at > 0) || (at > 0 && !is_blank(text[at - 1])) {
        return None;
    }
    let end = end_of(text, at, |byte| byte == b'\n');
    let mut from = at + 1;
    while from < end {
        let word = from..end_of(text, from, separates).min(end);
        let value = end_of(text, word.end, |byte| !separates(byte)).min(end);
        if key_in(text, word.start, word.end).is_some() {
            return Some(word.start..end);
        }
        if names_a_secret(&text[word.clone()]) && value < end {
            return Some(value..end);
        }
        from = value.max(word.end + 1);
    }
    None
}

/// The first position from `from` on whose byte `ends`.
fn end_of(text: &[u8], from: usize, ends: impl Fn(u8) -> bool) -> usize {
    text.iter().skip(from).position(|&byte| ends(byte)).map_or(text.len(), |length| from + length)
}

fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace()
}

fn quotes(byte: u8) -> bool {
    b"'\"`\\".contains(&byte)
}

/// True for what ends an unquoted value wherever it stands.
fn ends_word(byte: u8) -> bool {
    is_blank(byte) || b";&|<>()'\"`".contains(&byte)
}

/// True for what stands between names and values.
fn separates(byte: u8) -> bool {
    ends_word(byte) || b"?#{}[],=:\\".contains(&byte)
}

#[cfg(test)]
mod corpus;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn masked(arguments: &[&str]) -> String {
        String::from_utf8(mask_arguments(arguments.join("\0").as_bytes())).unwrap().replace('\0', " ")
    }

    #[test]
    fn secrets_are_masked() {
        for (arguments, expected) in [
            (
                &["vllm", "serve", "m", "--api-key", "abc", "--port", "8000"][..],
                "vllm serve m --api-key *** --port 8000",
            ),
            (&["x", "--api-key=abc", "HF_TOKEN=def"], "x --api-key=*** HF_TOKEN=***"),
            (&["x", "--password=a b;c,d", "TOKEN=a;b,c"], "x --password=*** TOKEN=***"),
            (&["x", "hf_0123456789abcdef", "-u=sk-0123456789abcdef"], "x *** -u=***"),
            (&["x", "http://me:pw@host/path"], "x http://***@host/path"),
            (&["x", "http://me:p/w@host/path"], "x http://***@host/path"),
            (&["sh", "-c", "vllm serve m --api-key abc"], "sh -c vllm serve m --api-key ***"),
            (
                &["sh", "-c", "vllm --api-key 'a b' --port 1; x --password=\"a\"b -v"],
                "sh -c vllm --api-key '***' --port 1; x --password=\"*** -v",
            ),
            (&["bash", "-c", "export A=1; HF_TOKEN=x vllm"], "bash -c export A=1; HF_TOKEN=*** vllm"),
            (&["HF_TOKEN=x vllm serve m"], "HF_TOKEN=*** vllm serve m"),
            (&["sh", "-c", "export HF_TOKEN=x;B=2&&vllm"], "sh -c export HF_TOKEN=***;B=2&&vllm"),
            (&["-H", "Authorization: Bearer x"], "-H Authorization: Bearer ***"),
            (&["-H", "Authorization: Basic eDp5 z"], "-H Authorization: Basic ***"),
            (&["sh", "-c", "export HF_TOKEN=a,b PASS=c,d"], "sh -c export HF_TOKEN=*** PASS=***"),
            (&["-H", "X-Api-Key: x"], "-H X-Api-Key: ***"),
            (
                &["sh", "-c", "curl -H \"Authorization: Bearer x\" http://h:80/p"],
                "sh -c curl -H \"Authorization: Bearer ***\" http://h:80/p",
            ),
            (&["sh", "-c", "curl -H \"X-Auth: a b\" u"], "sh -c curl -H \"X-Auth: ***\" u"),
            (&["x", "say bearer abc, then"], "x say bearer ***, then"),
            (&["https://h/?token=abc"], "https://h/?token=***"),
            (&["https://h/?a=1&sig=abc&b=2#access_token=x"], "https://h/?a=1&sig=***&b=2#access_token=***"),
            (&["--kv-config", "{\"password\":\"x\"}"], "--kv-config {\"password\":\"***\"}"),
            (
                &["{\"a\": 1, 'apiKey' : 'x', \"auth\": {\"user\": \"u\", \"pwd\": 12}}"],
                "{\"a\": 1, 'apiKey' : '***', \"auth\": {\"user\": \"u\", \"pwd\": ***}}",
            ),
            (
                &["sh", "-c", "x \"{\\\"password\\\":\\\"a\\\",\\\"b\\\":1}\""],
                "sh -c x \"{\\\"password\\\":\\\"***\\\",\\\"b\\\":1}\"",
            ),
            (&["[\"--api-key\", \"x\", \"--port\", \"1\"]"], "[\"--api-key\", \"***\", \"--port\", \"1\"]"),
            (&["sh", "-c", "'x' '--api-key'", "abc"], "sh -c 'x' '--api-key' ***"),
            (&["x", "-o", "user=u,password=p,mode=m"], "x -o user=u,password=***,mode=m"),
            (
                &["x", "PGPASSWORD=x", "MYSQL_PWD=y", "--key-passphrase=z"],
                "x PGPASSWORD=*** MYSQL_PWD=*** --key-passphrase=***",
            ),
        ] {
            assert_eq!(masked(arguments), expected);
        }
    }

    #[test]
    fn the_kernels_command_line_keeps_all_but_secrets() {
        assert_eq!(
            masked(&[
                "BOOT_IMAGE=/vmlinuz root=/dev/sda1 rd.iscsi.username=u rd.iscsi.password=x,y isolcpus=1-3 \
                systemd.set_credential=name:x netroot=iscsi:me:pw@10.0.0.1::::iqn url=http://me:pw@h/k \
                module.sig_enforce=1 nohz_full=1-3\n"
            ]),
            "BOOT_IMAGE=/vmlinuz root=/dev/sda1 rd.iscsi.username=u rd.iscsi.password=*** isolcpus=1-3 \
                systemd.set_credential=*** netroot=iscsi:***@10.0.0.1::::iqn url=http://***@h/k \
                module.sig_enforce=1 nohz_full=1-3\n"
        );
    }

    #[test]
    fn what_only_sounds_like_a_secret_is_kept() {
        let kept = "vllm serve m --max-num-batched-tokens 8192 --tokenizer t --skip-special-tokens --keyboard=de \
            http://auth.example.com:8443/x --max-tokens=5 {\"max_tokens\":5} HF_TOKEN= vllm -- key word";
        assert_eq!(masked(&kept.split(' ').collect::<Vec<_>>()), kept);
        assert_eq!(masked(&[kept]), kept);
    }

    #[test]
    fn long_lines_take_no_longer_than_their_length() {
        for pattern in ["://a:b/", "://", "key=a;", "key:{", "--key ", "--key,\"", "bearer ", "a,", "\\"] {
            mask_arguments(pattern.repeat((1 << 18) / pattern.len()).as_bytes());
        }
    }

    proptest! {
        #[test]
        fn no_secret_survives(
            secret in "[A-Za-z0-9]{12,40}",
            before in "[a-z]{1,3} ?",
            after in "( -[-a-z]{1,6}| [a-z]{1,5}=[a-z]){0,3}",
        ) {
            for text in [
                format!("--api-key\0{secret}"),
                format!("--api-key={secret}"),
                format!("{before}\0--api-key\0{secret}\0{after}"),
                format!("HF_TOKEN={secret}"),
                format!("HF_TOKEN={secret}{after}"),
                format!("sh\0-c\0{before} --api-key {secret}{after}"),
                format!("sh\0-c\0{before} --api-key={secret}{after}"),
                format!("sh\0-c\0{before}; HF_TOKEN={secret}{after}"),
                format!("sh\0-c\0{before} \"--api-key\" \"{secret}\"{after}"),
                format!("sh -c \"{before} --api-key {secret}\"{after}"),
                format!("sh -c 'HF_TOKEN=\"{secret}\"{after}'"),
                format!("sh -c \"sh -c \\\"x --password {secret}\\\"\"{after}"),
                format!("{before} https://user:{secret}@host/path{after}"),
                format!("{before} https://{secret}@host{after}"),
                format!("{before} https://host/?a=b&token={secret}&c=d{after}"),
                format!("https://host/?token={secret}"),
                format!("{{\"a\":1,\"password\":\"{secret}\"}}"),
                format!("-H\0Authorization: Bearer {secret}"),
            ] {
                let masked = mask_arguments(text.as_bytes());
                prop_assert!(!masked.windows(secret.len()).any(|part| part == secret.as_bytes()), "{text}");
            }
        }

        #[test]
        fn text_without_names_of_secrets_is_kept_byte_for_byte(
            text in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..80),
                "[a-z0-9 =:;,&?'\"{}/.\\-\\\\\0]{0,80}".prop_map(String::into_bytes),
            ],
        ) {
            let lower = text.to_ascii_lowercase();
            let holds = |word: &str| lower.windows(word.len()).any(|part| part == word.to_ascii_lowercase().as_bytes());
            let lists = [WORDS, ENDINGS, LAST, &["://", "iscsi:", "echo", "printf"]];
            prop_assume!(!lists.into_iter().flatten().any(|word| holds(word)));
            prop_assert_eq!(mask_arguments(&text), text);
        }
    }
}
