//! The firmware's table of structures (DMTF DSP0134, System Management BIOS): a walk over it, and what of it is kept.

/// Physical Memory Array.
pub(crate) const MEMORY_ARRAY: u8 = 16;
/// Memory Device.
pub(crate) const MEMORY_DEVICE: u8 = 17;
/// End-of-Table.
const END: u8 = 127;
/// Type, length, handle.
const HEADER: usize = 4;
/// Fields of a memory device that hold the number of a string which identifies one module: serial number, asset tag.
const IDENTIFYING: [usize; 2] = [0x18, 0x19];

/// One structure of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Structure<'a> {
    /// Type and formatted part, header included.
    formatted: &'a [u8],
    /// Strings, each with a zero byte at its end.
    strings: &'a [u8],
}

impl<'a> Structure<'a> {
    pub(crate) fn kind(&self) -> u8 {
        self.byte(0).unwrap_or(END)
    }

    pub(crate) fn handle(&self) -> u16 {
        self.word(2).unwrap_or(u16::MAX)
    }

    /// `None` beyond the end: older firmware has shorter structures.
    pub(crate) fn byte(&self, offset: usize) -> Option<u8> {
        self.formatted.get(offset).copied()
    }

    pub(crate) fn word(&self, offset: usize) -> Option<u16> {
        let bytes = self.formatted.get(offset..offset + 2)?;
        Some(u16::from_le_bytes(bytes.try_into().ok()?))
    }

    pub(crate) fn dword(&self, offset: usize) -> Option<u32> {
        let bytes = self.formatted.get(offset..offset + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    }

    /// The string whose number is at `offset`; `None` where there is none.
    pub(crate) fn string(&self, offset: usize) -> Option<String> {
        let number = usize::from(self.byte(offset)?);
        let bytes = self.strings.split(|&byte| byte == 0).nth(number.checked_sub(1)?)?;
        let text = String::from_utf8_lossy(bytes).trim().to_owned();
        (!text.is_empty()).then_some(text)
    }
}

/// The structures of a table, up to its end or to where it is broken.
pub(crate) fn structures(table: &[u8]) -> impl Iterator<Item = Structure<'_>> {
    let mut rest = table;
    std::iter::from_fn(move || {
        let (formatted, strings, after) = split(rest)?;
        rest = after;
        let structure = Structure { formatted, strings };
        if structure.kind() == END {
            rest = &[];
        }
        Some(structure)
    })
}

/// The formatted part and the strings of the first structure, and what comes after it.
fn split(table: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let length = usize::from(*table.get(1)?);
    if length < HEADER || length > table.len() {
        return None;
    }
    let (formatted, rest) = table.split_at(length);
    // Two zero bytes end a structure, also one without strings.
    let end = rest.windows(2).position(|pair| pair == [0, 0])?;
    Some((formatted, &rest[..end], &rest[end + 2..]))
}

/// What a bundle keeps of the table: memory arrays and memory devices, with serial numbers and asset tags starred out.
///
/// The rest (names and serial numbers of the system, its board and its chassis) says nothing about performance.
#[must_use]
pub fn memory_structures(table: &[u8]) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut rest = table;
    while let Some((formatted, strings, after)) = split(rest) {
        rest = after;
        let structure = Structure { formatted, strings };
        if matches!(structure.kind(), MEMORY_ARRAY | MEMORY_DEVICE | END) {
            kept.extend(formatted);
            let starred: Vec<usize> = if structure.kind() == MEMORY_DEVICE {
                IDENTIFYING.iter().filter_map(|&offset| structure.byte(offset)).map(usize::from).collect()
            } else {
                Vec::new()
            };
            for (number, string) in (1..).zip(strings.split(|&byte| byte == 0)) {
                if number > 1 {
                    kept.push(0);
                }
                let is_starred = starred.contains(&number);
                kept.extend(string.iter().map(|&byte| if is_starred { b'*' } else { byte }));
            }
            kept.extend([0, 0]);
        }
        if structure.kind() == END {
            break;
        }
    }
    kept
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A structure with its fields from offset 4 on, and its strings.
    pub(crate) fn structure(kind: u8, handle: u16, fields: &[u8], strings: &[&str]) -> Vec<u8> {
        let mut bytes = vec![kind, u8::try_from(HEADER + fields.len()).unwrap()];
        bytes.extend(handle.to_le_bytes());
        bytes.extend(fields);
        for string in strings {
            bytes.extend(string.as_bytes());
            bytes.push(0);
        }
        if strings.is_empty() {
            bytes.push(0);
        }
        bytes.push(0);
        bytes
    }

    #[test]
    fn only_memory_is_kept_and_without_what_identifies_a_module() {
        let mut device = vec![0; 0x24];
        (device[0x10 - 4], device[0x18 - 4], device[0x19 - 4], device[0x1a - 4]) = (1, 2, 3, 4);
        let table = [
            structure(1, 1, &[0; 8], &["Maker", "SERIAL-OF-SYSTEM"]),
            structure(16, 2, &[3, 3, 5], &[]),
            structure(17, 3, &device, &["DIMM_A1", "SERIAL", "ASSET", "PART"]),
            structure(127, 4, &[], &[]),
            structure(17, 5, &device, &["after the end"]),
        ]
        .concat();
        let kept = memory_structures(&table);
        let text = String::from_utf8_lossy(&kept);
        assert!(!text.contains("SERIAL") && !text.contains("ASSET") && !text.contains("after"), "{text}");
        let kinds: Vec<u8> = structures(&kept).map(|structure| structure.kind()).collect();
        assert_eq!(kinds, [16, 17, 127]);
        let device = structures(&kept).nth(1).unwrap();
        assert_eq!(device.string(0x10).as_deref(), Some("DIMM_A1"));
        assert_eq!(device.string(0x18).as_deref(), Some("******"));
        assert_eq!(device.string(0x1a).as_deref(), Some("PART"));
        assert_eq!(memory_structures(&kept), kept);
    }

    #[test]
    fn a_cut_table_ends_early() {
        let table = structure(17, 3, &[0; 0x24], &["DIMM_A1"]);
        for length in 0..table.len() {
            assert_eq!(structures(&table[..length]).count(), 0, "{length}");
        }
        assert_eq!(structures(&table).count(), 1);
    }

    proptest! {
        #[test]
        fn no_table_panics(table in proptest::collection::vec(any::<u8>(), 0..400)) {
            for structure in structures(&table) {
                let _ = (structure.handle(), structure.string(4), structure.dword(6));
            }
            let kept = memory_structures(&table);
            prop_assert_eq!(memory_structures(&kept), kept);
        }
    }
}
