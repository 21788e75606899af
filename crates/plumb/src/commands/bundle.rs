//! `plumb bundle`: show, verify, sign, encrypt, decrypt, redact, unpack, rm.

use std::io::{Read, Write};
use std::path::Path;

use anyhow::{Context, bail};
use plumb_evidence::bundle::RAW;
use plumb_evidence::files::{Readers, write_atomically, write_new};
use plumb_evidence::redact::{Key, Level, Redacted, Redaction, Rule, redact};
use plumb_evidence::{Bundle, Missing, derive, views};
use plumb_strict_toml::Document;
use serde::Deserialize;

use crate::cli::{BundleArgs, BundleCommand, RedactLevel, View};
use crate::console::Console;
use crate::exit::{Outcome, UsageError};
use crate::text;
use crate::{input, sealed, signature};

pub(crate) fn run(args: BundleArgs, console: &Console) -> anyhow::Result<Outcome> {
    match args.command {
        BundleCommand::Show { bundle, view } => {
            let content = input::bundle(&bundle)?;
            let missing =
                |why: Missing| UsageError(format!("`{}` cannot be shown this way: {why}", bundle.display()));
            let shown = match view {
                View::Summary => text::bundle(&content),
                View::Lscpu => views::lscpu(&derive(&content)).map_err(missing)?,
                View::Numactl => views::numactl(&derive(&content)).map_err(missing)?,
                View::Lstopo => views::lstopo(&content).map_err(missing)?,
                View::Evidence => format!("{}\n", serde_json::to_string_pretty(&derive(&content))?),
                View::Manifest => format!("{}\n", serde_json::to_string_pretty(content.manifest())?),
            };
            console.result(&shown)?;
        }
        BundleCommand::Verify { bundle, keys, signature, require_signature } => {
            let content = input::bundle(&bundle)?;
            let signature = signature.unwrap_or_else(|| signature::beside(&bundle));
            let signed = signature::check(&content, &signature, &keys)?;
            console.result(&format!(
                "{}: intact, {} files, manifest sha256 {}\n{signed}\n",
                bundle.display(),
                content.files().len(),
                content.manifest_sha256()
            ))?;
            if signed.is_wrong() || require_signature && !signed.is_right() {
                return Ok(Outcome::Integrity);
            }
        }
        BundleCommand::Sign { bundle, key, output } => {
            let content = input::bundle(&bundle)?;
            let output = output.unwrap_or_else(|| signature::beside(&bundle));
            let text = signature::sign(&content, &key)?;
            write_new(&output, Readers::Umask, |file| file.write_all(text.as_bytes()))
                .with_context(|| UsageError(format!("cannot write `{}`", output.display())))?;
            console.result(&format!("{}\n", output.display()))?;
        }
        BundleCommand::Encrypt { bundle, recipients, output } => {
            let output = output.unwrap_or_else(|| {
                let mut name = bundle.as_os_str().to_owned();
                name.push(".age");
                name.into()
            });
            sealed::encrypt(&bundle, &recipients, &output)?;
            console.result(&format!("{}\n", output.display()))?;
        }
        BundleCommand::Decrypt { file, keys, output } => {
            sealed::decrypt(&file, &keys, &output)?;
            // Whoever encrypts can encrypt anything.
            let content = Bundle::read(&output).with_context(|| {
                UsageError(format!("`{}` was opened, and is no bundle", output.display()))
            })?;
            let what = content.manifest_sha256();
            console.result(&format!("{}: intact, manifest sha256 {what}\n", output.display()))?;
        }
        BundleCommand::Cat { bundle, file } => cat(&input::bundle(&bundle)?, file.as_deref(), console)?,
        BundleCommand::Rm { bundle, names } => {
            let removed = Bundle::remove_from(&bundle, &names)?;
            console.result(&removed.iter().map(|file| format!("{file}\n")).collect::<String>())?;
        }
        BundleCommand::Redact { bundle, output, replacements, rules, map, level, key } => {
            for target in [Some(&output), map.as_ref()].into_iter().flatten() {
                if target.exists() {
                    bail!(UsageError(format!(
                        "`{}` exists already; give a file that does not",
                        target.display()
                    )));
                }
            }
            let content = input::bundle(&bundle)?;
            let level = match level {
                RedactLevel::Standard => Level::Standard,
                RedactLevel::Strict => Level::Strict,
            };
            let key = key.as_deref().map(read_key).transpose()?;
            let rules = rules.as_deref().map_or_else(|| Ok(Vec::new()), read_rules)?;
            let how = Redaction { given: replacements.into_iter().collect(), rules, level, key };
            let redacted = redact(&content, &how)
                .with_context(|| UsageError(format!("`{}` cannot be redacted", bundle.display())))?;
            let summary = summary(&redacted, &how);
            let Redacted { bundle: redacted, tokens, .. } = redacted;
            if let Some(map) = map {
                let json = serde_json::to_vec_pretty(&tokens)?;
                write_atomically(&map, Readers::Owner, |file| file.write_all(&json))
                    .with_context(|| UsageError(format!("cannot write `{}`", map.display())))?;
            }
            redacted.write(&output)?;
            console.result(&format!("{}: {} names replaced{summary}", output.display(), tokens.len()))?;
        }
        BundleCommand::Unpack { bundle, output } => {
            if output.exists() {
                bail!(UsageError(format!(
                    "`{}` exists already; give a folder that does not",
                    output.display()
                )));
            }
            let content = input::bundle(&bundle)?;
            content.unpack(&output)?;
            console.result(&format!("{}\n", output.display()))?;
        }
    }
    Ok(Outcome::Done)
}

/// One file of a bundle, or the names of all.
fn cat(bundle: &Bundle, file: Option<&str>, console: &Console) -> anyhow::Result<()> {
    let files = bundle.files();
    let Some(wanted) = file else {
        return console.result(&files.keys().map(|name| format!("{name}\n")).collect::<String>());
    };
    // What is cited is a path of the node.
    let of_node = format!("{RAW}{wanted}");
    let found = files.get(wanted).or_else(|| files.get(&of_node));
    match found {
        Some(bytes) => console.bytes(bytes),
        None => {
            let name = wanted.rsplit('/').next().unwrap_or(wanted);
            let alike = files.keys().filter(|own| !name.is_empty() && own.ends_with(name)).take(5);
            let alike: Vec<String> = alike.map(|own| format!("`{own}`")).collect();
            let hint = match alike.is_empty() {
                true => "leave it out for a list of all".to_owned(),
                false => format!("did you mean {}?", alike.join(", ")),
            };
            bail!(UsageError(format!("no file `{wanted}` is in the bundle; {hint}")))
        }
    }
}

/// Longest file of rules.
const MAX_RULES: u64 = 1 << 20;

/// A file of rules for redaction.
#[derive(Debug, Deserialize)]
struct RuleFile {
    #[serde(default)]
    rule: Vec<RuleEntry>,
}

#[derive(Debug, Deserialize)]
struct RuleEntry {
    name: String,
    text: Option<String>,
    pattern: Option<String>,
}

fn read_rules(path: &Path) -> anyhow::Result<Vec<Rule>> {
    let name = path.display().to_string();
    let text = input::read_text(path, MAX_RULES)
        .with_context(|| UsageError(format!("cannot read the rules `{name}`")))?;
    let document = Document::parse(&name, &text)?;
    let file: RuleFile = document.read()?;
    if file.rule.is_empty() {
        bail!(UsageError(format!("`{name}` has no [[rule]], so it would replace nothing")));
    }
    let rule = |own: &RuleEntry| match (&own.text, &own.pattern) {
        (Some(text), None) => Rule::of_text(&own.name, text),
        (None, Some(pattern)) => Rule::new(&own.name, pattern),
        _ => Err("expected either `text` or `pattern`".to_owned()),
    };
    let read = |own| rule(own).map_err(|why| UsageError(format!("`{name}`, rule `{}`: {why}", own.name)));
    Ok(file.rule.iter().map(read).collect::<Result<_, _>>()?)
}

/// A key for tokens: the bytes of a file, without white space at its ends.
fn read_key(path: &Path) -> anyhow::Result<Key> {
    const LONGEST: u64 = 4096;
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(LONGEST).read_to_end(&mut bytes))
        .with_context(|| UsageError(format!("cannot read the key `{}`", path.display())))?;
    let why = || {
        UsageError(format!(
            "`{}` is too short for a key: expected {} bytes or more; `head -c 32 /dev/urandom > FILE` makes one",
            path.display(),
            Key::LEAST
        ))
    };
    Ok(Key::new(bytes.trim_ascii()).ok_or_else(why)?)
}

/// What was replaced, and what was not.
fn summary(redacted: &Redacted, how: &Redaction) -> String {
    let kinds: Vec<String> =
        redacted.kinds.iter().map(|(kind, count)| format!("{count} {}", kind.plural())).collect();
    let mut lines = vec![if kinds.is_empty() { String::new() } else { format!(": {}", kinds.join(", ")) }];
    lines.push(match how.level {
        Level::Standard => "not replaced: users, paths, models, hosts of URLs, names of pods, jobs and units; --level strict \
             takes the first four, --replace what you name"
            .to_owned(),
        Level::Strict => "not replaced: names of pods, jobs, units and network interfaces, and names of folders outside of \
             /home, /data, /mnt and the like; --replace takes what you name"
            .to_owned(),
    });
    if how.key.is_none() {
        lines.push("without --key, two redacted bundles of one node cannot be compared".to_owned());
    }
    if let Some(host) = &redacted.common_host {
        lines.push(format!(
            "the host is called `{host}`, which is a word of the evidence, too: replaced only where hosts are listed"
        ));
    }
    for (text, place) in &redacted.left {
        lines.push(format!("looks like a name and was left: `{text}` in {place}"));
    }
    lines.join("\n  ") + "\n"
}
