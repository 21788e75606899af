//! What a bundle tells of names that no pattern knows: its host, serial numbers, users, models.

use regex::bytes::Regex;

use super::find::Known;
use super::{HOSTNAME, Kind, Level, RedactError, internal};
use crate::bundle::{Bundle, RAW};

/// Domains that belong to nobody.
const NOBODYS: &[&str] = &[
    "local",
    "localdomain",
    "internal",
    "lan",
    "home",
    "intranet",
    "corp",
    "cluster.local",
    "example",
    "example.com",
    "invalid",
    "test",
    "compute.internal",
    "ec2.internal",
];

/// What `serial` may read where there is none.
const NO_SERIAL: &[&str] = &[
    "unknown",
    "none",
    "n/a",
    "[n/a]",
    "not specified",
    "not available",
    "default string",
    "system serial number",
];

/// Users that every machine has, and names that evidence goes by.
const COMMON: &[&str] = &[
    "root",
    "nobody",
    "ubuntu",
    "debian",
    "centos",
    "rocky",
    "admin",
    "ec2-user",
    "azureuser",
    "core",
    "user",
    "vllm",
    "sglang",
    "ollama",
    // What a manifest says of a collection and of each probe.
    "live",
    "sysroot",
    "synthetic",
    "absent",
    "denied",
    "timeout",
    "truncated",
    "skipped",
    "failed",
    "malformed",
    "triton",
    "tritonserver",
    "python",
    "python3",
    "slurm",
    "ray",
    "docker",
    "podman",
    "kubelet",
    "nvidia",
    "llama",
    "llama-server",
    "tgi",
    "lmdeploy",
    "models",
    "model",
    "data",
    "hub",
    "snapshots",
    "blobs",
    "main",
    "serve",
    "server",
    "cache",
    "huggingface",
    "default",
    "null",
    "true",
    "false",
    "shared",
    "tmp",
    "bin",
    "lib",
];

/// The names that `bundle` tells, and the host's if it is a word of the evidence, too.
pub(super) fn known(bundle: &Bundle, level: Level) -> Result<(Known, Option<String>), RedactError> {
    let mut known = Known::default();
    let mut common = None;
    let name = ["/etc/hostname", HOSTNAME]
        .into_iter()
        .rev()
        .filter_map(|path| bundle.files().get(&format!("{RAW}{path}")))
        .map(|bytes| String::from_utf8_lossy(bytes).trim().to_ascii_lowercase())
        .find(|name| {
            !name.is_empty() && name != "localhost" && name != "(none)" && !name.contains(char::is_whitespace)
        });
    if let Some(name) = name {
        let (short, domain) = name.split_once('.').unwrap_or((&name, ""));
        if domain.len() >= 4 && !NOBODYS.contains(&domain) {
            known.domain = Some(domain.to_owned());
        }
        if is_common(bundle, short) {
            common = Some(short.to_owned());
        } else {
            known.short = Some(short.to_owned());
        }
    }
    known.serials = serials(bundle)?;
    if level == Level::Strict {
        known.words = words(bundle)?;
    }
    Ok((known, common))
}

/// Whether a host is called as something else is: replacing its name everywhere would take the evidence apart.
fn is_common(bundle: &Bundle, name: &str) -> bool {
    if name.len() < 4 {
        return true;
    }
    // Nothing of a kernel has a number of its own and so many letters.
    if name.len() >= 6 && name.bytes().any(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let holds = |text: &[u8]| contains(&text.to_ascii_lowercase(), name.as_bytes());
    let telling = [
        "/proc/version",
        "/etc/os-release",
        "/proc/cpuinfo",
        "/proc/meminfo",
        "/proc/modules",
        "/proc/filesystems",
    ];
    bundle.files().keys().any(|path| holds(path.as_bytes()))
        || telling
            .iter()
            .any(|path| bundle.files().get(&format!("{RAW}{path}")).is_some_and(|text| holds(text)))
        || COMMON.contains(&name)
}

/// Files in which a host stands under its name, whatever that is.
pub(super) fn tells_hosts(path: &str) -> bool {
    [HOSTNAME, "/etc/hostname", "/etc/hosts"].iter().any(|file| path.ends_with(file))
}

/// The text of such a file with the name replaced where it is a word.
pub(super) fn without_host(text: &[u8], host: &str, token: &str) -> Vec<u8> {
    let ends = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'.';
    let words = text.split_inclusive(ends).map(|word| {
        let length = word.len() - usize::from(word.last().is_some_and(ends));
        let (name, end) = word.split_at(length);
        if name.eq_ignore_ascii_case(host.as_bytes()) {
            [token.as_bytes(), end].concat()
        } else {
            word.to_vec()
        }
    });
    words.collect::<Vec<_>>().concat()
}

fn serials(bundle: &Bundle) -> Result<Vec<String>, RedactError> {
    let named = Regex::new(
        r#"(?i)(?:"[a-z_]*(?:serial|wwn|wwid|nguid|asset_tag)[a-z_]*"\s*:\s*"([^"\\]{5,64})"|serial ?(?:number)?\s*[:=]\s*([a-z0-9-]{6,40}))"#,
    )
    .map_err(internal)?;
    let mut serials = Vec::new();
    let mut note = |text: &[u8]| {
        let Ok(text) = std::str::from_utf8(text) else { return };
        let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        let is_one = (5..=64).contains(&text.len())
            && text.bytes().filter(u8::is_ascii_digit).count() >= 3
            && text.bytes().any(|byte| byte != b'0' && byte.is_ascii_alphanumeric())
            && text.bytes().all(|byte| byte.is_ascii_graphic())
            && !NO_SERIAL.contains(&text.to_ascii_lowercase().as_str());
        if is_one {
            serials.push(text.to_owned());
        }
    };
    for (path, bytes) in bundle.files() {
        let name = path.rsplit('/').next().unwrap_or_default();
        let is_serial = name == "serial" || name.ends_with("_serial") || name.starts_with("serial_number");
        if is_serial || matches!(name, "wwid" | "wwn" | "nguid" | "chassis_asset_tag" | "board_asset_tag") {
            note(bytes);
        }
        for captures in named.captures_iter(bytes) {
            if let Some(found) = captures.get(1).or_else(|| captures.get(2)) {
                note(found.as_bytes());
            }
        }
    }
    serials.sort();
    serials.dedup();
    Ok(serials)
}

/// Users, models, folders of data and hosts of URLs, by what stands before them.
fn words(bundle: &Bundle) -> Result<Vec<(Kind, String)>, RedactError> {
    let patterns = [
        (Kind::User, r#"(?:/home/|/Users/|\bUser=|--user[= \x00])([A-Za-z][A-Za-z0-9._-]{2,31})"#),
        (
            Kind::Model,
            r#"(?:--(?:model|model-path|model-id|model-name|served-model-name|tokenizer|tokenizer-path)[= \x00]|\bserve\x00|"(?:model|id)": ?")([A-Za-z0-9/][A-Za-z0-9._/-]{3,200})"#,
        ),
        (Kind::Model, r"models--([A-Za-z0-9._-]{4,200})"),
        (
            Kind::Path,
            r#"/(?:data|mnt|scratch|nfs|lustre|gpfs|fsx|efs|weka|beegfs|srv|workspace|projects?|teams?)/([A-Za-z0-9._-]{4,100})"#,
        ),
        (Kind::Site, r#"[a-z]+://(?:[^/@\s\x00"']*@)?([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)"#),
    ];
    let mut words = Vec::new();
    for (kind, pattern) in patterns {
        let pattern = Regex::new(&format!("(?-u){pattern}")).map_err(internal)?;
        let texts = bundle.files().iter().flat_map(|(path, bytes)| [path.as_bytes(), bytes.as_slice()]);
        let links = bundle.links.values().map(String::as_bytes);
        for text in texts.chain(links) {
            for captures in pattern.captures_iter(text) {
                let found =
                    captures.get(1).map(|found| String::from_utf8_lossy(found.as_bytes()).into_owned());
                let found = found.unwrap_or_default();
                let pieces: Vec<&str> = match kind {
                    // Of a path, folders may be anything.
                    Kind::Model if found.starts_with('/') => found.rsplit('/').take(1).collect(),
                    Kind::Model => found.split('/').flat_map(|piece| piece.split("--")).collect(),
                    _ => vec![found.as_str()],
                };
                words.extend(
                    pieces
                        .into_iter()
                        .filter(|piece| is_name(kind, piece))
                        .map(|piece| (kind, piece.to_owned())),
                );
            }
        }
    }
    words.sort();
    words.dedup();
    Ok(words)
}

fn is_name(kind: Kind, word: &str) -> bool {
    let least = if kind == Kind::User { 3 } else { 4 };
    word.len() >= least
        && !COMMON.contains(&word.to_ascii_lowercase().as_str())
        && word.bytes().any(|byte| byte.is_ascii_alphabetic())
        && !(kind == Kind::Site
            && (NOBODYS.iter().any(|domain| word.ends_with(domain)) || word.ends_with(".example")))
}

fn contains(text: &[u8], what: &[u8]) -> bool {
    text.windows(what.len()).any(|part| part == what)
}
