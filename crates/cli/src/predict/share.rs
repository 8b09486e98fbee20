//! The part of one input that one of several runs tags.

use std::collections::VecDeque;

use bert_ner_text::{Sentence, TextError};

use crate::args::Shard;

/// The documents of an input that are in a share.
#[derive(Debug)]
pub(crate) struct Share {
    shard: Option<Shard>,
    /// Whether the input marks where documents start; known after its first sentence.
    marks: Option<bool>,
    /// Documents so far.
    documents: usize,
    /// Sentences of other shares since the last of this one.
    passed: usize,
    /// Of each sentence that is read and not written yet, how many of other shares stand before it.
    gaps: VecDeque<usize>,
}

impl Share {
    pub(crate) fn new(shard: Option<Shard>) -> Self {
        Self {
            shard,
            marks: None,
            documents: 0,
            passed: 0,
            gaps: VecDeque::new(),
        }
    }

    /// Whether the next item is in the share; what went wrong concerns all.
    pub(crate) fn has(&mut self, item: &Result<Sentence, TextError>) -> bool {
        let Ok(sentence) = item else {
            return true;
        };
        let starts = sentence.source.starts_document;
        let marks = *self.marks.get_or_insert(starts);
        self.documents += usize::from(starts || !marks);
        let Some(shard) = self.shard else {
            return true;
        };
        let has = shard.has(self.documents - 1);
        match has {
            true => self.gaps.push_back(std::mem::take(&mut self.passed)),
            false => self.passed += 1,
        }
        has
    }

    /// How many sentences of other shares stand before the next of this one that is written.
    pub(crate) fn between(&mut self) -> usize {
        self.gaps.pop_front().unwrap_or(0)
    }

    /// Whether the input has given no sentence, to this share or another.
    pub(crate) fn is_empty(&self) -> bool {
        self.marks.is_none()
    }
}
