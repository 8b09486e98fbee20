//! Sentences and texts cut into sequences, for callers that mix those of many requests in one batch.
//!
//! [`Tagger::tag`] goes from sentences to tags in one call. A server cannot wait for that: it cuts each request into
//! sequences, packs sequences of several requests into a batch ([`Tagger::forward`]), and puts the logits of a request
//! together when its last sequence has been through ([`Tagger::decode`], [`crate::TextWork::decode`]). The windows and the
//! decoding are those of [`Tagger::tag`].

use bert_ner_text::Sentence;

use crate::decode::Collector;
use crate::error::InferError;
use crate::forward::{WordLogits, Workspace};
use crate::tagged::Tagged;
use crate::tagger::Tagger;

/// A sequence of pieces and the rows of it whose logits are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    /// Ids from `[CLS]` to `[SEP]`, at most [`Tagger::max_length`].
    pub(crate) ids: Vec<u32>,
    /// Positions in `ids`, ascending.
    pub(crate) rows: Vec<u32>,
}

impl Sequence {
    /// Pieces, `[CLS]` and `[SEP]` included: what it costs.
    pub fn pieces(&self) -> usize {
        self.ids.len()
    }
}

impl Tagger {
    /// The sequences of a sentence: one, or overlapping windows when it is longer than the model; none without words.
    ///
    /// # Errors
    /// When a word cannot be tokenized.
    pub fn sequences(&self, sentence: &Sentence) -> Result<Vec<Sequence>, InferError> {
        let words: Vec<&str> = sentence.words().collect();
        let pieces = self.tokenizer().encode(&words)?;
        let windows = self.tokenizer().windows(&pieces, self.max_length());
        Ok(windows
            .into_iter()
            .map(|window| Sequence {
                ids: window.ids,
                rows: window.rows,
            })
            .collect())
    }

    /// The logits of every sequence's rows, `[rows, K]` each. All go into one batch.
    ///
    /// # Errors
    /// [`InferError::NotFinite`] when the weights are damaged.
    pub fn forward(
        &self,
        sequences: &[&Sequence],
        workspace: &mut Workspace,
    ) -> Result<Vec<Vec<f32>>, InferError> {
        if sequences.is_empty() {
            return Ok(Vec::new());
        }
        workspace.batch.clear();
        for sequence in sequences {
            workspace.batch.push(&sequence.ids, &sequence.rows, &[]);
        }
        let logits = self.model().forward(&workspace.batch, &mut workspace.model);
        workspace.batch.clear();
        workspace.windows += sequences.len();
        if !logits.iter().all(|logit| logit.is_finite()) {
            return Err(InferError::NotFinite);
        }
        let mut rest = logits;
        let mut cut = |sequence: &&Sequence| {
            let (own, others) = rest.split_at(sequence.rows.len() * self.model().labels().len());
            rest = others;
            own.to_vec()
        };
        Ok(sequences.iter().map(&mut cut).collect())
    }

    /// The tags and entities of `sentence` from the logits of its words, `[words, K]`: those of its
    /// [`Tagger::sequences`] one after the other.
    ///
    /// # Panics
    /// When `logits` is not `[words, K]`.
    pub fn decode(&self, sentence: &Sentence, logits: &[f32]) -> Tagged {
        let labels = self.model().labels().len();
        assert_eq!(
            logits.len(),
            sentence.len() * labels,
            "one row of logits a word"
        );
        let mut collector = Collector::new(self, std::slice::from_ref(sentence));
        for (word, logits) in logits.chunks_exact(labels).enumerate() {
            collector.add(&WordLogits {
                sentence: 0,
                word,
                logits,
            });
        }
        collector.finish().pop().unwrap_or_default()
    }
}
