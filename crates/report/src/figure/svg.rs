//! Writes SVG: few elements, numbers with one decimal, texts escaped. Nothing here depends on the machine.

use crate::escape::clean;

/// Width of all figures in their own unit; a page shows them 166 mm wide, so that 11.6 units are letters of 8.5 points, which
/// nothing is below.
pub(crate) const WIDTH: f64 = 640.0;
/// Size of letters.
pub(crate) const SIZE: f64 = 12.4;
/// Size of small letters.
pub(crate) const SMALL: f64 = 11.6;
/// Lists of families; the last name is the reader's own choice.
const FONTS: &str = "Inter, 'Helvetica Neue', Arial, 'DejaVu Sans', 'Libertinus Serif', sans-serif";

/// A colour with its class, so that a style sheet can change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Paint {
    class: &'static str,
    colour: &'static str,
}

/// Letters and heavy lines.
pub(crate) const INK: Paint = Paint { class: "ink", colour: "#1d2733" };
/// Secondary letters and lines.
pub(crate) const SOFT: Paint = Paint { class: "soft", colour: "#55606e" };
/// Hair lines.
pub(crate) const HAIR: Paint = Paint { class: "hair", colour: "#b9c2cc" };
/// Light areas.
pub(crate) const WASH: Paint = Paint { class: "wash", colour: "#eef1f4" };
/// The ground.
pub(crate) const PAPER: Paint = Paint { class: "paper", colour: "#ffffff" };
/// What the figure is about.
pub(crate) const ACCENT: Paint = Paint { class: "accent", colour: "#1f3f66" };
/// What is not where it should be, or beyond a limit.
pub(crate) const FAR: Paint = Paint { class: "far", colour: "#b3261e" };
/// What a grade is drawn with, from 1 for low to 3 for high; the darker, the worse, so that it holds in grey.
pub(crate) const GRADES: [Paint; 3] = [
    Paint { class: "low", colour: "#3f8f63" },
    Paint { class: "medium", colour: "#9a5b00" },
    Paint { class: "high", colour: "#7d1414" },
];

/// The colour of a grade; that of secondary lines for none.
pub(crate) fn grade_paint(level: u8) -> Paint {
    usize::from(level).checked_sub(1).and_then(|at| GRADES.get(at)).copied().unwrap_or(SOFT)
}

/// Steps of darkness for heat maps, light to dark.
pub(crate) const HEAT: [Paint; 6] = [
    Paint { class: "heat0", colour: "#f3f5f7" },
    Paint { class: "heat1", colour: "#d3dde8" },
    Paint { class: "heat2", colour: "#a5bbd2" },
    Paint { class: "heat3", colour: "#6d8fb3" },
    Paint { class: "heat4", colour: "#3a6090" },
    Paint { class: "heat5", colour: "#122b4a" },
];

/// Where a text begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a text looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    pub(crate) size: f64,
    pub(crate) paint: Paint,
    pub(crate) bold: bool,
    pub(crate) anchor: Anchor,
}

/// Plain letters.
pub(crate) const PLAIN: Style = Style { size: SIZE, paint: INK, bold: false, anchor: Anchor::Start };

impl Style {
    pub(crate) const fn small(self) -> Self {
        Self { size: SMALL, ..self }
    }
    pub(crate) const fn bold(self) -> Self {
        Self { bold: true, ..self }
    }
    pub(crate) const fn paint(self, paint: Paint) -> Self {
        Self { paint, ..self }
    }
    pub(crate) const fn soft(self) -> Self {
        self.paint(SOFT)
    }
    pub(crate) const fn middle(self) -> Self {
        Self { anchor: Anchor::Middle, ..self }
    }
    pub(crate) const fn end(self) -> Self {
        Self { anchor: Anchor::End, ..self }
    }
}

/// A rectangle: left, top, width, height.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Area {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) w: f64,
    pub(crate) h: f64,
}

impl Area {
    pub(crate) const fn new(x: f64, y: f64, w: f64, h: f64) -> Self {
        Self { x, y, w, h }
    }
    pub(crate) fn right(&self) -> f64 {
        self.x + self.w
    }
    pub(crate) fn bottom(&self) -> f64 {
        self.y + self.h
    }
}

/// A drawing in the making.
#[derive(Debug, Default)]
pub(crate) struct Svg {
    body: String,
}

impl Svg {
    /// The finished text. `title` and `alt` are in it for readers of the file itself.
    pub(crate) fn finish(self, height: f64, title: &str, alt: &str) -> String {
        let (width, height) = (number(WIDTH), number(height.ceil()));
        let (title, alt, fonts) = (escape(title), escape(alt), escape(FONTS));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\" font-family=\"{fonts}\">\n<title>{title}</title>\n\
             <desc>{alt}</desc>\n<rect class=\"paper\" width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n{}</svg>\n",
            self.body
        )
    }

    /// What `draw` draws, with a text that a browser shows beside it.
    pub(crate) fn told(&mut self, text: &str, draw: impl FnOnce(&mut Self)) {
        self.body.push_str(&format!("<g><title>{}</title>\n", escape(text)));
        draw(self);
        self.body.push_str("</g>\n");
    }

    /// A filled rectangle with an outline of `line` (width 0: none).
    pub(crate) fn rect(&mut self, area: Area, fill: Paint, stroke: Paint, line: f64) {
        let Area { x, y, w, h } = area;
        let (edge, edge_class) = if line > 0.0 {
            let edge = format!(" stroke=\"{}\" stroke-width=\"{}\"", stroke.colour, number(line));
            (edge, format!(" line-{}", stroke.class))
        } else {
            (String::new(), String::new())
        };
        self.body.push_str(&format!(
            "<rect class=\"{}{edge_class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\"{edge}/>\n",
            fill.class,
            number(x),
            number(y),
            number(w.max(0.0)),
            number(h.max(0.0)),
            fill.colour
        ));
    }

    pub(crate) fn line(&mut self, from: (f64, f64), to: (f64, f64), paint: Paint, width: f64, dash: &str) {
        self.path(&[from, to], paint, width, dash);
    }

    /// An open line through points.
    pub(crate) fn path(&mut self, points: &[(f64, f64)], paint: Paint, width: f64, dash: &str) {
        let steps: Vec<String> =
            points.iter().map(|(x, y)| format!("{} {}", number(*x), number(*y))).collect();
        let dash = if dash.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{dash}\"") };
        self.body.push_str(&format!(
            "<path class=\"line-{}\" d=\"M{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\"{dash} stroke-linejoin=\"round\"/>\n",
            paint.class,
            steps.join("L"),
            paint.colour,
            number(width)
        ));
    }

    /// Many rectangles of one colour as one shape.
    pub(crate) fn tiles(&mut self, tiles: &[Area], paint: Paint) {
        if tiles.is_empty() {
            return;
        }
        let mut d = String::new();
        for Area { x, y, w, h } in tiles {
            d.push_str(&format!(
                "M{} {}h{}v{}h-{}z",
                number(*x),
                number(*y),
                number(*w),
                number(*h),
                number(*w)
            ));
        }
        self.body
            .push_str(&format!("<path class=\"{}\" d=\"{d}\" fill=\"{}\"/>\n", paint.class, paint.colour));
    }

    /// Slanted lines across an area: what is far, also without colour.
    pub(crate) fn hatch(&mut self, area: Area, paint: Paint) {
        const STEP: f64 = 4.0;
        let mut d = String::new();
        let mut at = STEP / 2.0;
        while at < area.w + area.h {
            let (x1, y1) =
                if at < area.h { (area.x, area.y + at) } else { (area.x + at - area.h, area.bottom()) };
            let (x2, y2) =
                if at < area.w { (area.x + at, area.y) } else { (area.right(), area.y + at - area.w) };
            d.push_str(&format!("M{} {}L{} {}", number(x1), number(y1), number(x2), number(y2)));
            at += STEP;
        }
        self.body.push_str(&format!(
            "<path class=\"line-{}\" d=\"{d}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1\"/>\n",
            paint.class, paint.colour
        ));
    }

    pub(crate) fn circle(&mut self, (x, y): (f64, f64), r: f64, fill: Paint, stroke: Paint) {
        self.body.push_str(&format!(
            "<circle class=\"{} line-{}\" cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"{}\" stroke=\"{}\" stroke-width=\"1.4\"/>\n",
            fill.class,
            stroke.class,
            number(x),
            number(y),
            number(r),
            fill.colour,
            stroke.colour
        ));
    }

    /// A text whose baseline is at `at`.
    pub(crate) fn text(&mut self, at: (f64, f64), text: &str, style: Style) {
        let anchor = match style.anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let weight = if style.bold { " font-weight=\"bold\"" } else { "" };
        self.body.push_str(&format!(
            "<text class=\"{}\" x=\"{}\" y=\"{}\" font-size=\"{}\" fill=\"{}\"{anchor}{weight}>{}</text>\n",
            style.paint.class,
            number(at.0),
            number(at.1),
            number(style.size),
            style.paint.colour,
            escape(text)
        ));
    }

    /// A text that is cut where it would be wider than `width`.
    pub(crate) fn fitted(&mut self, at: (f64, f64), text: &str, width: f64, style: Style) {
        self.text(at, &fit(text, width, style.size), style);
    }
}

/// Width of a text by the wide side of common sans-serif fonts.
pub(crate) fn width_of(text: &str, size: f64) -> f64 {
    let letters = |c: char| match c {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | ' ' | '(' | ')' | '/' => 0.32,
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 0.88,
        c if c.is_uppercase() => 0.68,
        c if c.is_ascii() => 0.56,
        _ => 0.7,
    };
    text.chars().map(letters).sum::<f64>() * size
}

/// `text`, cut with an ellipsis where it is wider than `width`.
pub(crate) fn fit(text: &str, width: f64, size: f64) -> String {
    let text = clean(text).replace('\n', " ");
    if width_of(&text, size) <= width {
        return text;
    }
    let mut cut = String::new();
    for c in text.chars() {
        cut.push(c);
        if width_of(&cut, size) + 0.9 * size > width {
            cut.pop();
            break;
        }
    }
    format!("{}…", cut.trim_end())
}

/// One decimal at most; never `-0`.
pub(crate) fn number(value: f64) -> String {
    let tenths = if value.is_finite() { (value * 10.0).round() / 10.0 } else { 0.0 };
    let text = format!("{tenths:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// Text for XML. Control characters, which XML forbids even escaped, are replaced.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in clean(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_cannot_become_elements() {
        let mut svg = Svg::default();
        svg.text((0.0, 0.0), "<script>&\"'\u{0}\u{202e}]]>", PLAIN);
        let text = svg.finish(10.0, "a<b", "c&d");
        assert!(text.contains("&lt;script&gt;&amp;&quot;&#39;\u{fffd}\u{fffd}]]&gt;</text>"), "{text}");
        assert!(text.contains("<title>a&lt;b</title>\n<desc>c&amp;d</desc>"), "{text}");
    }

    #[test]
    fn numbers_are_short_and_never_odd() {
        for (value, expected) in
            [(1.0, "1"), (1.25, "1.3"), (-0.01, "0"), (f64::NAN, "0"), (f64::INFINITY, "0"), (-7.14, "-7.1")]
        {
            assert_eq!(number(value), expected);
        }
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(fit("short", 100.0, 10.0), "short");
        let cut = fit(&"wide ".repeat(40), 100.0, 10.0);
        assert!(cut.ends_with('…') && width_of(&cut, 10.0) <= 100.0, "{cut}");
    }
}
