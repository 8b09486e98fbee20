//! The `bert-ner` command: flags to settings to one call; nothing else.
//!
//! `args` is what was typed, `config` the file that says the same, `names` turns names into local
//! files. Each command has a module, which makes one call to a library crate and shows the result.

mod args;
mod config;
mod convert;
mod eval;
mod failure;
mod interrupt;
mod merge;
mod model;
mod names;
mod output;
mod predict;
mod score;
#[cfg(feature = "serve")]
mod serve;
mod split;
mod sweep;
mod table;
mod train;
mod watch;

use std::process::ExitCode;

use args::{Cli, Command};
use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// What was typed; ends the program with a message where that cannot be followed.
fn parsed() -> Cli {
    Cli::try_parse().unwrap_or_else(|mut error| {
        let typed = error.get(ContextKind::InvalidArg);
        let short = matches!(typed, Some(ContextValue::String(typed)) if typed == "--lr");
        let trains = std::env::args_os()
            .nth(1)
            .is_some_and(|command| command == "train");
        if error.kind() == ErrorKind::UnknownArgument && short && trains {
            // The field's abbreviation is nearer to other options by its letters.
            let meant = ContextValue::String("--learning-rate".to_owned());
            error.insert(ContextKind::SuggestedArg, meant);
        }
        error.exit()
    })
}

fn main() -> ExitCode {
    let result = match parsed().command {
        Command::Train(args) => train::run(*args),
        Command::Sweep(args) => sweep::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Predict(args) => predict::run(&args),
        #[cfg(feature = "serve")]
        Command::Serve(args) => serve::run(&args),
        Command::Score(args) => score::run(&args),
        Command::Convert(args) => convert::run(&args),
        Command::Merge(args) => merge::run(&args),
        Command::Split(args) => split::run(&args),
    };
    match result {
        Ok(code) => code,
        Err(error) => failure::report(&error),
    }
}
