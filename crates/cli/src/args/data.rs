//! How data files are to be read, for every command that reads some.

use bert_ner_text::{Column, Format, Fragments, Overlaps, ReadOptions, Scheme, Words};
use clap::Args;

/// How to read data files. Without any of these everything is found out from the files.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Data format")]
pub(crate) struct DataArgs {
    #[arg(long, value_name = "F", help = formats("Format of the data [default: found out from each file]"))]
    pub(crate) input_format: Option<Format>,

    /// Tag scheme of the data: iob1, iob2, bioes, bilou or plain [default: found out from the tags]
    #[arg(long, value_name = "S")]
    pub(crate) scheme: Option<Scheme>,

    /// Where the tags stand: first, last, a number counted from 1, or a name [default: found out]
    #[arg(long, value_name = "COLUMN")]
    pub(crate) tag_column: Option<Column>,

    /// Where the words stand, likewise [default: found out]
    #[arg(long, value_name = "COLUMN")]
    pub(crate) word_column: Option<Column>,

    /// Where the sentence's identifier stands, likewise [default: found out]
    #[arg(long, value_name = "COLUMN")]
    pub(crate) id_column: Option<Column>,

    /// Tag names in the order of their ids, for data whose tags are integers
    #[arg(long, value_name = "TAG,...", value_delimiter = ',')]
    pub(crate) labels: Option<Vec<String>>,

    /// What counts as a word of running text (brat, doccano, plain text): whitespace (what stands between
    /// it), unicode (letters together; punctuation and each character of unspaced scripts alone) or characters; a
    /// trained model keeps to its own
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
    /// of a counted warning; in predict, stop at the first input, line or sentence that cannot be read instead of leaving it
    /// out [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    pub(crate) strict: Option<bool>,
}

impl DataArgs {
    pub(crate) fn read_options(&self) -> ReadOptions {
        ReadOptions {
            format: self.input_format,
            scheme: self.scheme,
            tag_column: self.tag_column.clone(),
            word_column: self.word_column.clone(),
            id_column: self.id_column.clone(),
            label_list: self.labels.clone(),
            strict: self.strict.unwrap_or(false),
            words: self.words,
            overlaps: self.overlaps,
            fragments: self.fragments,
            ..ReadOptions::default()
        }
    }
}

/// A help text about formats, with their names.
pub(super) fn formats(text: &str) -> String {
    let (about, default) = text.split_once(" [").unwrap_or((text, ""));
    let names: Vec<&str> = Format::ALL.iter().map(|format| format.name()).collect();
    let tail = if default.is_empty() {
        String::new()
    } else {
        format!(" [{default}")
    };
    format!("{about}: {}{tail}", names.join(", "))
}
