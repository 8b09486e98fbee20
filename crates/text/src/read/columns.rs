//! Which column holds what, in formats whose columns have names, and the sentence of a row.

use super::{Column, ReadOptions};
use crate::{Sentence, counted};

/// Names under which words are found, the first that is there.
pub(super) const WORDS: &[&str] = &["tokens", "words", "token", "word", "form", "text"];
/// Names under which tags are found.
pub(super) const TAGS: &[&str] = &[
    "ner_tags",
    "tags",
    "labels",
    "ner",
    "ner_tag",
    "tag",
    "label",
    "ner_labels",
];
/// Names under which identifiers are found.
pub(super) const IDS: &[&str] = &[
    "sentence_id",
    "sentence #",
    "sentence_idx",
    "sent_id",
    "sentence id",
    "sentence",
    "id",
    "guid",
];
/// Columns beside words and tags that are kept, as CoNLL-2003 has them on the Hub.
const EXTRAS: &[&str] = &["pos_tags", "chunk_tags"];
/// What [`numbered`] columns begin with.
const NUMBERED: &str = "column_";

/// The name under which column `index` of those that are neither word nor tag is written.
pub(crate) fn numbered(index: usize) -> String {
    format!("{NUMBERED}{}", index + 1)
}

/// Places of the columns of interest among the names of a header, schema or object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Roles {
    pub(super) words: usize,
    pub(super) tags: Option<usize>,
    pub(super) id: Option<usize>,
}

impl Roles {
    /// What the options choose, else the usual names.
    pub(super) fn find(names: &[&str], options: &ReadOptions) -> Result<Self, String> {
        let words = find(options.word_column.as_ref(), names, WORDS)
            .map_err(|why| format!("--word-column: {why}"))?
            .ok_or_else(|| missing("words", WORDS, names))?;
        let mut rest: Vec<&str> = names.to_vec();
        // A column has one role: "text" may be usual for words and "label" for tags, never both.
        rest[words] = "";
        let tags = find(options.tag_column.as_ref(), &rest, TAGS)
            .map_err(|why| format!("--tag-column: {why}"))?;
        if let Some(tags) = tags {
            rest[tags] = "";
        }
        let id = find(options.id_column.as_ref(), &rest, IDS)
            .map_err(|why| format!("--id-column: {why}"))?;
        Ok(Self { words, tags, id })
    }

    /// The columns that are kept beside words, tags and identifier: one value a word.
    pub(super) fn extras(&self, names: &[&str]) -> Vec<usize> {
        let taken = [Some(self.words), self.tags, self.id];
        let is_extra = |name: &str| {
            EXTRAS.contains(&name)
                || name
                    .strip_prefix(NUMBERED)
                    .is_some_and(|number| number.parse::<u32>().is_ok())
        };
        (0..names.len())
            .filter(|&at| !taken.contains(&Some(at)) && is_extra(names[at]))
            .collect()
    }
}

/// The place of the column that is `chosen`, or of the first of the `usual` names; `None` when none
/// is chosen and none of the usual is there.
pub(super) fn find(
    chosen: Option<&Column>,
    names: &[&str],
    usual: &[&str],
) -> Result<Option<usize>, String> {
    let place = match chosen {
        None => {
            let at = |usual: &&str| {
                names
                    .iter()
                    .position(|name| name.eq_ignore_ascii_case(usual))
            };
            return Ok(usual.iter().find_map(at));
        }
        Some(Column::First) => 0,
        Some(Column::Last) => names.len().wrapping_sub(1),
        Some(Column::Number(number)) => number.wrapping_sub(1),
        Some(Column::Name(wanted)) => names
            .iter()
            .position(|name| name == wanted)
            .unwrap_or(usize::MAX),
    };
    match chosen {
        Some(chosen) if place >= names.len() => Err(format!(
            "there is no column {chosen}; the columns are {}",
            list(names)
        )),
        _ => Ok(Some(place)),
    }
}

/// That no column of `what` is there, which names were looked for and which there are.
pub(super) fn missing(what: &str, usual: &[&str], names: &[&str]) -> String {
    format!(
        "no column of {what} found; expected one of {}, or one that is named by an option; \
         the columns are {}",
        list(usual),
        list(names)
    )
}

fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names
        .iter()
        .filter(|name| !name.is_empty())
        .map(|name| format!("{name:?}"))
        .collect();
    if quoted.is_empty() {
        "none".to_owned()
    } else {
        quoted.join(", ")
    }
}

/// One sentence as formats with a row a sentence give it.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) words: Vec<String>,
    pub(super) tags: Option<Vec<String>>,
    pub(super) id: Option<String>,
    /// One list a column, one value a word.
    pub(super) extras: Vec<(String, Vec<String>)>,
}

impl Row {
    /// The sentence, when all lists are as long as the list of words.
    pub(super) fn into_sentence(self, tag_column: &str) -> Result<Sentence, String> {
        let count = self.words.len();
        let tags = self.tags.iter().map(|tags| (tag_column, tags.len()));
        let extras = self
            .extras
            .iter()
            .map(|(name, values)| (name.as_str(), values.len()));
        for (name, len) in tags.chain(extras) {
            if len != count {
                return Err(format!(
                    "{} but {} in {name:?}; expected as many",
                    counted(count, "words"),
                    counted(len, "values")
                ));
            }
        }
        let mut sentence = Sentence::from_words(&self.words, self.tags);
        sentence.source.id = self.id;
        if !self.extras.is_empty() {
            let row = |word: usize| {
                self.extras
                    .iter()
                    .map(|(_, list)| list[word].clone())
                    .collect()
            };
            sentence.source.columns = (0..count).map(row).collect();
        }
        Ok(sentence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_names_are_found_in_their_order_and_any_case() {
        let roles = Roles::find(
            &["Sentence #", "Word", "POS", "Tag"],
            &ReadOptions::default(),
        );
        assert_eq!(
            roles,
            Ok(Roles {
                words: 1,
                tags: Some(3),
                id: Some(0)
            })
        );
        let names = ["id", "tokens", "pos_tags", "chunk_tags", "ner_tags"];
        let roles = Roles::find(&names, &ReadOptions::default()).expect("roles");
        assert_eq!(
            roles,
            Roles {
                words: 1,
                tags: Some(4),
                id: Some(0)
            }
        );
        assert_eq!(roles.extras(&names), [2, 3]);
    }

    #[test]
    fn a_chosen_column_wins_and_a_missing_one_is_named_with_those_there_are() {
        let options = ReadOptions {
            tag_column: Some(Column::Name("pos".to_owned())),
            ..Default::default()
        };
        assert_eq!(
            Roles::find(&["tokens", "pos", "ner_tags"], &options).map(|it| it.tags),
            Ok(Some(1))
        );
        assert_eq!(
            Roles::find(&["tokens", "ner_tags"], &options),
            Err("--tag-column: there is no column pos; the columns are \"ner_tags\"".to_owned())
        );
        let number = |number| ReadOptions {
            tag_column: Some(number),
            ..Default::default()
        };
        let tags =
            |options: &ReadOptions| Roles::find(&["token", "a", "b"], options).map(|it| it.tags);
        assert_eq!(tags(&number(Column::Last)), Ok(Some(2)));
        assert_eq!(tags(&number(Column::Number(2))), Ok(Some(1)));
        assert!(tags(&number(Column::Number(4))).is_err());
        assert_eq!(tags(&ReadOptions::default()), Ok(None));
    }

    #[test]
    fn lists_of_other_lengths_are_refused() {
        let words = vec!["a".to_owned(), "b".to_owned()];
        let row = Row {
            words,
            tags: Some(vec!["O".to_owned()]),
            ..Default::default()
        };
        assert_eq!(
            row.into_sentence("ner_tags"),
            Err("2 words but 1 value in \"ner_tags\"; expected as many".to_owned())
        );
    }
}
