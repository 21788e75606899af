//! Memory modules: types 16 and 17 of the firmware's table (DMTF DSP0134).
//!
//! Which socket and channel a slot belongs to is in no field, only in labels that every board maker words differently. The
//! forms that are known here are listed at [`place`]; a slot with another form keeps its labels and has no place.

use std::collections::BTreeMap;

use crate::derive::smbios::{MEMORY_ARRAY, MEMORY_DEVICE, Structure, structures};
use crate::fact::{Absence, Fact, Missing};
use crate::model::{DimmPlace, DimmSlot, Dimms};
use crate::source::Source;

/// The firmware's table; root only.
pub const TABLE: &str = "/sys/firmware/dmi/tables/DMI";
/// "System memory" among the uses of a memory array.
const SYSTEM_MEMORY: u8 = 3;

/// # Errors
/// Only root may read the table; machines without SMBIOS have none.
pub(crate) fn derive(source: &impl Source) -> Result<Dimms, Missing> {
    let table = source.read(TABLE)?;
    parse(&table)
}

fn parse(table: &[u8]) -> Result<Dimms, Missing> {
    let other_arrays: Vec<u16> = structures(table)
        .filter(|one| one.kind() == MEMORY_ARRAY && one.byte(5).is_some_and(|usage| usage != SYSTEM_MEMORY))
        .map(|one| one.handle())
        .collect();
    let mut slots: Vec<DimmSlot> = structures(table)
        .filter(|one| one.kind() == MEMORY_DEVICE)
        .filter(|one| one.word(4).is_none_or(|array| !other_arrays.contains(&array)))
        .map(|one| slot(&one))
        .collect();
    if slots.is_empty() {
        return Err(Missing::new(Absence::Malformed, format!("{TABLE} lists no slot for memory")));
    }
    number_by_socket(&mut slots);
    Ok(Dimms { path: TABLE.to_owned(), slots })
}

fn slot(one: &Structure<'_>) -> DimmSlot {
    let locator = one.string(0x10).unwrap_or_default();
    let bank = one.string(0x11).unwrap_or_default();
    let untold =
        |what: &str| Missing::new(Absence::Absent, format!("{TABLE} does not tell the {what} of {locator}"));
    let of_word = |offset: usize, extended: usize, what: &str| -> Fact<u32> {
        let number = match one.word(offset) {
            Some(u16::MAX) => one.dword(extended).map(|number| number & 0x7fff_ffff),
            word => word.map(u32::from),
        };
        number.filter(|&number| number != 0).ok_or_else(|| untold(what)).into()
    };
    DimmSlot {
        handle: one.handle(),
        place: place(&locator, &bank)
            .ok_or_else(|| {
                let reason =
                    format!("the labels `{locator}` and `{bank}` are of no form that names a channel");
                Missing::new(Absence::Malformed, reason)
            })
            .into(),
        size_bytes: size_bytes(one).ok_or_else(|| untold("size")).into(),
        kind: one.byte(0x12).and_then(kind).map(str::to_owned).ok_or_else(|| untold("type")).into(),
        speed_mts: of_word(0x15, 0x54, "speed"),
        configured_mts: of_word(0x20, 0x58, "configured speed"),
        ranks: one
            .byte(0x1b)
            .map(|attributes| u32::from(attributes & 0xf))
            .filter(|&ranks| ranks != 0)
            .ok_or_else(|| untold("ranks"))
            .into(),
        part_number: one.string(0x1a).ok_or_else(|| untold("part number")).into(),
        locator,
        bank,
    }
}

/// Bytes, 0 for an empty slot; `None` where the firmware does not know.
fn size_bytes(one: &Structure<'_>) -> Option<u64> {
    match one.word(0x0c)? {
        u16::MAX => None,
        // In MiB, the highest bit being reserved.
        0x7fff => Some(u64::from(one.dword(0x1c)? & 0x7fff_ffff) << 20),
        size if size & 0x8000 != 0 => Some(u64::from(size & 0x7fff) << 10),
        size => Some(u64::from(size) << 20),
    }
}

fn kind(number: u8) -> Option<&'static str> {
    Some(match number {
        0x18 => "DDR3",
        0x1a => "DDR4",
        0x1b => "LPDDR",
        0x1c => "LPDDR2",
        0x1d => "LPDDR3",
        0x1e => "LPDDR4",
        0x1f => "Logical non-volatile device",
        0x20 => "HBM",
        0x21 => "HBM2",
        0x22 => "DDR5",
        0x23 => "LPDDR5",
        0x24 => "HBM3",
        _ => return None,
    })
}

/// Socket and channel from the labels of a slot, the one on the board first.
///
/// Known forms: `P1-DIMMA1`, `CPU1_DIMM_A1`, `CPU0_A0`, `CPU0_C0D0`, `DIMM_P0_A0`, `DIMM A1`, `P0 CHANNEL A`,
/// `P0_Node1_Channel0_Dimm0`, `NODE 0 CHANNEL 1 DIMM 0`, `Controller0-ChannelA-DIMM0`.
#[must_use]
pub fn place(locator: &str, bank: &str) -> Option<DimmPlace> {
    let (of_locator, of_bank) = (words(locator), words(bank));
    let channel = channel(&of_locator).or_else(|| channel(&of_bank))?;
    let number = |names: &[&str]| numbered(&of_locator, names).or_else(|| numbered(&of_bank, names));
    // Where nothing else names the socket, boards call it a node.
    let socket = number(&["P", "CPU", "PROC", "PROCESSOR", "SOCKET"]);
    let socket = socket.or_else(|| if channel.contains('/') { None } else { number(&["NODE"]) });
    Some(DimmPlace { socket, channel })
}

/// Runs of letters and runs of digits, in upper case.
fn words(label: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut last = ' ';
    for c in label.chars() {
        let c = c.to_ascii_uppercase();
        let goes_on = (c.is_ascii_digit() && last.is_ascii_digit())
            || (c.is_ascii_alphabetic() && last.is_ascii_alphabetic());
        match words.last_mut() {
            Some(word) if goes_on => word.push(c),
            _ if c.is_ascii_alphanumeric() => words.push(c.to_string()),
            _ => {}
        }
        last = c;
    }
    words
}

/// The number that follows the first of `names`.
fn numbered(words: &[String], names: &[&str]) -> Option<u32> {
    words.windows(2).find(|pair| names.contains(&pair[0].as_str())).and_then(|pair| pair[1].parse().ok())
}

fn channel(words: &[String]) -> Option<String> {
    let is_letter = |word: &str| word.len() == 1 && word.bytes().all(|byte| byte.is_ascii_uppercase());
    let is_number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
    let named = words.iter().enumerate().find_map(|(position, word)| {
        let rest = word.strip_prefix("CHANNEL")?;
        if rest.is_empty() {
            words.get(position + 1).cloned()
        } else {
            is_letter(rest).then(|| rest.to_owned())
        }
    });
    if let Some(channel) = named {
        // Memory controllers of one socket count their channels from 0 each.
        let controller = numbered(words, &["NODE", "CONTROLLER", "MC"]);
        let has_socket = numbered(words, &["P", "CPU", "PROC", "SOCKET"]).is_some()
            || words.iter().any(|word| word == "CONTROLLER" || word == "MC");
        return Some(match controller {
            Some(controller) if has_socket => format!("{controller}/{channel}"),
            _ => channel,
        });
    }
    words.iter().enumerate().find_map(|(position, word)| {
        let next = words.get(position + 1);
        let is_slot = |word: Option<&String>| word.is_some_and(|word| is_number(word));
        // `DIMMA1`, `DIMM_A1`
        if let Some(rest) = word.strip_prefix("DIMM")
            && is_letter(rest)
            && is_slot(next)
        {
            return Some(rest.to_owned());
        }
        let before = position.checked_sub(1).and_then(|before| words.get(before));
        let before = before.map_or("", String::as_str);
        if !is_letter(word) || !is_slot(next) {
            return None;
        }
        // `CPU0_C0D0`: channel and module have a number each.
        if word == "C" && words.get(position + 2).is_some_and(|word| word == "D") {
            return next.cloned();
        }
        // `CPU1_DIMM_A1`, `CPU0_A0`, `DIMM_P0_A0`; the `P` of a socket is no channel.
        let follows = before == "DIMM" || is_number(before) && !before.is_empty();
        (follows && word != "P").then(|| word.clone())
    })
}

/// Dell (`A1` to `D32`: socket and slot) and HPE (`PROC 1 DIMM 3`) number the slots of a socket through.
///
/// Dell numbers the first slots of all channels, then the second ones; HPE puts the slots of one channel side by side. How
/// many channels there are follows from the number of slots and the generation of the memory: DDR4 sockets have 6 or 8
/// channels with two slots each, DDR5 sockets 8 with two, or 12 with one or two.
fn number_by_socket(slots: &mut [DimmSlot]) {
    /// Socket, number of the slot counted from 1, and whether a channel's slots are side by side.
    fn numbering(slot: &DimmSlot) -> Option<(u32, u32, bool)> {
        let words = words(&slot.locator);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words[..] {
            [letter @ ("A" | "B" | "C" | "D"), number] => {
                let socket = u32::from(letter.as_bytes()[0] - b'A');
                Some((socket, number.parse().ok()?, false))
            }
            ["PROC", socket, "DIMM", number] => Some((socket.parse().ok()?, number.parse().ok()?, true)),
            _ => None,
        }
    }
    let mut counts: BTreeMap<u32, u32> = BTreeMap::new();
    for (socket, number, _) in slots.iter().filter_map(numbering) {
        let count = counts.entry(socket).or_default();
        *count = number.max(*count);
    }
    let is_ddr5 = slots.iter().any(|slot| slot.kind.known().is_some_and(|kind| kind == "DDR5"));
    for slot in slots {
        let Some((socket, number, side_by_side)) = numbering(slot) else { continue };
        let slots_of_socket = counts.get(&socket).copied().unwrap_or_default();
        let per_channel = match (slots_of_socket, is_ddr5) {
            (8, _) | (12, true) => 1,
            (12, false) | (16, _) | (24, true) => 2,
            _ => continue,
        };
        let channels = slots_of_socket / per_channel;
        let Some(position) = number.checked_sub(1) else { continue };
        let channel = if side_by_side { position / per_channel } else { position % channels };
        slot.place = Fact::Known(DimmPlace { socket: Some(socket), channel: (channel + 1).to_string() });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::derive::smbios::tests::structure;

    #[test]
    fn labels_of_many_boards_name_socket_and_channel() {
        for (locator, bank, socket, channel) in [
            ("P1-DIMMA1", "P0_Node0_Channel0_Dimm0", Some(1), "A"),
            ("P2-DIMMC2", "", Some(2), "C"),
            ("CPU1_DIMM_A1", "NODE 1", Some(1), "A"),
            ("CPU1_DIMM_D1", "NODE 1", Some(1), "D"),
            ("CPU0_A0", "", Some(0), "A"),
            ("CPU0_C3D1", "", Some(0), "3"),
            ("DIMM_P1_H0", "BANK 7", Some(1), "H"),
            ("DIMM 0", "P0 CHANNEL A", Some(0), "A"),
            ("DIMM 1", "P1 CHANNEL L", Some(1), "L"),
            ("DIMM_A1", "NODE 1", Some(1), "A"),
            ("DIMM A1", "", None, "A"),
            ("DIMM1", "P0_Node1_Channel2_Dimm0", Some(0), "1/2"),
            ("Controller1-ChannelA-DIMM0", "BANK 0", None, "1/A"),
            ("slot", "NODE 0 CHANNEL 1 DIMM 0", Some(0), "1"),
        ] {
            let found = place(locator, bank);
            let expected = Some(DimmPlace { socket, channel: channel.to_owned() });
            assert_eq!(found, expected, "{locator} {bank}");
        }
        for (locator, bank) in
            [("DIMM 0", "BANK 0"), ("DIMM 12", "Not Specified"), ("", ""), ("RAM slot 1", "")]
        {
            assert_eq!(place(locator, bank), None, "{locator} {bank}");
        }
    }

    /// Fields of a memory device from offset 4 on: 64 GiB DDR5-5600 at 4800 MT/s.
    fn module(size_mib: u32) -> Vec<u8> {
        let mut fields = vec![0u8; 0x5c - 4];
        let mut put =
            |offset: usize, bytes: &[u8]| fields[offset - 4..][..bytes.len()].copy_from_slice(bytes);
        put(4, &2u16.to_le_bytes());
        put(0x0c, &(if size_mib == 0 { 0u16 } else { 0x7fff }).to_le_bytes());
        put(0x10, &[1, 2]);
        put(0x12, &[if size_mib == 0 { 2 } else { 0x22 }]);
        put(0x15, &(if size_mib == 0 { 0u16 } else { 5600 }).to_le_bytes());
        put(0x1b, &[2]);
        put(0x1c, &size_mib.to_le_bytes());
        put(0x20, &(if size_mib == 0 { 0u16 } else { u16::MAX }).to_le_bytes());
        put(0x58, &4800u32.to_le_bytes());
        fields
    }

    #[test]
    fn a_module_and_an_empty_slot_are_read() {
        let table = [
            structure(16, 1, &[3, 5, 3], &[]),
            structure(17, 9, &[&1u16.to_le_bytes()[..], &module(8)[2..]].concat(), &["flash", "none"]),
            structure(16, 2, &[3, 3, 6], &[]),
            structure(17, 3, &module(65536), &["CPU0_DIMM_A1", "NODE 0"]),
            structure(17, 4, &module(0), &["CPU0_DIMM_B1", "NODE 0"]),
            structure(127, 5, &[], &[]),
        ]
        .concat();
        let dimms = parse(&table).unwrap();
        let [full, empty] = dimms.slots.as_slice() else { panic!("{dimms:?}") };
        assert_eq!((full.handle, full.size_bytes.clone()), (3, Fact::Known(64 << 30)));
        assert_eq!(full.kind.known().map(String::as_str), Some("DDR5"));
        assert_eq!(
            (full.speed_mts.clone(), full.configured_mts.clone()),
            (Fact::Known(5600), Fact::Known(4800))
        );
        assert_eq!(full.ranks, Fact::Known(2));
        assert_eq!(empty.size_bytes, Fact::Known(0));
        assert_eq!(empty.speed_mts.require().unwrap_err().missing, Absence::Absent);
        assert_eq!(empty.place.known().map(|place| place.channel.as_str()), Some("B"));
    }

    #[test]
    fn slots_that_are_numbered_through_are_counted_out() {
        let numbered = |locators: Vec<String>, kind: &str| -> Vec<DimmSlot> {
            let mut slots: Vec<DimmSlot> = locators
                .into_iter()
                .map(|locator| DimmSlot {
                    locator,
                    kind: Fact::Known(kind.to_owned()),
                    ..DimmSlot::default()
                })
                .collect();
            number_by_socket(&mut slots);
            slots
        };
        let channel = |slots: &[DimmSlot], position: usize| {
            slots[position].place.known().map(|place| place.channel.clone()).unwrap_or_default()
        };
        let dell = numbered((1..=16).map(|n| format!("A{n}")).collect(), "DDR4");
        assert_eq!(
            (channel(&dell, 0), channel(&dell, 8), channel(&dell, 7)),
            ("1".into(), "1".into(), "8".into())
        );
        let hpe = numbered((1..=16).map(|n| format!("PROC 2 DIMM {n}")).collect(), "DDR4");
        assert_eq!(
            (channel(&hpe, 0), channel(&hpe, 1), channel(&hpe, 2)),
            ("1".into(), "1".into(), "2".into())
        );
        assert_eq!(hpe[0].place.known().and_then(|place| place.socket), Some(2));
        let twelve = |kind| numbered((1..=12).map(|n| format!("B{n}")).collect(), kind);
        assert_eq!((channel(&twelve("DDR4"), 6), channel(&twelve("DDR5"), 6)), ("1".into(), "7".into()));
        let odd = numbered((1..=9).map(|n| format!("A{n}")).collect(), "DDR4");
        assert!(odd[0].place.known().is_none());
    }

    proptest! {
        #[test]
        fn no_table_panics(table in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = parse(&table);
        }

        #[test]
        fn no_label_panics(locator in "\\PC{0,24}", bank in "\\PC{0,24}") {
            let _ = place(&locator, &bank);
        }
    }
}
