//! Scoring a split through the one prediction path.

use crate::{EvalProgress, Event, Observer, Split, TrainError};
use bert_ner_infer::{Tagged, Tagger, Workspace};
use bert_ner_score::{Mode, Scorer, Scores};
use bert_ner_text::Sentence;

/// A split with its gold tags in IOB2, and the memory to tag it.
pub(crate) struct Evaluator {
    split: Split,
    sentences: Vec<Sentence>,
    workspace: Workspace,
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
        let mut scorer = Scorer::new(Mode::Seqeval);
        for (sentence, tagged) in self.sentences.iter().zip(&evaluation.tagged) {
            scorer.add(sentence.tags.as_deref().unwrap_or_default(), &tagged.tags)?;
        }
        let loss = evaluation.loss().unwrap_or(f64::NAN);
        Ok(Scored {
            scores: scorer.finish(),
            loss,
            tagged: evaluation.tagged,
        })
    }
}
