//! The family name of a font file, which is what a layout calls it by.

/// Longest name that is taken.
const MAX_NAME: usize = 100;

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    Some(usize::from(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?)))
}

fn long(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?)).ok()
}

/// The family of a TrueType or OpenType font by its table `name`; `None` for anything else.
pub(crate) fn family(bytes: &[u8]) -> Option<String> {
    if !matches!(bytes.get(..4)?, [0, 1, 0, 0] | b"OTTO" | b"true") {
        return None;
    }
    let tables = number(bytes, 4)?;
    let entry =
        (0..tables).map(|table| 12 + table * 16).find(|at| bytes.get(*at..at + 4) == Some(b"name"))?;
    let table = bytes.get(long(bytes, entry + 8)?..)?;
    let (count, texts) = (number(table, 2)?, number(table, 4)?);
    let mut found: Option<(u8, String)> = None;
    for record in (0..count).map(|record| 6 + record * 12) {
        // The typographic family goes before that of four styles, and both are looked for on Windows' platform only, which
        // every font has.
        let rank = match (number(table, record)?, number(table, record + 6)?) {
            (3, 16) => 2,
            (3, 1) => 1,
            _ => continue,
        };
        let (length, from) = (number(table, record + 8)?, texts + number(table, record + 10)?);
        let units: Vec<u16> = table
            .get(from..from + length)?
            .chunks_exact(2)
            .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
            .collect();
        let name = String::from_utf16(&units).ok()?;
        if found.as_ref().is_none_or(|(known, _)| rank > *known) {
            found = Some((rank, name));
        }
    }
    found.map(|(_, name)| name).filter(|name| !name.trim().is_empty() && name.len() <= MAX_NAME)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A font with nothing but a name.
    pub(super) fn named(name: &str) -> Vec<u8> {
        let text: Vec<u8> = name.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let mut font = vec![0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        font.extend(b"name");
        font.extend([0, 0, 0, 0, 0, 0, 0, 28, 0, 0, 0, 0]);
        font.extend([0, 0, 0, 1, 0, 18, 0, 3, 0, 1, 4, 9, 0, 1, 0, u8::try_from(text.len()).unwrap(), 0, 0]);
        font.extend(text);
        font
    }

    #[test]
    fn the_family_is_read_and_anything_else_is_none() {
        let font = named("Inter");
        assert_eq!(family(&font).as_deref(), Some("Inter"));
        for cut in 0..font.len() {
            let _ = family(&font[..cut]);
        }
        assert_eq!(family(b"\x89PNG"), None);
        assert_eq!(family(&[]), None);
    }
}
