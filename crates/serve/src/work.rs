//! One text or sentence of a request: cut into sequences on the way in, decoded on the way out.

use bert_ner_infer::{Aggregation, InferError, Mention, Sequence, Tagged, Tagger, TextWork};
use bert_ner_text::Sentence;

/// How the entities of a text are found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Method {
    /// As transformers' pipeline does; `None` is ours: tags of words, decoded under the model's scheme.
    pub(crate) aggregation: Option<Aggregation>,
    /// Pieces that neighbouring windows share, as in transformers.
    pub(crate) stride: Option<usize>,
    /// Labels that are not found at all.
    pub(crate) ignored: Vec<String>,
}

/// What waits for the logits of its sequences.
pub(crate) enum Work {
    Words(Sentence),
    Text(TextWork),
}

/// What the model found.
pub(crate) enum Found {
    Words(Box<(Sentence, Tagged)>),
    Text(String, Vec<Mention>),
}

impl Work {
    /// A text, and its sequences.
    pub(crate) fn text(
        tagger: &Tagger,
        text: String,
        method: &Method,
    ) -> Result<(Self, Vec<Sequence>), InferError> {
        match method.aggregation {
            Some(aggregation) => {
                let (work, sequences) = TextWork::new(tagger, text, aggregation, method.stride)?;
                Ok((Self::Text(work.ignoring(method.ignored.clone())), sequences))
            }
            None => {
                let sentence = tagger.sentence(text);
                Self::sentence(tagger, sentence)
            }
        }
    }

    /// A sentence of words, and its sequences.
    pub(crate) fn sentence(
        tagger: &Tagger,
        sentence: Sentence,
    ) -> Result<(Self, Vec<Sequence>), InferError> {
        let sequences = tagger.sequences(&sentence)?;
        Ok((Self::Words(sentence), sequences))
    }

    /// What the model found, from the logits of each sequence.
    pub(crate) fn decode(self, tagger: &Tagger, logits: &[Vec<f32>]) -> Found {
        match self {
            Self::Words(sentence) => {
                let tagged = tagger.decode(&sentence, &logits.concat());
                Found::Words(Box::new((sentence, tagged)))
            }
            Self::Text(work) => {
                let mentions = work.decode(tagger, logits);
                Found::Text(work.into_text(), mentions)
            }
        }
    }
}
