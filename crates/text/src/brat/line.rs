//! The lines of an `.ann` file.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use super::CharOffsets;
use crate::{Span, TextError};

/// What a line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `T`: a type over a part of the text.
    Entity,
    /// `R`.
    Relation,
    /// `*`: relations without direction, such as `Equiv`.
    Equivalence,
    /// `E`.
    Event,
    /// `A`, or `M` in old files.
    Attribute,
    /// `N`: a reference to an entry of a database.
    Normalization,
    /// `#`: a note of an annotator.
    Note,
    /// Nothing stands there.
    Blank,
}

/// One line: as it stands in the file, and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    raw: String,
    kind: Kind,
    entity: Option<TextBound>,
}

/// An entity: a type over one or more fragments of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextBound {
    /// Its identifier, such as `T7`.
    pub id: String,
    /// Its type.
    pub label: String,
    /// The bytes of its fragments in the order of the text, without overlap; never empty.
    pub fragments: Vec<Span>,
    /// What is to be said when the text in the line is not the text of the fragments.
    pub mismatch: Option<String>,
}

impl TextBound {
    /// The bytes from its first fragment to its last.
    pub fn extent(&self) -> Span {
        let first = self.fragments.first().map_or(0, |fragment| fragment.start);
        first..self.fragments.last().map_or(first, |fragment| fragment.end)
    }

    /// Whether other text than white space stands between its fragments.
    ///
    /// brat cuts an entity in fragments wherever a line of the text ends: such an entity is not fragmented.
    pub fn is_fragmented(&self, text: &str) -> bool {
        let gaps = self.fragments.iter().zip(self.fragments.iter().skip(1));
        gaps.map(|(before, after)| &text[before.end..after.start])
            .any(|gap| !gap.trim().is_empty())
    }
}

impl Line {
    /// The line as it stands in the file, its line end included.
    pub fn as_str(&self) -> &str {
        &self.raw
    }

    /// What it says.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The entity, when it is one.
    pub fn entity(&self) -> Option<&TextBound> {
        self.entity.as_ref()
    }
}

/// Every line of an `.ann` file.
pub(super) fn parse(
    annotations: &str,
    offsets: &CharOffsets<'_>,
    path: &Path,
) -> Result<Vec<Line>, TextError> {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let mut lines = Vec::new();
    for (index, raw) in annotations.split_inclusive('\n').enumerate() {
        let number = index + 1;
        let wrong = |message: String| TextError::syntax(path, number, message);
        let content = raw.strip_suffix('\n').unwrap_or(raw);
        let content = content.strip_suffix('\r').unwrap_or(content);
        let content = match index {
            0 => content.strip_prefix('\u{feff}').unwrap_or(content),
            _ => content,
        };
        let kind = kind(content).map_err(wrong)?;
        let id = content.split('\t').next().unwrap_or_default();
        if !matches!(kind, Kind::Blank | Kind::Equivalence)
            && id != "#"
            && let Some(first) = seen.insert(id, number)
        {
            return Err(wrong(format!(
                "id {id} stands in line {first} already; expected every id once"
            )));
        }
        let entity = match kind {
            Kind::Entity => Some(text_bound(content, offsets).map_err(wrong)?),
            _ => None,
        };
        lines.push(Line {
            raw: raw.to_owned(),
            kind,
            entity,
        });
    }
    Ok(lines)
}

/// What a line says, by its first letter; checks that there is an id and something behind it.
fn kind(content: &str) -> Result<Kind, String> {
    let kind = match content.chars().next() {
        None => return Ok(Kind::Blank),
        _ if content.trim().is_empty() => return Ok(Kind::Blank),
        Some('T') => Kind::Entity,
        Some('R') => Kind::Relation,
        Some('*') => Kind::Equivalence,
        Some('E') => Kind::Event,
        Some('A' | 'M') => Kind::Attribute,
        Some('N') => Kind::Normalization,
        Some('#') => Kind::Note,
        Some(_) => {
            return Err(format!(
                "{content:?} begins with none of T, R, E, A, M, N, # and *, one of which begins every line"
            ));
        }
    };
    let (id, rest) = content.split_once('\t').unwrap_or((content, ""));
    let number = &id[1..];
    let is_id = !number.contains(char::is_whitespace)
        && (!number.is_empty() || matches!(kind, Kind::Equivalence | Kind::Note));
    if !is_id || rest.trim().is_empty() {
        let example = match kind {
            Kind::Entity => "T1<tab>Disease 10 14<tab>text",
            Kind::Relation => "R1<tab>Cures Arg1:T1 Arg2:T2",
            Kind::Equivalence => "*<tab>Equiv T1 T2",
            Kind::Event => "E1<tab>Trial:T1 Drug:T2",
            Kind::Attribute => "A1<tab>Negated T1",
            Kind::Normalization => "N1<tab>Reference T1 MeSH:D003924<tab>text",
            Kind::Note | Kind::Blank => "#1<tab>AnnotatorNotes T1<tab>text",
        };
        return Err(format!(
            "{content:?} is not an id, a tab and an annotation; expected a line like {example}"
        ));
    }
    Ok(kind)
}

/// `T1<tab>Disease 10 12;14 18<tab>text`.
fn text_bound(content: &str, offsets: &CharOffsets<'_>) -> Result<TextBound, String> {
    let mut fields = content.splitn(3, '\t');
    let id = fields.next().unwrap_or_default();
    let target = fields.next().unwrap_or_default();
    let Some((label, places)) = target
        .split_once(' ')
        .filter(|(label, _)| !label.is_empty())
    else {
        return Err(format!(
            "{target:?} is not a type and offsets; expected Disease 10 14, or Disease 10 12;14 18"
        ));
    };
    let mut spans = Vec::new();
    for place in places.split(';') {
        spans.push(fragment(place, target, offsets)?);
    }
    let expected = |separator: &str| {
        let parts = spans
            .iter()
            .map(|span: &Span| &offsets.text()[span.clone()]);
        parts.collect::<Vec<_>>().join(separator)
    };
    let mismatch = fields
        .next()
        .filter(|text| !agrees(text, &expected(" ")) && !agrees(text, &expected("")))
        .map(|text| {
            let expected = Shown(&expected(" ")).to_string();
            format!("{id} says {text:?}, but the text at {places} is {expected}")
        });
    spans.sort_by_key(|span| (span.start, span.end));
    if spans.windows(2).any(|pair| pair[0].end > pair[1].start) {
        return Err(format!("the fragments of {target:?} overlap"));
    }
    Ok(TextBound {
        id: id.to_owned(),
        label: label.to_owned(),
        fragments: spans,
        mismatch,
    })
}

/// `10 14` as bytes.
fn fragment(place: &str, target: &str, offsets: &CharOffsets<'_>) -> Result<Span, String> {
    let numbers = place.split_once(' ').and_then(|(start, end)| {
        let number = |digits: &str| digits.parse::<usize>().ok();
        Some((number(start)?, number(end)?))
    });
    let Some((start, end)) = numbers else {
        return Err(format!(
            "{place:?} in {target:?} is not a start and an end; expected two numbers, as in Disease 10 14"
        ));
    };
    match (offsets.byte(start), offsets.byte(end)) {
        (Some(start), Some(end)) if start <= end => Ok(start..end),
        (Some(_), Some(_)) => Err(format!("{target:?} ends before it starts")),
        _ => Err(format!(
            "{target:?} reaches past the end of the text, which has {} characters",
            offsets.characters()
        )),
    }
}

/// Whether the text in a line is that of the document. White space of any kind is written as a space there, and
/// brat allows more behind it.
fn agrees(said: &str, found: &str) -> bool {
    let mut said = said.chars();
    let same = |(found, said): (char, char)| found == said || found.is_whitespace() && said == ' ';
    let count = found.chars().count();
    let head: Vec<char> = said.by_ref().take(count).collect();
    head.len() == count
        && found.chars().zip(head).all(same)
        && said.next().is_none_or(char::is_whitespace)
}

/// A text in quotes, cut where it becomes long.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 60;
        match self.0.char_indices().nth(MOST) {
            Some((end, _)) => write!(f, "{:?}...", &self.0[..end]),
            None => write!(f, "{:?}", self.0),
        }
    }
}
