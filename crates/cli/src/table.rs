//! Scores as tables for people.

use std::io::Write;

use bert_ner_score::{Calibration, ClassScores, Scores};
use bert_ner_text::counted;
use comfy_table::{CellAlignment, Table, presets};

/// A share as a percentage with two decimals.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.2}", share * 100.0)
}

/// Writes precision, recall, F1 and support of each type and of all, and the accuracy.
pub(crate) fn write_scores(out: &mut impl Write, scores: &Scores) -> std::io::Result<()> {
    if let Some(classes) = &scores.classes {
        return write_classes(out, scores, classes);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["type", "precision", "recall", "F1", "entities"]);
    for (label, scores) in &scores.by_type {
        table.add_row([
            label.clone(),
            percent(scores.precision),
            percent(scores.recall),
            percent(scores.f1),
            scores.support.to_string(),
        ]);
    }
    table.add_row([
        "all".to_owned(),
        percent(scores.precision),
        percent(scores.recall),
        percent(scores.f1),
        scores.gold.to_string(),
    ]);
    write_table(out, table)?;
    writeln!(
        out,
        "\naccuracy {} over {}",
        percent(scores.accuracy),
        counted(scores.tokens, "words")
    )
}

/// Writes precision, recall and F1 of each label, their means, the accuracy and the confusion matrix.
fn write_classes(
    out: &mut impl Write,
    scores: &Scores,
    classes: &ClassScores,
) -> std::io::Result<()> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["label", "precision", "recall", "F1", "texts"]);
    let mut row = |name: &str, [precision, recall, f1]: [f64; 3], texts: usize| {
        let [precision, recall, f1] = [precision, recall, f1].map(percent);
        table.add_row([name.to_owned(), precision, recall, f1, texts.to_string()]);
    };
    for (label, one) in &scores.by_type {
        row(label, [one.precision, one.recall, one.f1], one.support);
    }
    let weighted = scores.weighted_average();
    row(
        "macro",
        [scores.precision, scores.recall, scores.f1],
        scores.gold,
    );
    row(
        "weighted",
        [weighted.precision, weighted.recall, weighted.f1],
        scores.gold,
    );
    write_table(out, table)?;
    let (accuracy, texts) = (percent(scores.accuracy), counted(scores.tokens, "texts"));
    writeln!(out, "\naccuracy {accuracy} over {texts}\n")?;
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(
        std::iter::once("gold \\ predicted").chain(classes.labels.iter().map(String::as_str)),
    );
    for (label, row) in classes.labels.iter().zip(&classes.confusion) {
        let cells = row.iter().map(ToString::to_string);
        table.add_row(std::iter::once(label.clone()).chain(cells));
    }
    write_table(out, table)
}

/// Writes the reliability table of the entities found, its empty bins left out.
pub(crate) fn write_calibration(
    out: &mut impl Write,
    calibration: &Calibration,
) -> std::io::Result<()> {
    if calibration.entities == 0 {
        return Ok(());
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["confidence", "mean", "precision", "entities"]);
    for bin in calibration.bins.iter().filter(|bin| bin.entities > 0) {
        table.add_row([
            format!("{:.0} to {:.0}", bin.from * 100.0, bin.to * 100.0),
            percent(bin.confidence.unwrap_or_default()),
            percent(bin.precision.unwrap_or_default()),
            bin.entities.to_string(),
        ]);
    }
    writeln!(out)?;
    write_table(out, table)?;
    writeln!(
        out,
        "\ncalibration error {} (mean distance of confidence and precision)",
        percent(calibration.ece)
    )
}

/// Writes a table whose first column is text and whose others are numbers.
fn write_table(out: &mut impl Write, mut table: Table) -> std::io::Result<()> {
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((if index == 0 { 0 } else { 2 }, 0));
        if index > 0 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for line in table.lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}
