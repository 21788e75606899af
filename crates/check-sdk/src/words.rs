//! Values that sentences name, and which sentence a check means.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::limit::{Quantity, Unit};
use crate::{CpuSet, Missing};

/// A value that a sentence names. The host writes it in the reader's language.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Arg {
    /// A number of things; picks between singular and plural.
    Count {
        /// How many.
        count: u64,
    },
    /// A measured or computed number.
    Quantity {
        /// The number.
        value: f64,
        /// Its unit, as the report prints it (`%`, `ms`); empty for a ratio.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        unit: String,
        /// Decimals that are printed.
        #[serde(default)]
        digits: u8,
    },
    /// Text that no language changes: names, paths, lists of CPUs, values of files. Also a word that sentences choose by.
    Text {
        /// The text.
        text: String,
    },
}

impl Arg {
    /// Text that no language changes.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }

    /// A number of things.
    #[must_use]
    pub fn count(count: impl TryInto<u64>) -> Self {
        Self::Count { count: count.try_into().unwrap_or(u64::MAX) }
    }

    /// `value` in `unit`, printed with so many decimals, and with none where all of them would be zeros: `100.0 %` says no more
    /// than `100 %`, and looks as if it did.
    #[must_use]
    pub fn quantity(value: f64, unit: impl Into<String>, digits: u8) -> Self {
        let scale = 10_f64.powi(i32::from(digits));
        let is_whole = (value * scale).round() % scale == 0.0;
        let digits = if is_whole { 0 } else { digits };
        Self::Quantity { value, unit: unit.into(), digits }
    }

    /// A quantity that knows its unit, printed with so many decimals.
    #[must_use]
    pub fn of<U: Unit>(quantity: Quantity<U>, digits: u8) -> Self {
        Self::quantity(quantity.number(), U::SYMBOL, digits)
    }
}

impl From<&str> for Arg {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Arg {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl From<&String> for Arg {
    fn from(text: &String) -> Self {
        Self::text(text)
    }
}

impl From<&CpuSet> for Arg {
    fn from(cpus: &CpuSet) -> Self {
        Self::text(cpus.to_string())
    }
}

impl From<&Missing> for Arg {
    fn from(missing: &Missing) -> Self {
        Self::text(missing.to_string())
    }
}

impl From<Missing> for Arg {
    fn from(missing: Missing) -> Self {
        Self::from(&missing)
    }
}

impl From<u64> for Arg {
    fn from(count: u64) -> Self {
        Self::Count { count }
    }
}

impl From<u32> for Arg {
    fn from(count: u32) -> Self {
        Self::Count { count: count.into() }
    }
}

impl From<usize> for Arg {
    fn from(count: usize) -> Self {
        Self::count(count)
    }
}

/// Which sentence of its page a check means, with the values that the sentence names. The build makes a type for each
/// sentence of a page (`words::HeldLow { governor }`), which turns into this.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// Name of the sentence.
    pub variant: &'static str,
    /// Values by name.
    pub args: BTreeMap<&'static str, Arg>,
}
