//! The settings file: TOML with the names of the flags.

use std::path::Path;

use anyhow::{Result, anyhow};
use bert_ner_train::{Options, TrainError};
use serde_json::{Map, Value};

use crate::failure::at;

/// Reads the options that the file at `path` gives.
pub(crate) fn read(path: &Path) -> Result<Options> {
    let text = std::fs::read_to_string(path).map_err(|error| at(path, error))?;
    parse(path, &text)
}

/// Reads the grid of a sweep: as a settings file, but for lists of values and its tables.
pub(crate) fn read_grid(path: &Path) -> Result<Map<String, Value>> {
    let text = std::fs::read_to_string(path).map_err(|error| at(path, error))?;
    parse_grid(path, &text)
}

fn parse_grid(path: &Path, text: &str) -> Result<Map<String, Value>> {
    let grid: toml::Table = toml::from_str(text).map_err(|error| shown(path, &error))?;
    let known = Options::keys();
    let tables = ["variant", "exclude"];
    let top: Vec<String> = known
        .iter()
        .cloned()
        .chain(tables.map(str::to_owned))
        .collect();
    check_keys(path, text, &grid, &top)?;
    for table in tables {
        let rows = grid.get(table).and_then(toml::Value::as_array);
        for row in rows.into_iter().flatten().filter_map(toml::Value::as_table) {
            let mut known = known.clone();
            known.extend((table == "variant").then(|| "name".to_owned()));
            check_keys(path, text, row, &known)?;
        }
    }
    match serde_json::to_value(grid)? {
        Value::Object(grid) => Ok(grid),
        _ => unreachable!("a TOML document is a table"),
    }
}

fn parse(path: &Path, text: &str) -> Result<Options> {
    let table: toml::Table = toml::from_str(text).map_err(|error| shown(path, &error))?;
    check_keys(path, text, &table, &Options::keys())?;
    toml::from_str(text).map_err(|error| shown(path, &error))
}

/// The TOML reader shows the line and ends with an empty one.
fn shown(path: &Path, error: &toml::de::Error) -> anyhow::Error {
    anyhow!(
        "{}: {}",
        path.display(),
        spoken(error.to_string().trim_end())
    )
}

/// What is wrong with the grid at `path`, and on which line where it is the value of a key that stands there once.
pub(crate) fn in_grid(path: &Path, error: TrainError) -> anyhow::Error {
    let key = match &error {
        TrainError::Grid { key, .. } => key.as_deref(),
        TrainError::Setting { key, .. } => Some(*key),
        _ => return error.into(),
    };
    let text = std::fs::read_to_string(path).unwrap_or_default();
    // A key that several tables set is one of these lines; which, nobody knows here.
    let line = match key.map(|key| settings_of(&text, key)).as_deref() {
        Some([line]) => format!(":{line}"),
        _ => String::new(),
    };
    anyhow!("{}{line}: {}", path.display(), spoken(&error.to_string()))
}

/// A message of serde's with the kinds of numbers as people call them.
fn spoken(message: &str) -> String {
    let kinds = [
        ("usize", "a whole number of at least 0"),
        ("u64", "a whole number of at least 0"),
        ("u32", "a whole number of at least 0"),
        ("f64", "a number"),
        ("f32", "a number"),
    ];
    kinds
        .into_iter()
        .fold(message.to_owned(), |said, (kind, name)| {
            said.replace(&format!("expected {kind}"), &format!("expected {name}"))
        })
}

/// Refuses the first key that is not known, and guesses what was meant.
fn check_keys(path: &Path, text: &str, table: &toml::Table, known: &[String]) -> Result<()> {
    let Some(key) = table.keys().find(|key| !known.contains(key)) else {
        return Ok(());
    };
    let near = nearest(key, known);
    let hint = match near.is_empty() {
        true => format!("the names are those of the flags: {}", known.join(", ")),
        false => format!("did you mean {}?", near.join(" or ")),
    };
    Err(anyhow!(
        "{}:{}: unknown option {key:?}; {hint}",
        path.display(),
        line_of(text, key)
    ))
}

/// The line, counted from 1, on which `key` stands.
fn line_of(text: &str, key: &str) -> usize {
    settings_of(text, key).first().copied().unwrap_or(1)
}

/// The lines, counted from 1, on which `key` is set or heads a table.
fn settings_of(text: &str, key: &str) -> Vec<usize> {
    let sets = |line: &str| {
        let name = line.split(['=', ']', '.']).next().unwrap_or(line);
        name.trim_matches(['[', '"', '\'', ' ', '\t']) == key
    };
    let lines = text.lines().enumerate();
    lines
        .filter(|(_, line)| sets(line))
        .map(|(index, _)| index + 1)
        .collect()
}

/// The known names that `name` may have been meant for, nearest first, three at most.
fn nearest<'a>(name: &str, known: &'a [String]) -> Vec<&'a str> {
    let name = name.to_lowercase().replace('_', "-");
    let mut near: Vec<(usize, &str)> = known
        .iter()
        .map(|known| (distance(&name, known), known.as_str()))
        .filter(|&(distance, known)| {
            distance <= 1 + known.len() / 4 || name.len() > 2 && known.contains(&name)
        })
        .collect();
    near.sort();
    near.into_iter().take(3).map(|(_, known)| known).collect()
}

/// Levenshtein distance: insertions, deletions and replacements that make `a` into `b`.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use bert_ner_train::{EvalEvery, Schedule};

    use super::*;

    fn parse(text: &str) -> Result<Options> {
        super::parse(Path::new("run.toml"), text)
    }

    #[test]
    fn every_kind_of_value_is_read() {
        let text = "model = \"bert\"\nbatch-size = 16\nlearning-rate = 1e-4\nepochs = 2\n\
                    lr-schedule = \"cosine\"\neval-every = 100\noverwrite = true\n\
                    labels = [\"O\", \"B-PER\"]\ntag-column = 2\nscheme = \"iob1\"\n";
        let options = parse(text).unwrap();
        assert_eq!(
            (options.batch_size, options.learning_rate),
            (Some(16), Some(1e-4))
        );
        assert_eq!(
            (options.epochs, options.lr_schedule),
            (Some(2.0), Some(Schedule::Cosine))
        );
        assert_eq!(
            (options.eval_every, options.overwrite),
            (Some(EvalEvery::Steps(100)), Some(true))
        );
        assert_eq!(options.tag_column, Some(bert_ner_text::Column::Number(2)));
    }

    #[test]
    fn an_unknown_option_is_answered_with_the_nearest() {
        let message = |text| parse(text).unwrap_err().to_string();
        assert_eq!(
            message("seed = 1\nbatchsize = 8\n"),
            "run.toml:2: unknown option \"batchsize\"; did you mean batch-size?"
        );
        assert_eq!(
            message("batch_size = 8\n"),
            "run.toml:1: unknown option \"batch_size\"; did you mean batch-size?"
        );
        assert_eq!(
            message("samples = 8\n"),
            "run.toml:1: unknown option \"samples\"; did you mean max-eval-samples or max-train-samples?"
        );
        assert!(
            message("zzzzzzzzzz = 8\n").contains("the names are those of the flags: model, data")
        );
    }

    #[test]
    fn a_grid_has_tables_and_each_key_is_checked() {
        let read = |text: &str| parse_grid(Path::new("grid.toml"), text);
        let grid = read("epochs = [1, 2.5]\n[[variant]]\nname = \"a\"\nseed = 1\n").unwrap();
        assert_eq!(grid["epochs"], serde_json::json!([1, 2.5]));
        assert_eq!(grid["variant"][0]["name"], "a");
        let message = |text: &str| read(text).unwrap_err().to_string();
        assert_eq!(
            message("epochs = 1\n[[variant]]\nlerning-rate = [1e-3]\n"),
            "grid.toml:3: unknown option \"lerning-rate\"; did you mean learning-rate?"
        );
        assert!(
            message("[[exclude]]\nname = \"a\"\n")
                .starts_with("grid.toml:2: unknown option \"name\"")
        );
    }

    #[test]
    fn numbers_are_called_numbers() {
        let message = |text| parse(text).unwrap_err().to_string();
        let size = message("batch-size = \"8\"\n");
        assert!(
            size.contains("expected a whole number of at least 0"),
            "{size}"
        );
        let rate = message("learning-rate = \"slow\"\n");
        assert!(rate.contains("expected a number"), "{rate}");
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_shown_where_it_stands() {
        let message = parse("seed = 1\nselect = \"best\"\n")
            .unwrap_err()
            .to_string();
        assert!(message.contains("line 2"), "{message}");
        assert!(
            message.contains("expected \"f1\", \"loss\", \"loss-mean:N\" (N newest dev losses) or \"last\", not \"best\""),
            "{message}"
        );
    }
}
