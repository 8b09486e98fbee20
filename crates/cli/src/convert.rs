//! `bert-ner convert`.

use std::io::{self, BufReader, BufWriter};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use bert_ner_text::{ConvertOptions, Converted, Format, ReadOptions, WriteOptions, counted};

use crate::args::ConvertArgs;
use crate::failure::{Usage, note, warn};

const STANDARD_INPUT: &str = "standard input";
const STANDARD_OUTPUT: &str = "standard output";

pub(crate) fn run(args: &ConvertArgs) -> Result<ExitCode> {
    let options = ConvertOptions {
        read: ReadOptions {
            format: args.from,
            scheme: args.from_scheme,
            tag_column: args.tag_column.clone(),
            word_column: args.word_column.clone(),
            id_column: args.id_column.clone(),
            label_list: args.labels.clone(),
            strict: args.strict,
            words: args.words,
            overlaps: args.overlaps,
            fragments: args.fragments,
            ..ReadOptions::default()
        },
        to: args.to,
        scheme: args.scheme,
        write: WriteOptions::default(),
    };
    let converted = convert(&args.input, &args.output, &options)?;
    for warning in &converted.warnings {
        warn(warning);
    }
    if let Some(accounting) = &converted.accounting {
        note(format_args!("{}: {accounting}", args.input.display()));
    }
    if !converted.losses.is_empty() {
        warn(format_args!(
            "left out, because the format cannot hold it: {}",
            converted.losses
        ));
    }
    if let Some(made) = converted.documents_made.filter(|&made| made > 0) {
        note(format_args!(
            "{}: {}, 0001 and on, a line a sentence: a new one wherever {} marks that a document starts",
            args.output.display(),
            counted(made, "documents made of sentences"),
            args.input.display()
        ));
    }
    note(summary(&converted));
    Ok(ExitCode::SUCCESS)
}

fn convert(input: &Path, output: &Path, options: &ConvertOptions) -> Result<Converted> {
    let dash = Path::new("-");
    if input != dash && output != dash {
        return Ok(bert_ner_text::convert_file(input, output, options)?);
    }
    let format = options.to.or_else(|| Format::from_extension(output));
    let format = format.ok_or_else(|| Usage("--to is required for standard output".to_owned()))?;
    let (reader, name) = match input == dash {
        true => {
            let name = Path::new(STANDARD_INPUT);
            let stdin = Box::new(BufReader::new(io::stdin()));
            (
                bert_ner_text::open_stream(stdin, name, &options.read)?,
                name,
            )
        }
        false => (bert_ner_text::open(input, &options.read)?, input),
    };
    let converted = bert_ner_text::convert(reader, name, options, |write| match output == dash {
        true => {
            let stdout = Box::new(BufWriter::new(io::stdout()));
            bert_ner_text::create(stdout, Path::new(STANDARD_OUTPUT), format, write)
        }
        false => bert_ner_text::create_file(output, format, write),
    });
    Ok(converted?)
}

fn summary(converted: &Converted) -> String {
    let Converted {
        sentences,
        words,
        schemes,
        ..
    } = converted;
    let schemes = match schemes {
        None => String::new(),
        Some((from, to)) if from == to => format!(", tags in {to}"),
        Some((from, to)) => format!(", tags from {from} to {to}"),
    };
    format!(
        "{}, {}{schemes}",
        counted(*sentences, "sentences"),
        counted(*words, "words")
    )
}
