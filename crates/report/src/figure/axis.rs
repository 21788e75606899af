//! Scales and axes of charts.

use super::svg::{Area, HAIR, INK, PLAIN, SOFT, Svg};
use crate::messages::Messages;

/// Maps values to places between two ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    from: (f64, f64),
    to: (f64, f64),
    log: bool,
}

impl Scale {
    /// `values` (low, high) onto `places`; a range of no width is widened.
    pub(crate) fn linear(values: (f64, f64), places: (f64, f64)) -> Self {
        let high = if values.1 > values.0 { values.1 } else { values.0 + 1.0 };
        Self { from: (values.0, high), to: places, log: false }
    }

    /// The same on a logarithmic scale, for values above 0.
    pub(crate) fn log(values: (f64, f64), places: (f64, f64)) -> Self {
        let low = values.0.max(f64::MIN_POSITIVE).ln();
        let high = values.1.max(f64::MIN_POSITIVE).ln();
        Self { from: (low, if high > low { high } else { low + 1.0 }), to: places, log: true }
    }

    /// The place of a value, never beyond the ends.
    pub(crate) fn at(&self, value: f64) -> f64 {
        let value = if self.log { value.max(f64::MIN_POSITIVE).ln() } else { value };
        let share = ((value - self.from.0) / (self.from.1 - self.from.0)).clamp(0.0, 1.0);
        self.to.0 + share * (self.to.1 - self.to.0)
    }
}

/// Round numbers from 0 to at least `high`, about `wanted` of them.
pub(crate) fn ticks(high: f64, wanted: u32) -> Vec<f64> {
    let high = if high.is_finite() && high > 0.0 { high } else { 1.0 };
    let raw = high / f64::from(wanted.max(1));
    let power = 10.0_f64.powf(raw.log10().floor());
    let step =
        [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|m| m * power).find(|step| *step >= raw).unwrap_or(raw);
    let mut ticks = vec![0.0];
    while ticks.last().is_some_and(|last| *last < high - step * 1e-9) {
        ticks.push(step * ticks.len() as f64);
    }
    ticks
}

/// A number as a reader wants it on an axis.
pub(crate) fn tick_text(value: f64, messages: &Messages) -> String {
    let text = match value.abs() {
        v if v >= 100.0 || (v - v.round()).abs() < 1e-9 => format!("{value:.0}"),
        v if v >= 1.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    };
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    messages.numeral(text)
}

/// Draws horizontal lines with numbers at the left, and the name of the axis above.
pub(crate) fn vertical(
    svg: &mut Svg,
    plot: Area,
    scale: &Scale,
    ticks: &[f64],
    messages: &Messages,
    name: &str,
) {
    for &tick in ticks {
        let y = scale.at(tick);
        svg.line((plot.x, y), (plot.right(), y), HAIR, if tick == 0.0 { 1.0 } else { 0.6 }, "");
        svg.text((plot.x - 6.0, y + 3.5), &tick_text(tick, messages), PLAIN.small().soft().end());
    }
    svg.fitted((4.0, plot.y - 10.0), name, plot.w, PLAIN.small().soft());
}

/// Draws marks with texts below the plot, and the name of the axis below them.
pub(crate) fn horizontal(svg: &mut Svg, plot: Area, marks: &[(f64, String)], name: &str) {
    svg.line((plot.x, plot.bottom()), (plot.right(), plot.bottom()), SOFT, 1.0, "");
    for (x, text) in marks {
        svg.line((*x, plot.bottom()), (*x, plot.bottom() + 4.0), SOFT, 1.0, "");
        svg.text((*x, plot.bottom() + 15.0), text, PLAIN.small().soft().middle());
    }
    svg.text((plot.x + plot.w / 2.0, plot.bottom() + 30.0), name, PLAIN.small().paint(INK).middle());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_reach_the_end() {
        assert_eq!(ticks(97.0, 5), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!(ticks(0.0, 5).first(), Some(&0.0));
        for high in [1e-6, 0.3, 1.0, 7.7, 1234.5, f64::NAN, f64::INFINITY] {
            let ticks = ticks(high, 5);
            assert!(ticks.len() <= 12 && ticks.windows(2).all(|pair| pair[0] < pair[1]), "{high}: {ticks:?}");
        }
    }

    #[test]
    fn places_stay_within_the_ends() {
        let scale = Scale::linear((0.0, 10.0), (100.0, 0.0));
        assert!((scale.at(5.0) - 50.0).abs() < 1e-9 && (scale.at(99.0) - 0.0).abs() < 1e-9);
        assert!((Scale::linear((3.0, 3.0), (0.0, 1.0)).at(3.0)).is_finite());
        assert!((Scale::log((1.0, 100.0), (0.0, 2.0)).at(10.0) - 1.0).abs() < 1e-9);
        assert!(Scale::log((0.0, 0.0), (0.0, 2.0)).at(0.0).is_finite());
    }

    #[test]
    fn numbers_on_axes_are_short() {
        let theme = crate::Theme::builtin().unwrap();
        let texts: Vec<_> =
            [0.0, 0.25, 2.5, 1500.0, 0.05].map(|value| tick_text(value, theme.messages())).into();
        assert_eq!(texts, ["0", "0.25", "2.5", "1500", "0.05"]);
    }
}
