//! How the kernel was built: `/boot/config-RELEASE`, or `/proc/config.gz`.

use std::collections::BTreeMap;
use std::io::Read;

use crate::fact::{Absence, Missing};
use crate::model::KernelConfig;
use crate::source::{Source, malformed};

/// The file of a kernel that was built with `CONFIG_IKCONFIG_PROC`.
pub const COMPRESSED: &str = "/proc/config.gz";

/// Where distributions keep the file of the kernel `release`.
#[must_use]
pub fn paths(release: &str) -> [String; 2] {
    [format!("/boot/config-{release}"), format!("/usr/lib/modules/{release}/config")]
}

/// Options that checks ask for, without `CONFIG_`.
pub const OPTIONS: &[&str] = &[
    "DEBUG_KMEMLEAK",
    "DEBUG_KMEMLEAK_DEFAULT_OFF",
    "DEBUG_LOCK_ALLOC",
    "DEBUG_PAGEALLOC_ENABLE_DEFAULT",
    "HZ",
    "INIT_ON_ALLOC_DEFAULT_ON",
    "INIT_ON_FREE_DEFAULT_ON",
    "IRQ_TIME_ACCOUNTING",
    "KASAN",
    "KASAN_HW_TAGS",
    "KCOV",
    "KCSAN",
    "KMSAN",
    "LOCK_STAT",
    "NO_HZ_FULL",
    "NUMA_BALANCING",
    "PREEMPT",
    "PREEMPT_DYNAMIC",
    "PREEMPT_NONE",
    "PREEMPT_RT",
    "PREEMPT_VOLUNTARY",
    "PROVE_LOCKING",
    "PSI",
    "SLUB_DEBUG_ON",
    "TRANSPARENT_HUGEPAGE",
];

/// Longest text of a configuration; the longest of distributions are about 300 kB.
const MAX_TEXT: u64 = 4 << 20;

pub(crate) fn derive(source: &impl Source) -> Result<KernelConfig, Missing> {
    let release = source.text("/proc/sys/kernel/osrelease")?;
    let (path, text) = read(source, &release)?;
    if !text.lines().any(|line| line.starts_with("CONFIG_")) {
        return Err(malformed(&path, &text));
    }
    Ok(KernelConfig { options: options(&text), path })
}

fn read(source: &impl Source, release: &str) -> Result<(String, String), Missing> {
    let mut why = None;
    for path in paths(release) {
        match source.text(&path) {
            Ok(text) => return Ok((path, text)),
            Err(missing) => why = why.or(Some(missing)),
        }
    }
    match source.read(COMPRESSED) {
        Ok(bytes) => Ok((COMPRESSED.to_owned(), inflate(&bytes)?)),
        // What is denied says more than what is not there.
        Err(missing) if missing.missing != Absence::Absent => Err(missing),
        Err(missing) => Err(why.filter(|why| why.missing != Absence::Absent).unwrap_or(missing)),
    }
}

fn inflate(bytes: &[u8]) -> Result<String, Missing> {
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(bytes)
        .take(MAX_TEXT)
        .read_to_end(&mut text)
        .map_err(|error| Missing::new(Absence::Malformed, format!("{COMPRESSED}: {error}")))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The values of [`OPTIONS`]; what the text does not set is `n`.
fn options(text: &str) -> BTreeMap<String, String> {
    let set: BTreeMap<&str, &str> =
        text.lines().filter_map(|line| line.strip_prefix("CONFIG_")?.split_once('=')).collect();
    OPTIONS
        .iter()
        .map(|&name| {
            let value = set.get(name).map_or("n", |value| value.trim_matches('"'));
            (name.to_owned(), value.to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_set_is_n() {
        let options = options("# CONFIG_KASAN is not set\nCONFIG_HZ=1000\nCONFIG_PSI=y\nCONFIG_PSI_X=m\n");
        assert_eq!(options["KASAN"], "n");
        assert_eq!(options["KCSAN"], "n");
        assert_eq!(options["HZ"], "1000");
        assert_eq!(options["PSI"], "y");
        assert_eq!(options.len(), OPTIONS.len());
    }

    #[test]
    fn a_compressed_text_is_read_up_to_the_limit() {
        use std::io::Write;
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        writer.write_all(b"CONFIG_PSI=y\n").unwrap();
        assert_eq!(inflate(&writer.finish().unwrap()).unwrap(), "CONFIG_PSI=y\n");
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        writer.write_all(&vec![b'a'; 10 << 20]).unwrap();
        assert_eq!(inflate(&writer.finish().unwrap()).unwrap().len() as u64, MAX_TEXT);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*|(CONFIG_[A-Z]{1,4}=?[ymn]?\n){0,6}", bytes: Vec<u8>) {
            let _ = (options(&text), inflate(&bytes));
        }
    }
}
