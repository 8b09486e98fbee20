//! `bert-ner split`.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;
use bert_ner_text::Parts;
use comfy_table::{CellAlignment, Table, presets};

use crate::args::SplitArgs;
use crate::failure::{note, warn};
use crate::table::percent;

pub(crate) fn run(args: &SplitArgs) -> Result<ExitCode> {
    let how = (&args.ratios, args.seed);
    let parts = bert_ner_text::split(&args.input, &args.output, how, &args.format.read_options())?;
    for warning in &parts.warnings {
        warn(warning);
    }
    if parts.by_sentence {
        note("no document is marked: every sentence was taken for one");
    }
    let mut out = io::stdout().lock();
    for line in table(&parts).lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// Documents and entities of each part, with their share of all in percent.
fn table(parts: &Parts) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let mut header = vec![String::new()];
    for part in &parts.parts {
        header.extend([part.name.clone(), "%".to_owned()]);
    }
    table.set_header(header);
    let mut add = |name: &str, counts: Vec<usize>| {
        let total: usize = counts.iter().sum();
        let mut row = vec![name.to_owned()];
        for count in counts {
            row.extend([
                count.to_string(),
                percent(count as f64 / total.max(1) as f64),
            ]);
        }
        table.add_row(row);
    };
    let counts = |of: &dyn Fn(&bert_ner_text::Part) -> usize| parts.parts.iter().map(of).collect();
    add("documents", counts(&|part| part.documents));
    add("entities", counts(&|part| part.entities.values().sum()));
    let types: BTreeSet<&String> = parts
        .parts
        .iter()
        .flat_map(|part| part.entities.keys())
        .collect();
    for name in types {
        add(
            name,
            counts(&|part| part.entities.get(name).copied().unwrap_or(0)),
        );
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((if index == 0 { 0 } else { 2 }, 0));
        if index > 0 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}
