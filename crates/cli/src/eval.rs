//! `bert-ner eval`.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write, stderr};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};
use bert_ner_infer::{Entity, Tagged, Workspace};
use bert_ner_model::Task;
use bert_ner_score::{Calibration, ClassScorer, Mode, Scorer, Scores};
use bert_ner_text::{Scheme, counted, read_corpus};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::args::EvalArgs;
use crate::failure::{Usage, note, warn};
use crate::model;
use crate::names;
use crate::output::print_json;
use crate::score;
use crate::table;

pub(crate) fn run(args: &EvalArgs) -> Result<ExitCode> {
    // What cannot work is said before a model is loaded.
    let data = names::evaluated(&args.data, args.split, !stderr().is_terminal())?;
    let tagger = model::open(&args.model)?;
    if tagger.task() == Task::Classify && args.conlleval {
        let message = "--conlleval is for entities, and the model gives each text a label";
        return Err(Usage(message.to_owned()).into());
    }
    let options = tagger.read_options(args.format.read_options())?;
    let corpus = read_corpus(&data, &options)?;
    let name = data.display();
    if data != Path::new(&args.data) {
        // Nobody is left to be told when standard error is closed.
        let _ = writeln!(stderr().lock(), "scoring on {name}");
    }
    if !corpus.is_annotated() {
        bail!("{name}: has sentences without tags; there is nothing to compare with");
    }
    if corpus.words() == 0 {
        bail!("{name}: has no word; there is nothing to tag");
    }
    for warning in &corpus.warnings {
        warn(warning);
    }
    if let Some(accounting) = &corpus.accounting {
        note(format_args!("{name}: {accounting}"));
    }
    let bar = ProgressBar::new(corpus.sentences.len() as u64).with_style(style());
    let evaluation =
        tagger.evaluate(&corpus.sentences, &mut Workspace::new(), &mut |progress| {
            bar.set_position(progress.done as u64);
        })?;
    bar.finish_and_clear();
    if !evaluation.unknown.is_empty() {
        warn(format_args!("{name}: {}", unknown(&evaluation.unknown)));
    }
    if evaluation.truncated > 0 {
        let (texts, length) = (counted(evaluation.truncated, "texts"), tagger.max_length());
        warn(format_args!("{name}: {texts} cut to {length} pieces"));
    }
    if tagger.task() == Task::Classify {
        let mut scorer = ClassScorer::new(tagger.model().labels());
        for (text, tagged) in corpus.sentences.iter().zip(&evaluation.tagged) {
            let gold = text.tags.as_deref().unwrap_or_default();
            for (gold, found) in gold.iter().zip(&tagged.tags) {
                scorer.add(gold, found);
            }
        }
        score::show(&scorer.finish(), args.json, false)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut scorer = Scorer::new(match args.conlleval {
        true => Mode::Conlleval,
        false => Mode::Seqeval,
    });
    let mut found = Vec::new();
    for (sentence, tagged) in corpus.sentences.iter().zip(&evaluation.tagged) {
        let gold = sentence.tags.as_deref().unwrap_or_default();
        scorer.add(gold, &tagged.tags)?;
        found.extend(judged(gold, tagged));
    }
    show(args, &scorer.finish(), &Calibration::new(found))?;
    Ok(ExitCode::SUCCESS)
}

/// The confidence of each entity found, and whether it is right.
fn judged(gold: &[String], tagged: &Tagged) -> Vec<(f64, bool)> {
    let gold = Scheme::Iob2.entities(gold);
    let right = |entity: &Entity| {
        gold.iter()
            .any(|gold| (gold.start..gold.end) == entity.words && gold.label == entity.label)
    };
    let entities = tagged.entities.iter();
    entities
        .map(|entity| (f64::from(entity.confidence), right(entity)))
        .collect()
}

/// Prints scores and calibration in the way that was asked for; what conlleval prints has no room for the latter.
fn show(args: &EvalArgs, scores: &Scores, calibration: &Calibration) -> Result<()> {
    #[derive(Serialize)]
    struct Both<'a> {
        #[serde(flatten)]
        scores: &'a Scores,
        calibration: &'a Calibration,
    }
    if args.json {
        return print_json(&Both {
            scores,
            calibration,
        });
    }
    score::show(scores, false, args.conlleval)?;
    if !args.conlleval {
        let mut out = io::stdout().lock();
        table::write_calibration(&mut out, calibration)?;
        out.flush()?;
    }
    Ok(())
}

/// What there is to say of gold tags that the model cannot predict.
fn unknown(tags: &BTreeMap<String, usize>) -> String {
    let words: usize = tags.values().sum();
    let names: Vec<&str> = tags.keys().map(String::as_str).collect();
    format!(
        "{} with tags that the model does not know and so misses: {}",
        counted(words, "words"),
        names.join(", ")
    )
}

fn style() -> ProgressStyle {
    // The template is a constant: were it wrong, the plain bar would do.
    ProgressStyle::with_template("{wide_bar} {pos}/{len} sentences  {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}
