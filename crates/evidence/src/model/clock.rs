//! Clocks of GPUs beside what the driver says of them.

use super::{GpuTime, NvmlDevice};
use crate::fact::{Absence, Missing};

/// Clocks are low because of the power limit (`nvmlClocksEventReasonSwPowerCap`).
const SW_POWER_CAP: u64 = 0x4;

/// A GPU's clock at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClockLook {
    /// SM clock in MHz.
    pub mhz: u32,
    /// NVML's bit mask of reasons why it is low.
    pub reasons: u64,
    /// Power in W, where it is known.
    pub watts: Option<f64>,
    /// Utilisation in %.
    pub percent: u32,
}

impl GpuTime {
    /// The clock at each sample.
    ///
    /// # Errors
    /// Clocks, their reasons or the utilisation are not known.
    pub fn clock_looks(&self) -> Result<Vec<ClockLook>, Missing> {
        let (clocks, reasons) = (self.sm_mhz.require()?, self.clock_reasons.require()?);
        let watts = |at: usize| self.power_watts.known().and_then(|watts| watts.get(at).copied());
        let percents = self.utilization_percent.require()?;
        if clocks.len().min(reasons.len()) < percents.len() {
            return Err(Missing::new(Absence::Failed, "some samples lack the clock"));
        }
        let looks = clocks.iter().zip(reasons).zip(percents).enumerate();
        let look = |(at, ((mhz, reasons), percent)): (usize, ((&u32, &u64), &u32))| ClockLook {
            mhz: *mhz,
            reasons: *reasons,
            watts: watts(at),
            percent: *percent,
        };
        Ok(looks.map(look).collect())
    }
}

impl NvmlDevice {
    /// The clock at the moment of NVML's other answers.
    ///
    /// # Errors
    /// Clock, reasons or utilisation are not known.
    pub fn clock_look(&self) -> Result<ClockLook, Missing> {
        Ok(ClockLook {
            mhz: *self.sm_mhz.require()?,
            reasons: *self.clock_reasons.require()?,
            watts: self.power_watts.known().copied(),
            percent: *self.utilization_percent.require()?,
        })
    }

    /// The share of its highest clock, in %, that a clock is which no reason of the driver explains; `None` where one does.
    /// A power cap explains none where the GPU draws less than `below_percent` of its limit.
    ///
    /// # Errors
    /// The highest clock is not known.
    pub fn unexplained_clock(&self, look: &ClockLook, below_percent: f64) -> Result<Option<f64>, Missing> {
        let highest = *self.sm_max_mhz.require()?;
        let draw = look.watts.zip(self.power_limit_watts.known());
        if look.reasons == SW_POWER_CAP && draw.is_none() {
            self.power_limit_watts.require()?;
            return Err(Missing::new(
                Absence::Skipped,
                "its power was not sampled, though its cap was in force",
            ));
        }
        let is_below = draw.is_some_and(|(watts, limit)| 100.0 * watts < below_percent * limit);
        let is_open = look.reasons == 0 || (look.reasons == SW_POWER_CAP && is_below);
        Ok(is_open.then(|| 100.0 * f64::from(look.mhz) / f64::from(highest.max(1))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;

    #[test]
    fn a_power_cap_explains_a_clock_only_at_its_limit() {
        let device = NvmlDevice {
            sm_max_mhz: Fact::Known(2000),
            power_limit_watts: Fact::Known(700.0),
            ..NvmlDevice::default()
        };
        let share = |reasons, watts| {
            let look = ClockLook { mhz: 500, reasons, watts, percent: 96 };
            device.unexplained_clock(&look, 80.0).unwrap()
        };
        assert_eq!(share(0, None), Some(25.0));
        assert_eq!(share(4, Some(690.0)), None);
        let unsampled = ClockLook { mhz: 500, reasons: 4, watts: None, percent: 96 };
        assert!(
            device.unexplained_clock(&unsampled, 80.0).is_err(),
            "whether the cap explains it is not known"
        );
        assert_eq!(share(4, Some(200.0)), Some(25.0));
        assert_eq!((share(2, None), share(1, None)), (None, None), "set by someone, idle");
        let look = ClockLook { mhz: 500, reasons: 0, watts: None, percent: 96 };
        assert!(NvmlDevice::default().unexplained_clock(&look, 80.0).is_err());
    }

    #[test]
    fn a_look_needs_all_series() {
        let mut time = GpuTime {
            sm_mhz: Fact::Known(vec![345, 799]),
            clock_reasons: Fact::Known(vec![1, 0]),
            utilization_percent: Fact::Known(vec![0, 96]),
            power_watts: Fact::Known(vec![4.5]),
            ..GpuTime::default()
        };
        let looks = time.clock_looks().unwrap();
        assert_eq!(looks[0], ClockLook { mhz: 345, reasons: 1, watts: Some(4.5), percent: 0 });
        assert_eq!((looks.len(), looks[1].watts), (2, None));
        time.sm_mhz = Fact::Known(vec![345]);
        assert!(time.clock_looks().is_err(), "not as many as samples");
        time.sm_mhz = Fact::absent("not supported");
        assert!(time.clock_looks().is_err());
    }
}
