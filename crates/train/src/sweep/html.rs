//! The report of a sweep: one HTML page that needs nothing else.

use std::fmt::Write;

use bert_ner_score::Difference;

use super::svg::{COLOURS, Curve, Row, curves, dots, escaped};
use super::{Comparison, Configuration, FinishedRun, Outcome, RunResult, Summary};

const STYLE: &str = "\
:root { color-scheme: light dark; --text: #1c2330; --page: #ffffff; --soft: #667085; --line: #d9dee7; --real: #e3f4e8;
  --0: #2563c4; --1: #c8540a; --2: #17864b; --3: #9333b5; --4: #b3261e; --5: #0e7c86; --6: #8a6d00; --7: #5b5f97; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e9ef; --page: #14171c; --soft: #98a2b3; --line: #333a45;
  --real: #173723; --0: #7fb0ff; --1: #ff9d5c; --2: #5fd38f; --3: #d48bf0; --4: #ff8a80; --5: #5cd0da; --6: #e0c04c; --7: #a9adf0; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; } th, td { padding: .25rem .7rem; text-align: right; border-bottom: 1px solid var(--line); }
td { white-space: nowrap; } td.name { white-space: normal; } th { font-weight: 600; } th:first-child, td.name { text-align: left; } tr.real td { background: var(--real); }
.wide { overflow-x: auto; } .soft { color: var(--soft); } .pair { display: flex; flex-wrap: wrap; gap: 1rem; }
svg { max-width: 100%; height: auto; font: 12px system-ui, sans-serif; fill: var(--text); }
.grid { stroke: var(--line); } .tick { fill: var(--soft); font-size: 11px; }
polyline { fill: none; stroke-width: 1.8; } line { stroke-width: 1.5; } .mean { stroke-width: 3; } .dashed { stroke-dasharray: 5 4; }
summary { cursor: pointer; } .seed { margin-right: 1.2em; } .seed svg { vertical-align: middle; margin-right: .4em; }
";

/// The report as a page: a table, every run's F1 as a dot, which differences are real, and curves.
pub fn sweep_report(summary: &Summary, name: &str) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{0}</title>\n<style>\n{STYLE}",
        escaped(name)
    );
    for colour in 0..COLOURS {
        let _ = writeln!(
            page,
            ".c{colour} {{ stroke: var(--{colour}); }} .f{colour} {{ fill: var(--{colour}); }}"
        );
    }
    let _ = write!(page, "</style>\n<h1>{}</h1>\n", escaped(name));
    headline(&mut page, summary);
    table(&mut page, &summary.configurations);
    let percent: Vec<(Vec<f64>, &Configuration)> = summary
        .configurations
        .iter()
        .map(|one| (one.f1.iter().map(|f1| 100.0 * f1).collect(), one))
        .collect();
    let rows: Vec<Row<'_>> = percent
        .iter()
        .map(|(values, one)| Row {
            name: &one.name,
            values,
            mean: 100.0 * one.f1_mean,
            deviation: 100.0 * one.f1_deviation,
        })
        .collect();
    let _ = write!(
        page,
        "<h2>Dev F1</h2>\n<p class=\"soft\">A dot a run; the bar is the mean, the line one standard deviation to either side.</p>\n\
         <div class=\"wide\">{}</div>\n",
        dots(&rows)
    );
    comparisons(&mut page, &summary.comparisons);
    all_curves(&mut page, summary);
    common_settings(&mut page, &summary.runs);
    let _ = writeln!(
        page,
        "<p class=\"soft\">bert-ner {}</p>\n</html>",
        env!("CARGO_PKG_VERSION")
    );
    page
}

fn headline(page: &mut String, summary: &Summary) {
    let runs = summary.runs.len();
    let diverged = summary
        .runs
        .iter()
        .filter(|run| matches!(run.outcome, Outcome::Diverged(_)));
    let real = summary.comparisons.iter().filter(|one| one.real).count();
    let best = summary
        .configurations
        .iter()
        .filter(|one| !one.f1.is_empty())
        .max_by(|a, b| a.f1_mean.total_cmp(&b.f1_mean));
    let _ = write!(
        page,
        "<p>{runs} runs of {} configurations",
        summary.configurations.len()
    );
    let diverged = diverged.count();
    if diverged > 0 {
        let _ = write!(page, ", of which {diverged} diverged");
    }
    page.push('.');
    if let Some(best) = best {
        let _ = write!(
            page,
            " The highest mean dev F1 is {:.2}, of <b>{}</b>.",
            100.0 * best.f1_mean,
            escaped(&best.name)
        );
    }
    let _ = writeln!(
        page,
        " Of {} differences {real} are real.</p>",
        summary.comparisons.len()
    );
}

fn table(page: &mut String, configurations: &[Configuration]) {
    let tested = configurations.iter().any(|one| one.test_f1_mean.is_some());
    let test = if tested { "<th>test F1</th>" } else { "" };
    let _ = writeln!(
        page,
        "<div class=\"wide\"><table>\n<tr><th>configuration</th><th>runs</th><th>dev F1</th>{test}<th>dev loss</th>\
         <th>samples/s</th><th>seconds</th></tr>"
    );
    for one in configurations {
        let runs = match one.diverged.len() {
            0 => one.seeds.len().to_string(),
            diverged => format!("{} ({diverged} diverged)", one.seeds.len()),
        };
        let of_test = one.test_f1_mean.zip(one.test_f1_deviation);
        let test = match (tested, of_test) {
            (false, _) => String::new(),
            (true, None) => "<td></td>".to_owned(),
            (true, Some((mean, deviation))) => {
                format!("<td>{}</td>", plus_minus(mean, deviation, one))
            }
        };
        let _ = write!(
            page,
            "<tr><td class=\"name\">{}</td><td>{runs}</td>",
            escaped(&one.name)
        );
        match one.f1.is_empty() {
            true => {
                page.push_str("<td class=\"soft\" colspan=\"5\">no run came to its end</td></tr>\n")
            }
            false => {
                let _ = writeln!(
                    page,
                    "<td>{}</td>{test}<td>{:.4}</td><td>{:.1}</td><td>{:.0}</td></tr>",
                    plus_minus(one.f1_mean, one.f1_deviation, one),
                    one.loss_mean,
                    one.samples_per_second,
                    one.train_seconds,
                );
            }
        }
    }
    page.push_str(
        "</table></div>\n<p class=\"soft\">Mean ± standard deviation over the seeds.</p>\n",
    );
}

/// One run has no deviation.
fn plus_minus(mean: f64, deviation: f64, of: &Configuration) -> String {
    match of.seeds.len() {
        0 | 1 => format!("{:.2}", 100.0 * mean),
        _ => format!("{:.2} ± {:.2}", 100.0 * mean, 100.0 * deviation),
    }
}

fn comparisons(page: &mut String, comparisons: &[Comparison]) {
    if comparisons.is_empty() {
        return;
    }
    page.push_str(
        "<h2>Differences</h2>\n<p class=\"soft\">Points of dev F1, the first minus the second, paired: over the seeds that both have \
         (Student's t) and over dev sentences (bootstrap), each with its 95 % interval. p is the larger of both p-values, adjusted \
         for the number of comparisons (Holm). Real: p below 0.05.</p>\n<div class=\"wide\"><table>\n\
         <tr><th>difference</th><th>mean</th><th>over seeds</th><th>over sentences</th><th>p</th><th></th></tr>\n",
    );
    let interval = |difference: &Option<Difference>| {
        difference.map_or("–".to_owned(), |d| {
            format!("{} to {}", signed(d.interval.low), signed(d.interval.high))
        })
    };
    for one in comparisons {
        let mean = one
            .seeds
            .or(one.sentences)
            .map_or("–".to_owned(), |d| signed(d.mean));
        let (p, verdict) = match one.p {
            None => ("–".to_owned(), "too few common seeds"),
            Some(p) => (
                format!("{p:.4}"),
                if one.real { "real" } else { "may be chance" },
            ),
        };
        let _ = writeln!(
            page,
            "<tr{}><td class=\"name\">{} – {}</td><td>{mean}</td><td>{}</td><td>{}</td><td>{p}</td><td>{verdict}</td></tr>",
            if one.real { " class=\"real\"" } else { "" },
            escaped(&one.a),
            escaped(&one.b),
            interval(&one.seeds),
            interval(&one.sentences),
        );
    }
    page.push_str("</table></div>\n");
}

/// A difference of F1 in points, with a minus as wide as the plus.
fn signed(difference: f64) -> String {
    format!("{:+.2}", 100.0 * difference).replace('-', "\u{2212}")
}

/// The settings that all runs have in common, folded away.
fn common_settings(page: &mut String, runs: &[RunResult]) {
    let Some((first, others)) = runs.split_first() else {
        return;
    };
    page.push_str(
        "<h2>Settings</h2>\n<details><summary>Those that all runs have in common</summary>\n<table>\n",
    );
    for (key, value) in &first.settings {
        if value.is_null()
            || others
                .iter()
                .any(|run| run.settings.get(key) != Some(value))
        {
            continue;
        }
        let value = match value.as_str() {
            Some(text) => text.to_owned(),
            None => value.to_string(),
        };
        let _ = writeln!(
            page,
            "<tr><td class=\"name\">{}</td><td class=\"name\">{}</td></tr>",
            escaped(key),
            escaped(&value)
        );
    }
    page.push_str("</table></details>\n");
}

/// Which colour is which seed in the curves.
fn seed_legend(page: &mut String, configuration: &Configuration) {
    page.push_str("<p class=\"soft\">");
    for (colour, seed) in configuration.seeds.iter().enumerate() {
        let colour = colour % COLOURS;
        let _ = write!(
            page,
            "<span class=\"seed\"><svg width=\"20\" height=\"8\"><line class=\"c{colour}\" x2=\"20\" y1=\"4\" y2=\"4\"/></svg>seed {seed}</span>"
        );
    }
    page.push_str("</p>\n");
}

fn all_curves(page: &mut String, summary: &Summary) {
    page.push_str(
        "<h2>Curves</h2>\n<p class=\"soft\">Over epochs, a line a run; of the losses, dev is drawn whole and training dashed.</p>\n",
    );
    for one in &summary.configurations {
        let own = || {
            let runs = summary
                .runs
                .iter()
                .filter(|run| run.configuration == one.name);
            runs.filter_map(|run| Some((run.seed, run.finished()?)))
                .enumerate()
        };
        let curve =
            |title: &str, dashed: bool, value: &dyn Fn(&FinishedRun) -> Vec<f64>| -> Vec<Curve> {
                own()
                    .map(|(colour, (seed, run))| Curve {
                        title: format!("{title}, seed {seed}"),
                        colour,
                        dashed,
                        points: run
                            .epochs
                            .iter()
                            .map(|epoch| epoch.epoch)
                            .zip(value(run))
                            .collect(),
                    })
                    .collect()
            };
        let f1 = curve("dev F1", false, &|run| {
            run.epochs.iter().map(|e| 100.0 * e.dev.f1).collect()
        });
        let mut losses = curve("dev loss", false, &|run| {
            run.epochs.iter().map(|e| e.dev.loss).collect()
        });
        losses.extend(curve("training loss", true, &|run| {
            run.epochs.iter().map(|e| e.train_loss).collect()
        }));
        if !f1.is_empty() {
            let _ = write!(
                page,
                "<h3>{}</h3>\n<div class=\"pair\">{}{}</div>\n",
                escaped(&one.name),
                curves("dev F1", &f1),
                curves("loss", &losses)
            );
            seed_legend(page, one);
        }
    }
}
