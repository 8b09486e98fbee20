//! Entities of running text as the token-classification pipeline of `transformers` finds them.
//!
//! Every piece gets a label, and an [`Aggregation`] makes entities of pieces, exactly as `TokenClassificationPipeline` does
//! (transformers 5.23, `pipelines/token_classification.py`), its oddities included. Only what that would cut off is read
//! on: a text longer than the model goes through overlapping windows. For entities that respect words and scheme use
//! [`Tagger::tag`].

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use bert_ner_text::{Span, TextError, by_name};
use bert_ner_tokenize::{TextPieces, Tokenizer};

use crate::error::InferError;
use crate::sequence::Sequence;
use crate::softmax;
use crate::tagger::Tagger;

/// How pieces become entities; the names are those of `aggregation_strategy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Aggregation {
    /// Every piece for itself.
    None,
    /// Neighbouring pieces of the same type.
    Simple,
    /// Neighbouring words of the same type; a word has the label of its first piece.
    First,
    /// A word has the label with the highest mean probability over its pieces.
    Average,
    /// A word has the label of its surest piece.
    Max,
}

impl Aggregation {
    /// Every strategy.
    pub const ALL: [Self; 5] = [
        Self::None,
        Self::Simple,
        Self::First,
        Self::Average,
        Self::Max,
    ];

    /// The name, as in `transformers`.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Simple => "simple",
            Self::First => "first",
            Self::Average => "average",
            Self::Max => "max",
        }
    }
}

impl fmt::Display for Aggregation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Aggregation {
    type Err = TextError;

    fn from_str(name: &str) -> Result<Self, TextError> {
        by_name("aggregation strategy", &Self::ALL, Self::name, name)
    }
}

/// A piece or a group of pieces with its label.
#[derive(Debug, Clone, PartialEq)]
pub struct Mention {
    /// The label, `B-PER`, of a piece; the type, `PER`, of a group.
    pub label: String,
    /// The probability of the label; of a group, the mean over its pieces or words.
    pub score: f32,
    /// The piece, or the pieces as the tokenizer joins them: not always the text itself, `span` is.
    pub word: String,
    /// Its bytes in the text.
    pub span: Span,
    /// With [`Aggregation::None`] the place of the piece in the text, counted with `[CLS]`.
    pub index: Option<usize>,
}

/// A text on its way through the model.
#[derive(Debug)]
pub struct TextWork {
    text: String,
    encoding: TextPieces,
    /// The pieces whose logits each sequence gives.
    parts: Vec<Range<usize>>,
    /// Whether each part gives entities of its own, and those that overlap compete.
    strided: bool,
    aggregation: Aggregation,
    /// What is not found at all.
    ignored: Vec<String>,
}

impl TextWork {
    /// Cuts `text` into sequences.
    ///
    /// With `stride` the windows are those of `transformers`: of the tagger's `max_length`, cut anywhere, sharing `stride`
    /// pieces, each giving its entities, of those that overlap the longest winning. Without it each word is decided by the
    /// window that shows most of its surroundings, as in [`Tagger::tag`].
    ///
    /// # Errors
    /// As [`Tagger::check_aggregation`], and when the text cannot be tokenized, or `stride` is not below `max_length - 2` or comes with
    /// [`Aggregation::None`].
    pub fn new(
        tagger: &Tagger,
        text: String,
        aggregation: Aggregation,
        stride: Option<usize>,
    ) -> Result<(Self, Vec<Sequence>), InferError> {
        tagger.check_aggregation(aggregation)?;
        let encoding = tagger.tokenizer().encode_text(&text)?;
        let (parts, sequences) = match stride {
            None => windows(tagger, &encoding).into_iter().unzip(),
            Some(stride) => {
                let capacity = tagger.max_length() - 2;
                if stride >= capacity || aggregation == Aggregation::None {
                    return Err(InferError::Stride { stride, capacity });
                }
                strides(tagger, &encoding, capacity, stride)
                    .into_iter()
                    .unzip()
            }
        };
        let strided = stride.is_some();
        let work = Self {
            text,
            encoding,
            parts,
            strided,
            aggregation,
            ignored: Vec::new(),
        };
        Ok((work, sequences))
    }

    /// Leaves out what has one of these labels, before overlapping windows compete, as transformers' `ignore_labels` does.
    #[must_use]
    pub fn ignoring(mut self, labels: Vec<String>) -> Self {
        self.ignored = labels;
        self
    }

    /// The text, taken out.
    pub fn into_text(self) -> String {
        self.text
    }

    /// What the model found, in the order of the text, `O` included unless [`TextWork::ignoring`] it. `logits` are those of each sequence, `[rows, K]`.
    pub fn decode(&self, tagger: &Tagger, logits: &[Vec<f32>]) -> Vec<Mention> {
        let pieces = |(part, logits): (&Range<usize>, &Vec<f32>)| self.pieces(tagger, part, logits);
        let parts = self.parts.iter().zip(logits);
        if self.strided {
            let found: Vec<Mention> = parts
                .flat_map(|part| self.mentions(tagger, &pieces(part)))
                .collect();
            return if self.parts.len() > 1 {
                self.longest(found)
            } else {
                found
            };
        }
        let all: Vec<Piece> = parts.flat_map(pieces).collect();
        self.mentions(tagger, &all)
    }

    fn mentions(&self, tagger: &Tagger, pieces: &[Piece]) -> Vec<Mention> {
        let mut found = aggregate(tagger, pieces, self.aggregation);
        found.retain(|mention| !self.ignored.contains(&mention.label));
        found
    }

    /// The pieces of a part with their probabilities: `gather_pre_entities`.
    fn pieces(&self, tagger: &Tagger, part: &Range<usize>, logits: &[f32]) -> Vec<Piece> {
        let tokenizer = tagger.tokenizer();
        let rows = logits.chunks_exact(tagger.model().labels().len());
        let piece = |(place, logits): (usize, &[f32])| {
            let id = self.encoding.pieces.ids[place];
            let span = self.encoding.spans[place].clone();
            let shown = self.text.get(span.clone()).unwrap_or_default();
            let word = tokenizer.piece(id).unwrap_or_default();
            // `##` makes a piece longer than its text; so, rarely, does what the normalizer dropped or changed.
            let differs = word.chars().count() != shown.chars().count();
            let unknown = id == tokenizer.unk_id();
            Piece {
                continues: differs && !unknown,
                word: if unknown { shown.to_owned() } else { word },
                scores: (0..logits.len())
                    .map(|label| softmax::log_probability(logits, label).exp() as f32)
                    .collect(),
                span,
                index: place + 1,
            }
        };
        part.clone().zip(rows).map(piece).collect()
    }

    /// Of mentions that overlap, the longest, and of those the surest: `aggregate_overlapping_entities`.
    fn longest(&self, mut found: Vec<Mention>) -> Vec<Mention> {
        found.sort_by_key(|mention| mention.span.start);
        let length = |mention: &Mention| {
            let shown = self.text.get(mention.span.clone()).unwrap_or_default();
            shown.chars().count()
        };
        let mut kept: Vec<Mention> = Vec::new();
        for mention in found {
            match kept.last_mut() {
                Some(last) if mention.span.start < last.span.end => {
                    let (new, old) = (length(&mention), length(last));
                    if new > old || new == old && mention.score > last.score {
                        *last = mention;
                    }
                }
                _ => kept.push(mention),
            }
        }
        kept
    }
}

/// The windows of [`Tagger::tag`], with the pieces that each decides. The pieces of a word that alone exceeds a window end
/// where the window ends.
fn windows(tagger: &Tagger, encoding: &TextPieces) -> Vec<(Range<usize>, Sequence)> {
    let pieces = &encoding.pieces;
    let windows = tagger.tokenizer().windows(pieces, tagger.max_length());
    let sequence = |window: bert_ner_tokenize::Window| {
        let rows: Vec<u32> = window.piece_rows(pieces).map(|(row, _)| row).collect();
        let start = pieces.of_word(window.words.start).start;
        let part = start..start + rows.len();
        let ids = window.ids;
        (part, Sequence { ids, rows })
    };
    windows.into_iter().map(sequence).collect()
}

/// The chunks that `return_overflowing_tokens` and `stride` give in `transformers`.
fn strides(
    tagger: &Tagger,
    encoding: &TextPieces,
    capacity: usize,
    stride: usize,
) -> Vec<(Range<usize>, Sequence)> {
    let tokenizer = tagger.tokenizer();
    let all = &encoding.pieces.ids;
    let mut chunks = Vec::new();
    let mut start = 0;
    while start < all.len() {
        let end = all.len().min(start + capacity);
        let mut ids = vec![tokenizer.cls_id()];
        ids.extend_from_slice(&all[start..end]);
        ids.push(tokenizer.sep_id());
        let rows = (1..=(end - start) as u32).collect();
        chunks.push((start..end, Sequence { ids, rows }));
        if end == all.len() {
            break;
        }
        start += capacity - stride;
    }
    chunks
}

/// A piece with its probabilities: what the pipeline calls a pre-entity.
struct Piece {
    word: String,
    /// `[K]`
    scores: Vec<f32>,
    span: Span,
    index: usize,
    /// Whether it belongs to the word before it.
    continues: bool,
}

/// A piece or word with one label.
struct Labelled<'a> {
    label: &'a str,
    score: f32,
    word: String,
    span: Span,
    index: usize,
}

/// The mentions of neighbouring pieces: `aggregate`.
fn aggregate(tagger: &Tagger, pieces: &[Piece], strategy: Aggregation) -> Vec<Mention> {
    let labels = tagger.model().labels();
    let single = |piece: &Piece| {
        let best = softmax::best(&piece.scores);
        Labelled {
            label: &labels[best],
            score: piece.scores[best],
            word: piece.word.clone(),
            span: piece.span.clone(),
            index: piece.index,
        }
    };
    let labelled: Vec<Labelled<'_>> = match strategy {
        Aggregation::None | Aggregation::Simple => pieces.iter().map(single).collect(),
        _ => words(pieces)
            .map(|word| label_word(tagger, word, strategy))
            .collect(),
    };
    if strategy == Aggregation::None {
        let mention = |piece: Labelled<'_>| Mention {
            label: piece.label.to_owned(),
            score: piece.score,
            word: piece.word,
            span: piece.span,
            index: Some(piece.index),
        };
        return labelled.into_iter().map(mention).collect();
    }
    labelled
        .chunk_by(|last, next| {
            let ((prefix, kind), (_, last)) = (tag(next.label), tag(last.label));
            kind == last && prefix != 'B'
        })
        .map(|group| merge(tagger.tokenizer(), group))
        .collect()
}

/// The pieces of each word. The first piece of all begins a word whatever it is.
fn words(pieces: &[Piece]) -> impl Iterator<Item = &[Piece]> {
    pieces.chunk_by(|_, next| next.continues)
}

/// One label for a word: `aggregate_word`.
fn label_word<'a>(tagger: &'a Tagger, word: &[Piece], strategy: Aggregation) -> Labelled<'a> {
    let top = |piece: &Piece| piece.scores[softmax::best(&piece.scores)];
    let (label, score) = match strategy {
        Aggregation::Average => {
            let mean = |label: usize| {
                let sum: f32 = word.iter().map(|piece| piece.scores[label]).sum();
                sum / word.len() as f32
            };
            let means: Vec<f32> = (0..word[0].scores.len()).map(mean).collect();
            let best = softmax::best(&means);
            (best, means[best])
        }
        Aggregation::Max => {
            let surest = |best: &'_ Piece, piece: &'_ Piece| top(piece) > top(best);
            let piece = word.iter().reduce(|a, b| if surest(a, b) { b } else { a });
            let piece = piece.unwrap_or(&word[0]);
            (softmax::best(&piece.scores), top(piece))
        }
        _ => (softmax::best(&word[0].scores), top(&word[0])),
    };
    let text = word.iter().map(|piece| piece.word.clone()).collect();
    Labelled {
        label: &tagger.model().labels()[label],
        score,
        word: tagger.tokenizer().join(text),
        span: word[0].span.start..word[word.len() - 1].span.end,
        index: word[0].index,
    }
}

/// Prefix and type of a label; what has neither `B-` nor `I-` continues: `get_tag`.
fn tag(label: &str) -> (char, &str) {
    match label.strip_prefix("B-") {
        Some(kind) => ('B', kind),
        None => ('I', label.strip_prefix("I-").unwrap_or(label)),
    }
}

/// What a group of pieces with `label` is called, whatever stands before the first hyphen: `group_sub_entities`.
pub(crate) fn group_label(label: &str) -> &str {
    label.split_once('-').map_or(label, |(_, kind)| kind)
}

/// One mention of a group: `group_sub_entities`.
fn merge(tokenizer: &Tokenizer, group: &[Labelled<'_>]) -> Mention {
    let label = group[0].label;
    let sum: f32 = group.iter().map(|labelled| labelled.score).sum();
    let words = group.iter().map(|labelled| labelled.word.clone()).collect();
    Mention {
        label: group_label(label).to_owned(),
        score: sum / group.len() as f32,
        word: tokenizer.join(words),
        span: group[0].span.start..group[group.len() - 1].span.end,
        index: None,
    }
}
