//! Names of integer tags: from a list given, from what `datasets` wrote into the file, or from a file beside it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::TextError;

/// Files of plain label names that stand beside data on the Hub.
const LABEL_FILES: [&str; 4] = [
    "label.json",
    "labels.json",
    "label2id.json",
    "label_list.json",
];

/// The names of integer tags, id by id, and where they were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClassLabels {
    names: Vec<String>,
    origin: String,
}

impl ClassLabels {
    /// The names in the order of their ids; `origin` says in messages where they come from.
    pub(crate) fn new(names: Vec<String>, origin: impl Into<String>) -> Self {
        Self {
            names,
            origin: origin.into(),
        }
    }

    /// The name of `id`, or what is wrong with it.
    pub(crate) fn name(&self, id: i64) -> Result<&str, String> {
        let name = usize::try_from(id).ok().and_then(|id| self.names.get(id));
        name.map(String::as_str).ok_or_else(|| {
            format!(
                "label id {id} is outside the list of {} names ({})",
                self.names.len(),
                self.origin
            )
        })
    }

    /// The names of `column` in a `datasets` features description: what stands under `features` in
    /// `dataset_info.json` and under `info.features` in the `huggingface` key of a Parquet or Arrow schema.
    pub(crate) fn in_features(features: &Value, column: &str, origin: &str) -> Option<Self> {
        let names = class_names(features.get(column)?)?;
        Some(Self::new(names, origin))
    }

    /// All names in the order of their ids.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// The names of `column` in the value of a schema's `huggingface` key.
    pub(crate) fn in_schema(metadata: &str, column: &str) -> Option<Self> {
        let metadata: Value = serde_json::from_str(metadata).ok()?;
        Self::in_features(
            metadata.pointer("/info/features")?,
            column,
            "the schema's \"huggingface\" key",
        )
    }

    /// The names of `column` in a file beside `data` or in the folder above it (the Hub keeps data in `data/`).
    ///
    /// Looked for in this order: `dataset_info.json`, `dataset_infos.json`, a JSON list or map of names
    /// (`label.json`, `labels.json`, `label2id.json`, `label_list.json`), `labels.txt`.
    pub(crate) fn beside(data: &Path, column: &str) -> Result<Option<Self>, TextError> {
        let folder = if data.is_dir() {
            Some(data)
        } else {
            data.parent()
        };
        for folder in folder.into_iter().chain(folder.and_then(Path::parent)) {
            if let Some(found) = Self::in_folder(folder, column)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn in_folder(folder: &Path, column: &str) -> Result<Option<Self>, TextError> {
        if let Some((path, info)) = read_json(folder.join("dataset_info.json"))? {
            let found = info
                .get("features")
                .and_then(|it| Self::in_features(it, column, &path.display().to_string()));
            if found.is_some() {
                return Ok(found);
            }
        }
        if let Some((path, infos)) = read_json(folder.join("dataset_infos.json"))?
            && let Some(names) = names_of_all_configs(&infos, column, &path)?
        {
            return Ok(Some(Self::new(names, path.display().to_string())));
        }
        for file in LABEL_FILES {
            if let Some((path, value)) = read_json(folder.join(file))? {
                let names = plain_names(&value).ok_or_else(|| {
                    TextError::file(
                        &path,
                        "expected a list of label names, or an object of name to id or id to name \
                         with the ids 0, 1, 2, ..",
                    )
                })?;
                return Ok(Some(Self::new(names, path.display().to_string())));
            }
        }
        let path = folder.join("labels.txt");
        let Some(text) = read_optional(&path)? else {
            return Ok(None);
        };
        let names = text
            .lines()
            .map(str::trim_end)
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect();
        Ok(Some(Self::new(names, path.display().to_string())))
    }
}

/// Finds the names of one file's integer tags out, once, when the first integer is met.
#[derive(Debug)]
pub(crate) struct LabelSource {
    path: PathBuf,
    labels: Option<ClassLabels>,
}

impl LabelSource {
    /// For the file at `path`, with the names that the options give, or else those `in_file`.
    pub(crate) fn new(path: &Path, given: Option<&[String]>, in_file: Option<ClassLabels>) -> Self {
        let given = given.map(|names| ClassLabels::new(names.to_vec(), "--labels"));
        Self {
            path: path.to_path_buf(),
            labels: given.or(in_file),
        }
    }

    /// The names known so far.
    pub(crate) fn known(&self) -> Option<&ClassLabels> {
        self.labels.as_ref()
    }

    /// The names of the integers in `column`.
    pub(crate) fn labels(&mut self, column: &str) -> Result<&ClassLabels, TextError> {
        let labels = match self.labels.take() {
            Some(labels) => labels,
            // Standard input has no neighbours.
            None if !self.path.exists() => return Err(self.nameless(column)),
            None => match ClassLabels::beside(&self.path, column)? {
                Some(labels) => labels,
                None => return Err(self.nameless(column)),
            },
        };
        Ok(self.labels.insert(labels))
    }

    fn nameless(&self, column: &str) -> TextError {
        let message = format!(
            "{column:?} holds integers and nothing names them; expected a label list (--labels), \
             or in dataset_info.json or label.json beside the file"
        );
        TextError::file(&self.path, message)
    }
}

/// The names of the first `ClassLabel` in a feature: `{"feature": {"names": [..], "_type": "ClassLabel"}, ..}`, or the
/// same in a list of one, as the first versions of `datasets` wrote sequences.
fn class_names(feature: &Value) -> Option<Vec<String>> {
    match feature {
        Value::Array(items) => class_names(items.first()?),
        Value::Object(object)
            if object.get("_type").and_then(Value::as_str) == Some("ClassLabel") =>
        {
            strings(object.get("names")?)
        }
        Value::Object(object) => class_names(object.get("feature")?),
        _ => None,
    }
}

/// `dataset_infos.json` describes several configurations: their names for `column` must agree.
fn names_of_all_configs(
    infos: &Value,
    column: &str,
    path: &Path,
) -> Result<Option<Vec<String>>, TextError> {
    let mut found: Option<Vec<String>> = None;
    for info in infos
        .as_object()
        .into_iter()
        .flat_map(|infos| infos.values())
    {
        let names = info
            .get("features")
            .and_then(|features| class_names(features.get(column)?));
        match (&found, names) {
            (Some(first), Some(names)) if *first != names => {
                let message = format!(
                    "its configurations name the labels of {column:?} differently; \
                     expected a label list (--labels) that says which are meant"
                );
                return Err(TextError::file(path, message));
            }
            (None, names) => found = names,
            _ => {}
        }
    }
    Ok(found)
}

/// `["O", ..]`, `{"O": 0, ..}` or `{"0": "O", ..}`; the ids must be 0, 1, 2, ..
fn plain_names(value: &Value) -> Option<Vec<String>> {
    let object = match value {
        Value::Object(object) => object,
        other => return strings(other),
    };
    let mut by_id = BTreeMap::new();
    for (key, value) in object {
        let (id, name) = match value {
            Value::String(name) => (key.parse().ok()?, name),
            other => (other.as_u64()?, key),
        };
        by_id.insert(id, name.clone());
    }
    let dense = by_id.len() == object.len() && by_id.keys().copied().eq(0..object.len() as u64);
    dense.then(|| by_id.into_values().collect())
}

fn strings(value: &Value) -> Option<Vec<String>> {
    value
        .as_array()?
        .iter()
        .map(|name| name.as_str().map(str::to_owned))
        .collect()
}

/// The JSON value of a file that need not exist.
pub(crate) fn read_json(path: PathBuf) -> Result<Option<(PathBuf, Value)>, TextError> {
    let Some(text) = read_optional(&path)? else {
        return Ok(None);
    };
    match serde_json::from_str(&text) {
        Ok(value) => Ok(Some((path, value))),
        Err(error) => Err(super::values::syntax_error(&path, 1, 1, &error)),
    }
}

fn read_optional(path: &Path) -> Result<Option<String>, TextError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(TextError::io(path, source)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names(value: &Value) -> Option<Vec<String>> {
        plain_names(value)
    }

    #[test]
    fn label_files_are_lists_or_maps_either_way() {
        let expected = Some(vec!["O".to_owned(), "B-X".to_owned()]);
        assert_eq!(names(&json!(["O", "B-X"])), expected);
        assert_eq!(names(&json!({"B-X": 1, "O": 0})), expected);
        assert_eq!(names(&json!({"1": "B-X", "0": "O"})), expected);
        assert_eq!(names(&json!({"O": 0, "B-X": 2})), None, "a hole in the ids");
        assert_eq!(names(&json!({"O": 0, "B-X": 0})), None, "an id given twice");
        assert_eq!(names(&json!(["O", 1])), None);
    }

    #[test]
    fn every_spelling_of_a_sequence_of_class_labels_is_found() {
        let class = json!({"num_classes": 2, "names": ["O", "B-X"], "_type": "ClassLabel"});
        for feature in [
            json!({"feature": class, "length": -1, "_type": "Sequence"}),
            json!({"feature": class, "_type": "List"}),
            json!([class]),
        ] {
            let labels =
                ClassLabels::in_features(&json!({"tags": feature}), "tags", "here").expect("names");
            assert_eq!(labels.name(1), Ok("B-X"));
        }
        let strings =
            json!({"tags": {"feature": {"dtype": "string", "_type": "Value"}, "_type": "List"}});
        assert_eq!(ClassLabels::in_features(&strings, "tags", "here"), None);
    }

    #[test]
    fn an_id_outside_the_list_is_named_with_the_lists_origin() {
        let labels = ClassLabels::new(vec!["O".to_owned()], "label.json");
        assert_eq!(
            labels.name(1),
            Err("label id 1 is outside the list of 1 names (label.json)".to_owned())
        );
        assert_eq!(
            labels.name(-100),
            Err("label id -100 is outside the list of 1 names (label.json)".to_owned())
        );
    }
}
