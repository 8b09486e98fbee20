//! What `predict` can be told.

use std::path::PathBuf;
use std::str::FromStr;

use bert_ner_infer::output::OutputFormat;
use bert_ner_infer::{Aggregation, OffsetUnit};
use clap::Args;

use super::{DataArgs, ModelArgs};

pub(super) const EXAMPLES: &str = "\
Examples:
  echo 'Ada Lovelace was born in London .' | bert-ner predict --model ner
  bert-ner predict --model ner news.txt -o entities.jsonl
  bert-ner predict --model ner test.conll --output-format conll | bert-ner score -
  bert-ner predict --model ner texts/ --output-format brat -o annotated/
  bert-ner predict --model ner 'crawl/**/*.txt' --shard 3/16 --output-format parquet -o found/";

#[derive(Debug, Args)]
pub(crate) struct PredictArgs {
    /// Files, folders (the data files in them, in the order of their names) or patterns in quotes ('news/**/*.txt') to tag;
    /// standard input when there is none, or -. Annotations that a brat folder holds already are not looked at
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) model: ModelArgs,

    /// How to write the entities: terminal (the text, and its entities below it), jsonl (an object
    /// a sentence), conll (a word a line, the predicted tag last), tsv or csv (an entity a line), parquet (a row a
    /// sentence), brat (a folder of the texts as they are with their entities beside them), doccano, prodigy (for spaCy
    /// too) or html (a page to read and print) [default: by the extension of FILE; terminal where it has none]
    #[arg(long, value_name = "F", help_heading = "Output")]
    pub(crate) output_format: Option<OutputFormat>,

    /// What the offsets in jsonl, tsv, csv and parquet count: char (as Python), byte (as Rust and Go) or utf16
    /// (as JavaScript and Java) [default: char]
    #[arg(long, alias = "offsets", value_name = "UNIT", help_heading = "Output")]
    pub(crate) offset_unit: Option<OffsetUnit>,

    /// Make entities of word pieces, as transformers' pipeline does: none (each piece for itself), simple, first, average or
    /// max. For running text and heads that decide each piece for itself [default: tags of words, decoded under
    /// the model's scheme, never a fragment of a word]
    #[arg(long, value_name = "STRATEGY", help_heading = "Output")]
    pub(crate) aggregation: Option<Aggregation>,

    /// Leave out entities that are less probable than this; their words are tagged O
    #[arg(long, value_name = "X", value_parser = probability, help_heading = "Output")]
    pub(crate) threshold: Option<f32>,

    /// Leave out entities of these types, or, with --aggregation none, pieces of these labels (B-PER); their words are tagged O
    #[arg(
        long,
        value_name = "TYPE,...",
        value_delimiter = ',',
        help_heading = "Output"
    )]
    pub(crate) ignore_labels: Vec<String>,

    /// In jsonl and parquet: the N most probable labels of each word, with their probabilities; of a classifier's
    /// texts, no more than N labels
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), help_heading = "Output")]
    pub(crate) top_k: Option<u16>,

    /// With a CRF, in jsonl: the N most probable tag sequences of each sentence, with their
    /// probabilities
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), help_heading = "Output")]
    pub(crate) k_best: Option<u16>,

    /// File to write instead of standard output, or folder for brat; it appears when it is complete. A folder that exists, or
    /// a name that ends in /, gets a file for each input; the same command goes on where it was interrupted
    #[arg(short, long, value_name = "FILE|DIR/", help_heading = "Output")]
    pub(crate) output: Option<PathBuf>,

    /// Tag the I-th of N equal shares: of the inputs that a folder, a pattern or several names stand for; of one file its documents
    /// (its sentences where it marks none)
    #[arg(long, value_name = "I/N", help_heading = "Output")]
    pub(crate) shard: Option<Shard>,

    /// Say at the end, as JSON on standard error, how much was read and how much of it was tagged
    #[arg(long, help_heading = "Output")]
    pub(crate) coverage: bool,

    #[command(flatten)]
    pub(crate) format: DataArgs,
}

fn probability(typed: &str) -> Result<f32, String> {
    match typed.parse() {
        Ok(number) if (0.0..=1.0).contains(&number) => Ok(number),
        _ => Err("expected a number from 0 to 1".to_owned()),
    }
}

/// One of several equal shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shard {
    /// Counted from 1.
    pub(crate) index: usize,
    pub(crate) count: usize,
}

impl Shard {
    /// Whether the thing with this number, counted from 0, is in the share.
    pub(crate) fn has(self, number: usize) -> bool {
        number % self.count == self.index - 1
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        let numbers = typed.split_once('/');
        let numbers = numbers.and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        match numbers {
            Some((index, count)) if (1..=count).contains(&index) => Ok(Self { index, count }),
            _ => Err("expected I/N, such as 1/4, with I from 1 to N".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_in_just_one_share() {
        let shards: Vec<Shard> = (1..=3)
            .map(|index| format!("{index}/3").parse().expect("a share"))
            .collect();
        for number in 0..10 {
            let having = shards.iter().filter(|shard| shard.has(number));
            assert_eq!(having.count(), 1);
        }
        for wrong in ["0/3", "4/3", "1", "1/0", "/", "a/b", "-1/2"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }
}
