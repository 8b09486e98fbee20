//! `bert-ner sweep`.

use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use bert_ner_text::atomic;
use bert_ner_train::Settings;
use bert_ner_train::sweep::{self, Configuration, Outcome, Planned, RunResult, Summary};
use comfy_table::{CellAlignment, ColumnConstraint, Table, presets};

use crate::args::SweepArgs;
use crate::config;
use crate::failure::{INTERRUPTED, at};
use crate::interrupt::Interrupt;
use crate::names;
use crate::output::print_json;
use crate::table::percent;
use crate::watch::Watcher;

pub(crate) fn run(args: &SweepArgs) -> Result<ExitCode> {
    let runs = prepare(args)?;
    let interrupt = Interrupt::listen(
        "stopping after this step; the same command goes on from here; Ctrl-C again ends at once",
    )?;
    let Some(results) = all(args, &runs, &interrupt)? else {
        return Ok(ExitCode::from(INTERRUPTED));
    };
    let summary = sweep::summarise(results);
    let name = args.grid.file_stem().unwrap_or_default();
    let report = args.output.join("report.html");
    let page = sweep::sweep_report(&summary, &name.to_string_lossy());
    atomic::write(&report, page.as_bytes()).map_err(|error| at(&report, error))?;
    if args.json {
        print_json(&summary)?;
    } else {
        show(&summary)?;
    }
    if !args.quiet {
        eprintln!("{} shows all of it", report.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Every run with its settings: what cannot work is said before anything runs.
fn prepare(args: &SweepArgs) -> Result<Vec<(Planned, Settings)>> {
    let grid = config::read_grid(&args.grid)?;
    let in_grid = |error| config::in_grid(&args.grid, error);
    let planned = sweep::plan(grid, &args.output).map_err(in_grid)?;
    for run in &planned {
        run.options.validate().map_err(in_grid)?;
    }
    let runs: Vec<(Planned, Settings)> = planned
        .into_iter()
        .map(|run| {
            let places = names::places(&run.options, args.quiet)?;
            let settings = run.options.clone().resolve(places).map_err(in_grid)?;
            Ok((run, settings))
        })
        .collect::<Result<_>>()?;
    for (_, settings) in &runs {
        sweep::check_data(settings)?;
    }
    Ok(runs)
}

/// Does what is not done yet; nothing when the user stops it.
fn all(
    args: &SweepArgs,
    runs: &[(Planned, Settings)],
    interrupt: &Interrupt,
) -> Result<Option<Vec<RunResult>>> {
    let say = |line: String| {
        if !args.quiet {
            eprintln!("{line}");
        }
    };
    let mut results: Vec<Option<RunResult>> = runs
        .iter()
        .map(|(planned, settings)| sweep::finished_before(&args.output, planned, settings))
        .collect::<Result<_, _>>()?;
    let before = results.iter().flatten().count();
    if before > 0 {
        say(format!("{before} of {} runs are done already", runs.len()));
    }
    let begun = Instant::now();
    let mut done = 0;
    for (index, (planned, settings)) in runs.iter().enumerate() {
        if results[index].is_some() {
            continue;
        }
        let left = runs.len() - before - done;
        let time = match done {
            0 => String::new(),
            done => {
                let each = begun.elapsed().as_secs_f64() / done as f64;
                format!(", about {} left", duration(each * left as f64))
            }
        };
        let (number, of, name) = (index + 1, runs.len(), &planned.name);
        say(format!("run {number} of {of}: {name}{time}"));
        let mut watcher = Watcher::new(args.quiet, interrupt.clone());
        let Some(result) = sweep::run(&args.output, planned, settings, &mut watcher)? else {
            return Ok(None);
        };
        if let Outcome::Diverged(message) = &result.outcome {
            crate::failure::warn(format_args!("{name}: {message}"));
        }
        results[index] = Some(result);
        done += 1;
    }
    Ok(Some(results.into_iter().flatten().collect()))
}

fn duration(seconds: f64) -> String {
    match seconds {
        hours if hours >= 5400.0 => format!("{:.1} h", hours / 3600.0),
        minutes if minutes >= 90.0 => format!("{:.0} min", minutes / 60.0),
        seconds => format!("{seconds:.0} s"),
    }
}

/// The table, and what is real.
fn show(summary: &Summary) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "configuration",
        "runs",
        "dev F1",
        "±",
        "test F1",
        "dev loss",
        "samples/s",
    ]);
    for one in &summary.configurations {
        table.add_row(row(one));
    }
    let tested = summary
        .configurations
        .iter()
        .any(|one| one.test_f1_mean.is_some());
    if let Some(column) = table.column_mut(4).filter(|_| !tested) {
        column.set_constraint(ColumnConstraint::Hidden);
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((if index == 0 { 0 } else { 2 }, 0));
        if index > 0 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for line in table.lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    let real = || summary.comparisons.iter().filter(|one| one.real);
    let all = summary.comparisons.len();
    let tested = summary.comparisons.iter().filter(|one| one.p.is_some());
    match (all, tested.count()) {
        (0, _) => {}
        (_, 0) => writeln!(
            out,
            "\nNo difference can be tested: that takes two seeds or more for each configuration."
        )?,
        _ => writeln!(
            out,
            "\n{} of {all} differences are real (p < 0.05 over seeds and over sentences, Holm)",
            real().count()
        )?,
    }
    for one in real() {
        let (Some(seeds), Some(p)) = (one.seeds, one.p) else {
            continue;
        };
        writeln!(
            out,
            "  {} is better than {} by {} (95 % over seeds: {} to {}; p = {p:.4})",
            one.a,
            one.b,
            percent(seeds.mean),
            percent(seeds.interval.low),
            percent(seeds.interval.high),
        )?;
    }
    Ok(())
}

fn row(one: &Configuration) -> [String; 7] {
    let known = |text: String| {
        if one.f1.is_empty() {
            "diverged".to_owned()
        } else {
            text
        }
    };
    let deviation = |text: String| {
        if one.f1.len() < 2 {
            String::new()
        } else {
            text
        }
    };
    [
        one.name.clone(),
        one.seeds.len().to_string(),
        known(percent(one.f1_mean)),
        deviation(percent(one.f1_deviation)),
        one.test_f1_mean.map_or(String::new(), percent),
        format!("{:.4}", one.loss_mean),
        format!("{:.1}", one.samples_per_second),
    ]
}

#[cfg(test)]
mod tests {
    #[test]
    fn durations_are_read_at_a_glance() {
        let shown = [40.0, 600.0, 9000.0].map(super::duration);
        assert_eq!(shown, ["40 s", "10 min", "2.5 h"]);
    }
}
