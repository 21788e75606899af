//! Where boot arguments are configured: entries of the boot loader (Boot Loader Specification), `/etc/default/grub`
//! and `/etc/kernel/cmdline`.
//!
//! The menu of GRUB itself, `grub.cfg`, is a script that may hold password hashes and is not collected.

use crate::fact::{Absence, Fact, Missing};
use crate::model::BootArguments;
use crate::source::Source;

/// What menus of GRUB are made from.
pub const GRUB: &str = "/etc/default/grub";
/// Pieces that are read after [`GRUB`], by name (Debian, Ubuntu and their cloud images).
pub const GRUB_PIECES: &str = "/etc/default/grub.d";
/// What entries of kernels that are yet to be installed are made from.
pub const KERNEL: &str = "/etc/kernel/cmdline";
/// Folders of entries of the boot loader.
pub const ENTRIES: [&str; 2] = ["/boot/loader/entries", "/efi/loader/entries"];
/// Variables of GRUB, among them the `kernelopts` that entries of RHEL 8 refer to.
pub const GRUB_ENVIRONMENT: [&str; 2] = ["/boot/grub2/grubenv", "/boot/grub/grubenv"];

/// # Errors
/// Fails where a folder or file that may hold arguments could not be read and nothing else was found.
pub(crate) fn derive(source: &impl Source) -> Result<Vec<BootArguments>, Missing> {
    let mut found = Vec::new();
    let mut unread = None;
    let mut note = |why: Missing| {
        if why.missing != Absence::Absent && unread.is_none() {
            unread = Some(why);
        }
    };
    let environment = GRUB_ENVIRONMENT.iter().find_map(|path| source.text(path).ok());
    for folder in ENTRIES {
        let names = source.list(folder).unwrap_or_else(|why| {
            note(why);
            Vec::new()
        });
        for name in names.iter().filter(|name| name.ends_with(".conf")) {
            let path = format!("{folder}/{name}");
            match source.text(&path) {
                Ok(text) => found.push(entry(path, &text, environment.as_deref())),
                Err(why) => note(why),
            }
        }
    }
    match source.text(GRUB) {
        Ok(mut text) => {
            for name in source.list(GRUB_PIECES).unwrap_or_default() {
                if name.ends_with(".cfg")
                    && let Ok(piece) = source.text(&format!("{GRUB_PIECES}/{name}"))
                {
                    text.push('\n');
                    text.push_str(&piece);
                }
            }
            found.push(BootArguments {
                path: GRUB.to_owned(),
                kind: "grub".to_owned(),
                release: Fact::absent("it is for all kernels"),
                arguments: grub(&text),
            });
        }
        Err(why) => note(why),
    }
    match source.text(KERNEL) {
        Ok(text) => found.push(BootArguments {
            path: KERNEL.to_owned(),
            kind: "kernel".to_owned(),
            release: Fact::absent("it is for kernels that are yet to be installed"),
            arguments: Fact::Known(words(&text)),
        }),
        Err(why) => note(why),
    }
    match unread {
        Some(why) if found.is_empty() => Err(why),
        _ => Ok(found),
    }
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn entry(path: String, text: &str, environment: Option<&str>) -> BootArguments {
    let values = |key: &str| -> Vec<&str> {
        let value = |line: &'_ str| -> Option<(usize, usize)> {
            let rest = line.strip_prefix(key)?;
            rest.starts_with(char::is_whitespace).then_some((key.len(), line.len()))
        };
        text.lines().filter_map(|line| value(line).map(|(from, to)| line[from..to].trim())).collect()
    };
    let variable =
        environment.and_then(|text| text.lines().find_map(|line| line.strip_prefix("kernelopts=")));
    let mut arguments = Vec::new();
    let mut unknown = None;
    for word in values("options").into_iter().flat_map(str::split_whitespace) {
        match (word, variable) {
            ("$kernelopts", Some(value)) => arguments.extend(words(value)),
            // Devices and memory test of RHEL, of no interest here.
            ("$tuned_params", _) => {}
            (word, _) if word.starts_with('$') => unknown = Some(word),
            (word, _) => arguments.push(word.to_owned()),
        }
    }
    BootArguments {
        kind: "entry".to_owned(),
        release: values("version").first().map_or_else(
            || Fact::absent(format!("{path} names no version")),
            |&text| Fact::Known(text.to_owned()),
        ),
        arguments: match unknown {
            Some(word) => Fact::Missing(Missing::new(
                Absence::Failed,
                format!("{path} refers to {word}, whose value was not found"),
            )),
            None => Fact::Known(arguments),
        },
        path,
    }
}

/// `GRUB_CMDLINE_LINUX` and `GRUB_CMDLINE_LINUX_DEFAULT`, as the shell would have them after the whole text.
fn grub(text: &str) -> Fact<Vec<String>> {
    let mut common = String::new();
    let mut default = String::new();
    for line in text.lines() {
        let line = line.trim();
        let line = line.strip_prefix("export ").unwrap_or(line);
        let Some((name, value)) = line.split_once('=') else { continue };
        let (name, adds) = name.strip_suffix('+').map_or((name, false), |name| (name, true));
        let place = match name {
            "GRUB_CMDLINE_LINUX" => &mut common,
            "GRUB_CMDLINE_LINUX_DEFAULT" => &mut default,
            _ => continue,
        };
        let Some(value) = unquote(value) else {
            return Fact::Missing(crate::source::malformed(GRUB, line));
        };
        // Pieces add to what is there: `GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX console=ttyS0"`.
        let value = value.replace(&format!("${{{name}}}"), place).replace(&format!("${name}"), place);
        if adds {
            place.push_str(&value);
        } else {
            *place = value;
        }
    }
    let arguments = words(&format!("{common} {default}"));
    match arguments.iter().find(|word| word.contains(['$', '`'])) {
        Some(word) => Fact::Missing(Missing::new(
            Absence::Failed,
            format!("{GRUB} computes the argument `{word}` when the menu is made"),
        )),
        None => Fact::Known(arguments),
    }
}

/// The value of an assignment of the shell, without quotes around it; `None` where the quote is not closed.
fn unquote(value: &str) -> Option<String> {
    let value = value.trim();
    match value.chars().next() {
        Some(quote @ ('"' | '\'')) => {
            let rest = &value[1..];
            let end = rest.find(quote)?;
            Some(rest[..end].to_owned())
        }
        _ => Some(value.split_whitespace().next().unwrap_or_default().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pieces_of_grub_replace_and_extend() {
        let text = "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet splash\"\n# \
             GRUB_CMDLINE_LINUX=\"no\"\nGRUB_CMDLINE_LINUX=\"\"\n\
                    GRUB_CMDLINE_LINUX_DEFAULT=\"console=ttyS0\"\nGRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX isolcpus=2-3\"\n\
                    GRUB_CMDLINE_LINUX+=' iommu=pt'";
        assert_eq!(grub(text).known().unwrap(), &["isolcpus=2-3", "iommu=pt", "console=ttyS0"]);
        assert!(grub("GRUB_CMDLINE_LINUX=\"root=$(findroot)\"").known().is_none());
        assert!(grub("GRUB_CMDLINE_LINUX=\"open").known().is_none());
        assert_eq!(grub("GRUB_TIMEOUT=5").known().unwrap(), &[] as &[String]);
    }

    #[test]
    fn an_entry_may_refer_to_variables_of_grub() {
        let text =
            "title RHEL\nversion 5.14.0-1.el9.x86_64\noptions root=/dev/sda1 $kernelopts $tuned_params\n";
        let with = entry("/e".to_owned(), text, Some("# GRUB\nkernelopts=ro quiet\n"));
        assert_eq!(with.arguments.known().unwrap(), &["root=/dev/sda1", "ro", "quiet"]);
        assert_eq!(with.release.known().unwrap(), "5.14.0-1.el9.x86_64");
        assert!(entry("/e".to_owned(), text, None).arguments.known().is_none(), "half of it is no answer");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*|((GRUB_CMDLINE_LINUX|options|version)[=+ ]{1,2}[\"'$a-zé \
             ]{0,9}\n){0,6}") {
            let _ = (grub(&text), entry("/e".to_owned(), &text, Some(&text)), unquote(&text));
        }
    }
}
