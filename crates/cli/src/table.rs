//! Scores as tables for people.

use std::io::Write;

use bert_ner_score::Scores;
use bert_ner_text::counted;
use comfy_table::{CellAlignment, Table, presets};

/// A share as a percentage with two decimals.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.2}", share * 100.0)
}

/// Writes precision, recall, F1 and support of each type and of all, and the accuracy.
pub(crate) fn write_scores(out: &mut impl Write, scores: &Scores) -> std::io::Result<()> {
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
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((if index == 0 { 0 } else { 2 }, 0));
        if index > 0 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for line in table.lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    writeln!(
        out,
        "\naccuracy {} over {}",
        percent(scores.accuracy),
        counted(scores.tokens, "words")
    )
}
