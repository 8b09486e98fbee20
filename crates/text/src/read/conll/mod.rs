//! CoNLL columns: one word a line, an empty line after each sentence.
//!
//! The first line of columns fixes their number and what separates them: a tab if it has one, else
//! any run of spaces. Everything else is [`Layout`]'s to say.

mod layout;

use std::collections::VecDeque;
use std::io::BufRead;
use std::path::Path;

use super::stream::{Reading, stream};
use super::{Lines, ReadOptions, SentenceReader, Separator, Warning};
use crate::{Sentence, Source, TextError};

pub(crate) use layout::{DOCSTART, Layout, comment_pair, is_blank, looks_like_conll};

/// How many lines of columns are looked at to find out where the tags stand, at most.
const SAMPLE: usize = 1000;

pub(super) fn open(
    input: Box<dyn BufRead>,
    name: &Path,
    options: &ReadOptions,
) -> Box<dyn SentenceReader> {
    stream(ConllReader {
        lines: Lines::new(input, name),
        ahead: VecDeque::new(),
        options: options.clone(),
        layout: None,
        document: None,
        comments: Vec::new(),
        lost: Vec::new(),
        unreadable: Warning::of_unreadable("sentences"),
    })
}

struct ConllReader {
    lines: Lines,
    /// Lines read ahead to find the layout out, with their numbers; what is wrong with one is told when it is its turn.
    ahead: VecDeque<Result<(usize, String), TextError>>,
    options: ReadOptions,
    layout: Option<Layout>,
    /// The further columns of a `-DOCSTART-` line that stands before the next sentence.
    document: Option<Vec<String>>,
    /// Comments that stand before the next sentence.
    comments: Vec<String>,
    /// Comments that stand before none.
    lost: Vec<String>,
    unreadable: Warning,
}

/// A sentence as it grows.
#[derive(Default)]
struct Growing {
    sentence: Sentence,
    tags: Vec<String>,
}

impl ConllReader {
    /// The next line and its number.
    fn next_line(&mut self) -> Result<Option<(usize, String)>, TextError> {
        if let Some(line) = self.ahead.pop_front() {
            return line.map(Some);
        }
        let line = self.lines.next_line()?.map(str::to_owned);
        Ok(line.map(|line| (self.lines.number(), line)))
    }

    /// Reads ahead until the columns are known; `None` when the file has no line of columns.
    fn find_layout(&mut self) -> Result<Option<Layout>, TextError> {
        let mut names = Vec::new();
        let mut sample = Vec::new();
        let mut unsure = Vec::new();
        let asked = self.options.tag_column.is_some();
        while sample.len() < SAMPLE {
            let line = match self.lines.next_line().map(|line| line.map(str::to_owned)) {
                Ok(None) => break,
                Ok(Some(line)) => line,
                Err(error) if self.may_skip(&error) => {
                    self.ahead.push_back(Err(error));
                    continue;
                }
                Err(error) => return Err(error),
            };
            let index = self.ahead.len();
            let mut settled = false;
            if let Some(found) = layout::column_names(&line).filter(|_| sample.is_empty()) {
                names = found;
            } else if layout::may_be_comment(&line) {
                unsure.push(index);
            } else if !layout::is_blank(&line) && !layout::is_docstart(&line) {
                sample.push(index);
                settled = asked || layout::settles_tag_column(&line);
            }
            self.ahead.push_back(Ok((self.lines.number(), line)));
            if settled {
                break;
            }
        }
        if sample.is_empty() {
            sample = self.words_like_comments(&unsure);
        }
        let line = |index: usize| self.ahead[index].as_ref().ok();
        let sample: Vec<_> = sample
            .into_iter()
            .filter_map(|index| line(index).map(|(number, line)| (*number, line.as_str())))
            .collect();
        if sample.is_empty() {
            return Ok(None);
        }
        let ReadOptions {
            word_column,
            tag_column,
            ..
        } = &self.options;
        Layout::find(
            &sample,
            &names,
            word_column.as_ref(),
            tag_column.as_ref(),
            self.lines.name(),
        )
        .map(Some)
    }

    /// Of lines that all start as comments do, those that are words of a file of tweets: with columns
    /// and a tag, else a `#` alone.
    fn words_like_comments(&self, lines: &[usize]) -> Vec<usize> {
        let text = |index: &usize| match &self.ahead[*index] {
            Ok((_, line)) => line.as_str(),
            Err(_) => "",
        };
        let keep = |is_word: &dyn Fn(&str) -> bool| -> Vec<usize> {
            let words = lines.iter().copied();
            words.filter(|index| is_word(text(index))).collect()
        };
        let tagged = keep(&|line| comment_pair(line).is_none() && layout::ends_in_tag(line));
        if tagged.is_empty() {
            keep(&|line| line == "#")
        } else {
            tagged
        }
    }

    /// Whether this is to be left out and counted.
    fn may_skip(&self, error: &TextError) -> bool {
        self.options.skip_bad_lines
            && matches!(error, TextError::Syntax { .. } | TextError::Utf8 { .. })
    }

    fn read_sentence(&mut self, layout: &mut Layout) -> Result<Option<Sentence>, TextError> {
        let mut growing = Growing::default();
        match self.grow(&mut growing, layout) {
            Ok(()) => Ok((!growing.sentence.is_empty()).then(|| self.close(growing, layout))),
            Err(error) => {
                // The document that it would have begun begins with the next.
                let source = growing.sentence.source;
                if source.starts_document {
                    self.document = Some(source.document_columns);
                }
                Err(error)
            }
        }
    }

    /// Reads to the end of a sentence, or of the file.
    fn grow(&mut self, growing: &mut Growing, layout: &mut Layout) -> Result<(), TextError> {
        while let Some((number, line)) = self.next_line()? {
            if layout::is_blank(&line) {
                if !growing.sentence.is_empty() {
                    return Ok(());
                }
            } else if layout.is_comment(&line) {
                let names = layout::column_names(&line);
                let names = names.and_then(|names| layout::names_comment(&names, layout));
                self.comments.push(names.unwrap_or(line));
            } else if layout::is_docstart(&line) {
                if !growing.sentence.is_empty() {
                    self.ahead.push_front(Ok((number, line)));
                    return Ok(());
                }
                self.document = Some(document_columns(&line, layout));
            } else {
                if growing.sentence.is_empty() {
                    growing.sentence.source = self.source(number);
                }
                self.add(growing, layout, number, &line)?;
            }
        }
        Ok(())
    }

    /// Goes to the end of a sentence of which a line could not be read, or to where a document begins without a blank line. What
    /// cannot be read of it either was counted with it; a disk that refuses will say so again.
    fn pass_over(&mut self) {
        loop {
            match self.next_line() {
                Ok(Some((number, line))) if layout::is_docstart(&line) => {
                    self.ahead.push_front(Ok((number, line)));
                    return;
                }
                Ok(Some((_, line))) if !layout::is_blank(&line) => {}
                Err(TextError::Utf8 { .. }) => {}
                Ok(_) | Err(_) => return,
            }
        }
    }

    /// The source of a sentence that starts at line `number`, with what stood before it.
    fn source(&mut self, number: usize) -> Source {
        let comments = std::mem::take(&mut self.comments);
        let id = comments.iter().filter_map(|comment| comment_pair(comment));
        let id = id
            .filter(|(key, _)| *key == "sent_id")
            .map(|(_, value)| value.to_owned())
            .next();
        let document = self.document.take();
        Source {
            id,
            line: number,
            lines: Vec::new(),
            starts_document: document.is_some(),
            document_columns: document.unwrap_or_default(),
            comments,
            columns: Vec::new(),
            ..Source::default()
        }
    }

    /// Adds the word of a line.
    fn add(
        &self,
        growing: &mut Growing,
        layout: &mut Layout,
        number: usize,
        line: &str,
    ) -> Result<(), TextError> {
        let error = |message: String| Err(TextError::syntax(self.lines.name(), number, message));
        let fields = layout.fields(line);
        if fields.len() != layout.columns {
            return error(layout.wrong_count(&fields, line));
        }
        let word = fields[layout.word];
        if word.is_empty() {
            return error(format!("the word (column {}) is empty", layout.word + 1));
        }
        if let Some(column) = layout.tag {
            let tag = fields[column].trim();
            if tag.is_empty() {
                return error(format!(
                    "the tag (column {}) of {word:?} is empty",
                    column + 1
                ));
            }
            layout.note_tag(tag);
            growing.tags.push(tag.to_owned());
        }
        growing.sentence.push_word(word);
        growing.sentence.source.lines.push(number);
        if other_columns(layout) > 0 {
            growing
                .sentence
                .source
                .columns
                .push(others(&fields, layout));
        }
        Ok(())
    }

    fn close(&mut self, growing: Growing, layout: &Layout) -> Sentence {
        let tags = layout.tag.is_some().then_some(growing.tags);
        Sentence {
            tags,
            ..growing.sentence
        }
    }
}

/// Number of columns that are neither word nor tag.
fn other_columns(layout: &Layout) -> usize {
    layout.columns - 1 - usize::from(layout.tag.is_some())
}

/// The columns of a line that are neither word nor tag.
fn others(fields: &[&str], layout: &Layout) -> Vec<String> {
    let is_other = |column: &usize| *column != layout.word && Some(*column) != layout.tag;
    (0..fields.len())
        .filter(is_other)
        .map(|column| fields[column].to_owned())
        .collect()
}

/// The further columns of a `-DOCSTART-` line; none when it has another number of columns.
fn document_columns(line: &str, layout: &Layout) -> Vec<String> {
    let fields = layout.fields(line);
    if fields.len() == layout.columns {
        others(&fields, layout)
    } else {
        Vec::new()
    }
}

impl Reading for ConllReader {
    fn read(&mut self) -> Result<Option<Sentence>, TextError> {
        if self.layout.is_none() {
            self.layout = self.find_layout()?;
        }
        let Some(mut layout) = self.layout.take() else {
            for error in self.ahead.drain(..).filter_map(Result::err) {
                self.unreadable.count(|| error.to_string());
            }
            return Ok(None);
        };
        let sentence = loop {
            match self.read_sentence(&mut layout) {
                Err(error) if self.may_skip(&error) => {
                    self.unreadable.count(|| error.to_string());
                    self.pass_over();
                }
                read => break read,
            }
        };
        self.layout = Some(layout);
        if let Ok(None) = sentence {
            self.lost = std::mem::take(&mut self.comments);
        }
        sentence
    }

    fn warnings(&self) -> Vec<Warning> {
        let mut lost = Warning::new("comments after the last sentence, left out");
        for comment in &self.lost {
            lost.count(|| format!("{}: {comment:?}", self.lines.name().display()));
        }
        let all = [&self.unreadable, &lost].into_iter();
        all.filter(|warning| warning.count > 0).cloned().collect()
    }

    fn separator(&self) -> Option<Separator> {
        self.layout.as_ref().map(|layout| layout.separator)
    }
}
