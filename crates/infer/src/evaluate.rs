//! Tagging with the gold tags at hand.

use std::collections::BTreeMap;

use bert_ner_text::{LabelSet, Scheme, Sentence, TextError, split_tag};

use crate::decode::Collector;
use crate::error::InferError;
use crate::forward::{Progress, Workspace};
use crate::tagged::Tagged;
use crate::tagger::Tagger;

/// Predictions, and how probable the gold tags were.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evaluation {
    /// One a sentence, in order.
    pub tagged: Vec<Tagged>,
    /// Negative log-likelihood of the gold tags, summed over the words whose tag the model knows; of a CRF, over the sentences of
    /// which it knows every tag.
    pub loss_sum: f64,
    /// The number of those words.
    pub loss_words: usize,
    /// Gold tags that the model has no label for, with the number of their words.
    ///
    /// They are outside the loss, but not outside a score: the words have predictions like others.
    pub unknown: BTreeMap<String, usize>,
    /// Whole texts that were longer than the model takes, and so were cut.
    pub truncated: usize,
}

impl Evaluation {
    /// The mean loss of a word, as `transformers` reports it; `None` when no word's tag is known.
    pub fn loss(&self) -> Option<f64> {
        (self.loss_words > 0).then(|| self.loss_sum / self.loss_words as f64)
    }
}

impl Tagger {
    /// Tags sentences that have gold tags in IOB2 (as `read_corpus` gives them), and measures the
    /// loss in the same pass; `progress` hears after every batch how far it has come.
    ///
    /// # Errors
    /// As [`Tagger::tag`], and when a sentence has not one gold tag a word.
    pub fn evaluate(
        &self,
        sentences: &[Sentence],
        workspace: &mut Workspace,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Evaluation, InferError> {
        let mut evaluation = Evaluation::default();
        let cut_before = workspace.truncated();
        let gold = self.gold_ids(sentences, &mut evaluation.unknown)?;
        let mut collector = Collector::new(self, sentences).with_gold(&gold);
        self.visit(sentences, workspace, progress, &mut |word| {
            collector.add(&word)
        })?;
        evaluation.truncated = workspace.truncated() - cut_before;
        evaluation.tagged = collector.finish();
        (evaluation.loss_sum, evaluation.loss_words) = collector.loss;
        Ok(evaluation)
    }

    /// The label of each word's gold tag, `None` and counted where the model has none.
    fn gold_ids(
        &self,
        sentences: &[Sentence],
        unknown: &mut BTreeMap<String, usize>,
    ) -> Result<Vec<Vec<Option<u32>>>, InferError> {
        let labels = LabelSet::new(self.model().labels().iter().cloned());
        let mut all = Vec::with_capacity(sentences.len());
        for (index, sentence) in sentences.iter().enumerate() {
            let gold = sentence.tags.as_deref().unwrap_or_default();
            if sentence.tags.is_none() && !sentence.is_empty() || gold.len() != sentence.len() {
                let (line, tags) = (sentence.source.line, gold.len());
                let (sentence, words) = (index + 1, sentence.len());
                return Err(InferError::Gold {
                    sentence,
                    line,
                    tags,
                    words,
                });
            }
            let spelled = spell(gold, self.scheme())?;
            let ids = spelled.iter().zip(gold).map(|(label, tag)| {
                let id = labels.id(label);
                if id.is_none() {
                    *unknown.entry(tag.clone()).or_default() += 1;
                }
                id
            });
            all.push(ids.collect());
        }
        Ok(all)
    }
}

/// Gold tags in the scheme of the model's labels.
fn spell(gold: &[String], scheme: Scheme) -> Result<Vec<String>, TextError> {
    match scheme {
        Scheme::Iob2 => Ok(gold.to_vec()),
        // Two neighbours of one type run together: a loss can still be had where a score cannot.
        Scheme::Plain => {
            let bare = |tag: &String| if tag == "O" { "O" } else { split_tag(tag).1 }.to_owned();
            Ok(gold.iter().map(bare).collect())
        }
        _ => Scheme::Iob2.convert(gold, scheme),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gold_tags_take_the_scheme_of_the_model() {
        let gold = ["B-PER", "I-PER", "B-PER", "O"].map(str::to_owned);
        let spelled = |scheme| spell(&gold, scheme).unwrap();
        assert_eq!(spelled(Scheme::Iob2), gold);
        assert_eq!(spelled(Scheme::Iob1), ["I-PER", "I-PER", "B-PER", "O"]);
        assert_eq!(spelled(Scheme::Bioes), ["B-PER", "E-PER", "S-PER", "O"]);
        assert_eq!(spelled(Scheme::Plain), ["PER", "PER", "PER", "O"]);
    }
}
