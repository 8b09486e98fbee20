//! A page of the texts with their entities marked, and a legend with how many there are. It needs nothing from elsewhere.
//!
//! The page is written as the texts come, so the legend, which counts, stands last in the file; it is shown first.

use std::collections::BTreeMap;
use std::fmt::Write;

use bert_ner_text::{Sentence, split_tag};

use super::terminal::apart;
use super::{At, Layout};
use crate::tagged::Tagged;

pub(super) struct Html {
    /// Types in the order of their colours, with how many entities they have.
    types: Vec<(String, usize)>,
    /// The place of each type in `types`.
    places: BTreeMap<String, usize>,
    file: Option<String>,
    texts: usize,
}

const STYLE: &str = include_str!("page.css");

/// Degrees between the hues of neighbouring types: the golden angle, which leaves any number of them apart.
const TURN: f64 = 137.508;

impl Html {
    pub(super) fn new(types: &[String]) -> Self {
        let mut html = Self {
            types: Vec::new(),
            places: BTreeMap::new(),
            file: None,
            texts: 0,
        };
        for kind in types {
            html.place_of_type(kind);
        }
        html
    }

    /// The place of the type of `label`, which may be that of a piece: `B-PER`.
    fn place(&mut self, label: &str) -> usize {
        let kind = match split_tag(label).1 {
            // A type may look as a label does.
            _ if self.places.contains_key(label) => label,
            "" => label,
            kind => kind,
        };
        self.place_of_type(kind)
    }

    fn place_of_type(&mut self, kind: &str) -> usize {
        if let Some(&place) = self.places.get(kind) {
            return place;
        }
        self.types.push((kind.to_owned(), 0));
        self.places.insert(kind.to_owned(), self.types.len() - 1);
        self.types.len() - 1
    }
}

impl Layout for Html {
    fn header(&mut self, out: &mut String) {
        out.push_str("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        out.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        out.push_str("<meta name=\"color-scheme\" content=\"light dark\">\n<title>Entities</title>\n<style>\n");
        out.push_str(STYLE);
        out.push_str("</style>\n</head>\n<body>\n<main>\n");
    }

    fn sentence(&mut self, at: At<'_>, sentence: &Sentence, tagged: &Tagged, out: &mut String) {
        if at.file.is_some() && at.file != self.file.as_deref() {
            self.file = at.file.map(str::to_owned);
            out.push_str("<h2>");
            push_escaped(out, at.file.unwrap_or_default());
            out.push_str("</h2>\n");
        }
        self.texts += 1;
        let text = &sentence.text;
        let mut shown = 0;
        // What is read from the right is written so: the browser finds out.
        out.push_str("<p dir=\"auto\">");
        for entity in apart(&tagged.entities) {
            let place = self.place(&entity.label);
            self.types[place].1 += 1;
            push_escaped(out, &text[shown..entity.span.start]);
            let _ = write!(out, "<mark class=\"t{place}\" title=\"");
            push_escaped(out, &entity.label);
            let _ = write!(out, ", {:.1} %\">", 100.0 * entity.confidence);
            push_escaped(out, &text[entity.span.clone()]);
            out.push_str("<b>");
            push_escaped(out, &entity.label);
            out.push_str("</b></mark>");
            shown = entity.span.end;
        }
        push_escaped(out, text[shown..].trim_end());
        out.push_str("</p>\n");
    }

    fn footer(&mut self, out: &mut String) {
        out.push_str("</main>\n<header>\n<h1>Entities</h1>\n<ul aria-label=\"Types\">\n");
        for (place, (label, count)) in self.types.iter().enumerate() {
            let _ = write!(out, "<li><mark class=\"t{place}\">");
            push_escaped(out, label);
            let _ = writeln!(out, "</mark> {count}</li>");
        }
        let found: usize = self.types.iter().map(|(_, count)| count).sum();
        let _ = writeln!(
            out,
            "</ul>\n<p>{} in {}</p>\n</header>\n<style>",
            bert_ner_text::counted(found, "entities"),
            bert_ner_text::counted(self.texts, "texts")
        );
        for place in 0..self.types.len() {
            let hue = (place as f64 * TURN) % 360.0;
            let _ = writeln!(out, ".t{place} {{ --hue: {hue:.0} }}");
        }
        out.push_str("</style>\n</body>\n</html>\n");
    }
}

/// Appends `text` as the content of an element or of an attribute in double quotes, with `�` for control characters, which HTML cannot
/// hold.
fn push_escaped(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(c),
            '\r' => out.push_str("&#13;"),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
}
