//! Texts whose entities are aggregated from pieces, as transformers' pipeline does, many in a batch.

use bert_ner_model::{HeadKind, Task};
use bert_ner_text::Sentence;

use crate::aggregate::{Aggregation, Mention, TextWork, group_label};
use crate::error::InferError;
use crate::forward::Workspace;
use crate::sequence::Sequence;
use crate::tagged::{Entity, Tagged};
use crate::tagger::Tagger;

impl Tagger {
    /// Refuses a strategy for a model that does not decide each piece for itself, whose own decoding it would pass over.
    ///
    /// # Errors
    /// [`InferError::Aggregation`] for a CRF and for a classifier of texts.
    pub fn check_aggregation(&self, strategy: Aggregation) -> Result<(), InferError> {
        let heads = self.model().config().heads();
        let head = match (heads.task, heads.head) {
            (Task::Classify, _) => "a classifier of whole texts",
            (Task::Ner, HeadKind::Crf) => "a CRF",
            (Task::Ner, HeadKind::Linear) => return Ok(()),
        };
        Err(InferError::Aggregation { strategy, head })
    }

    /// Refuses a model that finds no entities.
    ///
    /// # Errors
    /// [`InferError::Classifier`] for a classifier of texts.
    pub fn check_entities(&self) -> Result<(), InferError> {
        match self.task() {
            Task::Ner => Ok(()),
            Task::Classify => Err(InferError::Classifier),
        }
    }

    /// What entities can be called: labels where each piece is for itself, else types as `strategy` reads them of the labels, or, without
    /// one, as the model's scheme does.
    pub fn entity_labels(&self, strategy: Option<Aggregation>) -> Vec<String> {
        let labels = self.model().labels().iter().filter(|label| *label != "O");
        match strategy {
            None => self.types(),
            Some(Aggregation::None) => labels.cloned().collect(),
            Some(_) => {
                let mut names: Vec<String> = Vec::new();
                for name in labels.map(|label| group_label(label)) {
                    if !names.iter().any(|known| known == name) {
                        names.push(name.to_owned());
                    }
                }
                names
            }
        }
    }

    /// The entities of running texts as `strategy` makes them of pieces, [`TextWork`] for [`TextWork`]; the answer has one [`Tagged`] a
    /// text, in order, without tags of words. With [`Aggregation::None`] each piece with a label other than `O` is an entity.
    ///
    /// # Errors
    /// As [`TextWork::new`] and [`Tagger::forward`].
    pub fn tag_texts(
        &self,
        texts: &[Sentence],
        strategy: Aggregation,
        workspace: &mut Workspace,
    ) -> Result<Vec<Tagged>, InferError> {
        let mut works = Vec::with_capacity(texts.len());
        let mut sequences = Vec::new();
        for text in texts {
            let (work, own) = TextWork::new(self, text.text.clone(), strategy, None)?;
            works.push((work, own.len()));
            sequences.extend(own);
        }
        let mut logits = self.forward_all(&sequences, workspace)?.into_iter();
        let decode = |(text, (work, count)): (&Sentence, (TextWork, usize))| {
            let own: Vec<Vec<f32>> = logits.by_ref().take(count).collect();
            let found = work.decode(self, &own).into_iter();
            Tagged {
                entities: found.filter_map(|mention| entity(text, mention)).collect(),
                ..Tagged::default()
            }
        };
        Ok(texts.iter().zip(works).map(decode).collect())
    }

    /// The logits of every sequence's rows, in batches of the tagger's size.
    fn forward_all(
        &self,
        sequences: &[Sequence],
        workspace: &mut Workspace,
    ) -> Result<Vec<Vec<f32>>, InferError> {
        let mut logits = Vec::with_capacity(sequences.len());
        let mut batch: Vec<&Sequence> = Vec::new();
        let mut pieces = 0;
        for sequence in sequences {
            if pieces + sequence.pieces() > self.batch_pieces() {
                logits.extend(self.forward(&batch, workspace)?);
                batch.clear();
                pieces = 0;
            }
            pieces += sequence.pieces();
            batch.push(sequence);
        }
        logits.extend(self.forward(&batch, workspace)?);
        Ok(logits)
    }
}

/// A mention as an entity of `text`; none for one that is outside, or of pieces without text.
fn entity(text: &Sentence, mention: Mention) -> Option<Entity> {
    if mention.label == "O" || mention.span.is_empty() {
        return None;
    }
    let mut span = mention.span;
    while !text.text.is_char_boundary(span.start) {
        span.start -= 1;
    }
    while !text.text.is_char_boundary(span.end) {
        span.end += 1;
    }
    let first = text.words.partition_point(|word| word.end <= span.start);
    let end = text.words.partition_point(|word| word.start < span.end);
    Some(Entity {
        words: first..end.max(first),
        span,
        label: mention.label,
        confidence: mention.score,
    })
}
