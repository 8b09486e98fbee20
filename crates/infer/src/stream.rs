//! Tagging input of any size in little memory.

use std::collections::VecDeque;

use bert_ner_text::{Sentence, TextError};

use crate::aggregate::Aggregation;
use crate::error::InferError;
use crate::forward::Workspace;
use crate::tagged::Tagged;
use crate::tagger::Tagger;

/// Words that are read before a chunk is tagged: several batches' worth.
const CHUNK_WORDS: usize = 16_384;
/// Sentences, so that a stream of empty ones does not collect.
const CHUNK_SENTENCES: usize = 4096;

/// Sentences with their tags, in order, one chunk in memory at a time.
///
/// Ends after the first error; the sentences before it have been handed out.
#[derive(Debug)]
pub struct TagStream<'t, I> {
    tagger: &'t Tagger,
    aggregation: Option<Aggregation>,
    workspace: Workspace,
    sentences: I,
    ready: VecDeque<(Sentence, Tagged)>,
    failure: Option<InferError>,
    ended: bool,
}

impl Tagger {
    /// Tags `sentences` as they are read, such as by `bert_ner_text::open`.
    ///
    /// Memory stays flat: some 16,000 words are read, tagged and handed out before the next are.
    pub fn tag_stream<I>(&self, sentences: I) -> TagStream<'_, I::IntoIter>
    where
        I: IntoIterator<Item = Result<Sentence, TextError>>,
    {
        TagStream {
            tagger: self,
            aggregation: None,
            workspace: Workspace::new(),
            sentences: sentences.into_iter(),
            ready: VecDeque::new(),
            failure: None,
            ended: false,
        }
    }
}

impl<I: Iterator<Item = Result<Sentence, TextError>>> TagStream<'_, I> {
    /// Whether the next sentence is tagged already: when not, what was handed out may be flushed.
    pub fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The same, with the entities that `aggregation` makes of pieces ([`Tagger::tag_texts`]) when there is one.
    pub fn aggregated(mut self, aggregation: Option<Aggregation>) -> Self {
        self.aggregation = aggregation;
        self
    }

    /// Sequences that went through the model so far.
    pub fn windows(&self) -> usize {
        self.workspace.windows()
    }

    /// Whole texts so far that were longer than the model takes, and so were cut.
    pub fn truncated(&self) -> usize {
        self.workspace.truncated()
    }

    /// Reads and tags the next chunk.
    fn refill(&mut self) -> Result<(), InferError> {
        let mut chunk = Vec::new();
        let mut words = 0;
        while words < CHUNK_WORDS && chunk.len() < CHUNK_SENTENCES {
            match self.sentences.next() {
                Some(Ok(sentence)) => {
                    words += sentence.len();
                    chunk.push(sentence);
                }
                Some(Err(error)) => {
                    self.failure = Some(error.into());
                    self.ended = true;
                    break;
                }
                None => {
                    self.ended = true;
                    break;
                }
            }
        }
        let tagged = match self.aggregation {
            Some(strategy) => self
                .tagger
                .tag_texts(&chunk, strategy, &mut self.workspace)?,
            None => self.tagger.tag(&chunk, &mut self.workspace)?,
        };
        self.ready.extend(chunk.into_iter().zip(tagged));
        Ok(())
    }
}

impl<I: Iterator<Item = Result<Sentence, TextError>>> Iterator for TagStream<'_, I> {
    type Item = Result<(Sentence, Tagged), InferError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ready.is_empty()
            && !self.ended
            && let Err(error) = self.refill()
        {
            self.ended = true;
            self.failure = None;
            return Some(Err(error));
        }
        match self.ready.pop_front() {
            Some(next) => Some(Ok(next)),
            None => self.failure.take().map(Err),
        }
    }
}
