//! `bert-ner train`.

use std::process::ExitCode;

use anyhow::Result;
use bert_ner_train::{Options, Report, Stopped};

use crate::args::TrainArgs;
use crate::config;
use crate::failure::INTERRUPTED;
use crate::interrupt::Interrupt;
use crate::names;
use crate::output::print_json;
use crate::table::percent;
use crate::watch::Watcher;

pub(crate) fn run(args: TrainArgs) -> Result<ExitCode> {
    let (quiet, json) = (args.run.quiet, args.run.json);
    let file = match &args.run.config {
        Some(path) => config::read(path)?,
        None => Options::default(),
    };
    let options = args.options().or(file);
    // What cannot work is said before anything is fetched.
    options.validate()?;
    let places = names::places(&options, quiet)?;
    let settings = options.resolve(places)?;
    let interrupt = Interrupt::listen("stopping after this step; Ctrl-C again ends at once")?;
    let mut watcher = Watcher::new(quiet, interrupt);
    let report = bert_ner_train::train(&settings, &mut watcher)?;
    for line in summary(&report) {
        watcher.line(&line);
    }
    if json {
        print_json(&report)?;
    }
    Ok(match report.stopped {
        Stopped::Interrupted => ExitCode::from(INTERRUPTED),
        Stopped::Completed | Stopped::EarlyStopping => ExitCode::SUCCESS,
    })
}

/// How the run ended, in a few lines.
fn summary(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    let memory = report
        .peak_rss_mb
        .map_or(String::new(), |peak| format!(", at most {peak:.0} MB"));
    lines.push(format!(
        "trained in {:.1} s: {:.1} samples/s, {:.0} tokens/s{memory}",
        report.train_seconds, report.train_samples_per_second, report.train_tokens_per_second,
    ));
    let why = match report.stopped {
        Stopped::Completed => "",
        Stopped::EarlyStopping => "stopped early; ",
        Stopped::Interrupted => "interrupted; ",
    };
    let output = report.settings.output.display();
    lines.push(match &report.best {
        Some(best) => format!(
            "{why}{output} holds the model of epoch {:.2}, dev {} {}",
            best.epoch,
            if best.dev.classes.is_some() {
                "macro F1"
            } else {
                "F1"
            },
            percent(best.dev.f1)
        ),
        None => format!("{why}{output} holds the model"),
    });
    lines
}
