//! Scores as text: the output of conlleval and of seqeval, to the byte.

use std::fmt::Write;

use crate::counts::{Counts, harmonic};
use crate::{Average, Scores, TypeScores};

/// Precision, recall and F1 in percent, by conlleval's order of operations.
fn percents(counts: Counts) -> [f64; 3] {
    let percent = |whole| {
        if whole == 0 {
            0.0
        } else {
            (100 * counts.correct) as f64 / whole as f64
        }
    };
    let (precision, recall) = (percent(counts.predicted), percent(counts.gold));
    [precision, recall, harmonic(precision, recall)]
}

/// `text` padded with spaces to `width` bytes, as Perl's `printf` counts them.
fn pad_left(text: &str, width: usize) -> String {
    " ".repeat(width.saturating_sub(text.len())) + text
}

fn pad_right(text: &str, width: usize) -> String {
    text.to_owned() + &" ".repeat(width.saturating_sub(text.len()))
}

impl Scores {
    /// What conlleval prints. From [`Mode::Conlleval`](crate::Mode::Conlleval) it equals the
    /// Perl script's output on a file with a blank line after each sentence.
    pub fn conlleval(&self) -> String {
        let Self {
            tokens,
            gold,
            predicted,
            correct,
            ..
        } = self;
        let mut out = format!(
            "processed {tokens} tokens with {gold} phrases; found: {predicted} phrases; correct: {correct}.\n"
        );
        if *tokens > 0 {
            let accuracy = (100 * self.correct_tokens) as f64 / *tokens as f64;
            let [precision, recall, f1] = percents(self.counts());
            let _ = writeln!(
                out,
                "accuracy: {accuracy:6.2}%; precision: {precision:6.2}%; recall: {recall:6.2}%; FB1: {f1:6.2}"
            );
        }
        for (label, scores) in self.conlleval_types() {
            let [precision, recall, f1] = percents(scores.counts());
            let _ = writeln!(
                out,
                "{}: precision: {precision:6.2}%; recall: {recall:6.2}%; FB1: {f1:6.2}  {}",
                pad_left(label, 17),
                scores.predicted
            );
        }
        out
    }

    /// What conlleval prints with its option `-l`: the rows of a LaTeX table.
    pub fn conlleval_latex(&self) -> String {
        let mut out = String::from(r"        & Precision &  Recall  & F$_{\beta=1} \\\hline");
        for (label, scores) in self.conlleval_types() {
            out += &latex_row(&format!("\n{}", pad_right(label, 7)), scores.counts());
        }
        out += "\\hline\n";
        out += &latex_row("Overall", self.counts());
        out += "\\hline\n";
        out
    }

    /// conlleval drops the second of two equal names, but takes an empty one for no name at all:
    /// that row appears twice when both sides have it.
    fn conlleval_types(&self) -> impl Iterator<Item = (&str, &TypeScores)> {
        self.by_type.iter().flat_map(|(label, scores)| {
            let twice = label.is_empty() && scores.support > 0 && scores.predicted > 0;
            std::iter::repeat_n((label.as_str(), scores), if twice { 2 } else { 1 })
        })
    }

    /// seqeval's `classification_report` with `digits` decimals.
    pub fn report(&self, digits: usize) -> String {
        let names = self.by_type.keys().map(|label| label.chars().count());
        let width = names
            .max()
            .unwrap_or(0)
            .max("weighted avg".len())
            .max(digits);
        let row = |name: &str, average: Average, support: usize| {
            let Average {
                precision,
                recall,
                f1,
            } = average;
            format!(
                "{name:>width$}  {precision:>9.digits$} {recall:>9.digits$} {f1:>9.digits$} {support:>9}\n"
            )
        };
        let mut out = format!(
            "{:>width$}  {:>9} {:>9} {:>9} {:>9}\n\n",
            "", "precision", "recall", "f1-score", "support"
        );
        for (
            label,
            &TypeScores {
                precision,
                recall,
                f1,
                support,
                ..
            },
        ) in &self.by_type
        {
            out += &row(
                label,
                Average {
                    precision,
                    recall,
                    f1,
                },
                support,
            );
        }
        out.push('\n');
        let micro = Average {
            precision: self.precision,
            recall: self.recall,
            f1: self.f1,
        };
        out += &row("micro avg", micro, self.gold);
        out += &row("macro avg", self.macro_average(), self.gold);
        out += &row("weighted avg", self.weighted_average(), self.gold);
        out
    }
}

fn latex_row(name: &str, counts: Counts) -> String {
    let [precision, recall, f1] = percents(counts);
    format!(r"{name} &  {precision:6.2}\% & {recall:6.2}\% & {f1:6.2} \\")
}
