//! `bert-ner eval`.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write, stderr};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};
use bert_ner_infer::Workspace;
use bert_ner_score::{Mode, Scorer};
use bert_ner_text::{counted, read_corpus};
use indicatif::{ProgressBar, ProgressStyle};

use crate::args::EvalArgs;
use crate::failure::{note, warn};
use crate::model;
use crate::names;
use crate::score;

pub(crate) fn run(args: &EvalArgs) -> Result<ExitCode> {
    let tagger = model::open(&args.model)?;
    let options = tagger.read_options(args.format.read_options())?;
    let data = names::evaluated(&args.data, args.split, !stderr().is_terminal())?;
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
    let mut scorer = Scorer::new(match args.conlleval {
        true => Mode::Conlleval,
        false => Mode::Seqeval,
    });
    for (sentence, tagged) in corpus.sentences.iter().zip(&evaluation.tagged) {
        scorer.add(sentence.tags.as_deref().unwrap_or_default(), &tagged.tags)?;
    }
    score::show(&scorer.finish(), args.json, args.conlleval)?;
    Ok(ExitCode::SUCCESS)
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
