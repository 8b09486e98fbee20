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
    fn begin(&mut self, _file: &str) -> Result<(), TextError> {
        Ok(())
    }

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
        // The line that starts a document has a gold column too, and no entity in it.
        let before = sentence.source.columns.first().map_or(0, Vec::len);
        sentence
            .source
            .document_columns
            .resize(before, "-X-".to_owned());
        sentence.source.document_columns.push("O".to_owned());
        for (columns, gold) in sentence.source.columns.iter_mut().zip(gold) {
            columns.push(gold);
        }
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_starts_a_document_has_no_entity_in_its_gold_column() {
        for columns in [vec![], vec!["NNP".to_owned()]] {
            let mut sentence = Sentence::from_words(&["Ada"], Some(vec!["B-PER".to_owned()]));
            sentence.source.starts_document = true;
            if !columns.is_empty() {
                sentence.source.columns = vec![columns.clone()];
            }
            let tagged = Tagged {
                tags: vec!["O".to_owned()],
                ..Tagged::default()
            };
            let sentence = with_predicted(&sentence, &tagged);
            assert_eq!(
                sentence.source.document_columns.last().map(String::as_str),
                Some("O")
            );
            assert_eq!(sentence.source.document_columns.len(), columns.len() + 1);
            assert_eq!(
                sentence.source.columns[0].last().map(String::as_str),
                Some("B-PER")
            );
        }
    }
}
