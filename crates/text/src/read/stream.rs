//! What every reader shares: a stream is over after its end and after its first error.

use super::{SentenceReader, Separator, Warning};
use crate::{Sentence, TextError, Words};

/// The part of a [`SentenceReader`] that is a format's own.
pub(super) trait Reading {
    /// The next sentence, `None` at the end; never called again after that or after an error.
    fn read(&mut self) -> Result<Option<Sentence>, TextError>;

    /// As [`SentenceReader::warnings`].
    fn warnings(&self) -> Vec<Warning> {
        Vec::new()
    }

    /// As [`SentenceReader::separator`].
    fn separator(&self) -> Option<Separator> {
        None
    }

    /// As [`SentenceReader::label_names`].
    fn label_names(&self) -> Option<Vec<String>> {
        None
    }

    /// As [`SentenceReader::words`].
    fn words(&self) -> Option<Words> {
        None
    }
}

/// Makes a stream of a format's reader.
pub(super) fn stream(reading: impl Reading + 'static) -> Box<dyn SentenceReader> {
    Box::new(Stream {
        reading,
        over: false,
    })
}

struct Stream<R> {
    reading: R,
    over: bool,
}

impl<R: Reading> Iterator for Stream<R> {
    type Item = Result<Sentence, TextError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let item = self.reading.read().transpose();
        self.over = !matches!(item, Some(Ok(_)));
        item
    }
}

impl<R: Reading> SentenceReader for Stream<R> {
    fn warnings(&self) -> Vec<Warning> {
        self.reading.warnings()
    }

    fn separator(&self) -> Option<Separator> {
        self.reading.separator()
    }

    fn label_names(&self) -> Option<Vec<String>> {
        self.reading.label_names()
    }

    fn words(&self) -> Option<Words> {
        self.reading.words()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// Sentences, then an error, then what must not be asked for.
    struct Failing(usize);

    impl Reading for Failing {
        fn read(&mut self) -> Result<Option<Sentence>, TextError> {
            self.0 += 1;
            match self.0 {
                1 => Ok(Some(Sentence::default())),
                2 => Err(TextError::file(Path::new("x"), "broken")),
                _ => panic!("read after an error"),
            }
        }
    }

    #[test]
    fn a_stream_is_over_after_an_error() {
        let mut stream = stream(Failing(0));
        assert!(stream.next().unwrap().is_ok());
        assert!(stream.next().unwrap().is_err());
        assert!(stream.next().is_none() && stream.next().is_none());
    }
}
