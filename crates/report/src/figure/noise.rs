//! What operating system and hypervisor took from each CPU: over time where that was kept, else in all.

use plumb_evidence::model::{Evidence, NoiseResult};

use super::Figure;
use super::axis::{horizontal, tick_text, ticks};
use super::svg::{ACCENT, Area, HEAT, PLAIN, SOFT, Svg, WASH, WIDTH, width_of};
use crate::ReportError;
use crate::messages::Messages;

/// Upper ends of the steps of darkness: share of the slice that was lost, in %.
const STEPS: [f64; 5] = [0.01, 0.1, 1.0, 5.0, 20.0];
/// Height that all rows share.
const HEIGHT: f64 = 260.0;
/// So many bars can be told apart.
const MAX_BARS: usize = 40;

/// Draws the heat map, or bars where no measurement kept its timeline.
pub(crate) fn draw(evidence: &Evidence, messages: &Messages) -> Result<Vec<Figure>, ReportError> {
    let Some(noise) = evidence.measurements.known().and_then(|m| m.noise.known()) else {
        return Ok(Vec::new());
    };
    // The last measurement of the bundle: slices of one file are the same moments.
    let Some(last) = noise.last() else { return Ok(Vec::new()) };
    let mut rows: Vec<&NoiseResult> = noise.iter().filter(|row| row.path == last.path).collect();
    rows.sort_by_key(|row| row.cpu);
    let timed: Vec<&NoiseResult> =
        rows.iter().copied().filter(|row| shares(row).is_some_and(|s| !s.is_empty())).collect();
    Ok(vec![if timed.is_empty() { bars(&rows, messages)? } else { heat(&timed, messages)? }])
}

/// Share of each slice that was lost to others than threads, in %.
fn shares(row: &NoiseResult) -> Option<Vec<f64>> {
    let line = row.timeline.as_ref().filter(|line| line.slice_ms > 0.0)?;
    let preempted = |n: usize| line.preempted_us.get(n).copied().unwrap_or(0.0);
    let share = |(n, lost): (usize, &f64)| ((lost - preempted(n)) / (line.slice_ms * 10.0)).clamp(0.0, 100.0);
    Some(line.lost_us.iter().enumerate().map(share).collect())
}

fn step(percent: f64) -> usize {
    STEPS.iter().position(|end| percent <= *end).unwrap_or(STEPS.len())
}

fn heat(rows: &[&NoiseResult], messages: &Messages) -> Result<Figure, ReportError> {
    let row_height = (HEIGHT / rows.len() as f64).clamp(1.6, 18.0);
    let plot = Area::new(48.0, 24.0, WIDTH - 66.0, row_height * rows.len() as f64);
    let slices =
        rows.iter().filter_map(|row| shares(row)).map(|shares| shares.len()).max().unwrap_or(1).max(1);
    let slice_width = plot.w / slices as f64;
    let mut tiles: [Vec<Area>; 6] = Default::default();
    let mut worst = (0.0, 0);
    let mut svg = Svg::default();
    svg.rect(plot, WASH, SOFT, 0.8);
    for (index, row) in rows.iter().enumerate() {
        let y = plot.y + index as f64 * row_height;
        let shares = shares(row).unwrap_or_default();
        // Neighbours of one step become one tile: fewer shapes, same picture.
        let mut from = 0;
        for at in 1..=shares.len() {
            if at == shares.len() || step(shares[at]) != step(shares[from]) {
                let width = (at - from) as f64 * slice_width;
                tiles[step(shares[from])].push(Area::new(
                    plot.x + from as f64 * slice_width,
                    y,
                    width,
                    row_height,
                ));
                from = at;
            }
        }
        let peak = shares.iter().copied().fold(0.0, f64::max);
        if peak > worst.0 {
            worst = (peak, row.cpu);
        }
    }
    for (tiles, paint) in tiles.iter().zip(HEAT) {
        svg.tiles(tiles, paint);
    }
    // As many names of CPUs as fit.
    let each = (11.0 / row_height).ceil().max(1.0) as usize;
    for (index, row) in rows.iter().enumerate().step_by(each) {
        let y = plot.y + (index as f64 + 0.5) * row_height + 3.3;
        svg.text((plot.x - 6.0, y), &row.cpu.to_string(), PLAIN.small().soft().end());
    }
    svg.text((4.0, 14.0), messages.get("figure", "cpu_axis")?, PLAIN.small().soft());
    let seconds = slices as f64 * rows[0].timeline.as_ref().map_or(0.0, |line| line.slice_ms) / 1000.0;
    let marks: Vec<_> = ticks(seconds, 6)
        .into_iter()
        .filter(|tick| *tick <= seconds * 1.0001)
        .map(|tick| (plot.x + tick / seconds.max(1e-9) * plot.w, tick_text(tick, messages)))
        .collect();
    horizontal(&mut svg, plot, &marks, messages.get("figure", "seconds")?);
    let bottom = legend(&mut svg, plot.bottom() + 42.0, messages)?;
    let (seconds, count) = (tick_text(seconds, messages), rows.len().to_string());
    let (peak, cpu) = (tick_text(worst.0, messages), worst.1.to_string());
    let values = [("n", &*count), ("seconds", &*seconds), ("peak", &*peak), ("cpu", &*cpu)];
    let (title, alt) = (messages.get("figure", "noise")?, messages.fill("figure", "noise_alt", &values)?);
    Ok(Figure {
        id: "noise".into(),
        title: title.to_owned(),
        svg: svg.finish(bottom, title, &alt),
        alt,
        caption: messages.get("figure", "noise_caption")?.to_owned(),
        chapter: "measurements".into(),
    })
}

fn legend(svg: &mut Svg, y: f64, messages: &Messages) -> Result<f64, ReportError> {
    let name = messages.get("figure", "lost_share")?;
    svg.text((48.0, y + 9.0), name, PLAIN.small().soft());
    let mut x = 56.0 + width_of(name, 9.5);
    for (index, paint) in HEAT.into_iter().enumerate() {
        let text = match STEPS.get(index) {
            Some(end) => format!("≤ {end} %"),
            None => format!("> {} %", STEPS[STEPS.len() - 1]),
        };
        svg.rect(Area::new(x, y, 14.0, 11.0), paint, SOFT, 0.6);
        svg.text((x + 18.0, y + 9.0), &text, PLAIN.small());
        x += 30.0 + width_of(&text, 9.5);
    }
    Ok(y + 18.0)
}

fn bars(rows: &[&NoiseResult], messages: &Messages) -> Result<Figure, ReportError> {
    let mut worst: Vec<&NoiseResult> = rows.to_vec();
    worst.sort_by(|a, b| b.lost_share.total_cmp(&a.lost_share).then(a.cpu.cmp(&b.cpu)));
    worst.truncate(MAX_BARS);
    worst.sort_by_key(|row| row.cpu);
    let row_height = 15.0;
    let plot = Area::new(48.0, 24.0, WIDTH - 150.0, row_height * worst.len() as f64);
    let highest = worst.iter().map(|row| row.lost_share * 100.0).fold(0.0, f64::max).max(1e-6);
    let mut svg = Svg::default();
    svg.text((4.0, 14.0), messages.get("figure", "cpu_axis")?, PLAIN.small().soft());
    for (index, row) in worst.iter().enumerate() {
        let y = plot.y + index as f64 * row_height;
        svg.text((plot.x - 6.0, y + 10.0), &row.cpu.to_string(), PLAIN.small().soft().end());
        let percent = row.lost_share * 100.0;
        let bar = Area::new(plot.x, y + 2.0, plot.w * (percent / highest).clamp(0.0, 1.0), row_height - 5.0);
        svg.rect(bar, ACCENT, ACCENT, 0.0);
        let text = messages.numeral(&format!("{percent:.3} %, max {:.0} µs", row.max_us));
        svg.text((bar.right() + 6.0, y + 10.0), &text, PLAIN.small());
    }
    let peak = worst.iter().max_by(|a, b| a.lost_share.total_cmp(&b.lost_share));
    let (share, cpu) = peak.map_or((0.0, 0), |row| (row.lost_share * 100.0, row.cpu));
    let values = [
        ("n", rows.len().to_string()),
        ("cpu", cpu.to_string()),
        ("share", messages.numeral(&format!("{share:.3}"))),
    ];
    let values: Vec<(&str, &str)> = values.iter().map(|(a, b)| (*a, b.as_str())).collect();
    let (title, alt) =
        (messages.get("figure", "noise_bars")?, messages.fill("figure", "noise_bars_alt", &values)?);
    Ok(Figure {
        id: "noise".into(),
        title: title.to_owned(),
        svg: svg.finish(plot.bottom() + 8.0, title, &alt),
        alt,
        caption: messages.get("figure", "noise_caption")?.to_owned(),
        chapter: "measurements".into(),
    })
}
