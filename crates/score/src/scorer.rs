//! Adding up sentence after sentence.

use std::collections::BTreeMap;

use crate::chunk::{Chunk, common};
use crate::conlleval::{self, Event};
use crate::counts::Counts;
use crate::{ScoreError, Scores, StrictScheme, seqeval};

/// Which runs of tags count as entities.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// seqeval's default mode: every sequence has a reading, `I-PER` after `O` starts an entity.
    #[default]
    Seqeval,
    /// The Perl conlleval: the same but for prefixes beyond `B`, `I` and `O` and for bare tags.
    Conlleval,
    /// seqeval's strict mode: only what the scheme allows counts; a foreign prefix is an error.
    Strict(StrictScheme),
}

/// Compares gold and predicted tags, a sentence at a time.
#[derive(Debug)]
pub struct Scorer {
    reading: Reading,
    tally: Tally,
}

/// A [`Mode`] with what it carries from sentence to sentence.
#[derive(Debug)]
enum Reading {
    Seqeval {
        gold: seqeval::Reader,
        predicted: seqeval::Reader,
    },
    Conlleval(conlleval::Walk),
    Strict(StrictScheme),
}

/// What has been counted so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) by_type: BTreeMap<String, Counts>,
    pub(crate) sentences: Vec<Counts>,
    pub(crate) tokens: usize,
    pub(crate) correct_tokens: usize,
}

impl Scorer {
    /// A scorer that has seen nothing.
    pub fn new(mode: Mode) -> Self {
        let reading = match mode {
            Mode::Seqeval => Reading::Seqeval {
                gold: Default::default(),
                predicted: Default::default(),
            },
            Mode::Conlleval => Reading::Conlleval(Default::default()),
            Mode::Strict(scheme) => Reading::Strict(scheme),
        };
        Self {
            reading,
            tally: Tally::default(),
        }
    }

    /// Adds one sentence: its gold tags, and a prediction for each.
    ///
    /// # Errors
    /// When the lengths differ, a tag is empty, or strict mode meets a prefix that its scheme does
    /// not have. Then nothing of the sentence counts.
    pub fn add<S: AsRef<str>>(&mut self, gold: &[S], predicted: &[S]) -> Result<(), ScoreError> {
        let sentence = self.tally.sentences.len() + 1;
        check(sentence, gold, predicted)?;
        let tally = &mut self.tally;
        match &mut self.reading {
            Reading::Seqeval {
                gold: gold_reader,
                predicted: predicted_reader,
            } => {
                tally.add_chunks(
                    &gold_reader.chunks(gold),
                    &predicted_reader.chunks(predicted),
                );
            }
            Reading::Strict(scheme) => {
                let scheme = *scheme;
                let read = |tags| {
                    scheme
                        .chunks(tags)
                        .map_err(|word| prefix_error(sentence, word, tags, scheme))
                };
                tally.add_chunks(&read(gold)?, &read(predicted)?);
            }
            Reading::Conlleval(walk) => {
                tally.sentences.push(Counts::default());
                walk.sentence(gold, predicted, |event, label| tally.count(event, label));
            }
        }
        let by_parts = matches!(self.reading, Reading::Conlleval(_));
        let equal = |(g, p): (&S, &S)| {
            let (gold, predicted) = (g.as_ref(), p.as_ref());
            gold == predicted
                || by_parts && conlleval::Tag::split(gold) == conlleval::Tag::split(predicted)
        };
        self.tally.tokens += gold.len();
        self.tally.correct_tokens += gold
            .iter()
            .zip(predicted)
            .filter(|&pair| equal(pair))
            .count();
        Ok(())
    }

    /// The scores of all that was added.
    pub fn finish(mut self) -> Scores {
        if matches!(&self.reading, Reading::Conlleval(walk) if walk.ends_in_correct()) {
            self.tally.count(Event::Correct, "");
        }
        Scores::new(self.tally)
    }
}

impl Tally {
    fn add_chunks(&mut self, gold: &[Chunk<'_>], predicted: &[Chunk<'_>]) {
        self.sentences.push(Counts::default());
        let correct = common(gold, predicted);
        for (event, chunks) in [
            (Event::Gold, gold),
            (Event::Predicted, predicted),
            (Event::Correct, &correct),
        ] {
            for chunk in chunks {
                self.count(event, chunk.label);
            }
        }
    }

    /// Counts an event for its type and for the sentence added last.
    fn count(&mut self, event: Event, label: &str) {
        let one = match event {
            Event::Gold => Counts {
                gold: 1,
                ..Counts::default()
            },
            Event::Predicted => Counts {
                predicted: 1,
                ..Counts::default()
            },
            Event::Correct => Counts {
                correct: 1,
                ..Counts::default()
            },
        };
        match self.by_type.get_mut(label) {
            Some(counts) => *counts += one,
            None => {
                self.by_type.insert(label.to_owned(), one);
            }
        }
        if let Some(counts) = self.sentences.last_mut() {
            *counts += one;
        }
    }
}

fn check<S: AsRef<str>>(sentence: usize, gold: &[S], predicted: &[S]) -> Result<(), ScoreError> {
    if gold.len() != predicted.len() {
        return Err(ScoreError::Length {
            sentence,
            gold: gold.len(),
            predicted: predicted.len(),
        });
    }
    let empty = |(g, p): (&S, &S)| g.as_ref().is_empty() || p.as_ref().is_empty();
    match gold.iter().zip(predicted).position(empty) {
        Some(word) => Err(ScoreError::EmptyTag {
            sentence,
            word: word + 1,
        }),
        None => Ok(()),
    }
}

fn prefix_error<S: AsRef<str>>(
    sentence: usize,
    word: usize,
    tags: &[S],
    scheme: StrictScheme,
) -> ScoreError {
    ScoreError::Prefix {
        sentence,
        word: word + 1,
        tag: tags[word].as_ref().to_owned(),
        scheme,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_of_two_lengths_is_refused_and_does_not_count() {
        let mut scorer = Scorer::new(Mode::Seqeval);
        let error = scorer
            .add(&["B-X", "O"], &["B-X"])
            .expect_err("two lengths");
        assert_eq!(
            error.to_string(),
            "sentence 1: 2 gold tags but 1 predicted tag"
        );
        assert_eq!(scorer.finish().tokens, 0);
    }

    #[test]
    fn an_empty_tag_is_refused() {
        let error = Scorer::new(Mode::Conlleval)
            .add(&["O", ""], &["O", "O"])
            .expect_err("an empty tag");
        assert!(
            error
                .to_string()
                .starts_with("sentence 1, word 2: the tag is empty"),
            "{error}"
        );
    }

    #[test]
    fn strict_mode_names_the_tag_and_the_prefixes_it_expected() {
        let mut scorer = Scorer::new(Mode::Strict(StrictScheme::Iob2));
        scorer.add(&["O"], &["O"]).expect("tags of the scheme");
        let error = scorer
            .add(&["O", "B-X"], &["O", "S-X"])
            .expect_err("S is not of IOB2");
        assert_eq!(
            error.to_string(),
            "sentence 2, word 2: tag \"S-X\" is not of scheme iob2, whose prefixes are B, I and O"
        );
        assert_eq!(scorer.finish().gold, 0);
    }
}
