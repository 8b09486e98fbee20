//! Text with character spans, as doccano imports it: `{"text": .., "label": [[start, end, type]]}`.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::json::{Layout, Objects};
use super::{Losses, Output, SentenceWriter, WriteOptions};
use crate::words::cut_words;
use crate::{Scheme, Sentence, Span, TextError, split_words};

pub(super) fn create(
    output: Output,
    name: &Path,
    options: &WriteOptions,
) -> Result<Box<dyn SentenceWriter>, TextError> {
    Ok(Box::new(DoccanoWriter {
        objects: Objects::new(output, name, Layout::Lines),
        name: name.to_path_buf(),
        scheme: options.scheme.unwrap_or_default(),
        sentences: 0,
        losses: Losses::default(),
    }))
}

struct DoccanoWriter {
    objects: Objects,
    name: PathBuf,
    scheme: Scheme,
    sentences: usize,
    losses: Losses,
}

impl SentenceWriter for DoccanoWriter {
    fn write(&mut self, sentence: &Sentence) -> Result<(), TextError> {
        self.sentences += 1;
        let mut object = Map::new();
        if let Some(id) = &sentence.source.id {
            // doccano numbers its documents.
            let number = id
                .parse::<u64>()
                .ok()
                .filter(|number| number.to_string() == *id);
            object.insert(
                "id".to_owned(),
                number.map_or_else(|| json!(id), |number| json!(number)),
            );
        }
        object.insert("text".to_owned(), sentence.text.as_str().into());
        let mut cuts = Vec::new();
        if let Some(tags) = &sentence.tags {
            let spans = self.spans(sentence, tags)?;
            cuts.extend(spans.iter().flat_map(|(span, _)| [span.start, span.end]));
            object.insert("label".to_owned(), characters(&sentence.text, &spans));
        }
        self.losses.add(
            "sentences whose words differ from those that their text is read with",
            usize::from(cut_words(split_words(&sentence.text), &cuts) != sentence.words),
        );
        self.losses.add_source(&sentence.source, 0);
        self.objects.write(&object.into())
    }

    fn losses(&self) -> Losses {
        self.losses.clone()
    }

    fn finish(self: Box<Self>) -> Result<(), TextError> {
        self.objects.finish()
    }
}

impl DoccanoWriter {
    /// The entities as byte ranges of the text, in order.
    fn spans(
        &self,
        sentence: &Sentence,
        tags: &[String],
    ) -> Result<Vec<(Span, String)>, TextError> {
        let entities = self.scheme.entities(tags);
        let mut spans = Vec::with_capacity(entities.len());
        for entity in entities {
            let span = sentence.words[entity.start].start..sentence.words[entity.end - 1].end;
            if span.is_empty() {
                let message = format!("entity {:?} holds no character", entity.label);
                return Err(TextError::unwritable(&self.name, self.sentences, message));
            }
            spans.push((span, entity.label));
        }
        Ok(spans)
    }
}

/// `[[start, end, type], ..]` in characters (Unicode code points); `spans` ascend.
fn characters(text: &str, spans: &[(Span, String)]) -> Value {
    let (mut byte, mut character) = (0, 0);
    let mut at = |offset: usize| {
        character += text[byte..offset].chars().count();
        byte = offset;
        character
    };
    spans
        .iter()
        .map(|(span, label)| json!([at(span.start), at(span.end), label]))
        .collect()
}
