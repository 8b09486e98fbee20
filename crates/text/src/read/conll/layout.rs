//! What the lines of a CoNLL file are made of: which columns there are, and what is a comment.

use std::collections::HashSet;
use std::path::Path;

use crate::read::{Column, Separator};
use crate::scheme::OUTSIDE;
use crate::{TextError, counted, split_tag};

/// The mark of a line that starts a document.
pub(crate) const DOCSTART: &str = "-DOCSTART-";
/// The comment that names the columns (CoNLL-U Plus).
const GLOBAL_COLUMNS: &str = "global.columns";

/// The columns of a file.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) separator: Separator,
    /// Number of columns in every line.
    pub(crate) columns: usize,
    /// The column of the words.
    pub(crate) word: usize,
    /// The column of the tags; `None` when the file has only words.
    pub(crate) tag: Option<usize>,
    /// The line that this was found out from.
    pub(crate) line: usize,
    /// Bare types that have stood in the tag column so far.
    pub(crate) bare_tags: HashSet<String>,
}

impl Separator {
    /// What separates the columns of a line: a tab if it has one.
    fn of(line: &str) -> Self {
        if line.contains('\t') {
            Self::Tab
        } else {
            Self::Space
        }
    }
}

impl Layout {
    /// The columns of a line.
    pub(crate) fn fields<'a>(&self, line: &'a str) -> Vec<&'a str> {
        fields(line, self.separator, Some(self.columns))
    }

    /// Whether `line` is a comment; see [`may_be_comment`].
    ///
    /// A tweet has words like `#` and `#hashtag`, and a file may hold comments as CoNLL-U and
    /// MultiCoNER write them: `# text = ...`, `# id 17 domain=train`. So a line is a comment when
    /// it starts as one and is not a line of this file's columns with a tag where the tag belongs.
    pub(crate) fn is_comment(&self, line: &str) -> bool {
        may_be_comment(line) && (comment_pair(line).is_some() || !self.fits(&self.fields(line)))
    }

    /// Remembers a tag that stands in the tag column, should it be a bare type.
    pub(crate) fn note_tag(&mut self, tag: &str) {
        if split_tag(tag).0.is_none() && tag != OUTSIDE && !self.bare_tags.contains(tag) {
            self.bare_tags.insert(tag.to_owned());
        }
    }

    fn fits(&self, fields: &[&str]) -> bool {
        let is_tag = |tag: &str| is_tag(tag) || self.bare_tags.contains(tag);
        fields.len() == self.columns
            && !fields[self.word].is_empty()
            && self.tag.is_none_or(|column| is_tag(fields[column].trim()))
    }

    /// The layout of a file whose first lines of columns are `sample`, each with its number.
    pub(super) fn find(
        sample: &[(usize, &str)],
        names: &[String],
        word: Option<&Column>,
        tag: Option<&Column>,
        name: &Path,
    ) -> Result<Self, TextError> {
        let (line, first) = sample[0];
        let separator = Separator::of(first);
        let columns = fields(first, separator, None).len();
        if !names.is_empty() && names.len() != columns {
            let message = format!(
                "{} where the file names {} (# {GLOBAL_COLUMNS} = {})",
                counted(columns, "columns"),
                names.len(),
                names.join(" ")
            );
            return Err(TextError::syntax(name, line, message));
        }
        let resolve = |column: &Column, option: &str| {
            let found = resolve(column, columns, names);
            found.map_err(|why| TextError::syntax(name, line, format!("{option}: {why}")))
        };
        let named = |wanted: &str| {
            let found = names
                .iter()
                .position(|name| name.eq_ignore_ascii_case(wanted));
            found.filter(|&column| column < columns)
        };
        let tag = match tag {
            Some(column) => Some(resolve(column, "--tag-column")?),
            None if columns == 1 => None,
            None => match named("NER") {
                Some(column) => Some(column),
                None if tags_first(sample, separator) => Some(0),
                None => Some(columns - 1),
            },
        };
        let word = match word {
            Some(column) => resolve(column, "--word-column")?,
            None => named("FORM").unwrap_or(usize::from(tag == Some(0) && columns > 1)),
        };
        if tag == Some(word) {
            let message = format!(
                "column {} is asked for as both word and tag, of {columns} columns",
                word + 1
            );
            return Err(TextError::syntax(name, line, message));
        }
        Ok(Self {
            separator,
            columns,
            word,
            tag,
            line,
            bare_tags: HashSet::new(),
        })
    }

    /// What is wrong with a line of another number of columns.
    pub(super) fn wrong_count(&self, fields: &[&str], text: &str) -> String {
        let between = match self.separator {
            Separator::Tab => "tabs",
            Separator::Space => "spaces or tabs",
        };
        let shown: String = text.chars().take(60).collect();
        format!(
            "{} where {} {} expected, as in line {} (columns are separated by {between}): {shown:?}",
            counted(fields.len(), "columns"),
            self.columns,
            if self.columns == 1 { "is" } else { "are" },
            self.line
        )
    }
}

/// Splits a line into columns. Between tabs, empty columns beyond the `expected` ones are no more
/// than trailing tabs.
fn fields(line: &str, separator: Separator, expected: Option<usize>) -> Vec<&str> {
    match separator {
        Separator::Space => line
            .split([' ', '\t'])
            .filter(|field| !field.is_empty())
            .collect(),
        Separator::Tab => {
            let mut fields: Vec<&str> = line.split('\t').collect();
            while fields.len() > expected.unwrap_or(1)
                && fields.last().is_some_and(|f| f.is_empty())
            {
                fields.pop();
            }
            fields
        }
    }
}

fn resolve(column: &Column, columns: usize, names: &[String]) -> Result<usize, String> {
    match column {
        Column::First => Ok(0),
        Column::Last => Ok(columns - 1),
        Column::Number(number) if (1..=columns).contains(number) => Ok(number - 1),
        Column::Number(number) => Err(format!(
            "column {number} is asked for, but this line has {columns}; expected 1 to {columns}"
        )),
        Column::Name(name) => match names.iter().position(|other| other == name) {
            Some(found) => Ok(found),
            None if names.is_empty() => Err(format!(
                "a column named {name:?} is asked for, but the file names no columns (in a \
                 `# {GLOBAL_COLUMNS} = ...` comment); give its number"
            )),
            None => Err(format!(
                "a column named {name:?} is asked for; expected one of {}",
                names.join(", ")
            )),
        },
    }
}

/// Whether the first column holds the tags: it looks like tags in all of `sample`, and the last
/// does not.
fn tags_first(sample: &[(usize, &str)], separator: Separator) -> bool {
    let ends = |line| {
        let fields = fields(line, separator, None);
        (
            fields.first().copied().unwrap_or(""),
            fields.last().copied().unwrap_or(""),
        )
    };
    sample.iter().all(|(_, line)| is_full_tag(ends(line).0))
        && !sample
            .iter()
            .all(|(_, line)| is_full_tag(ends(line).1.trim()))
}

/// Whether the line alone settles that the first column does not hold the tags.
pub(super) fn settles_tag_column(line: &str) -> bool {
    line.split([' ', '\t'])
        .find(|field| !field.is_empty())
        .is_none_or(|first| !is_full_tag(first))
}

/// `O`, or a type behind a known prefix.
fn is_full_tag(field: &str) -> bool {
    is_tag(field) && (field == OUTSIDE || field.len() > 1)
}

/// A full tag, or a prefix alone, as corpora of one type write it.
fn is_tag(field: &str) -> bool {
    field == OUTSIDE
        || split_tag(field)
            .0
            .is_some_and(|prefix| "BIESLU".contains(prefix))
}

/// Whether a line has several columns and the last holds a tag.
pub(super) fn ends_in_tag(line: &str) -> bool {
    let separator = Separator::of(line);
    matches!(fields(line, separator, None).as_slice(), [_, .., last] if is_tag(last.trim()))
}

/// Whether a line holds no columns.
pub(crate) fn is_blank(line: &str) -> bool {
    line.bytes().all(|byte| matches!(byte, b' ' | b'\t'))
}

/// Whether a line starts as comments start: `#` alone or before white space, or CoNLL-2012's
/// document marks. `#hashtag` does not.
pub(super) fn may_be_comment(line: &str) -> bool {
    match line.strip_prefix('#') {
        Some(rest) => {
            rest.is_empty()
                || rest.starts_with([' ', '\t'])
                || rest.starts_with("begin document")
                || rest.starts_with("end document")
        }
        None => false,
    }
}

/// Whether a line is the mark of a new document, in whatever column.
pub(super) fn is_docstart(line: &str) -> bool {
    line.contains(DOCSTART) && line.split([' ', '\t']).any(|field| field == DOCSTART)
}

/// The key and value of a comment `# key = value`.
pub(crate) fn comment_pair(line: &str) -> Option<(&str, &str)> {
    let comment = line.strip_prefix('#')?.strip_prefix([' ', '\t'])?;
    let (key, value) = comment.split_once(" = ")?;
    let key = key.trim();
    let is_key = !key.is_empty() && !key.contains([' ', '\t']);
    is_key.then_some((key, value.trim()))
}

/// The column names that a comment gives, if it does.
pub(super) fn column_names(line: &str) -> Option<Vec<String>> {
    let (key, value) = comment_pair(line)?;
    (key == GLOBAL_COLUMNS).then(|| value.split_whitespace().map(str::to_owned).collect())
}

/// The comment that names the columns, for the order in which columns are written: the word, the
/// others, the tag.
pub(super) fn names_comment(names: &[String], layout: &Layout) -> Option<String> {
    if names.len() != layout.columns {
        return None;
    }
    let others = (0..names.len()).filter(|&i| i != layout.word && Some(i) != layout.tag);
    let order = std::iter::once(layout.word).chain(others).chain(layout.tag);
    let names: Vec<&str> = order.map(|column| names[column].as_str()).collect();
    Some(format!("# {GLOBAL_COLUMNS} = {}", names.join(" ")))
}

/// Whether the beginning of a text of unknown format speaks for columns with tags: more than half of its first lines have two columns, or
/// four fifths one larger number of columns, with a tag in the last or in the first. A line or two of more than two columns
/// without `-DOCSTART-` may as well be a sentence ("her blood group is O").
pub(crate) fn looks_like_conll(head: &str) -> bool {
    const SAMPLE: usize = 200;
    const FEW: usize = 2;
    let data = |line: &&str| !is_blank(line) && !may_be_comment(line) && !is_docstart(line);
    let lines: Vec<(usize, [bool; 2])> = head
        .lines()
        .filter(data)
        .take(SAMPLE)
        .map(|line| {
            let fields = fields(line, Separator::of(line), None);
            let tags = match fields.as_slice() {
                [first, .., last] => [is_full_tag(first), is_full_tag(last.trim())],
                _ => [false; 2],
            };
            (fields.len(), tags)
        })
        .collect();
    let Some(&(columns, _)) = lines.first() else {
        return false;
    };
    let agree = |place: usize| {
        let tagged = |(len, tags): &&(usize, [bool; 2])| *len == columns && tags[place];
        let tagged = lines.iter().filter(tagged).count();
        match columns {
            2 => tagged * 2 > lines.len(),
            _ => tagged * 5 >= lines.len() * 4,
        }
    };
    let enough = columns == 2 || lines.len() > FEW || head.lines().any(is_docstart);
    enough && (agree(0) || agree(1))
}
