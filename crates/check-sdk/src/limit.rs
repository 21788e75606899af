//! Thresholds with a unit: a number alone does not compile, and neither does comparing milliseconds with per cent.

use std::marker::PhantomData;

use crate::{Text, Threshold, ThresholdBasis};

/// A unit of measurement. Implemented by marker types; an author may add their own.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a unit",
    note = "use one of `plumb_check_sdk::limit`, such as `Percent`, or implement `Unit` for a type of your own"
)]
pub trait Unit {
    /// As reports print it.
    const SYMBOL: &'static str;
}

macro_rules! units {
    ($($(#[$doc:meta])* $name:ident = $symbol:literal,)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {}

        impl Unit for $name {
            const SYMBOL: &'static str = $symbol;
        }
    )+};
}

units! {
    /// Per cent.
    Percent = "%",
    /// A number of things.
    Count = "count",
    /// Events per second.
    PerSecond = "1/s",
    /// Events per day.
    PerDay = "1/d",
    /// Microseconds.
    Microseconds = "µs",
    /// Milliseconds.
    Milliseconds = "ms",
    /// Seconds.
    Seconds = "s",
    /// Bits.
    Bits = "bit",
    /// Bytes.
    Bytes = "B",
    /// 2^30 bytes.
    Gibibytes = "GiB",
    /// 10^6 bits per second.
    MegabitsPerSecond = "Mbit/s",
    /// 10^9 bits per second.
    GigabitsPerSecond = "Gbit/s",
    /// 10^6 bytes per second.
    MegabytesPerSecond = "MB/s",
    /// Megahertz.
    Megahertz = "MHz",
    /// Degrees Celsius.
    Celsius = "°C",
    /// Watts.
    Watts = "W",
}

/// A number with its unit.
#[derive(Debug)]
pub struct Quantity<U> {
    number: f64,
    unit: PhantomData<U>,
}

impl<U> Clone for Quantity<U> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<U> Copy for Quantity<U> {}

impl<U: Unit> Quantity<U> {
    /// `number` in the unit `U`.
    #[must_use]
    pub const fn new(number: f64) -> Self {
        Self { number, unit: PhantomData }
    }

    /// The number without its unit.
    #[must_use]
    pub const fn number(self) -> f64 {
        self.number
    }
}

/// A limit that a check compares with, and where it comes from.
///
/// ```
/// use plumb_check_sdk::ThresholdBasis;
/// use plumb_check_sdk::limit::{Limit, Percent, Quantity};
///
/// const REMOTE: Limit<Percent> = Limit {
///     name: "share of CPU time on a remote node",
///     value: Quantity::new(5.0),
///     basis: ThresholdBasis::Expert,
///     source: "our proposal",
///     date: "2026-11-23",
///     applies_to: "hosts with two or more NUMA nodes",
/// };
/// assert!(REMOTE.is_exceeded_by(Quantity::new(7.5)));
/// assert_eq!(REMOTE.threshold().unit, "%");
/// ```
///
/// A number without a unit is refused, and so is another unit:
///
/// ```compile_fail
/// # use plumb_check_sdk::ThresholdBasis;
/// # use plumb_check_sdk::limit::{Limit, Percent, Quantity};
/// # const REMOTE: Limit<Percent> = Limit {
/// #     name: "share of CPU time on a remote node",
/// #     basis: ThresholdBasis::Expert,
/// #     source: "our proposal",
/// #     date: "2026-11-23",
/// #     applies_to: "hosts with two or more NUMA nodes",
///       value: 5.0,
/// # };
/// ```
///
/// ```compile_fail
/// # use plumb_check_sdk::ThresholdBasis;
/// # use plumb_check_sdk::limit::{Limit, Milliseconds, Percent, Quantity};
/// # const REMOTE: Limit<Percent> = Limit {
/// #     name: "share of CPU time on a remote node",
/// #     value: Quantity::new(5.0),
/// #     basis: ThresholdBasis::Expert,
/// #     source: "our proposal",
/// #     date: "2026-11-23",
/// #     applies_to: "hosts with two or more NUMA nodes",
/// # };
/// let waited: Quantity<Milliseconds> = Quantity::new(7.5);
/// REMOTE.is_exceeded_by(waited);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Limit<U> {
    /// What is limited.
    pub name: &'static str,
    /// The limit.
    pub value: Quantity<U>,
    /// Where it comes from.
    pub basis: ThresholdBasis,
    /// Document, measurement or reasoning behind it.
    pub source: &'static str,
    /// Date of the source, ISO 8601.
    pub date: &'static str,
    /// Hardware, kernels or situations that it is meant for.
    pub applies_to: &'static str,
}

impl<U: Unit> Limit<U> {
    /// True if `measured` is above the limit.
    #[must_use]
    pub fn is_exceeded_by(&self, measured: Quantity<U>) -> bool {
        measured.number > self.value.number
    }

    /// True if `measured` is below the limit.
    #[must_use]
    pub fn is_undercut_by(&self, measured: Quantity<U>) -> bool {
        measured.number < self.value.number
    }

    /// The limit as manifest and report carry it.
    #[must_use]
    pub const fn threshold(&self) -> Threshold {
        Threshold {
            name: Text::Borrowed(self.name),
            number: self.value.number,
            unit: Text::Borrowed(U::SYMBOL),
            basis: self.basis,
            source: Text::Borrowed(self.source),
            date: Text::Borrowed(self.date),
            applies_to: Text::Borrowed(self.applies_to),
        }
    }
}
