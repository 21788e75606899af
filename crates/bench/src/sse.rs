//! Server-sent events, parsed from bytes as they come.
//!
//! As the HTML standard has it ("Server-sent events", 9.2.6): lines end with LF, CR or CRLF, the `data` fields of an event
//! are joined by LF, comments and other fields are passed over, and an event that no empty line ends does not count.

/// Longest event that is taken, as `docs/src/reference/metrics.md` says: a server that never ends a line must not fill the memory of the client.
pub(crate) const MAX_EVENT: usize = 4 << 20;

/// Why a stream is not one of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// A line that is neither a field nor a comment, such as plain JSON or HTML.
    Line,
    /// An event without end.
    TooLong,
}

/// A parser of one stream.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    /// The line that is not complete yet.
    line: Vec<u8>,
    /// The data of the event that is not complete yet.
    data: Vec<u8>,
    has_data: bool,
    after_cr: bool,
}

impl Parser {
    /// Takes in bytes and calls `event` with the data of each event that they complete.
    pub(crate) fn push(&mut self, mut bytes: &[u8], mut event: impl FnMut(&[u8])) -> Result<(), Malformed> {
        while !bytes.is_empty() {
            if std::mem::take(&mut self.after_cr) && bytes[0] == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                if self.line.len() + bytes.len() > MAX_EVENT {
                    return Err(Malformed::TooLong);
                }
                self.line.extend_from_slice(bytes);
                return Ok(());
            };
            let (head, rest) = bytes.split_at(end);
            self.after_cr = rest[0] == b'\r';
            bytes = &rest[1..];
            if self.line.is_empty() {
                self.take_line(head, &mut event)?;
            } else {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(head);
                self.take_line(&line, &mut event)?;
                line.clear();
                self.line = line;
            }
        }
        Ok(())
    }

    fn take_line(&mut self, line: &[u8], event: &mut impl FnMut(&[u8])) -> Result<(), Malformed> {
        if line.is_empty() {
            if std::mem::take(&mut self.has_data) {
                event(&self.data);
                self.data.clear();
            }
            return Ok(());
        }
        let colon = line.iter().position(|&byte| byte == b':').unwrap_or(line.len());
        let (name, value) = (&line[..colon], line.get(colon + 1..).unwrap_or_default());
        match name {
            b"data" => {
                if self.data.len() + value.len() > MAX_EVENT {
                    return Err(Malformed::TooLong);
                }
                if std::mem::replace(&mut self.has_data, true) {
                    self.data.push(b'\n');
                }
                self.data.extend_from_slice(value.strip_prefix(b" ").unwrap_or(value));
                Ok(())
            }
            // Comments, which servers send to keep a connection open, and fields that say nothing about tokens.
            b"" | b"event" | b"id" | b"retry" => Ok(()),
            // The standard passes over these, but here they are a server that sends something else than events.
            _ => Err(Malformed::Line),
        }
    }

    /// True if the stream ended inside an event.
    pub(crate) fn is_partial(&self) -> bool {
        self.has_data || !self.line.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(pieces: &[&[u8]]) -> Result<(Vec<String>, bool), Malformed> {
        let mut parser = Parser::default();
        let mut events = Vec::new();
        for piece in pieces {
            parser.push(piece, |data| events.push(String::from_utf8_lossy(data).into_owned()))?;
        }
        Ok((events, parser.is_partial()))
    }

    #[test]
    fn events_in_all_forms_that_the_standard_allows() {
        let text =
            b": ping\n\ndata: a\n\ndata:b\r\ndata:  c\r\n\r\nevent: x\rid: 1\rdata\r\rretry: 3\ndata: d\n\n";
        assert_eq!(
            parse(&[text]).unwrap(),
            (vec!["a".into(), "b\n c".into(), String::new(), "d".into()], false)
        );
    }

    #[test]
    fn what_is_no_stream_of_events_is_told() {
        assert_eq!(parse(&[b"{\"choices\": []}\n"]), Err(Malformed::Line));
        assert_eq!(parse(&[b"<html>\n"]), Err(Malformed::Line));
        let long = vec![b'x'; MAX_EVENT + 1];
        assert_eq!(parse(&[b"data: ", &long]), Err(Malformed::TooLong));
        assert_eq!(parse(&[b"data: a\n"]).unwrap(), (vec![], true));
        assert_eq!(parse(&[b"data: a"]).unwrap(), (vec![], true));
    }

    proptest! {
        #[test]
        fn where_the_stream_is_cut_changes_nothing(
            events in prop::collection::vec("[ -~]{0,20}", 0..8), end in "\n|\r\n|\r", cuts in prop::collection::vec(0usize..400, 0..6),
        ) {
            let text: String = events.iter().map(|data| format!("data: {data}{end}{end}")).collect();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &text.as_bytes()[pair[0]..pair[1]]).collect();
            prop_assert_eq!(parse(&pieces).unwrap(), (events, false));
        }

        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = parse(&[&bytes]);
        }
    }
}
