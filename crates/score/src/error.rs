//! The one error type of this crate.

use std::path::PathBuf;

use crate::StrictScheme;
use bert_ner_text::counted;

/// Why two tag sequences cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum ScoreError {
    /// The operating system refused, or the file is not UTF-8.
    #[error("{}:{line}: {source}", path.display())]
    Io {
        /// The file concerned.
        path: PathBuf,
        /// The line that was being read, counted from 1.
        line: usize,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A line that has not as many columns as the first one.
    #[error("{}:{line}: {}, expected {expected} as in line {first}", path.display(), counted(*found, "columns"))]
    Columns {
        /// The file concerned.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// How many columns it has.
        found: usize,
        /// How many columns the first line has.
        expected: usize,
        /// The first line that is not blank, counted from 1.
        first: usize,
    },
    /// A line that has no two columns to compare.
    #[error("{}:{line}: one column, expected at least two: the gold tag and the predicted tag come last", path.display())]
    OneColumn {
        /// The file concerned.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// The column of gold tags holds something else, such as the words of a file without predictions.
    #[error(
        "{}:{line}: {value:?} stands where the gold tag is expected (tags: {tags}, words: {words}); the last two columns \
         must be the gold and the predicted tag",
        path.display()
    )]
    NoGold {
        /// The file concerned.
        path: PathBuf,
        /// The line of the first value that is no tag, counted from 1.
        line: usize,
        /// That value.
        value: String,
        /// Words in the file.
        words: usize,
        /// Words with a value that could be a tag.
        tags: usize,
    },
    /// Gold and prediction of one sentence differ in length.
    #[error("sentence {sentence}: {} but {}", counted(*gold, "gold tags"), counted(*predicted, "predicted tags"))]
    Length {
        /// The sentence, counted from 1 in the order of adding.
        sentence: usize,
        /// Number of gold tags.
        gold: usize,
        /// Number of predicted tags.
        predicted: usize,
    },
    /// A tag without a single character.
    #[error(
        "sentence {sentence}, word {word}: the tag is empty, expected \"O\" or a tag such as \"B-PER\""
    )]
    EmptyTag {
        /// The sentence, counted from 1 in the order of adding.
        sentence: usize,
        /// The word, counted from 1.
        word: usize,
    },
    /// A tag whose prefix the scheme of strict mode does not have.
    #[error("sentence {sentence}, word {word}: tag {tag:?} is not of scheme {scheme}, whose prefixes are {}", scheme.prefixes())]
    Prefix {
        /// The sentence, counted from 1 in the order of adding.
        sentence: usize,
        /// The word, counted from 1.
        word: usize,
        /// The tag as written.
        tag: String,
        /// The scheme asked for.
        scheme: StrictScheme,
    },
    /// A scheme name that is none.
    #[error("unknown scheme {name:?}, expected iob1, iob2, ioe1, ioe2, bioes, bilou or plain")]
    Scheme {
        /// The name as given.
        name: String,
    },
}
