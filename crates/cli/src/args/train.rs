//! The flags of `train`, key for key those of a settings file.

use std::path::PathBuf;

use bert_ner_model::Task;
use bert_ner_train::{ClassWeights, EvalEvery, LossChoice, Options, Schedule, Select};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::de::DeserializeOwned;

use super::{DataArgs, HeadArgs};

pub(super) const USAGE: &str = "\
bert-ner train --model <DIR|NAME> --train <PATH> --dev <PATH> --output <DIR> [OPTIONS]
       bert-ner train --model <DIR|NAME> --data <DIR|NAME> --output <DIR> [OPTIONS]
       bert-ner train --config <FILE> [OPTIONS]";

pub(super) const EXAMPLES: &str = "\
Examples:
  bert-ner train --model bert-base-cased --train train.conll --dev dev.conll --output ner
  bert-ner train --model ./minilm --data conll2003/ --output ner --epochs 5 --learning-rate 1e-4
  bert-ner train --config run.toml --seed 43 --output ner-43

A settings file holds the same names: batch-size = 16. Flags win over it.";

#[derive(Debug, Args)]
pub(crate) struct TrainArgs {
    #[command(flatten)]
    pub(crate) places: PlaceArgs,

    #[command(flatten)]
    pub(crate) training: TrainingArgs,

    #[command(flatten)]
    pub(crate) head: HeadArgs,

    #[command(flatten)]
    pub(crate) evaluation: EvaluationArgs,

    #[command(flatten)]
    pub(crate) record: RecordArgs,

    #[command(flatten)]
    pub(crate) format: DataArgs,

    #[command(flatten)]
    pub(crate) run: RunArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Model and data")]
pub(crate) struct PlaceArgs {
    /// Pretrained model: a folder, or a Hugging Face Hub name: name, org/name or org/name@revision
    #[arg(long, value_name = "DIR|NAME")]
    pub(crate) model: Option<String>,

    /// Start from random weights of the shape that the model's config.json has, instead of pretrained
    /// ones [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    pub(crate) from_scratch: Option<bool>,

    /// Data set that holds its splits under their usual names: a folder, or a Hub name
    #[arg(long, value_name = "DIR|NAME")]
    pub(crate) data: Option<String>,

    /// Sentences to train on
    #[arg(long, value_name = "PATH")]
    pub(crate) train: Option<PathBuf>,

    /// Sentences to choose the best model by
    #[arg(long, value_name = "PATH")]
    pub(crate) dev: Option<PathBuf>,

    /// Sentences to score once, at the end
    #[arg(long, value_name = "PATH")]
    pub(crate) test: Option<PathBuf>,

    /// Folder to write: the model, training.json, README.md and, with a test split,
    /// predictions.conll (of texts predictions.jsonl)
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,

    /// Replace the output folder if it exists [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    pub(crate) overwrite: Option<bool>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Training", allow_negative_numbers = true)]
pub(crate) struct TrainingArgs {
    /// What is predicted: ner (entities) or classify (a label for each text) [default: ner]
    #[arg(long, value_name = "NAME", value_parser = named::<Task>(&["ner", "classify"]))]
    pub(crate) task: Option<Task>,

    /// Passes over the training sentences; a fraction stops within a pass [default: 3]
    #[arg(long, value_name = "N")]
    pub(crate) epochs: Option<f64>,

    /// Sequences in one forward and backward pass [default: 8]
    #[arg(long, value_name = "N")]
    pub(crate) batch_size: Option<usize>,

    /// Batches in one optimizer step; its loss is the mean over the words of all [default: 1]
    #[arg(long, value_name = "N")]
    pub(crate) gradient_accumulation: Option<usize>,

    /// AdamW's learning rate after the warm-up [default: 5e-5]
    #[arg(long, value_name = "X")]
    pub(crate) learning_rate: Option<f64>,

    /// How the learning rate moves after the warm-up [default: linear]
    #[arg(long, value_name = "NAME", value_parser = named::<Schedule>(&["linear", "constant", "cosine"]))]
    pub(crate) lr_schedule: Option<Schedule>,

    /// Share of all steps over which the learning rate rises from zero [default: 0]
    #[arg(long, value_name = "X")]
    pub(crate) warmup_ratio: Option<f64>,

    /// AdamW's weight decay [default: 0]
    #[arg(long, value_name = "X")]
    pub(crate) weight_decay: Option<f64>,

    /// Longest gradient: a longer one is scaled down to this norm; 0 leaves it alone [default: 1]
    #[arg(long, value_name = "X")]
    pub(crate) max_grad_norm: Option<f64>,

    /// Dropout probability in place of those in config.json
    #[arg(long, value_name = "X")]
    pub(crate) dropout: Option<f32>,

    /// Pieces in the longest sequence; a longer sentence goes through overlapping windows
    /// [default: 512]
    #[arg(long, value_name = "N")]
    pub(crate) max_length: Option<usize>,

    /// Train every piece of a word with its tag, not only the first [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    pub(crate) label_all_tokens: Option<bool>,

    /// What is minimised, with --head linear [default: cross-entropy]
    #[arg(long, value_name = "NAME", value_parser = named::<LossChoice>(&["cross-entropy", "focal", "dice"]))]
    pub(crate) loss: Option<LossChoice>,

    /// Exponent of the focal loss [default: 2]
    #[arg(long, value_name = "X")]
    pub(crate) focal_gamma: Option<f32>,

    /// Exponent of the self-adjusting dice loss [default: 0.1]
    #[arg(long, value_name = "X")]
    pub(crate) dice_alpha: Option<f32>,

    /// Share of the gold tag that cross-entropy spreads over all tags [default: 0]
    #[arg(long, value_name = "X")]
    pub(crate) label_smoothing: Option<f32>,

    /// What each gold tag counts in the loss: balanced (the rarer, the more), or a JSON file of tag to weight
    #[arg(long, value_name = "balanced|FILE", value_parser = clap::builder::StringValueParser::new().map(ClassWeights::from))]
    pub(crate) class_weights: Option<ClassWeights>,

    /// Train on the first N sentences only
    #[arg(long, value_name = "N")]
    pub(crate) max_train_samples: Option<usize>,

    /// Seed of the new head, the order of the sentences and dropout [default: 42]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Evaluation")]
pub(crate) struct EvaluationArgs {
    /// When dev is scored: epoch, or every N optimizer steps [default: epoch]
    #[arg(long, value_name = "epoch|N")]
    pub(crate) eval_every: Option<EvalEvery>,

    /// Which model is kept: f1 (highest dev F1; of texts the mean over labels), loss (lowest dev loss), loss-mean:N (lowest mean of
    /// the newest N dev losses) or last [default: f1]
    #[arg(long, value_name = "NAME")]
    pub(crate) select: Option<Select>,

    /// Stop after N evaluations without a better model
    #[arg(long, value_name = "N")]
    pub(crate) early_stopping: Option<usize>,

    /// Score the first N sentences of dev and test only
    #[arg(long, value_name = "N")]
    pub(crate) max_eval_samples: Option<usize>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Record")]
pub(crate) struct RecordArgs {
    /// Folder for TensorBoard's event files: tensorboard --logdir shows them
    #[arg(long, value_name = "DIR")]
    pub(crate) logdir: Option<PathBuf>,

    /// Write the whole state of the run, to resume from: every epoch, or every N optimizer steps
    #[arg(long, value_name = "epoch|N")]
    pub(crate) checkpoint_every: Option<EvalEvery>,

    /// Folder for these checkpoints; each takes three times the room of the model
    /// [default: OUTPUT.checkpoints]
    #[arg(long, value_name = "DIR")]
    pub(crate) checkpoint_dir: Option<PathBuf>,

    /// Keep the newest N checkpoints [default: 2]
    #[arg(long, value_name = "N")]
    pub(crate) keep: Option<usize>,

    /// Go on from the newest whole checkpoint of the same settings and data, to the same bits as an
    /// unbroken run; start at the beginning when there is none
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    pub(crate) resume: Option<bool>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Run")]
pub(crate) struct RunArgs {
    /// TOML file that holds any of these options by the same names; flags win over it
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Threads to compute with [default: all]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<usize>,

    /// Show nothing but warnings and errors
    #[arg(long)]
    pub(crate) quiet: bool,

    /// Print training.json to standard output at the end
    #[arg(long)]
    pub(crate) json: bool,
}

impl TrainArgs {
    /// What was typed, as options.
    pub(crate) fn options(self) -> Options {
        let Self {
            places,
            training,
            head,
            evaluation,
            record,
            format,
            run,
        } = self;
        Options {
            model: places.model,
            from_scratch: places.from_scratch,
            data: places.data,
            train: places.train,
            dev: places.dev,
            test: places.test,
            output: places.output,
            overwrite: places.overwrite,
            epochs: training.epochs,
            batch_size: training.batch_size,
            learning_rate: training.learning_rate,
            weight_decay: training.weight_decay,
            warmup_ratio: training.warmup_ratio,
            lr_schedule: training.lr_schedule,
            max_grad_norm: training.max_grad_norm,
            gradient_accumulation: training.gradient_accumulation,
            seed: training.seed,
            max_length: training.max_length,
            label_all_tokens: training.label_all_tokens,
            dropout: training.dropout,
            task: training.task,
            loss: training.loss,
            focal_gamma: training.focal_gamma,
            dice_alpha: training.dice_alpha,
            label_smoothing: training.label_smoothing,
            class_weights: training.class_weights,
            head: head.head,
            rnn: head.rnn,
            rnn_hidden: head.rnn_hidden,
            rnn_layers: head.rnn_layers,
            crf_constraints: head.crf_constraints,
            crf_reduction: head.crf_reduction,
            crf_lr_multiplier: head.crf_lr_multiplier,
            rnn_lr_multiplier: head.rnn_lr_multiplier,
            head_lr_multiplier: head.head_lr_multiplier,
            layer_lr_decay: head.layer_lr_decay,
            no_decay_bias_norm: head.no_decay_bias_norm,
            freeze: head.freeze,
            lora_rank: head.lora_rank,
            lora_alpha: head.lora_alpha,
            lora_dropout: head.lora_dropout,
            lora_targets: head.lora_targets,
            max_train_samples: training.max_train_samples,
            max_eval_samples: evaluation.max_eval_samples,
            eval_every: evaluation.eval_every,
            select: evaluation.select,
            early_stopping: evaluation.early_stopping,
            logdir: record.logdir,
            checkpoint_every: record.checkpoint_every,
            checkpoint_dir: record.checkpoint_dir,
            keep: record.keep,
            resume: record.resume,
            threads: run.threads,
            input_format: format.input_format,
            scheme: format.scheme,
            tag_column: format.tag_column,
            word_column: format.word_column,
            id_column: format.id_column,
            labels: format.labels,
            words: format.words,
            overlaps: format.overlaps,
            fragments: format.fragments,
            strict: format.strict,
        }
    }
}

/// A choice spelled as in a settings file, its names shown in the help.
pub(super) fn named<T>(names: &'static [&'static str]) -> impl TypedValueParser<Value = T>
where
    T: DeserializeOwned + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(names)
        .try_map(|name| serde_json::from_value::<T>(serde_json::Value::String(name)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use bert_ner_train::Places;
    use clap::CommandFactory;
    use serde_json::Value;

    use super::*;
    use crate::args::Cli;

    fn train_command() -> clap::Command {
        let mut cli = Cli::command();
        cli.build();
        cli.find_subcommand("train")
            .expect("a command train")
            .clone()
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_settings_file_and_the_flags_have_the_same_names() {
        let command = train_command();
        let flags = command.get_arguments().filter_map(|flag| flag.get_long());
        let flags = flags.filter(|flag| !["config", "quiet", "json", "help"].contains(flag));
        let flags: BTreeSet<String> = flags.map(str::to_owned).collect();
        assert_eq!(flags, Options::keys().into_iter().collect());
    }

    #[test]
    fn the_help_states_the_defaults_that_hold() {
        let options = Options {
            model: Some("bert".into()),
            output: Some("out".into()),
            ..Options::default()
        };
        let places = Places {
            model_dir: "bert".into(),
            train: "train".into(),
            dev: "dev".into(),
            test: None,
        };
        let settings = options.resolve(places).expect("the defaults are valid");
        let Ok(Value::Object(settings)) = serde_json::to_value(settings) else {
            panic!("settings are an object");
        };
        for flag in train_command().get_arguments() {
            let help = flag.get_help().map(ToString::to_string).unwrap_or_default();
            let Some((_, stated)) = help.rsplit_once("[default: ") else {
                continue;
            };
            let stated = stated.trim_end_matches(']');
            let name = flag.get_long().expect("every option has a long name");
            match (stated, &settings[name]) {
                (
                    "found out" | "found out from each file" | "found out from the tags",
                    Value::Null,
                ) => {}
                ("OUTPUT.checkpoints", Value::String(value)) => {
                    assert_eq!(value, "out.checkpoints")
                }
                (_, Value::Array(values)) => {
                    let values: Vec<_> = values.iter().filter_map(Value::as_str).collect();
                    assert_eq!(stated, values.join(","), "--{name}");
                }
                ("all", Value::Number(threads)) => assert!(threads.as_u64() >= Some(1)),
                (_, Value::String(value)) => assert_eq!(stated, value, "--{name}"),
                (_, Value::Bool(value)) => assert_eq!(stated, value.to_string(), "--{name}"),
                (_, Value::Number(value)) => {
                    // Some settings are single floats.
                    let value = value.as_f64().map(|value| value as f32);
                    assert_eq!(stated.parse::<f32>().ok(), value, "--{name}");
                }
                (_, value) => panic!("--{name} states {stated:?}, but the default is {value}"),
            }
        }
    }
}
