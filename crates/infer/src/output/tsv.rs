//! An entity a line, separated by tabs.

use std::fmt::Write;

use bert_ner_text::Sentence;

use super::Layout;
use crate::offset::{OffsetUnit, Offsets};
use crate::tagged::Tagged;

pub(super) struct Tsv {
    pub(super) unit: OffsetUnit,
}

impl Layout for Tsv {
    fn header(&self, out: &mut String) {
        let unit = self.unit;
        let _ = writeln!(
            out,
            "sentence\tstart_{unit}\tend_{unit}\tlabel\tscore\ttext"
        );
    }

    fn sentence(&self, number: usize, sentence: &Sentence, tagged: &Tagged, out: &mut String) {
        let name = sentence
            .source
            .id
            .as_deref()
            .map_or_else(|| number.to_string(), escaped);
        let mut offsets = Offsets::new(&sentence.text, self.unit);
        for entity in &tagged.entities {
            let (start, end) = (offsets.at(entity.span.start), offsets.at(entity.span.end));
            let label = escaped(&entity.label);
            let text = escaped(&sentence.text[entity.span.clone()]);
            let _ = writeln!(
                out,
                "{name}\t{start}\t{end}\t{label}\t{:.4}\t{text}",
                entity.confidence
            );
        }
    }
}

/// `text` without the characters that separate columns and lines.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('\t', "\\t")
        .replace('\n', "\\n")
        .replace('\r', "\\r")
}
