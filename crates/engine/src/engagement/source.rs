//! Lines and keys of the text, for errors that name them.

use super::EngagementError;

/// The text of a file, for errors that name a line of it.
pub(super) struct Source<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
}

impl Source<'_> {
    /// What the parser says, with the line and the key that it stopped at.
    pub(super) fn syntax(&self, error: &toml::de::Error) -> EngagementError {
        let start = error.span().map(|span| span.start.min(self.text.len()));
        let line = start.map(|start| self.text[..start].matches('\n').count() + 1);
        let key = line.map(|line| self.key_at(line)).unwrap_or_default();
        let problem = error.message().trim().replace('\n', ", ");
        EngagementError { file: self.file.to_owned(), line, key, problem }
    }

    /// The key of a line with the table that it stands in.
    fn key_at(&self, line: usize) -> String {
        let lines: Vec<&str> = self.text.lines().take(line).collect();
        let table = lines.iter().rev().find_map(|line| header(line)).unwrap_or_default();
        let last = lines.last().copied().unwrap_or_default();
        let key = last.split_once('=').map(|(key, _)| key.trim()).unwrap_or_default();
        match (table, key) {
            ("", key) => key.to_owned(),
            (table, "") => table.to_owned(),
            (table, key) => format!("{table}.{key}"),
        }
    }

    /// A fault of `key` in the `nth` table (from 0) with the header `table`; no table is the top of the file.
    pub(super) fn fault(
        &self,
        table: &str,
        nth: usize,
        key: &str,
        problem: impl Into<String>,
    ) -> EngagementError {
        let mut seen = 0;
        let mut inside = table.is_empty();
        let mut line_of_table = None;
        let mut line_of_key = None;
        for (line, number) in self.text.lines().zip(1..) {
            if let Some(found) = header(line) {
                inside = found == table && seen == nth;
                seen += usize::from(found == table);
                if inside {
                    line_of_table = Some(number);
                }
            } else if inside && line.split_once('=').is_some_and(|(found, _)| found.trim() == key) {
                line_of_key = line_of_key.or(Some(number));
            }
        }
        EngagementError {
            file: self.file.to_owned(),
            line: line_of_key.or(line_of_table),
            key: if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") },
            problem: problem.into(),
        }
    }
}

/// The name of the table that a line begins.
pub(super) fn header(line: &str) -> Option<&str> {
    let line = line.trim();
    let line = line.split_once('#').map_or(line, |(before, _)| before.trim());
    let inner = line.strip_prefix('[')?.strip_suffix(']')?;
    Some(inner.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(inner).trim())
}
