//! Sentences to Arrow record batches with class labels, as `datasets` lays them out.

use arrow_array::builder::{Int64Builder, ListBuilder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use serde_json::{Map, Value, json};

use super::Losses;
use crate::read::numbered;
use crate::words::is_joined;
use crate::{LabelSet, Sentence};

/// The schema metadata under which `datasets` looks for its features.
pub(super) const HUGGINGFACE: &str = "huggingface";
/// Rows of one batch.
const BATCH_ROWS: usize = 1000;

const WORDS: &str = "tokens";
const TAGS: &str = "ner_tags";
const ID: &str = "id";

type StringLists = ListBuilder<StringBuilder>;

/// Gathers sentences into batches. The first sentence decides which columns there are: whether
/// sentences have identifiers, whether they have tags, and how many further columns.
pub(super) struct BatchBuilder {
    ids: Option<StringBuilder>,
    words: StringLists,
    tags: Option<ListBuilder<Int64Builder>>,
    extras: Vec<StringLists>,
    labels: LabelSet,
    /// The label list was given and does not grow.
    closed: bool,
    rows: usize,
    losses: Losses,
}

impl BatchBuilder {
    /// With the columns of `first` (of an empty file: words and tags), and class labels in the order
    /// of `label_list`, or else of their first appearance after `O`.
    pub(super) fn new(first: Option<&Sentence>, label_list: Option<&[String]>) -> Self {
        let has_tags = first.is_none_or(|sentence| sentence.tags.is_some());
        let has_id = first.is_some_and(|sentence| sentence.source.id.is_some());
        let extras = first
            .and_then(|it| it.source.columns.first())
            .map_or(0, Vec::len);
        Self {
            ids: has_id.then(StringBuilder::new),
            words: StringLists::new(StringBuilder::new()),
            tags: has_tags.then(|| ListBuilder::new(Int64Builder::new())),
            extras: (0..extras)
                .map(|_| StringLists::new(StringBuilder::new()))
                .collect(),
            labels: LabelSet::new(label_list.map_or_else(|| vec!["O".to_owned()], <[_]>::to_vec)),
            closed: label_list.is_some(),
            rows: 0,
            losses: Losses::default(),
        }
    }

    /// Adds a sentence; the error says what of it no column can hold.
    pub(super) fn push(&mut self, sentence: &Sentence) -> Result<(), String> {
        self.push_tags(sentence)?;
        sentence
            .words()
            .for_each(|word| self.words.values().append_value(word));
        self.words.append(true);
        let source = &sentence.source;
        if let Some(ids) = &mut self.ids {
            ids.append_option(source.id.as_deref());
        }
        for (index, column) in self.extras.iter_mut().enumerate() {
            for row in &source.columns {
                column
                    .values()
                    .append_value(row.get(index).map_or("", String::as_str));
            }
            column.append(!source.columns.is_empty());
        }
        self.rows += 1;
        self.count_losses(sentence);
        Ok(())
    }

    fn push_tags(&mut self, sentence: &Sentence) -> Result<(), String> {
        let Some(column) = &mut self.tags else {
            return match &sentence.tags {
                None => Ok(()),
                Some(_) => Err("has tags, which the first sentence does not have".to_owned()),
            };
        };
        let tags = sentence.tags.as_deref().unwrap_or_default();
        if let (true, Some(tag)) = (
            self.closed,
            tags.iter().find(|tag| self.labels.id(tag).is_none()),
        ) {
            return Err(format!("the tag {tag:?} is not in the label list"));
        }
        for tag in tags {
            column
                .values()
                .append_value(i64::from(self.labels.insert(tag.clone())));
        }
        column.append(sentence.tags.is_some());
        Ok(())
    }

    fn count_losses(&mut self, sentence: &Sentence) {
        let source = &sentence.source;
        self.losses.add_source(source, self.extras.len());
        self.losses
            .add("spacings of text", usize::from(!is_joined(sentence)));
        self.losses.add(
            "sentence ids",
            usize::from(source.id.is_some() && self.ids.is_none()),
        );
    }

    /// What no column could hold so far.
    pub(super) fn losses(&self) -> &Losses {
        &self.losses
    }

    /// Whether enough rows are there for a batch.
    pub(super) fn is_full(&self) -> bool {
        self.rows >= BATCH_ROWS
    }

    /// The rows so far as a batch of [`BatchBuilder::schema`].
    pub(super) fn take(&mut self) -> Result<RecordBatch, ArrowError> {
        self.rows = 0;
        let mut columns: Vec<ArrayRef> = Vec::new();
        if let Some(ids) = &mut self.ids {
            columns.push(std::sync::Arc::new(ids.finish()));
        }
        columns.push(std::sync::Arc::new(self.words.finish()));
        if let Some(tags) = &mut self.tags {
            columns.push(std::sync::Arc::new(tags.finish()));
        }
        for extra in &mut self.extras {
            columns.push(std::sync::Arc::new(extra.finish()));
        }
        RecordBatch::try_new(self.schema().into(), columns)
    }

    /// The columns, without metadata.
    pub(super) fn schema(&self) -> Schema {
        let list = |item| DataType::List(Field::new_list_field(item, true).into());
        let mut fields = Vec::new();
        if self.ids.is_some() {
            fields.push(Field::new(ID, DataType::Utf8, true));
        }
        fields.push(Field::new(WORDS, list(DataType::Utf8), true));
        if self.tags.is_some() {
            fields.push(Field::new(TAGS, list(DataType::Int64), true));
        }
        for index in 0..self.extras.len() {
            fields.push(Field::new(numbered(index), list(DataType::Utf8), true));
        }
        Schema::new(fields)
    }

    /// The columns as `datasets` describes them, with the class labels known by now. `Sequence` is
    /// what every version of `datasets` reads; newer ones write `List`.
    pub(super) fn features(&self) -> Value {
        let string = json!({"dtype": "string", "_type": "Value"});
        let sequence = |item: Value| json!({"feature": item, "length": -1, "_type": "Sequence"});
        let mut features = Map::new();
        if self.ids.is_some() {
            features.insert(ID.to_owned(), string.clone());
        }
        features.insert(WORDS.to_owned(), sequence(string.clone()));
        if self.tags.is_some() {
            let class = json!({"names": self.labels.names(), "_type": "ClassLabel"});
            features.insert(TAGS.to_owned(), sequence(class));
        }
        for index in 0..self.extras.len() {
            features.insert(numbered(index), sequence(string.clone()));
        }
        features.into()
    }

    /// The value of the schema's [`HUGGINGFACE`] key.
    pub(super) fn metadata(&self) -> String {
        json!({"info": {"features": self.features()}}).to_string()
    }
}
