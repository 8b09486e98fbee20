//! A row a sentence, in Parquet, with the columns of `jsonl`.

use std::io;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::builder::{
    Float32Builder, Int64Builder, ListBuilder, StringBuilder, StructBuilder,
};
use arrow_array::{ArrayRef, builder::ArrayBuilder};
use arrow_schema::{ArrowError, DataType, Field, Fields, Schema, SchemaRef};
use bert_ner_text::{Sentence, TextError};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use super::target::Target;
use super::{OutputOptions, PredictionWriter};
use crate::offset::{OffsetUnit, Offsets};
use crate::tagged::Tagged;

/// Rows of a batch: how many are in memory before they are written.
const BATCH_ROWS: usize = 1000;
/// Rows of a group, which are encoded in memory until it is whole: some megabytes, not the whole input.
const GROUP_ROWS: usize = 20_000;

pub(super) fn create(
    target: Target,
    options: &OutputOptions,
) -> Result<Box<dyn PredictionWriter>, TextError> {
    let path = target.path().to_path_buf();
    let rows = Rows::new(options);
    let unit = KeyValue::new("offset_unit".to_owned(), options.unit.name().to_owned());
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_key_value_metadata(Some(vec![unit]))
        .build();
    match ArrowWriter::try_new(target, Arc::clone(&rows.schema), Some(properties)) {
        Ok(writer) => Ok(Box::new(Writer { writer, rows, path })),
        Err(error) => Err(refused(&path, error)),
    }
}

struct Writer {
    writer: ArrowWriter<Target>,
    rows: Rows,
    path: std::path::PathBuf,
}

impl Writer {
    fn flush(&mut self) -> Result<(), TextError> {
        let batch = self.rows.take().map_err(ParquetError::from);
        let written = batch.and_then(|batch| self.writer.write(&batch));
        written.map_err(|error| refused(&self.path, error))
    }
}

impl PredictionWriter for Writer {
    fn begin(&mut self, file: &str) -> Result<(), TextError> {
        file.clone_into(&mut self.rows.file);
        Ok(())
    }

    fn write(&mut self, sentence: &Sentence, tagged: &Tagged) -> Result<(), TextError> {
        self.rows.push(sentence, tagged);
        match self.rows.texts.len() >= BATCH_ROWS {
            true => self.flush(),
            false => Ok(()),
        }
    }

    fn finish(mut self: Box<Self>) -> Result<(), TextError> {
        self.flush()?;
        let target = self.writer.into_inner();
        target.map_err(|error| refused(&self.path, error))?.finish()
    }
}

fn refused(path: &std::path::Path, error: ParquetError) -> TextError {
    TextError::Io {
        path: path.to_path_buf(),
        source: io::Error::other(error),
    }
}

/// The rows that are not written yet, column by column.
struct Rows {
    schema: SchemaRef,
    unit: OffsetUnit,
    /// The input that rows are of.
    file: String,
    files: Option<StringBuilder>,
    ids: StringBuilder,
    starts: Int64Builder,
    texts: StringBuilder,
    words: Option<WordColumns>,
    ranked: Option<ListBuilder<ListBuilder<StructBuilder>>>,
    entities: ListBuilder<StructBuilder>,
}

/// What is said of each word.
struct WordColumns {
    tokens: ListBuilder<StringBuilder>,
    tags: ListBuilder<StringBuilder>,
    scores: ListBuilder<Float32Builder>,
}

fn entity_fields() -> Fields {
    Fields::from(vec![
        Field::new("start", DataType::Int64, true),
        Field::new("end", DataType::Int64, true),
        Field::new("label", DataType::Utf8, true),
        Field::new("score", DataType::Float32, true),
        Field::new("text", DataType::Utf8, true),
    ])
}

fn ranked_fields() -> Fields {
    Fields::from(vec![
        Field::new("label", DataType::Utf8, true),
        Field::new("score", DataType::Float32, true),
    ])
}

impl Rows {
    fn new(options: &OutputOptions) -> Self {
        let records = |fields: Fields| ListBuilder::new(StructBuilder::from_fields(fields, 0));
        let words = || WordColumns {
            tokens: ListBuilder::new(StringBuilder::new()),
            tags: ListBuilder::new(StringBuilder::new()),
            scores: ListBuilder::new(Float32Builder::new()),
        };
        Self {
            schema: Arc::new(schema(options)),
            unit: options.unit,
            file: String::new(),
            files: options.files.then(StringBuilder::new),
            ids: StringBuilder::new(),
            starts: Int64Builder::new(),
            texts: StringBuilder::new(),
            words: (!options.aggregated).then(words),
            ranked: (options.ranked > 0).then(|| ListBuilder::new(records(ranked_fields()))),
            entities: records(entity_fields()),
        }
    }

    fn push(&mut self, sentence: &Sentence, tagged: &Tagged) {
        if let Some(files) = &mut self.files {
            files.append_value(&self.file);
        }
        let source = &sentence.source;
        self.ids.append_option(source.id.as_deref());
        let start = source.start.map(|start| self.unit.of(start) as i64);
        self.starts.append_option(start);
        self.texts.append_value(&sentence.text);
        if let Some(words) = &mut self.words {
            words.push(sentence, tagged);
        }
        if let Some(ranked) = &mut self.ranked {
            for word in &tagged.ranked {
                for label in word {
                    let fields = ranked.values().values();
                    append(fields, 0, StringBuilder::append_value, &label.label);
                    append(fields, 1, Float32Builder::append_value, label.probability);
                    fields.append(true);
                }
                ranked.values().append(true);
            }
            ranked.append(true);
        }
        let mut offsets = Offsets::new(&sentence.text, self.unit);
        for entity in &tagged.entities {
            let fields = self.entities.values();
            let text = &sentence.text[entity.span.clone()];
            let start = offsets.at(entity.span.start) as i64;
            append(fields, 0, Int64Builder::append_value, start);
            let end = offsets.at(entity.span.end) as i64;
            append(fields, 1, Int64Builder::append_value, end);
            append(fields, 2, StringBuilder::append_value, &entity.label);
            append(fields, 3, Float32Builder::append_value, entity.confidence);
            append(fields, 4, StringBuilder::append_value, text);
            fields.append(true);
        }
        self.entities.append(true);
    }

    fn take(&mut self) -> Result<RecordBatch, ArrowError> {
        let mut columns: Vec<ArrayRef> = Vec::new();
        let mut add = |builder: &mut dyn ArrayBuilder| columns.push(builder.finish());
        if let Some(files) = &mut self.files {
            add(files);
        }
        add(&mut self.ids);
        add(&mut self.starts);
        add(&mut self.texts);
        if let Some(words) = &mut self.words {
            add(&mut words.tokens);
            add(&mut words.tags);
            add(&mut words.scores);
        }
        if let Some(ranked) = &mut self.ranked {
            add(ranked);
        }
        add(&mut self.entities);
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
    }
}

impl WordColumns {
    fn push(&mut self, sentence: &Sentence, tagged: &Tagged) {
        for word in sentence.words() {
            self.tokens.values().append_value(word);
        }
        self.tokens.append(true);
        for tag in &tagged.tags {
            self.tags.values().append_value(tag);
        }
        self.tags.append(true);
        self.scores.values().append_slice(&tagged.probabilities);
        self.scores.append(true);
    }
}

/// Appends `value` to the field `index`, which is a `B`.
fn append<B: ArrayBuilder, V>(
    fields: &mut StructBuilder,
    index: usize,
    append: impl FnOnce(&mut B, V),
    value: V,
) {
    let field = fields.field_builder::<B>(index);
    append(
        field.expect("the builders are made of the same fields"),
        value,
    );
}

fn schema(options: &OutputOptions) -> Schema {
    let list = |item| DataType::List(Field::new_list_field(item, true).into());
    let mut fields = Vec::new();
    let mut add = |name: &str, kind| fields.push(Field::new(name, kind, true));
    if options.files {
        add("file", DataType::Utf8);
    }
    add("id", DataType::Utf8);
    add("start", DataType::Int64);
    add("text", DataType::Utf8);
    if !options.aggregated {
        add("tokens", list(DataType::Utf8));
        add("ner_tags", list(DataType::Utf8));
        add("ner_scores", list(DataType::Float32));
    }
    if options.ranked > 0 {
        add("ner_top", list(list(DataType::Struct(ranked_fields()))));
    }
    add("entities", list(DataType::Struct(entity_fields())));
    Schema::new(fields)
}
