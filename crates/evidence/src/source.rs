//! Where raw files come from: the running node, a recorded tree or a bundle, all alike.

use crate::fact::{Absence, Fact, Missing};

/// A tree of files as the node has it, addressed by absolute paths (`/proc/cpuinfo`).
pub trait Source {
    /// The content of a file.
    ///
    /// # Errors
    /// Says why there is none.
    fn read(&self, path: &str) -> Result<Vec<u8>, Missing>;

    /// The names in a folder, sorted.
    ///
    /// # Errors
    /// Says why there are none.
    fn list(&self, path: &str) -> Result<Vec<String>, Missing>;

    /// The names in a folder that may be folders, sorted. A source that cannot tell gives all.
    ///
    /// # Errors
    /// Says why there are none.
    fn folders(&self, path: &str) -> Result<Vec<String>, Missing> {
        self.list(path)
    }

    /// The text of a symbolic link.
    ///
    /// # Errors
    /// Says why there is none.
    fn link(&self, path: &str) -> Result<String, Missing>;

    /// Whether what is not here was not on the node, instead of left out of a recording. A source that cannot tell says no.
    fn looked_at_node(&self) -> bool {
        false
    }

    /// The content of a file as text, without white space at its ends.
    ///
    /// # Errors
    /// Says why there is none; bytes that are not UTF-8 are replaced, since the kernel passes on what firmware wrote.
    fn text(&self, path: &str) -> Result<String, Missing> {
        let bytes = self.read(path)?;
        Ok(String::from_utf8_lossy(&bytes).trim_matches(|c: char| c.is_whitespace() || c == '\0').to_owned())
    }

    /// The content of a file, parsed.
    ///
    /// # Errors
    /// Says why there is no value; a text that `T` refuses is malformed.
    fn parse<T: std::str::FromStr>(&self, path: &str) -> Result<T, Missing>
    where
        Self: Sized,
    {
        parse_text(path, &self.text(path)?)
    }

    /// The content of a file as text, as a fact.
    fn fact(&self, path: &str) -> Fact<String> {
        self.text(path).into()
    }
}

/// Parses `text` that was read from `path`.
///
/// # Errors
/// A text that `T` refuses is malformed.
pub fn parse_text<T: std::str::FromStr>(path: &str, text: &str) -> Result<T, Missing> {
    text.parse().map_err(|_| malformed(path, text))
}

/// A file that is not of the form that the kernel documents.
#[must_use]
pub fn malformed(path: &str, text: &str) -> Missing {
    let excerpt: String = text.chars().take(60).collect();
    Missing::new(Absence::Malformed, format!("{path} holds `{excerpt}`"))
}
