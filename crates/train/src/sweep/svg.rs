//! The pictures of a report, as inline SVG. Colours come from the page's style sheet, so that they follow light and dark.

use std::fmt::Write;

/// A curve of a chart.
pub(super) struct Curve {
    /// What a pointer that rests on it is told.
    pub(super) title: String,
    /// Which of the page's colours, counted round.
    pub(super) colour: usize,
    pub(super) dashed: bool,
    pub(super) points: Vec<(f64, f64)>,
}

/// A row of [`dots`].
pub(super) struct Row<'a> {
    pub(super) name: &'a str,
    pub(super) values: &'a [f64],
    pub(super) mean: f64,
    pub(super) deviation: f64,
}

/// Colours in the style sheet.
pub(super) const COLOURS: usize = 8;

/// Text as it may stand in HTML.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// The range of some numbers, a little widened, and never empty.
fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values
        .filter(|value| value.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
    if low > high {
        return (0.0, 1.0);
    }
    let margin = ((high - low) * 0.06).max(high.abs() * 1e-3).max(1e-6);
    (low - margin, high + margin)
}

/// Round numbers within a range, about `count` of them, and how many decimals they need.
fn ticks(low: f64, high: f64, count: f64) -> (Vec<f64>, usize) {
    let rough = (high - low) / count;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|digit| digit * power)
        .find(|step| *step >= rough)
        .unwrap_or(power);
    let first = (low / step).ceil() as i64;
    let last = (high / step).floor() as i64;
    let decimals = (-step.log10().floor()).max(0.0) as usize;
    ((first..=last).map(|n| n as f64 * step).collect(), decimals)
}

/// Every configuration's runs as dots on one line, its mean as a bar, a standard deviation to either side as a line.
pub(super) fn dots(rows: &[Row<'_>]) -> String {
    const LINE: f64 = 26.0;
    let longest = rows.iter().map(|row| row.name.chars().count()).max();
    let left = (longest.unwrap_or(0) as f64 * 6.6 + 16.0).min(420.0);
    let (width, height) = (
        (left + 480.0).max(960.0 - 32.0),
        rows.len() as f64 * LINE + 34.0,
    );
    let all = rows.iter().flat_map(|row| {
        let ends = [row.mean - row.deviation, row.mean + row.deviation];
        row.values.iter().copied().chain(ends)
    });
    let (low, high) = range(all);
    let x = |value: f64| left + (value - low) / (high - low) * (width - left - 16.0);
    let mut svg = format!(
        "<svg viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" role=\"img\" aria-label=\"F1 of every run\">\n"
    );
    let (marks, decimals) = ticks(low, high, 6.0);
    for mark in marks {
        let (at, bottom) = (x(mark), height - 24.0);
        let _ = writeln!(
            svg,
            "<line class=\"grid\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"4\" y2=\"{bottom:.1}\"/>\
             <text class=\"tick\" x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{mark:.decimals$}</text>",
            height - 8.0,
        );
    }
    for (index, row) in rows.iter().enumerate() {
        let (y, colour) = (index as f64 * LINE + 18.0, index % COLOURS);
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            left - 10.0,
            y + 4.0,
            escaped(row.name)
        );
        if row.values.is_empty() {
            continue;
        }
        let (mean, from, to) = (
            x(row.mean),
            x(row.mean - row.deviation),
            x(row.mean + row.deviation),
        );
        let _ = writeln!(
            svg,
            "<line class=\"c{colour}\" x1=\"{from:.1}\" x2=\"{to:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <line class=\"c{colour} mean\" x1=\"{mean:.1}\" x2=\"{mean:.1}\" y1=\"{:.1}\" y2=\"{:.1}\"/>",
            y - 8.0,
            y + 8.0,
        );
        for value in row.values {
            let _ = writeln!(
                svg,
                "<circle class=\"f{colour}\" cx=\"{:.1}\" cy=\"{y:.1}\" r=\"4\"><title>{value:.2}</title></circle>",
                x(*value)
            );
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// Curves over epochs.
pub(super) fn curves(label: &str, curves: &[Curve]) -> String {
    const SIZE: (f64, f64) = (380.0, 200.0);
    const LEFT: f64 = 46.0;
    const BOTTOM: f64 = 24.0;
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let (low, high) = range(points().map(|point| point.1));
    let last = points().map(|point| point.0).fold(0.0, f64::max).max(1e-9);
    let first = points().map(|point| point.0).fold(last, f64::min);
    // One evaluation alone has its place between the beginning and its epoch.
    let first = if first < last { first } else { 0.0 };
    let x = |epoch: f64| LEFT + (epoch - first) / (last - first) * (SIZE.0 - LEFT - 16.0);
    let y = |value: f64| 18.0 + (high - value) / (high - low) * (SIZE.1 - BOTTOM - 18.0);
    let mut svg = format!(
        "<svg viewBox=\"0 0 {} {}\" width=\"{}\" role=\"img\" aria-label=\"{label} by epoch\">\n\
         <text class=\"tick\" x=\"4\" y=\"12\">{label}</text>\n",
        SIZE.0,
        SIZE.1,
        SIZE.0,
        label = escaped(label)
    );
    let (marks, decimals) = ticks(low, high, 5.0);
    for mark in marks {
        let at = y(mark);
        let _ = writeln!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{mark:.decimals$}</text>",
            SIZE.0 - 8.0,
            LEFT - 5.0,
            at + 4.0,
        );
    }
    let (marks, decimals) = ticks(first, last, 6.0);
    for mark in marks {
        let _ = writeln!(
            svg,
            "<text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{mark:.decimals$}</text>",
            x(mark),
            SIZE.1 - 8.0,
        );
    }
    for curve in curves {
        let drawn = curve.points.iter().filter(|point| point.1.is_finite());
        let path: Vec<(f64, f64)> = drawn.map(|&(epoch, value)| (x(epoch), y(value))).collect();
        let colour = curve.colour % COLOURS;
        let _ = write!(
            svg,
            "<g><title>{}</title><polyline class=\"c{colour}{}\" points=\"",
            escaped(&curve.title),
            if curve.dashed { " dashed" } else { "" },
        );
        for (x, y) in &path {
            let _ = write!(svg, "{x:.1},{y:.1} ");
        }
        svg.push_str("\"/>");
        for (x, y) in &path {
            let _ = write!(
                svg,
                "<circle class=\"f{colour}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.5\"/>"
            );
        }
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        let (marks, decimals) = ticks(0.713, 0.861, 5.0);
        let shown: Vec<String> = marks.iter().map(|m| format!("{m:.decimals$}")).collect();
        assert_eq!(shown, ["0.75", "0.80", "0.85"]);
        let (marks, decimals) = ticks(0.0, 12.0, 6.0);
        assert_eq!((marks.len(), decimals), (7, 0));
    }

    #[test]
    fn one_value_or_none_gives_a_picture_without_nonsense() {
        for values in [&[][..], &[70.0][..], &[f64::NAN, 1.0][..]] {
            let points = values.iter().map(|&value| (1.0, value)).collect();
            let curve = Curve {
                title: "a < b".into(),
                colour: 9,
                dashed: false,
                points,
            };
            let svg = curves("F1", &[curve]);
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            assert!(svg.contains("a &lt; b"));
        }
    }
}
