//! A grid to runs: the product of every list in it.
//!
//! A grid has the keys of a settings file. A list makes an axis, unless the setting takes a list itself (`labels`), where a list of
//! lists does. `[[variant]]` tables are settings laid over the rest, each on its own; `[[exclude]]` tables say which combinations
//! are left out.

use std::path::Path;

use serde_json::{Map, Value};

use crate::{EvalEvery, Options, TrainError};

/// Keys that each run has of its own.
const OWN: [&str; 5] = ["output", "overwrite", "logdir", "checkpoint-dir", "resume"];

/// A run to be done.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// The run's name: that of its folder.
    pub name: String,
    /// Its settings but the seed, as the report calls them.
    pub configuration: String,
    /// What to train with.
    pub options: Options,
}

/// The runs of a grid, in the order of its lists, those of one configuration side by side, for a sweep in `folder`.
///
/// # Errors
/// [`TrainError::Grid`] when a key or value cannot be, two runs have one name, or nothing is left to do.
pub fn plan(mut grid: Map<String, Value>, folder: &Path) -> Result<Vec<Planned>, TrainError> {
    let variants = tables(&mut grid, "variant")?;
    let exclude = tables(&mut grid, "exclude")?;
    for table in [&grid].into_iter().chain(&variants).chain(&exclude) {
        if let Some(key) = OWN.iter().find(|key| table.contains_key(**key)) {
            return Err(TrainError::Grid {
                key: Some((*key).to_owned()),
                message: "each run of a sweep gets its own, so it is not for a grid".to_owned(),
            });
        }
    }
    let seeds = match grid.remove("seed") {
        None => vec![Value::from(42)],
        Some(Value::Array(seeds)) => seeds,
        Some(seed) => vec![seed],
    };
    let mut planned: Vec<Planned> = Vec::new();
    for variant in if variants.is_empty() {
        vec![Map::new()]
    } else {
        variants
    } {
        for combination in combinations(&grid, variant)? {
            if exclude
                .iter()
                .any(|rule| matches(rule, &combination.settings))
            {
                continue;
            }
            for seed in &seeds {
                planned.push(combination.with_seed(seed, folder)?);
            }
        }
    }
    if planned.is_empty() {
        return Err(error("leaves no run to do"));
    }
    for (index, run) in planned.iter().enumerate() {
        if planned[..index]
            .iter()
            .any(|before| before.name == run.name)
        {
            let message = format!(
                "two runs would be called {:?}; give each [[variant]] a name",
                run.name
            );
            return Err(error(message));
        }
    }
    Ok(planned)
}

fn error(message: impl Into<String>) -> TrainError {
    let (key, message) = (None, message.into());
    TrainError::Grid { key, message }
}

/// The error of a key whose value cannot be.
fn wrong(key: &str, error: &serde_json::Error) -> TrainError {
    TrainError::Grid {
        key: Some(key.to_owned()),
        message: error.to_string(),
    }
}

/// Takes the tables called `key` out of the grid.
fn tables(grid: &mut Map<String, Value>, key: &str) -> Result<Vec<Map<String, Value>>, TrainError> {
    let table = |value| match value {
        Value::Object(table) => Ok(table),
        _ => Err(error(format!("{key} must be tables: [[{key}]]"))),
    };
    match grid.remove(key) {
        None => Ok(Vec::new()),
        Some(Value::Array(values)) => values.into_iter().map(table).collect(),
        Some(value) => Ok(vec![table(value)?]),
    }
}

/// One setting of each axis.
#[derive(Debug, Clone)]
struct Combination {
    name: Vec<String>,
    settings: Map<String, Value>,
}

/// Every combination of the lists in `grid` with `variant` laid over it.
fn combinations(
    grid: &Map<String, Value>,
    mut variant: Map<String, Value>,
) -> Result<Vec<Combination>, TrainError> {
    let name = match variant.remove("name") {
        None => Vec::new(),
        Some(Value::String(name)) => vec![name],
        Some(_) => return Err(error("the name of a [[variant]] must be a text")),
    };
    // A variant without a name is called by what it sets.
    let named_by_settings = name.is_empty();
    let mut all = vec![Combination {
        name,
        settings: Map::new(),
    }];
    let base = grid.iter().filter(|(key, _)| !variant.contains_key(*key));
    let merged = base
        .map(|pair| (pair, false))
        .chain(variant.iter().map(|pair| (pair, named_by_settings)));
    for ((key, value), shown) in merged {
        let values = axis(key, value)?;
        let shown = shown || values.len() > 1;
        all = all
            .iter()
            .flat_map(|before| values.iter().map(|value| before.and(key, value, shown)))
            .collect();
    }
    Ok(all)
}

/// The values of a key: several when it is an axis.
fn axis<'a>(key: &str, value: &'a Value) -> Result<Vec<&'a Value>, TrainError> {
    let fits = |value: &Value| {
        let one = Map::from_iter([(key.to_owned(), value.clone())]);
        serde_json::from_value::<Options>(Value::Object(one))
    };
    match (fits(value), value) {
        (Ok(_), _) => Ok(vec![value]),
        (Err(_), Value::Array(values)) if !values.is_empty() => {
            for value in values {
                fits(value).map_err(|error| wrong(key, &error))?;
            }
            Ok(values.iter().collect())
        }
        (Err(error), _) => Err(wrong(key, &error)),
    }
}

impl Combination {
    fn and(&self, key: &str, value: &Value, shown: bool) -> Self {
        let mut next = self.clone();
        if shown {
            next.name.push(format!("{key}={}", plain(value)));
        }
        next.settings.insert(key.to_owned(), value.clone());
        next
    }

    fn with_seed(&self, seed: &Value, folder: &Path) -> Result<Planned, TrainError> {
        let mut settings = self.settings.clone();
        settings.insert("seed".to_owned(), seed.clone());
        let mut options: Options = serde_json::from_value(Value::Object(settings))
            .map_err(|wrong| error(wrong.to_string()))?;
        let configuration = match self.name.as_slice() {
            [] => "default".to_owned(),
            parts => parts.join(" "),
        };
        let name = file_name(&format!("{configuration} seed={}", plain(seed)));
        let runs = folder.join("runs");
        options.output = Some(runs.join(&name));
        options.checkpoint_dir = Some(runs.join(format!("{name}.checkpoints")));
        options.checkpoint_every = options.checkpoint_every.or(Some(EvalEvery::Epoch));
        options.logdir = Some(folder.join("logs").join(&name));
        options.resume = Some(true);
        Ok(Planned {
            name,
            configuration,
            options,
        })
    }
}

/// Whether all that `rule` names is so; a list there means any of its values.
fn matches(rule: &Map<String, Value>, settings: &Map<String, Value>) -> bool {
    let same = |a: &Value, b: &Value| a == b || a.is_number() && a.as_f64() == b.as_f64();
    rule.iter().all(|(key, wanted)| {
        settings.get(key).is_some_and(|value| match wanted {
            Value::Array(any) => any.iter().any(|one| same(one, value)) || wanted == value,
            one => same(one, value),
        })
    })
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join("+"),
        other => other.to_string(),
    }
}

/// `text` as the name of a folder on every system.
fn file_name(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            ' ' => ',',
            c if c.is_alphanumeric() || "-_=.+".contains(c) => c,
            _ => '-',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(grid: Value) -> Result<Vec<Planned>, TrainError> {
        let Value::Object(grid) = grid else {
            panic!("a grid is a table")
        };
        plan(grid, Path::new("sweep"))
    }

    fn names(grid: Value) -> Vec<String> {
        planned(grid)
            .unwrap()
            .into_iter()
            .map(|run| run.name)
            .collect()
    }

    #[test]
    fn lists_are_multiplied_and_seeds_come_last() {
        let grid = serde_json::json!({"epochs": [1, 2], "seed": [7, 8], "labels": ["O", "B-X"], "batch-size": [4]});
        assert_eq!(
            names(grid.clone()),
            [
                "epochs=1,seed=7",
                "epochs=1,seed=8",
                "epochs=2,seed=7",
                "epochs=2,seed=8"
            ]
        );
        let run = &planned(grid).unwrap()[3];
        assert_eq!(run.configuration, "epochs=2");
        let options = &run.options;
        assert_eq!(
            (options.epochs, options.seed, options.batch_size),
            (Some(2.0), Some(8), Some(4))
        );
        assert_eq!(options.labels.as_ref().map(Vec::len), Some(2));
        assert_eq!(options.output, Some("sweep/runs/epochs=2,seed=8".into()));
        assert_eq!(options.resume, Some(true));
    }

    #[test]
    fn variants_lie_over_the_grid_and_exclusions_take_away() {
        let grid = serde_json::json!({
            "dropout": [0.0, 0.5],
            "variant": [{"name": "slow"}, {"name": "fast", "learning-rate": [1e-3, 2e-3]}, {"lr-schedule": "cosine"}],
            "exclude": [{"dropout": 0, "learning-rate": 2e-3}, {"dropout": [0.5, 0.7], "lr-schedule": "cosine"}],
        });
        assert_eq!(
            names(grid),
            [
                "slow,dropout=0.0,seed=42",
                "slow,dropout=0.5,seed=42",
                "fast,dropout=0.0,learning-rate=0.001,seed=42",
                "fast,dropout=0.5,learning-rate=0.001,seed=42",
                "fast,dropout=0.5,learning-rate=0.002,seed=42",
                "dropout=0.0,lr-schedule=cosine,seed=42",
            ]
        );
    }

    #[test]
    fn what_cannot_be_a_grid_is_refused() {
        for (grid, said) in [
            (
                serde_json::json!({"batchsize": [1]}),
                "unknown field `batchsize`",
            ),
            (
                serde_json::json!({"epochs": ["two"]}),
                "epochs: invalid type",
            ),
            (serde_json::json!({"epochs": []}), "epochs: invalid type"),
            (
                serde_json::json!({"output": "x"}),
                "output: each run of a sweep gets its own",
            ),
            (serde_json::json!({"seed": []}), "leaves no run"),
            (
                serde_json::json!({"epochs": [1, 1]}),
                "two runs would be called \"epochs=1,seed=42\"",
            ),
            (serde_json::json!({"variant": 3}), "variant must be tables"),
        ] {
            let message = planned(grid).unwrap_err().to_string();
            assert!(message.contains(said), "{message}");
        }
    }
}
