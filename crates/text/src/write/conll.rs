//! CoNLL columns: the word, what other columns there are, the tag.

use std::collections::HashSet;
use std::path::Path;

use super::lines::{self, writer};
use super::{Losses, Output, SentenceWriter, WriteOptions};
use crate::read::{DOCSTART, Layout, comment_pair, is_blank};
use crate::scheme::OUTSIDE;
use crate::words::is_joined;
use crate::{Sentence, Separator, counted};

/// What CoNLL-2003 writes where a `-DOCSTART-` line has nothing to say.
const FILLER: &str = "-X-";
const BYTE_ORDER_MARK: char = '\u{feff}';

pub(super) fn create(
    output: Output,
    name: &Path,
    options: &WriteOptions,
) -> Box<dyn SentenceWriter> {
    let columns = Columns {
        separator: options.separator.unwrap_or_default(),
        layout: None,
    };
    writer(columns, output, name)
}

struct Columns {
    separator: Separator,
    /// The columns, as the first sentence has them.
    layout: Option<Layout>,
}

impl lines::Layout for Columns {
    fn lines(&mut self, sentence: &Sentence, losses: &mut Losses) -> Result<String, String> {
        if sentence.is_empty() {
            losses.add("sentences without words", 1);
            return Ok(String::new());
        }
        let columns = column_count(sentence)?;
        let is_first = self.layout.is_none();
        let separator = self.separator;
        let layout = self.layout.get_or_insert_with(|| Layout {
            separator,
            columns,
            word: 0,
            tag: sentence.tags.is_some().then(|| columns - 1),
            line: 0,
            bare_tags: HashSet::new(),
        });
        if layout.tag.is_some() != sentence.tags.is_some() {
            return Err("has tags where the sentences before it have none, or the reverse".into());
        }
        if layout.columns != columns {
            return Err(format!(
                "has {} where the sentences before it have {}",
                counted(columns, "columns"),
                layout.columns
            ));
        }
        let mut lines = String::with_capacity(sentence.text.len() + 8 * columns * sentence.len());
        add_head(&mut lines, sentence, layout, losses);
        for index in 0..sentence.len() {
            add_word(&mut lines, sentence, index, layout)?;
        }
        lines.push('\n');
        if is_first && lines.starts_with(BYTE_ORDER_MARK) {
            // The first character of the first word; without a mark before it, it would be one.
            lines.insert(0, BYTE_ORDER_MARK);
        }
        losses.add("spacings of text", usize::from(!is_joined(sentence)));
        Ok(lines)
    }
}

/// Number of columns that the sentence needs: its word, the others, its tag.
fn column_count(sentence: &Sentence) -> Result<usize, String> {
    let words = sentence.len();
    if let Some(tags) = sentence.tags.as_ref().filter(|tags| tags.len() != words) {
        return Err(format!(
            "has {} and {}",
            counted(words, "words"),
            counted(tags.len(), "tags")
        ));
    }
    let rows = &sentence.source.columns;
    if !rows.is_empty() && rows.len() != words {
        return Err(format!(
            "has {} and {}",
            counted(words, "words"),
            counted(rows.len(), "rows of columns")
        ));
    }
    Ok(1 + rows.first().map_or(0, Vec::len) + usize::from(sentence.tags.is_some()))
}

/// Adds what stands before the words: the document's mark, comments, the sentence's identifier.
fn add_head(lines: &mut String, sentence: &Sentence, layout: &Layout, losses: &mut Losses) {
    let source = &sentence.source;
    if source.starts_document {
        let others = layout.columns - 1 - usize::from(layout.tag.is_some());
        let known = source.document_columns.len() == others;
        let known = known
            && source
                .document_columns
                .iter()
                .all(|c| check(c, layout).is_ok());
        lines.push_str(DOCSTART);
        for index in 0..others {
            push_separator(lines, layout);
            lines.push_str(if known {
                &source.document_columns[index]
            } else {
                FILLER
            });
        }
        if layout.tag.is_some() {
            push_separator(lines, layout);
            lines.push_str(OUTSIDE);
        }
        lines.push_str("\n\n");
    }
    let mut id = source.id.as_deref();
    for comment in &source.comments {
        if comment.contains(['\n', '\r']) || !layout.is_comment(comment) {
            losses.add("comments", 1);
            continue;
        }
        if comment_pair(comment).is_some_and(|(key, value)| key == "sent_id" && Some(value) == id) {
            id = None;
        }
        lines.push_str(comment);
        lines.push('\n');
    }
    match id {
        Some(id) if id.trim() != id || id.is_empty() || id.contains(['\n', '\r']) => {
            losses.add("sentence ids", 1);
        }
        Some(id) => {
            lines.push_str("# sent_id = ");
            lines.push_str(id);
            lines.push('\n');
        }
        None => {}
    }
}

/// Adds the line of word `index`.
fn add_word(
    lines: &mut String,
    sentence: &Sentence,
    index: usize,
    layout: &mut Layout,
) -> Result<(), String> {
    let word = sentence.word(index);
    let wrong = |what: &str, value: &str, why: &str| {
        format!(
            "the {what} of word {} ({word:?}) is {value:?}, which {why}",
            index + 1
        )
    };
    check(word, layout).map_err(|why| format!("word {} is {word:?}, which {why}", index + 1))?;
    let start = lines.len();
    lines.push_str(word);
    if let Some(row) = sentence.source.columns.get(index) {
        if row.len() + 1 + usize::from(layout.tag.is_some()) != layout.columns {
            return Err(format!(
                "word {} has {} further columns",
                index + 1,
                row.len()
            ));
        }
        for (place, value) in row.iter().enumerate() {
            let last = layout.tag.is_none() && place + 1 == row.len();
            // An empty column is fine between tabs, but not at the end of a line.
            if !(value.is_empty() && layout.separator == Separator::Tab && !last) {
                check(value, layout).map_err(|why| wrong("column", value, why))?;
            }
            push_separator(lines, layout);
            lines.push_str(value);
        }
    }
    if let Some(tags) = &sentence.tags {
        let tag = tags[index].as_str();
        check(tag, layout).map_err(|why| wrong("tag", tag, why))?;
        if tag.trim() != tag {
            return Err(wrong("tag", tag, "starts or ends with white space"));
        }
        push_separator(lines, layout);
        lines.push_str(tag);
    }
    if layout.is_comment(&lines[start..]) {
        return Err(format!(
            "word {} ({word:?}) would be read as a comment",
            index + 1
        ));
    }
    if is_blank(&lines[start..]) {
        return Err(format!(
            "word {} ({word:?}) would be read as an empty line",
            index + 1
        ));
    }
    if let Some(tags) = &sentence.tags {
        layout.note_tag(&tags[index]);
    }
    lines.push('\n');
    Ok(())
}

fn push_separator(lines: &mut String, layout: &Layout) {
    lines.push(match layout.separator {
        Separator::Tab => '\t',
        Separator::Space => ' ',
    });
}

/// Why a column cannot hold `value`.
fn check(value: &str, layout: &Layout) -> Result<(), &'static str> {
    if value.is_empty() {
        Err("is empty")
    } else if value.contains(['\n', '\r']) {
        Err("holds a line break")
    } else if value.contains('\t') {
        Err("holds a tab, which separates columns")
    } else if value.contains(' ') && layout.separator == Separator::Space {
        Err("holds a space, which separates columns; separate them with tabs")
    } else if value.contains(' ') && layout.columns == 1 {
        Err("holds a space, which would separate columns in a file without tabs")
    } else if value.split(' ').any(|part| part == DOCSTART) {
        Err("marks the start of a document")
    } else {
        Ok(())
    }
}
