//! Columns, by `text`'s own writer.

use std::path::Path;

use bert_ner_text::{Format, Output, Sentence, SentenceWriter, TextError, WriteOptions};

use super::PredictionWriter;
use crate::tagged::Tagged;

pub(super) fn create(output: Output, name: &Path) -> Result<Box<dyn PredictionWriter>, TextError> {
    let writer = bert_ner_text::create(output, name, Format::Conll, &WriteOptions::default())?;
    Ok(Box::new(Conll { writer }))
}

pub(super) fn create_file(path: &Path) -> Result<Box<dyn PredictionWriter>, TextError> {
    let writer = bert_ner_text::create_file(path, Format::Conll, &WriteOptions::default())?;
    Ok(Box::new(Conll { writer }))
}

struct Conll {
    writer: Box<dyn SentenceWriter>,
}

impl PredictionWriter for Conll {
    fn write(&mut self, sentence: &Sentence, tagged: &Tagged) -> Result<(), TextError> {
        self.writer.write(&with_predicted(sentence, tagged))
    }

    fn finish(self: Box<Self>) -> Result<(), TextError> {
        self.writer.finish()
    }
}

/// The sentence with the predicted tag as its last column, the gold tag, if any, before it.
fn with_predicted(sentence: &Sentence, tagged: &Tagged) -> Sentence {
    let mut sentence = sentence.clone();
    if let Some(gold) = sentence.tags.replace(tagged.tags.clone()) {
        sentence.source.columns.resize(gold.len(), Vec::new());
        for (columns, gold) in sentence.source.columns.iter_mut().zip(gold) {
            columns.push(gold);
        }
    }
    sentence
}
