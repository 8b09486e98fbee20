//! Plain text: one sentence a line, words separated by one space.

use std::path::Path;

use super::lines::{Layout, writer};
use super::{Losses, Output, SentenceWriter};
use crate::Sentence;
use crate::words::is_joined;

pub(super) fn create(output: Output, name: &Path) -> Box<dyn SentenceWriter> {
    writer(Text, output, name)
}

struct Text;

impl Layout for Text {
    fn lines(&mut self, sentence: &Sentence, losses: &mut Losses) -> Result<String, String> {
        let mut line = String::with_capacity(sentence.text.len() + 1);
        for (index, word) in sentence.words().enumerate() {
            if word.is_empty() || word.contains(char::is_whitespace) {
                return Err(format!(
                    "word {} ({word:?}) is empty or holds white space, which separates words in \
                     the text format",
                    index + 1
                ));
            }
            if index > 0 {
                line.push(' ');
            }
            line.push_str(word);
        }
        line.push('\n');
        let source = &sentence.source;
        losses.add("tags", sentence.tags.as_ref().map_or(0, Vec::len));
        losses.add_source(source, 0);
        losses.add("spacings of text", usize::from(!is_joined(sentence)));
        losses.add("sentence ids", usize::from(source.id.is_some()));
        Ok(line)
    }
}
