//! Scoring a split through the one prediction path.

use crate::{EvalProgress, Event, Observer, Split, TrainError};
use bert_ner_infer::{Tagged, Tagger, Workspace};
use bert_ner_model::Task;
use bert_ner_score::{ClassScorer, Mode, Scorer, Scores};
use bert_ner_text::{Sentence, counted};

/// A split with its gold tags in IOB2, and the memory to tag it.
pub(crate) struct Evaluator {
    split: Split,
    sentences: Vec<Sentence>,
    workspace: Workspace,
    /// Whether it was said that texts are cut.
    told: bool,
}

/// A split's scores.
pub(crate) struct Scored {
    pub(crate) scores: Scores,
    /// Mean negative log-likelihood of a word's gold tag.
    pub(crate) loss: f64,
    pub(crate) tagged: Vec<Tagged>,
}

impl Evaluator {
    pub(crate) fn new(split: Split, sentences: Vec<Sentence>) -> Self {
        Self {
            split,
            sentences,
            workspace: Workspace::new(),
            told: false,
        }
    }

    pub(crate) fn sentences(&self) -> &[Sentence] {
        &self.sentences
    }

    /// Tags the split and compares.
    pub(crate) fn score(
        &mut self,
        tagger: &Tagger,
        observer: &mut dyn Observer,
    ) -> Result<Scored, TrainError> {
        let split = self.split;
        let evaluation =
            tagger.evaluate(&self.sentences, &mut self.workspace, &mut |progress| {
                observer.event(&Event::EvalProgress(EvalProgress {
                    split,
                    done: progress.done,
                    total: progress.total,
                }));
            })?;
        if evaluation.truncated > 0 && !std::mem::replace(&mut self.told, true) {
            let name = match split {
                Split::Dev => "dev",
                Split::Test => "test",
            };
            let (texts, length) = (counted(evaluation.truncated, "texts"), tagger.max_length());
            observer.event(&Event::Warning(format!(
                "{name}: {texts} cut to {length} pieces"
            )));
        }
        let loss = evaluation.loss().unwrap_or(f64::NAN);
        Ok(Scored {
            scores: compare(tagger, &self.sentences, &evaluation.tagged)?,
            loss,
            tagged: evaluation.tagged,
        })
    }
}

/// The scores of predictions: of entities, or of labels of whole texts.
///
/// # Errors
/// When gold and predicted tags cannot be compared.
pub(crate) fn compare(
    tagger: &Tagger,
    sentences: &[Sentence],
    tagged: &[Tagged],
) -> Result<Scores, TrainError> {
    let pairs = sentences.iter().zip(tagged);
    if tagger.task() == Task::Classify {
        let mut scorer = ClassScorer::new(tagger.model().labels());
        for (sentence, tagged) in pairs {
            for (gold, found) in gold(sentence).iter().zip(&tagged.tags) {
                scorer.add(gold, found);
            }
        }
        return Ok(scorer.finish());
    }
    let mut scorer = Scorer::new(Mode::Seqeval);
    for (sentence, tagged) in pairs {
        scorer.add(gold(sentence), &tagged.tags)?;
    }
    Ok(scorer.finish())
}

fn gold(sentence: &Sentence) -> &[String] {
    sentence.tags.as_deref().unwrap_or_default()
}
