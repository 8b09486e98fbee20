//! Sentences through the model in packed batches.

use bert_ner_model::{Batch, Task};
use bert_ner_text::Sentence;
use bert_ner_tokenize::Window;

use crate::error::InferError;
use crate::tagger::Tagger;

/// The memory of a prediction: made once, grown to the largest batch, reused; one a thread.
#[derive(Debug, Default)]
pub struct Workspace {
    pub(crate) model: bert_ner_model::Workspace,
    pub(crate) batch: Batch,
    truncated: usize,
    pub(crate) windows: usize,
}

impl Workspace {
    /// A workspace without memory.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whole texts that were longer than the model takes, and so were cut, since the workspace was made; sentences never are.
    pub fn truncated(&self) -> usize {
        self.truncated
    }

    /// Sequences that went through the model since the workspace was made: one a sentence, more for those that are longer than it.
    pub fn windows(&self) -> usize {
        self.windows
    }
}

/// How far a call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Sentences tagged so far.
    pub done: usize,
    /// Sentences in all.
    pub total: usize,
}

/// The logits of one word.
pub(crate) struct WordLogits<'a> {
    /// The sentence, counted from 0.
    pub(crate) sentence: usize,
    /// The word, counted from 0; every sentence's words come in order.
    pub(crate) word: usize,
    /// `[K]`, all finite.
    pub(crate) logits: &'a [f32],
}

impl Tagger {
    /// Runs the model over `sentences` and hands every word's logits to `visit`, in order.
    ///
    /// Windows are packed into batches in the order of the text, up to the tagger's budget of
    /// pieces; a longer window is a batch of its own.
    pub(crate) fn visit(
        &self,
        sentences: &[Sentence],
        workspace: &mut Workspace,
        progress: &mut dyn FnMut(Progress),
        visit: &mut dyn FnMut(WordLogits<'_>),
    ) -> Result<(), InferError> {
        workspace.batch.clear(); // a call that failed may have left something
        let mut pending: Vec<(usize, Window)> = Vec::new();
        for (index, sentence) in sentences.iter().enumerate() {
            for window in self.windows_of(sentence, &mut workspace.truncated)? {
                let full = workspace.batch.tokens() + window.ids.len() > self.batch_pieces();
                if full && !pending.is_empty() {
                    self.run(&mut pending, workspace, visit)?;
                    progress(Progress {
                        done: index,
                        total: sentences.len(),
                    });
                }
                workspace.batch.push(&window.ids, &window.rows, &[]);
                pending.push((index, window));
            }
        }
        if !pending.is_empty() {
            self.run(&mut pending, workspace, visit)?;
        }
        progress(Progress {
            done: sentences.len(),
            total: sentences.len(),
        });
        Ok(())
    }

    /// The sequences of a sentence; of a whole text, the one, cut where it is too long.
    fn windows_of(
        &self,
        sentence: &Sentence,
        truncated: &mut usize,
    ) -> Result<Vec<Window>, InferError> {
        if self.task() == Task::Classify {
            let (ids, cut) = self.tokenizer().text(&sentence.text, self.max_length())?;
            *truncated += usize::from(cut > 0);
            return Ok(vec![Window {
                pieces: 0..ids.len() - 2,
                ids,
                rows: vec![0],
                words: 0..1,
            }]);
        }
        let words: Vec<&str> = sentence.words().collect();
        let pieces = self.tokenizer().encode(&words)?;
        Ok(self.tokenizer().windows(&pieces, self.max_length()))
    }

    /// Runs the batch of the `pending` windows, and empties both.
    fn run(
        &self,
        pending: &mut Vec<(usize, Window)>,
        workspace: &mut Workspace,
        visit: &mut dyn FnMut(WordLogits<'_>),
    ) -> Result<(), InferError> {
        let logits = self.model().forward(&workspace.batch, &mut workspace.model);
        workspace.batch.clear();
        workspace.windows += pending.len();
        let mut rows = logits.chunks_exact(self.model().labels().len());
        for (sentence, window) in pending.drain(..) {
            for (word, logits) in window.words.zip(&mut rows) {
                if !logits.iter().all(|logit| logit.is_finite()) {
                    return Err(InferError::NotFinite);
                }
                visit(WordLogits {
                    sentence,
                    word,
                    logits,
                });
            }
        }
        Ok(())
    }
}
