//! Secrets that only the program tells: `curl -u me:pw`, `mysql -ppw`, `wandb login KEY`.

use super::{MASK, is_blank};

/// How a program takes a secret.
#[derive(Clone, Copy)]
enum Takes {
    /// `-p X` and `-pX`.
    Option(&'static str),
    /// `-pX` alone: `-p` by itself asks for it.
    Attached(&'static str),
    /// A word, and in the next place the secret: `login KEY`, `psk KEY`.
    After(&'static str),
    /// The word in this place among those that are no options, from 1 behind the program.
    Place(usize),
    /// The last word, if the program was given this one: `htpasswd -b FILE USER PASSWORD`.
    LastWith(&'static str),
}

use Takes::{After, Attached, LastWith, Option, Place};

/// Programs by the beginning of their names (`*`) or whole names, and how they take secrets.
const PROGRAMS: &[(&[&str], &[Takes])] = &[
    (
        &["curl", "curlie"],
        &[
            Option("-u"),
            Option("--user"),
            Option("-U"),
            Option("--proxy-user"),
            Option("-b"),
            Option("-E"),
            Option("--cert"),
        ],
    ),
    (&["http", "https", "xh", "xhs"], &[Option("-a")]),
    (&["mysql*", "mariadb*", "mycli", "mytop", "xtrabackup"], &[Attached("-p")]),
    (&["sshpass"], &[Option("-p")]),
    (&["redis-cli", "valkey-cli", "keydb-cli", "redis-benchmark"], &[Option("-a")]),
    (&["mongo*", "cqlsh", "nodetool"], &[Option("-p"), Option("-pw")]),
    (
        &["wandb", "ngrok", "vault", "comet", "clearml-init", "modal", "runpodctl"],
        &[After("login"), After("authtoken"), After("add-authtoken")],
    ),
    (&["ipmitool", "ipmi*", "bmc-*"], &[Option("-P"), Option("-p"), Option("-k"), Option("-y")]),
    (&["racadm", "ilorest", "sum", "saa", "redfishtool", "onecli"], &[Option("-p")]),
    (&["snmp*"], &[Option("-A"), Option("-X"), Option("-c"), Option("-Y"), Option("-Z")]),
    (&["ldap*"], &[Option("-w")]),
    (&["smbclient", "rpcclient", "net", "smbget"], &[Option("-U"), Option("--user")]),
    (&["lftp", "ncftp*"], &[Option("-u"), Option("-p")]),
    (
        &["openssl"],
        &[
            Option("-k"),
            Option("-K"),
            Option("-pass"),
            Option("-passin"),
            Option("-passout"),
            Option("-passwd"),
        ],
    ),
    (
        &["htpasswd", "htdigest"],
        &[LastWith("-b"), LastWith("-nb"), LastWith("-bc"), LastWith("-cb"), LastWith("-nbB")],
    ),
    (
        &["nmcli", "iwd", "iwctl"],
        &[
            After("psk"),
            After("password"),
            After("wifi-sec.psk"),
            After("802-11-wireless-security.psk"),
            After("802-1x.password"),
            Option("--passphrase"),
        ],
    ),
    (&["wpa_passphrase"], &[Place(2)]),
    (&["iwconfig"], &[After("key")]),
    (&["rabbitmqctl"], &[LastWith("add_user"), LastWith("change_password")]),
    (&["7z", "7za", "7zz", "rar", "unrar"], &[Attached("-p"), Attached("-hp")]),
    (&["zip", "unzip"], &[Option("-P")]),
    (&["plink", "pscp", "psftp", "putty"], &[Option("-pw")]),
    (&["xfreerdp", "xfreerdp3", "wlfreerdp"], &[Attached("/p:")]),
    (&["rdesktop"], &[Option("-p")]),
    (&["sqlcmd", "bcp", "isql", "tsql"], &[Option("-P")]),
    (&["sqlplus", "rman"], &[Place(1)]),
    (&["mosquitto_pub", "mosquitto_sub", "mosquitto_rr"], &[Option("-P")]),
    (&["etcdctl"], &[Option("--user")]),
    (&["rclone"], &[After("obscure")]),
    (&["mc"], &[LastWith("set"), Place(5), Place(6)]),
    (&["x11vnc", "vncviewer", "vncpasswd"], &[Option("-passwd")]),
    (&["az"], &[Option("-p")]),
    (&["glab", "gh"], &[Option("-t")]),
    (&["kubectl", "oc"], &[Option("--from-literal")]),
    (&["chpasswd", "usermod", "useradd"], &[Option("-p")]),
    (&["wg"], &[After("private-key"), After("preshared-key")]),
];

/// Programs whose `login` takes `-p`, which elsewhere publishes a port.
const LOGIN: &[&str] = &[
    "docker",
    "podman",
    "nerdctl",
    "skopeo",
    "buildah",
    "crane",
    "helm",
    "oras",
    "regctl",
    "ctr",
    "singularity",
    "apptainer",
    "oc",
    "cf",
    "ibmcloud",
    "argocd",
];

/// A word of a command line: where it stands, and whether it begins a command.
struct Part {
    start: usize,
    end: usize,
    first: bool,
}

/// Masks what the programs in `text` take as secrets; arguments are separated by NUL or blanks, commands as in a shell.
pub(super) fn mask_options(text: Vec<u8>) -> Vec<u8> {
    let parts = parts(&text);
    let mut secrets: Vec<(usize, usize)> = Vec::new();
    let mut at = 0;
    while at < parts.len() {
        let name = name(&text[parts[at].start..parts[at].end]);
        // Arguments are not looked at for long, or a line of many programs would be read many times.
        let limit = parts.len().min(at + 65);
        let until = (at + 1..limit).find(|&next| parts[next].first).unwrap_or(limit);
        let arguments = &parts[at + 1..until];
        if name == b"echo" || name == b"printf" {
            // What is said into a pipe is for a program that reads a secret, if it is anything.
            let piped = parts.get(until).is_some_and(|next| {
                let before = &text[parts[until - 1].end..next.start];
                before.contains(&b'|') && !before.windows(2).any(|pair| pair == b"||")
            });
            if piped {
                secrets.extend(arguments.iter().map(|part| (part.start, part.end)));
            }
        }
        for (names, takes) in PROGRAMS {
            if names.iter().any(|known| is_called(name, known)) {
                secrets.extend(takes.iter().flat_map(|takes| taken(&text, arguments, *takes)));
            }
        }
        if is_one(name, LOGIN) && arguments.iter().take(3).any(|part| word(&text, part) == b"login") {
            secrets.extend(taken(&text, arguments, Option("-p")));
        }
        at += 1;
    }
    if secrets.is_empty() {
        return text;
    }
    secrets.sort_unstable();
    let mut masked = Vec::with_capacity(text.len());
    let mut done = 0;
    for (start, end) in secrets {
        if start < done || text[start..end] == *MASK {
            continue;
        }
        masked.extend_from_slice(&text[done..start]);
        masked.extend_from_slice(MASK);
        done = end;
    }
    masked.extend_from_slice(&text[done..]);
    masked
}

fn taken(text: &[u8], arguments: &[Part], takes: Takes) -> Vec<(usize, usize)> {
    let range = |part: &Part| (part.start, part.end);
    let places = || arguments.iter().filter(|part| !word(text, part).starts_with(b"-"));
    match takes {
        Place(n) => places().nth(n - 1).map(range).into_iter().collect(),
        LastWith(given) => {
            let has = arguments.iter().any(|part| word(text, part) == given.as_bytes());
            arguments.last().filter(|_| has).map(range).into_iter().collect()
        }
        After(given) => following(text, arguments, given).map(range).collect(),
        Attached(option) => attached(text, arguments, option).collect(),
        Option(option) => {
            following(text, arguments, option).map(range).chain(attached(text, arguments, option)).collect()
        }
    }
}

/// What comes after a word: an option's value is next to it, what comes after `login` may have options before it.
fn following<'a>(text: &'a [u8], arguments: &'a [Part], given: &'a str) -> impl Iterator<Item = &'a Part> {
    let is_given = move |part: &Part| word(text, part) == given.as_bytes();
    let at = (0..arguments.len()).filter(move |&at| is_given(&arguments[at]));
    at.filter_map(move |at| {
        let rest = &arguments[at + 1..];
        if given.starts_with('-') {
            rest.first()
        } else {
            rest.iter().find(|part| !word(text, part).starts_with(b"-"))
        }
    })
}

fn attached<'a>(
    text: &'a [u8],
    arguments: &'a [Part],
    option: &'a str,
) -> impl Iterator<Item = (usize, usize)> + 'a {
    let long = option.starts_with("--");
    arguments.iter().filter_map(move |part| {
        let rest = word(text, part).strip_prefix(option.as_bytes())?;
        let rest = if long { rest.strip_prefix(b"=")? } else { rest.strip_prefix(b"=").unwrap_or(rest) };
        (!rest.is_empty()).then_some((part.end - rest.len(), part.end))
    })
}

fn word<'a>(text: &'a [u8], part: &Part) -> &'a [u8] {
    &text[part.start..part.end]
}

/// The words of all commands, without quotes around them.
fn parts(text: &[u8]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut at = 0;
    let mut first = true;
    while at < text.len() {
        let byte = text[at];
        if b";|&()\n".contains(&byte) {
            // `a=1&b=2` in a URL is no list of commands.
            let next = text.get(at + 1).copied();
            let before = at.checked_sub(1).map(|before| text[before]);
            first |= byte == b'\n'
                || next.is_none_or(|next| is_blank(next) || next == byte)
                || before.is_none_or(|before| is_blank(before) || before == byte);
            at += 1;
        } else if is_blank(byte) || byte == 0 || b"'\"`\\[],{}<>$".contains(&byte) {
            at += 1;
        } else {
            let before = at.checked_sub(1).map(|before| text[before]);
            let end = match before {
                // An argument of its own may hold anything, and so may what stands in quotes; a whole script does not count.
                Some(quote @ (b'\'' | b'"')) => text[at..]
                    .iter()
                    .position(|&byte| byte == quote || byte == 0)
                    .map_or(text.len(), |end| at + end),
                Some(0) => text[at..].iter().position(|&byte| byte == 0).map_or(text.len(), |end| at + end),
                _ => at,
            };
            let plain = text[at..]
                .iter()
                .position(|&byte| is_blank(byte) || byte == 0 || b"'\"`;|&()<>,]".contains(&byte))
                .map_or(text.len(), |end| at + end);
            // Only the value of an option is taken whole: everything else may be a script.
            let is_value = parts.last().is_some_and(|part: &Part| {
                text[part.start] == b'-' && !first && text[part.end..at].iter().all(|&byte| byte != b'=')
            });
            let is_script = parts.last().is_some_and(|part: &Part| {
                matches!(&text[part.start..part.end], b"-c" | b"-lc" | b"-ec" | b"-xc")
            });
            let end = if is_value && !is_script && end > plain { end } else { plain };
            parts.push(Part { start: at, end: end.max(at + 1), first });
            first = false;
            at = end.max(at + 1);
        }
    }
    parts
}

/// The name of the program that a word may be: without folders.
fn name(word: &[u8]) -> &[u8] {
    word.rsplit(|&byte| byte == b'/' || byte == b'=').next().unwrap_or_default()
}

fn is_called(name: &[u8], known: &str) -> bool {
    match known.strip_suffix('*') {
        Some(start) => name.starts_with(start.as_bytes()),
        None => name == known.as_bytes(),
    }
}

fn is_one(name: &[u8], known: &[&str]) -> bool {
    known.iter().any(|known| name == known.as_bytes())
}
