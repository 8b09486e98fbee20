//! Weights and gradients as flat buffers.

use crate::Layout;
use bert_ner_kernels::memory::advise_huge;
use std::ops::Range;

/// All weights in one buffer.
#[derive(Debug, Clone)]
pub struct Parameters {
    /// The weights, in the order of [`Layout::tensors`].
    pub data: Vec<f32>,
}

impl Parameters {
    pub(crate) fn zeros(layout: &Layout) -> Self {
        let mut data = vec![0.0; layout.len()];
        advise_huge(&mut data);
        Self { data }
    }

    pub(crate) fn at(&self, range: &Range<usize>) -> &[f32] {
        &self.data[range.clone()]
    }
}

/// The gradient of the loss with respect to every weight.
///
/// It mirrors [`Parameters`]; of the word embedding only the rows named in `word_rows` are meant, the others are zero.
#[derive(Debug, Clone)]
pub struct Gradients {
    /// The gradient, in the order of [`Layout::tensors`].
    pub data: Vec<f32>,
    /// Rows of the word embedding with a gradient: ascending, each once.
    pub word_rows: Vec<u32>,
}

impl Gradients {
    /// A zero gradient. The memory of embedding rows that are never touched is never committed.
    pub fn zeros(layout: &Layout) -> Self {
        let mut data = vec![0.0; layout.len()];
        // The rest is written whole in every pass.
        advise_huge(&mut data[layout.word_embedding().end..]);
        Self {
            data,
            word_rows: Vec::new(),
        }
    }

    pub(crate) fn at(&mut self, range: &Range<usize>) -> &mut [f32] {
        &mut self.data[range.clone()]
    }

    /// Two tensors at once, of which `first` lies before `second`.
    pub(crate) fn pair(
        &mut self,
        first: &Range<usize>,
        second: &Range<usize>,
    ) -> (&mut [f32], &mut [f32]) {
        let (left, right) = self.data.split_at_mut(second.start);
        (&mut left[first.clone()], &mut right[..second.len()])
    }

    /// Several tensors at once, in the order in which they lie.
    pub(crate) fn disjoint<const N: usize>(
        &mut self,
        ranges: [&Range<usize>; N],
    ) -> [&mut [f32]; N] {
        let mut rest = &mut self.data[..];
        let mut taken = 0;
        ranges.map(|range| {
            let (tensor, behind) =
                std::mem::take(&mut rest)[range.start - taken..].split_at_mut(range.len());
            (rest, taken) = (behind, range.end);
            tensor
        })
    }

    /// Names the embedding rows of these ids, after zeroing those of the batch before unless accumulating.
    pub(crate) fn begin_words(
        &mut self,
        word: &Range<usize>,
        hidden: usize,
        ids: &[u32],
        accumulate: bool,
    ) {
        if !accumulate {
            for &row in &self.word_rows {
                let start = word.start + row as usize * hidden;
                self.data[start..start + hidden].fill(0.0);
            }
            self.word_rows.clear();
        }
        self.word_rows.extend_from_slice(ids);
        self.word_rows.sort_unstable();
        self.word_rows.dedup();
    }
}
