//! Reading what conlleval reads: columns, of which the last two are the gold and predicted tag.
//!
//! As in conlleval, a blank line or a line whose first column is `-X-` ends a sentence, every
//! other line is a word (that includes `-DOCSTART- -X- O O`), and all lines have as many columns
//! as the first. Beyond it, CRLF and a byte order mark are taken off, columns may be separated
//! by tabs or by several spaces, and `-DOCSTART-` alone on a line ends a sentence.

use std::io::{self, BufRead};
use std::path::{Path, PathBuf};

use crate::ScoreError;

/// The first column of a line that ends a sentence.
const BOUNDARY: &str = "-X-";

/// The tags of one sentence, as annotated and as predicted; the two are of one length.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pair {
    /// Gold tags.
    pub gold: Vec<String>,
    /// Predicted tags.
    pub predicted: Vec<String>,
}

/// The sentences of a file, none of them empty. Ends after the first error.
#[derive(Debug)]
pub struct Pairs<R> {
    input: Option<R>,
    path: PathBuf,
    line: usize,
    /// Line of the first word of the sentence given last.
    sentence_line: usize,
    shape: Option<Shape>,
}

/// What the first line that is not blank says of all others.
#[derive(Debug, Clone, Copy)]
struct Shape {
    line: usize,
    columns: usize,
    tabs: bool,
}

/// Reads sentences from columns; `path` is for messages.
///
/// If the first line has a tab, tabs separate columns, so that words may contain spaces; else
/// any run of spaces does.
///
/// ```
/// use bert_ner_score::conll_pairs;
///
/// let file = "EU B-ORG B-ORG\nrejects O O\n\nPeter B-PER O\n";
/// let pairs: Result<Vec<_>, _> = conll_pairs(file.as_bytes(), "out.conll").collect();
/// assert_eq!(pairs?[1].predicted, ["O"]);
/// # Ok::<(), bert_ner_score::ScoreError>(())
/// ```
pub fn conll_pairs<R: BufRead>(input: R, path: impl AsRef<Path>) -> Pairs<R> {
    Pairs {
        input: Some(input),
        path: path.as_ref().to_owned(),
        line: 0,
        sentence_line: 0,
        shape: None,
    }
}

impl<R: BufRead> Iterator for Pairs<R> {
    type Item = Result<Pair, ScoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let sentence = self.sentence();
        match sentence {
            Ok(pair) if pair.gold.is_empty() => None,
            Ok(pair) => Some(Ok(pair)),
            Err(error) => {
                self.input = None;
                Some(Err(error))
            }
        }
    }
}

impl<R> Pairs<R> {
    /// Line of the first word of the sentence given last, counted from 1. Its words stand line by line.
    pub(crate) fn sentence_line(&self) -> usize {
        self.sentence_line
    }

    /// Columns of the first line; `None` before it.
    pub(crate) fn columns(&self) -> Option<usize> {
        self.shape.map(|shape| shape.columns)
    }
}

impl<R: BufRead> Pairs<R> {
    /// The next sentence, which is empty at the end of the file.
    fn sentence(&mut self) -> Result<Pair, ScoreError> {
        let mut pair = Pair::default();
        while let Some(line) = self.read_line()? {
            match self.tags(&line)? {
                Some((gold, predicted)) => {
                    if pair.gold.is_empty() {
                        self.sentence_line = self.line;
                    }
                    pair.gold.push(gold.to_owned());
                    pair.predicted.push(predicted.to_owned());
                }
                None if pair.gold.is_empty() => {}
                None => break,
            }
        }
        Ok(pair)
    }

    /// The next line without its end, or nothing after the last.
    fn read_line(&mut self) -> Result<Option<String>, ScoreError> {
        let Some(input) = &mut self.input else {
            return Ok(None);
        };
        self.line += 1;
        let mut bytes = Vec::new();
        let fail = |source| ScoreError::Io {
            path: self.path.clone(),
            line: self.line,
            source,
        };
        if input.read_until(b'\n', &mut bytes).map_err(fail)? == 0 {
            return Ok(None);
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to() + 1;
            fail(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("not UTF-8 at byte {at} of the line"),
            ))
        })?;
        let text = if self.line == 1 {
            text.trim_start_matches('\u{feff}')
        } else {
            &text
        };
        Ok(Some(text.trim_end_matches(['\n', '\r']).to_owned()))
    }

    /// The last two columns, or nothing where a sentence ends.
    fn tags<'a>(&mut self, line: &'a str) -> Result<Option<(&'a str, &'a str)>, ScoreError> {
        let columns = match self.shape {
            Some(shape) => split(line, shape.tabs),
            None => split(line, line.contains('\t')),
        };
        let Some(first) = columns.first() else {
            return Ok(None);
        };
        if columns == ["-DOCSTART-"] {
            return Ok(None);
        }
        let tabs = line.contains('\t');
        let shape = *self.shape.get_or_insert(Shape {
            line: self.line,
            columns: columns.len(),
            tabs,
        });
        if columns.len() != shape.columns {
            return Err(ScoreError::Columns {
                path: self.path.clone(),
                line: self.line,
                found: columns.len(),
                expected: shape.columns,
                first: shape.line,
            });
        }
        if *first == BOUNDARY {
            return Ok(None);
        }
        match columns[..] {
            [.., gold, predicted] => Ok(Some((gold, predicted))),
            _ => Err(ScoreError::OneColumn {
                path: self.path.clone(),
                line: self.line,
            }),
        }
    }
}

/// The columns of a line; those at its end that are empty do not count.
fn split(line: &str, tabs: bool) -> Vec<&str> {
    let line = line.trim_end_matches([' ', '\t']);
    if line.is_empty() {
        return Vec::new();
    }
    if tabs {
        line.split('\t').collect()
    } else {
        line.split(' ')
            .filter(|column| !column.is_empty())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: &[u8]) -> Result<Vec<(String, String)>, String> {
        let joined = |pair: Pair| (pair.gold.join(" "), pair.predicted.join(" "));
        conll_pairs(file, "file")
            .map(|pair| pair.map(joined).map_err(|error| error.to_string()))
            .collect()
    }

    fn pair(gold: &str, predicted: &str) -> (String, String) {
        (gold.to_owned(), predicted.to_owned())
    }

    #[test]
    fn blank_lines_and_boundaries_end_a_sentence() {
        let file = b"\n\na x B-X O\nb x I-X O\n \n\n-X- x O O\nc x O B-X";
        assert_eq!(
            read(file).expect("a good file"),
            [pair("B-X I-X", "O O"), pair("O", "B-X")]
        );
    }

    #[test]
    fn a_document_start_with_all_columns_is_a_word_and_alone_is_none() {
        let file = b"-DOCSTART- -X- O O\n\na N B-X O\n-DOCSTART-\nb N O O\n";
        assert_eq!(
            read(file).expect("a good file"),
            [pair("O", "O"), pair("B-X", "O"), pair("O", "O")]
        );
    }

    #[test]
    fn tabs_keep_words_with_spaces_whole_and_windows_lines_are_read() {
        let file = "\u{feff}New York\tB-X\tO\r\n\r\nx\tO\tO\r\n".as_bytes();
        assert_eq!(
            read(file).expect("a good file"),
            [pair("B-X", "O"), pair("O", "O")]
        );
    }

    #[test]
    fn several_spaces_are_one_separator() {
        assert_eq!(
            read(b"a   B-X  O \nb O O\n").expect("a good file"),
            [pair("B-X O", "O O")]
        );
    }

    #[test]
    fn a_line_with_other_columns_is_named() {
        let error = read(b"\na N O O\nb O O\n").expect_err("three columns");
        assert_eq!(error, "file:3: 3 columns, expected 4 as in line 2");
    }

    #[test]
    fn one_column_is_not_enough() {
        let error = read(b"a\n").expect_err("one column");
        assert!(
            error.starts_with("file:1: one column, expected at least two"),
            "{error}"
        );
    }

    #[test]
    fn bytes_that_are_not_utf8_are_named_and_end_the_reading() {
        let mut pairs = conll_pairs(&b"a O O\nb\xff O O\n\nc O O\n"[..], "file");
        let error = pairs.next().expect("an item").expect_err("a bad byte");
        assert_eq!(error.to_string(), "file:2: not UTF-8 at byte 2 of the line");
        assert!(pairs.next().is_none());
    }

    #[test]
    fn an_empty_file_has_no_sentence() {
        assert_eq!(read(b"").expect("nothing"), []);
    }
}
