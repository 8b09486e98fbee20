//! An entity a row, separated by tabs or commas.

use std::fmt::Write;

use bert_ner_text::Sentence;

use super::{At, Layout};
use crate::offset::{OffsetUnit, Offsets};
use crate::tagged::Tagged;

pub(super) struct Table {
    unit: OffsetUnit,
    files: bool,
    separator: char,
    /// A field as it is written.
    field: fn(&str) -> String,
}

impl Table {
    /// Nothing is quoted: what separates columns and lines is written as `\t`, `\n` and `\r`, a backslash twice.
    pub(super) fn tsv(unit: OffsetUnit, files: bool) -> Self {
        Self {
            unit,
            files,
            separator: '\t',
            field: escaped,
        }
    }

    /// RFC 4180.
    pub(super) fn csv(unit: OffsetUnit, files: bool) -> Self {
        Self {
            unit,
            files,
            separator: ',',
            field: quoted,
        }
    }

    fn row(&self, file: Option<&str>, fields: [&str; 6], out: &mut String) {
        for (index, field) in file.into_iter().chain(fields).enumerate() {
            if index > 0 {
                out.push(self.separator);
            }
            out.push_str(&(self.field)(field));
        }
        out.push('\n');
    }
}

impl Layout for Table {
    fn header(&mut self, out: &mut String) {
        let unit = self.unit;
        let (start, end) = (format!("start_{unit}"), format!("end_{unit}"));
        let names = ["sentence", &start, &end, "label", "score", "text"];
        self.row(self.files.then_some("file"), names, out);
    }

    fn sentence(&mut self, at: At<'_>, sentence: &Sentence, tagged: &Tagged, out: &mut String) {
        let number = at.number.to_string();
        let name = sentence.source.id.as_deref().unwrap_or(&number);
        let mut offsets = Offsets::new(&sentence.text, self.unit);
        let mut score = String::new();
        for entity in &tagged.entities {
            let start = offsets.at(entity.span.start).to_string();
            let end = offsets.at(entity.span.end).to_string();
            score.clear();
            let _ = write!(score, "{:.4}", entity.confidence);
            let text = &sentence.text[entity.span.clone()];
            let fields = [name, &start, &end, &entity.label, &score, text];
            self.row(at.file, fields, out);
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

/// `text` in quotes where it holds what means something in CSV.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
