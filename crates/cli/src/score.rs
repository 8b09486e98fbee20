//! `bert-ner score`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, anyhow, bail};
use bert_ner_score::{Mode, Pair, Scorer, Scores, StrictScheme, read_pairs};
use bert_ner_text::Scheme;

use crate::args::ScoreArgs;
use crate::failure::{at, warn};
use crate::output::print_json;
use crate::table;

pub(crate) fn run(args: &ScoreArgs) -> Result<ExitCode> {
    let (input, name): (Box<dyn BufRead>, &Path) = match args.path == Path::new("-") {
        true => (
            Box::new(BufReader::new(io::stdin())),
            Path::new("standard input"),
        ),
        false => {
            let file = File::open(&args.path).map_err(|error| at(&args.path, error))?;
            (Box::new(BufReader::new(file)), &args.path)
        }
    };
    let pairs = read_pairs(input, name)?;
    if pairs.is_empty() {
        bail!(
            "{}: has no sentence; expected columns, the gold and the predicted tag last",
            name.display()
        );
    }
    let mode = match (args.strict, args.conlleval) {
        (true, _) => Mode::Strict(match args.scheme {
            Some(scheme) => scheme,
            None => strict_scheme(&pairs)?,
        }),
        (false, true) => Mode::Conlleval,
        (false, false) => Mode::Seqeval,
    };
    let mut scorer = Scorer::new(mode);
    for pair in &pairs {
        let added = scorer.add(&pair.gold, &pair.predicted);
        added.map_err(|error| anyhow!("{}: {error}", name.display()))?;
    }
    let scores = scorer.finish();
    if let Some((gold, predicted)) = scores.strangers() {
        warn(format_args!(
            "{}: no type is in both columns: the last but one, gold, has {}; the last, predicted, has {}",
            name.display(),
            gold.join(", "),
            predicted.join(", ")
        ));
    }
    show(&scores, args.json, args.conlleval)?;
    Ok(ExitCode::SUCCESS)
}

/// The scheme that the gold tags are in.
fn strict_scheme(pairs: &[Pair]) -> Result<StrictScheme> {
    Ok(
        match Scheme::detect(pairs.iter().map(|pair| pair.gold.as_slice()))? {
            Scheme::Iob1 => StrictScheme::Iob1,
            Scheme::Iob2 => StrictScheme::Iob2,
            Scheme::Bioes => StrictScheme::Bioes,
            Scheme::Bilou => StrictScheme::Bilou,
            Scheme::Plain => StrictScheme::Plain,
        },
    )
}

/// Prints `scores` in the way that was asked for.
pub(crate) fn show(scores: &Scores, json: bool, conlleval: bool) -> Result<()> {
    if json {
        return print_json(scores);
    }
    let mut out = io::stdout().lock();
    match conlleval {
        true => out.write_all(scores.conlleval().as_bytes())?,
        false => table::write_scores(&mut out, scores)?,
    }
    out.flush()?;
    Ok(())
}
