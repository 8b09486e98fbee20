//! How much was read, and how much of it was tagged.

use bert_ner_infer::Tagged;
use bert_ner_text::{Sentence, Warning, counted};
use serde::Serialize;

/// What is counted over all inputs; the fields are those of `--coverage`.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Tally {
    /// Inputs that were read to their end.
    pub(crate) inputs: usize,
    /// Inputs that an interrupted run had done already.
    pub(crate) done_before: usize,
    /// Inputs that could not be read, or not to their end.
    pub(crate) skipped: usize,
    /// Lines and sentences that could not be read.
    pub(crate) unreadable: usize,
    /// Sentences, or whole texts.
    pub(crate) sentences: usize,
    /// Characters of them that are not white space.
    pub(crate) characters: usize,
    /// Of these, the ones in words that have a tag.
    pub(crate) characters_tagged: usize,
    pub(crate) words: usize,
    pub(crate) words_tagged: usize,
    /// Sequences that went through the model.
    pub(crate) windows: usize,
    pub(crate) entities: usize,
    /// Whole texts that were longer than the model, and so were cut.
    pub(crate) truncated: usize,
}

impl Tally {
    /// Counts what was said of a sentence. Entities that were `aggregated` from pieces say of all of its text what it is.
    pub(crate) fn add(&mut self, sentence: &Sentence, tagged: &Tagged, aggregated: bool) {
        let tagged_words = match aggregated {
            true => sentence.len(),
            false => tagged.tags.len(),
        };
        let characters = seen(&sentence.text);
        self.sentences += 1;
        self.characters += characters;
        self.words += sentence.len();
        self.words_tagged += tagged_words;
        self.characters_tagged += match aggregated {
            true => characters,
            false => sentence.words().take(tagged_words).map(seen).sum(),
        };
        self.entities += tagged.entities.len();
    }

    pub(crate) fn warned(&mut self, warnings: &[Warning]) {
        let unreadable = warnings.iter().filter(|it| it.unreadable);
        self.unreadable += unreadable.map(|it| it.count).sum::<usize>();
    }

    /// A line for people.
    pub(crate) fn summary(&self) -> String {
        let mut said = vec![
            counted(self.sentences, "sentences"),
            format!(
                "{} of {} tagged",
                self.words_tagged,
                counted(self.words, "words")
            ),
            counted(self.windows, "windows"),
            counted(self.entities, "entities"),
        ];
        if self.done_before > 0 {
            said.insert(
                0,
                format!("{} done before", counted(self.done_before, "inputs")),
            );
        }
        said.join(", ")
    }
}

/// Characters that are not white space.
fn seen(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}
