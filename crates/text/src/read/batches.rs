//! Arrow record batches, the common ground of Parquet and Arrow IPC: a row is a sentence.

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, ListArray, RecordBatch};
use arrow_cast::cast;
use arrow_schema::{ArrowError, DataType, Field, Schema};

use super::ReadOptions;
use super::class_labels::{ClassLabels, LabelSource};
use super::columns::{Roles, Row};
use super::guard::Guard;
use super::stream::Reading;
use crate::{Sentence, TextError};

/// The schema metadata under which `datasets` describes its features.
const HUGGINGFACE: &str = "huggingface";

/// A file's batches, one after the other.
pub(super) type Batches = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>>>;

/// The names of the columns that are read.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    words: String,
    tags: Option<String>,
    id: Option<String>,
    extras: Vec<String>,
}

impl Layout {
    /// The columns of interest in `schema`.
    pub(super) fn new(schema: &Schema, options: &ReadOptions) -> Result<Self, String> {
        let names: Vec<&str> = schema
            .fields()
            .iter()
            .map(|field| field.name().as_str())
            .collect();
        let roles = Roles::find(&names, options)?;
        let name = |at: usize| names[at].to_owned();
        Ok(Self {
            words: name(roles.words),
            tags: roles.tags.map(name),
            id: roles.id.map(name),
            extras: roles.extras(&names).into_iter().map(name).collect(),
        })
    }

    /// Whether the column `name` is read.
    pub(super) fn contains(&self, name: &str) -> bool {
        let named = [Some(&self.words), self.tags.as_ref(), self.id.as_ref()];
        named
            .into_iter()
            .flatten()
            .chain(&self.extras)
            .any(|column| column == name)
    }
}

/// Sentences out of batches.
pub(super) struct BatchReader {
    file: Guard,
    batches: Batches,
    layout: Layout,
    /// Names of the tags, and of the further columns where the file declares them.
    labels: LabelSource,
    declared: Vec<Option<ClassLabels>>,
    batch: Option<Columns>,
    /// The next row of the batch, and the rows of the batches before it.
    row: usize,
    before: usize,
}

impl BatchReader {
    /// Reads `batches` of `schema`, which may hold fewer columns than the file: those of `layout`.
    pub(super) fn new(
        file: Guard,
        batches: Batches,
        (schema, layout): (&Schema, Layout),
        options: &ReadOptions,
    ) -> Self {
        let declared =
            |column: &String| ClassLabels::in_schema(schema.metadata().get(HUGGINGFACE)?, column);
        let in_file = layout.tags.as_ref().and_then(declared);
        Self {
            batches,
            labels: LabelSource::new(&file.path, options.label_list.as_deref(), in_file),
            declared: layout.extras.iter().map(declared).collect(),
            layout,
            batch: None,
            row: 0,
            before: 0,
            file,
        }
    }
}

impl Reading for BatchReader {
    fn read(&mut self) -> Result<Option<Sentence>, TextError> {
        while self
            .batch
            .as_ref()
            .is_none_or(|batch| self.row >= batch.rows)
        {
            self.before += self.batch.take().map_or(0, |batch| batch.rows);
            self.row = 0;
            let Some(batch) = self.file.run(|| self.batches.next().transpose())? else {
                return Ok(None);
            };
            let columns = Columns::new(&batch, &self.layout);
            self.batch =
                Some(columns.map_err(|message| TextError::file(&self.file.path, message))?);
        }
        let Some(batch) = &self.batch else {
            return Ok(None);
        };
        let tag_column = self.layout.tags.as_deref().unwrap_or_default();
        let labels = match &batch.tags {
            Some(Lists::Integers(_)) => Some(self.labels.labels(tag_column)?),
            _ => None,
        };
        let sentence = batch
            .row(self.row, labels, (&self.layout.extras, &self.declared))
            .and_then(|row| row.into_sentence(tag_column))
            .map_err(|message| {
                let row = self.before + self.row + 1;
                TextError::file(
                    &self.file.path,
                    format!("row {row}, counted from 1: {message}"),
                )
            })?;
        self.row += 1;
        Ok(Some(sentence))
    }

    fn label_names(&self) -> Option<Vec<String>> {
        self.labels.known().map(|labels| labels.names().to_vec())
    }
}

/// The columns of one batch.
struct Columns {
    rows: usize,
    words: Lists,
    tags: Option<Lists>,
    id: Option<ArrayRef>,
    extras: Vec<Lists>,
}

impl Columns {
    fn new(batch: &RecordBatch, layout: &Layout) -> Result<Self, String> {
        let column = |name: &str| {
            batch
                .column_by_name(name)
                .ok_or_else(|| format!("a batch has no column {name:?}"))
        };
        let lists = |name: &str| Lists::new(name, column(name)?);
        let words = lists(&layout.words)?;
        if let Lists::Integers(_) = words {
            return Err(format!(
                "column {:?} holds integers; expected words",
                layout.words
            ));
        }
        // An identifier is a courtesy: one that is no text and no number is left aside.
        let id = layout.id.as_ref().map(|id| column(id)).transpose()?;
        Ok(Self {
            rows: batch.num_rows(),
            words,
            tags: layout.tags.as_ref().map(|tags| lists(tags)).transpose()?,
            id: id.and_then(|id| cast(id, &DataType::Utf8).ok()),
            extras: layout
                .extras
                .iter()
                .map(|extra| lists(extra))
                .collect::<Result<_, _>>()?,
        })
    }

    fn row(
        &self,
        at: usize,
        labels: Option<&ClassLabels>,
        (extra_names, extra_labels): (&[String], &[Option<ClassLabels>]),
    ) -> Result<Row, String> {
        let words = self.words.row(at, None)?;
        let tags = self
            .tags
            .as_ref()
            .map(|tags| tags.row(at, labels))
            .transpose()?
            .flatten();
        let id = self.id.as_ref().map(|ids| ids.as_string::<i32>());
        let mut row = Row {
            words: words.ok_or("the list of words is null")?,
            tags,
            id: id
                .filter(|ids| ids.is_valid(at))
                .map(|ids| ids.value(at).to_owned()),
            extras: Vec::with_capacity(self.extras.len()),
        };
        for ((lists, name), labels) in self.extras.iter().zip(extra_names).zip(extra_labels) {
            if let Some(values) = lists.row(at, labels.as_ref())? {
                row.extras.push((name.clone(), values));
            }
        }
        Ok(row)
    }
}

/// A column of lists, whatever kind of list, string or integer the file uses.
enum Lists {
    Strings(ListArray),
    Integers(ListArray),
}

impl Lists {
    fn new(name: &str, column: &ArrayRef) -> Result<Self, String> {
        let wrong = || {
            format!(
                "column {name:?} is {}; expected a list of strings or of integers",
                column.data_type()
            )
        };
        let item = match column.data_type() {
            DataType::List(item)
            | DataType::LargeList(item)
            | DataType::ListView(item)
            | DataType::LargeListView(item)
            | DataType::FixedSizeList(item, _) => item.data_type(),
            _ => return Err(wrong()),
        };
        let integers = item.is_integer();
        let target = match item {
            _ if integers => DataType::Int64,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
            DataType::Dictionary(_, values) if values.is_string() => DataType::Utf8,
            // A column of empty lists or nulls alone.
            DataType::Null => DataType::Utf8,
            _ => return Err(wrong()),
        };
        let target = DataType::List(Field::new_list_field(target, true).into());
        let lists = cast(column, &target).map_err(|error| format!("column {name:?}: {error}"))?;
        let lists = lists.as_list::<i32>().clone();
        Ok(if integers {
            Self::Integers(lists)
        } else {
            Self::Strings(lists)
        })
    }

    /// The list of row `at`, integers by their names or, without names, as numbers.
    fn row(&self, at: usize, labels: Option<&ClassLabels>) -> Result<Option<Vec<String>>, String> {
        let (Self::Strings(lists) | Self::Integers(lists)) = self;
        if lists.is_null(at) {
            return Ok(None);
        }
        let values = lists.value(at);
        if let Some(null) = (0..values.len()).find(|&index| values.is_null(index)) {
            return Err(format!(
                "value {null} of a list is null; expected none to be"
            ));
        }
        match self {
            Self::Strings(_) if *values.data_type() == DataType::Null => Ok(Some(Vec::new())),
            Self::Strings(_) => {
                let values = values.as_string::<i32>();
                Ok(Some(
                    (0..values.len())
                        .map(|index| values.value(index).to_owned())
                        .collect(),
                ))
            }
            Self::Integers(_) => {
                let ids = values.as_primitive::<Int64Type>().values().iter();
                let name = |&id: &i64| match labels {
                    Some(labels) => labels.name(id).map(str::to_owned),
                    None => Ok(id.to_string()),
                };
                ids.map(name).collect::<Result<_, _>>().map(Some)
            }
        }
    }
}
