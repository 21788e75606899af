//! Energy preferences: how far hardware that sets the clock itself may trade speed for power.

/// What a preference asks the hardware for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Preference {
    /// Speed, whatever it costs.
    Speed,
    /// Mostly speed.
    Balanced,
    /// Mostly or only saving power.
    Saving,
    /// Whatever the firmware has set.
    Firmware,
}

impl Preference {
    /// Reads the text of `energy_performance_preference`.
    ///
    /// A raw number is on the scale of the hardware, 0 (performance) to 255 (power); 128 is `balance_performance`.
    pub(crate) fn of(text: &str) -> Self {
        match (text, text.parse::<u8>()) {
            ("performance", _) | (_, Ok(0)) => Self::Speed,
            ("balance_performance", _) | (_, Ok(1..=128)) => Self::Balanced,
            ("balance_power" | "power", _) | (_, Ok(_)) => Self::Saving,
            _ => Self::Firmware,
        }
    }
}
