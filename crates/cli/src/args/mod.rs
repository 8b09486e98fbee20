//! What can be typed. Every option is as given here: defaults are filled in where the options meet
//! their settings.

mod data;
mod head;
mod predict;
#[cfg(feature = "serve")]
mod serve;
mod train;

use std::fmt;
use std::path::PathBuf;

use bert_ner_score::StrictScheme;
use bert_ner_text::{Format, Fragments, Overlaps, Ratios, Scheme, Words};
use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use data::DataArgs;
pub(crate) use head::HeadArgs;
pub(crate) use predict::{PredictArgs, Shard};
#[cfg(feature = "serve")]
pub(crate) use serve::ServeArgs;
pub(crate) use train::TrainArgs;

/// Fine-tunes BERT for named-entity recognition, measures it and tags text with it.
///
/// Whatever the data is (CoNLL columns, JSON lines, doccano, brat, CSV, Parquet, a `datasets` folder) goes
/// in as it is; the model folder that comes out opens in transformers.
#[derive(Debug, Parser)]
#[command(name = "bert-ner", version, max_term_width = 100, after_help = EXAMPLES)]
#[command(arg_required_else_help = true, propagate_version = false)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  bert-ner train --model bert-base-cased --train train.conll --dev dev.conll --output ner
  bert-ner eval --model ner --data test.conll
  echo 'Ada Lovelace was born in London .' | bert-ner predict --model ner";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Fine-tune a pretrained BERT on annotated sentences
    #[command(after_help = train::EXAMPLES, override_usage = train::USAGE)]
    Train(Box<TrainArgs>),
    /// Train every combination of some settings, and say which differences are real
    #[command(after_help = SWEEP_EXAMPLES)]
    Sweep(SweepArgs),
    /// Score a model on annotated sentences
    #[command(after_help = EVAL_EXAMPLES)]
    Eval(EvalArgs),
    /// Find the entities in text
    #[command(after_help = predict::EXAMPLES)]
    Predict(PredictArgs),
    /// Answer over HTTP
    #[cfg(feature = "serve")]
    #[command(after_help = serve::EXAMPLES)]
    Serve(Box<ServeArgs>),
    /// Score a file that holds gold and predicted tags: a conlleval that needs no Perl
    #[command(after_help = SCORE_EXAMPLES)]
    Score(ScoreArgs),
    /// Convert annotated sentences to another format or tag scheme
    #[command(after_help = CONVERT_EXAMPLES)]
    Convert(ConvertArgs),
    /// Fold an adapter, a LoRA of train or of PEFT, into its base model
    #[command(after_help = MERGE_EXAMPLES)]
    Merge(MergeArgs),
    /// Split a data set into train, dev and test by document, the entity types spread evenly
    #[command(after_help = SPLIT_EXAMPLES)]
    Split(SplitArgs),
}

const SWEEP_EXAMPLES: &str = "\
Examples:
  bert-ner sweep grid.toml --output study
  bert-ner sweep grid.toml --output study --json | jq '.comparisons[] | select(.real)'

A grid is a settings file of train in which a list makes an axis:
  model = \"bert-base-cased\"
  data = \"conll2003/\"
  learning-rate = [3e-5, 1e-4]
  seed = [1, 2, 3]
The same command goes on where an interrupted sweep stopped. docs/sweeps.md says more.";

#[derive(Debug, Args)]
pub(crate) struct SweepArgs {
    /// Settings, lists of settings, `variant` and `exclude` tables
    #[arg(value_name = "GRID")]
    pub(crate) grid: PathBuf,

    /// Folder to write: report.html, results/, the models in runs/, TensorBoard's files in logs/
    #[arg(long, value_name = "DIR")]
    pub(crate) output: PathBuf,

    /// Print configurations, comparisons and runs as JSON
    #[arg(long)]
    pub(crate) json: bool,

    /// Show nothing but the result, warnings and errors
    #[arg(long)]
    pub(crate) quiet: bool,
}

const EVAL_EXAMPLES: &str = "\
Examples:
  bert-ner eval --model ner --data test.conll
  bert-ner eval --model ner --data corpus --split test
  bert-ner eval --model ner --data test.parquet --json | jq .by_type.PER.f1";

/// Where a model is and how it computes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Model")]
pub(crate) struct ModelArgs {
    /// Model folder, or a Hugging Face Hub name: name, org/name or org/name@revision
    #[arg(long, value_name = "DIR|NAME")]
    pub(crate) model: String,

    /// Threads to compute with [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) threads: Option<u16>,

    /// Pieces in the longest sequence; a longer sentence goes through overlapping windows, a longer text of a classifier is cut
    /// [default: as in training]
    #[arg(long, value_name = "N")]
    pub(crate) max_length: Option<usize>,
}

/// A part of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SplitName {
    Train,
    #[value(aliases = ["valid", "validation"])]
    Dev,
    Test,
}

impl fmt::Display for SplitName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Train => "train",
            Self::Dev => "dev",
            Self::Test => "test",
        })
    }
}

#[derive(Debug, Args)]
pub(crate) struct EvalArgs {
    #[command(flatten)]
    pub(crate) model: ModelArgs,

    /// Annotated sentences: a file, a folder with splits named train, dev (or valid, validation,
    /// testa) and test (or testb), or the name of a Hub data set
    #[arg(long, value_name = "PATH|NAME")]
    pub(crate) data: String,

    /// The split to score on, of a folder or a Hub data set [default: dev]
    #[arg(long, value_name = "train|dev|test", hide_possible_values = true)]
    pub(crate) split: Option<SplitName>,

    /// Print {precision, recall, f1, accuracy, by_type, calibration} as JSON; of texts {.., macro_f1, weighted_f1, labels,
    /// confusion} in place of calibration
    #[arg(long, conflicts_with = "conlleval")]
    pub(crate) json: bool,

    /// Print what conlleval prints
    #[arg(long)]
    pub(crate) conlleval: bool,

    #[command(flatten)]
    pub(crate) format: DataArgs,
}

const SCORE_EXAMPLES: &str = "\
Examples:
  bert-ner score predictions.conll
  bert-ner score predictions.conll --strict --scheme bioes
  bert-ner score predictions.conll --conlleval";

#[derive(Debug, Args)]
pub(crate) struct ScoreArgs {
    /// Columns, the last two of which are the gold and the predicted tag; - is standard input
    #[arg(value_name = "PATH")]
    pub(crate) path: PathBuf,

    /// Count only entities that the scheme allows, as seqeval's strict mode does
    #[arg(long, conflicts_with = "conlleval")]
    pub(crate) strict: bool,

    /// The scheme for --strict: iob1, iob2, ioe1, ioe2, bioes, bilou or plain [default: found out
    /// from the gold tags]
    #[arg(long, value_name = "S", requires = "strict")]
    pub(crate) scheme: Option<StrictScheme>,

    /// Print {precision, recall, f1, accuracy, by_type} as JSON
    #[arg(long, conflicts_with = "conlleval")]
    pub(crate) json: bool,

    /// Print what conlleval prints, counted as conlleval counts
    #[arg(long)]
    pub(crate) conlleval: bool,
}

const CONVERT_EXAMPLES: &str = "\
Examples:
  bert-ner convert eng.train train.parquet
  bert-ner convert train.conll train-bioes.conll --scheme bioes
  bert-ner convert doccano.jsonl - --from doccano --to conll";

#[derive(Debug, Args)]
pub(crate) struct ConvertArgs {
    /// File or folder to read; - is standard input
    #[arg(value_name = "IN")]
    pub(crate) input: PathBuf,

    /// File or folder to write; - is standard output
    #[arg(value_name = "OUT")]
    pub(crate) output: PathBuf,

    /// Format to read [default: found out from the file]
    #[arg(long, value_name = "F", help = data::formats("Format to read [default: found out from the file]"))]
    pub(crate) from: Option<Format>,

    /// Format to write [default: by the extension of OUT]
    #[arg(long, value_name = "F", help = data::formats("Format to write [default: by the extension of OUT]"))]
    pub(crate) to: Option<Format>,

    /// Tag scheme to write: iob1, iob2, bioes, bilou or plain [default: that of IN]
    #[arg(long, value_name = "S")]
    pub(crate) scheme: Option<Scheme>,

    /// Tag scheme to read: iob1, iob2, bioes, bilou or plain [default: found out from the tags]
    #[arg(long, value_name = "S")]
    pub(crate) from_scheme: Option<Scheme>,

    /// Where the tags stand: first, last, a number counted from 1, or a name [default: found out]
    #[arg(long, value_name = "COLUMN")]
    pub(crate) tag_column: Option<bert_ner_text::Column>,

    /// Where the words stand, likewise [default: found out]
    #[arg(long, value_name = "COLUMN")]
    pub(crate) word_column: Option<bert_ner_text::Column>,

    /// Where the sentence's identifier stands, likewise [default: found out]
    #[arg(long, value_name = "COLUMN")]
    pub(crate) id_column: Option<bert_ner_text::Column>,

    /// Tag names in the order of their ids, for data whose tags are integers
    #[arg(long, value_name = "TAG,...", value_delimiter = ',')]
    pub(crate) labels: Option<Vec<String>>,

    /// What counts as a word of running text (brat, doccano, plain text): whitespace (what stands between
    /// it), unicode (letters together; punctuation and each character of unspaced scripts alone) or characters
    #[arg(long, value_name = "KIND")]
    pub(crate) words: Option<Words>,

    /// Which of several entities that share text stays: longest (as for brat), first (as for doccano) or error
    #[arg(long, value_name = "CHOICE")]
    pub(crate) overlaps: Option<Overlaps>,

    /// What becomes of brat's fragmented entities: join (one span from the first to the last, as without this option), first
    /// (the first fragment alone), skip or error
    #[arg(long, value_name = "CHOICE")]
    pub(crate) fragments: Option<Fragments>,

    /// Make an impossible tag sequence, or a brat entity whose text is not the one at its offsets, an error instead
    /// of a counted warning
    #[arg(long)]
    pub(crate) strict: bool,
}

const MERGE_EXAMPLES: &str = "\
Examples:
  bert-ner merge --adapter ner-lora --output ner
  bert-ner merge --model bert-base-cased --adapter peft-adapter/ --output ner";

#[derive(Debug, Args)]
pub(crate) struct MergeArgs {
    /// Base model: a folder, or a Hugging Face Hub name [default: the one that the adapter names]
    #[arg(long, value_name = "DIR|NAME")]
    pub(crate) model: Option<String>,

    /// Folder with adapter_config.json and adapter_model.safetensors. The labels are those of config.json
    /// beside them, or else of the base model's
    #[arg(long, value_name = "DIR")]
    pub(crate) adapter: PathBuf,

    /// Model folder to write; it appears when it is complete
    #[arg(long, value_name = "DIR")]
    pub(crate) output: PathBuf,

    /// Replace an existing output folder
    #[arg(long)]
    pub(crate) overwrite: bool,
}

const SPLIT_EXAMPLES: &str = "\
Examples:
  bert-ner split annotated/ corpus/ --ratios 80,10,10
  bert-ner split all.conll corpus/ --ratios 90,10 --seed 7";

#[derive(Debug, Args)]
pub(crate) struct SplitArgs {
    /// Data set: a brat folder, or a file in any format, whose sentences are its documents where it marks none
    #[arg(value_name = "IN")]
    pub(crate) input: PathBuf,

    /// Folder to make, for --data: it will hold train, dev and, with three ratios, test
    #[arg(value_name = "OUT")]
    pub(crate) output: PathBuf,

    /// Shares of train, dev and test, or of train and dev
    #[arg(long, value_name = "N,N[,N]", default_value = "80,10,10")]
    pub(crate) ratios: Ratios,

    /// Seed of what chance decides
    #[arg(long, value_name = "N", default_value_t = 42)]
    pub(crate) seed: u64,

    #[command(flatten)]
    pub(crate) format: DataArgs,
}
