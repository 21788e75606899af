//! The names of a check and its pack, in all the forms that code needs.

use crate::TemplateError;

/// The names of a check and its pack.
#[derive(Clone, Debug)]
pub struct Names {
    pack: String,
    id: String,
}

impl Names {
    /// Names for the check `id`, such as `cpu.turbo-caps`, of the pack `pack`, such as `cpu-power`.
    ///
    /// # Errors
    /// Says which of the two cannot be a name, and what one looks like.
    pub fn new(pack: &str, id: &str) -> Result<Self, TemplateError> {
        let refuse = |expected, found: &str| TemplateError::Name { expected, found: found.to_owned() };
        if !is_word(pack) {
            return Err(refuse("the name of a pack, such as `memory` or `cpu-power`", pack));
        }
        match id.split_once('.') {
            Some((subject, name)) if is_word(subject) && is_word(name) => {}
            _ => return Err(refuse("the id of a check, such as `mem.swap` or `cpu.turbo-caps`", id)),
        }
        Ok(Self { pack: pack.to_owned(), id: id.to_owned() })
    }

    /// Name of the cargo package: `plumb-pack-cpu-power`.
    #[must_use]
    pub fn package(&self) -> String {
        format!("plumb-pack-{}", self.pack)
    }

    /// Name of the module and of its folder: `cpu_turbo_caps`.
    #[must_use]
    pub fn module(&self) -> String {
        self.id.replace(['.', '-'], "_")
    }

    /// A template with the names in their places.
    pub(crate) fn fill(&self, template: &str) -> String {
        let package = self.package();
        template
            .replace("{{ID}}", &self.id)
            .replace("{{PACK}}", &self.pack)
            .replace("{{MODULE}}", &self.module())
            .replace("{{CRATE}}", &package.replace('-', "_"))
            .replace("{{PACKAGE}}", &package)
    }
}

/// Lower-case letters and digits in parts joined by `-`. The host takes ids of 64 bytes.
fn is_word(word: &str) -> bool {
    let is_part =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    word.len() <= 30 && word.starts_with(|c: char| c.is_ascii_lowercase()) && word.split('-').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_all_forms() {
        let names = Names::new("cpu-power", "cpu.turbo-caps").unwrap();
        assert_eq!(
            names.fill("{{MODULE}} {{CRATE}} {{PACKAGE}} {{PACK}} {{ID}}"),
            "cpu_turbo_caps plumb_pack_cpu_power plumb-pack-cpu-power cpu-power cpu.turbo-caps"
        );
        let broken = [
            ("", "a.b"),
            ("A", "a.b"),
            ("../x", "a.b"),
            ("a-", "a.b"),
            ("a", "b"),
            ("a", "a.b.c"),
            ("a", "a./b"),
            ("a", "a.b--c"),
        ];
        for (pack, id) in broken {
            assert!(Names::new(pack, id).is_err(), "{pack} {id}");
        }
    }
}
