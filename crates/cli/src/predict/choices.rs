//! What was typed, checked: where predictions go, in which format, and what of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;
use bert_ner_infer::output::{OutputFormat, OutputOptions};
use bert_ner_infer::{Aggregation, Selection, Tagger};
use bert_ner_model::Task;
use bert_ner_text::{Format, is_same_file};

use super::inputs::{DASH, Input};
use crate::args::PredictArgs;
use crate::failure::Usage;

/// Where predictions go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Destination {
    /// Standard output.
    Stream,
    /// One file.
    File(PathBuf),
    /// One folder of brat.
    Brat(PathBuf),
    /// A folder with a file for each input.
    Folder(PathBuf),
}

/// Where and how to write.
#[derive(Debug)]
pub(crate) struct Choices {
    pub(crate) destination: Destination,
    pub(crate) format: OutputFormat,
}

impl Choices {
    /// What can be known before a model is loaded.
    ///
    /// # Errors
    /// [`Usage`] when the output would replace an input, or an option asks for what the format cannot hold.
    pub(crate) fn new(args: &PredictArgs, inputs: &[Input]) -> Result<Self> {
        let file = args.output.as_deref();
        let file = file.filter(|path| *path != Path::new(DASH));
        let format = format(args, file)?;
        let destination = match file {
            None if format == OutputFormat::Brat => {
                let message = "--output-format brat writes a folder: give its name with --output";
                return Err(Usage(message.to_owned()).into());
            }
            None => Destination::Stream,
            Some(path) if format == OutputFormat::Brat => Destination::Brat(path.to_path_buf()),
            Some(path) if is_folder(path) => Destination::Folder(path.to_path_buf()),
            Some(path) => Destination::File(path.to_path_buf()),
        };
        check_inputs(file, inputs)?;
        match &destination {
            Destination::Brat(_) => check_documents(args, inputs)?,
            Destination::Folder(folder) => check_names(folder, inputs)?,
            Destination::Stream | Destination::File(_) => {}
        }
        check_options(args, format)?;
        Ok(Self {
            destination,
            format,
        })
    }

    /// How to write what `tagger` finds.
    pub(crate) fn output_options(
        &self,
        args: &PredictArgs,
        tagger: &Tagger,
        files: bool,
    ) -> OutputOptions {
        OutputOptions {
            unit: args.offset_unit.unwrap_or_default(),
            colours: false,
            task: tagger.task(),
            files: files && self.format.has_files(),
            aggregated: args.aggregation.is_some(),
            ranked: args.top_k.map_or(0, usize::from),
            types: tagger.types(),
        }
    }
}

/// Whether `path` is to be a folder with a file for each input.
fn is_folder(path: &Path) -> bool {
    path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/")
}

/// The format asked for, else the one that the file's name stands for.
fn format(args: &PredictArgs, file: Option<&Path>) -> Result<OutputFormat> {
    let message = match (args.output_format, file) {
        (Some(format), _) => return Ok(format),
        (None, Some(folder)) if is_folder(folder) => format!(
            "--output {} is a folder: say with --output-format what to write there",
            folder.display()
        ),
        (None, Some(file)) if file.extension().is_some() => {
            match OutputFormat::of_extension(file) {
                Some(format) => return Ok(format),
                None => format!(
                    "--output {} has an extension that predict does not write; expected .jsonl, .conll, .tsv, .csv, .parquet \
                     or .html, or --output-format with a name of its own",
                    file.display()
                ),
            }
        }
        (None, _) => return Ok(OutputFormat::Terminal),
    };
    Err(Usage(message).into())
}

fn check_inputs(file: Option<&Path>, inputs: &[Input]) -> Result<()> {
    if let Some(file) = file
        && let Some(input) = inputs.iter().find(|input| is_same_file(&input.path, file))
    {
        let message = format!(
            "--output {} is {} itself, which would be lost; expected another file to write",
            file.display(),
            input.path.display()
        );
        return Err(Usage(message).into());
    }
    if inputs.iter().filter(|input| input.is_standard()).count() > 1 {
        return Err(Usage("- stands for standard input twice".to_owned()).into());
    }
    Ok(())
}

/// Refuses what has no name for a file of its own.
fn check_names(folder: &Path, inputs: &[Input]) -> Result<()> {
    match inputs.iter().any(Input::is_standard) {
        true => Err(Usage(format!(
            "--output {} is a folder with a file for each input, and standard input has no name for one; expected files to tag, \
             or a file to write",
            folder.display()
        ))
        .into()),
        false => Ok(()),
    }
}

/// Refuses inputs whose documents would have one name in brat: that of the file, or, where documents are made up of sentences, with a
/// number.
fn check_documents(args: &PredictArgs, inputs: &[Input]) -> Result<()> {
    let stem = |input: &Input| {
        input
            .path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    let mut seen = BTreeMap::new();
    let one = |other: &Input, input: &Input| {
        let (other, input) = (other.name(), input.name());
        let message = format!(
            "{other} and {input} would be one document in brat; expected files of different names"
        );
        Err(Usage(message).into())
    };
    for input in inputs {
        if let Some(other) = seen.insert(stem(input), input) {
            return one(other, input);
        }
    }
    for input in inputs {
        let name = stem(input);
        if let Some((before, number)) = name.rsplit_once('-')
            && number.len() >= 4
            && number.bytes().all(|digit| digit.is_ascii_digit())
            && let Some(other) = seen.get(before)
            && makes_documents(args, other)
        {
            return one(other, input);
        }
    }
    Ok(())
}

/// Whether documents are made up of the sentences of `input`: it is neither plain text nor brat.
fn makes_documents(args: &PredictArgs, input: &Input) -> bool {
    let extension = input.path.extension().unwrap_or_default();
    match args.format.input_format {
        Some(format) => !matches!(format, Format::Text | Format::Brat),
        None => extension != "txt" && extension != "ann",
    }
}

/// Refuses what the format has no place for.
fn check_options(args: &PredictArgs, format: OutputFormat) -> Result<()> {
    let with = |is: fn(OutputFormat) -> bool| -> String {
        let formats = OutputFormat::ALL.iter().filter(|format| is(**format));
        let names: Vec<&str> = formats.map(|format| format.name()).collect();
        match names.split_last() {
            Some((last, [])) => (*last).to_owned(),
            Some((last, others)) => format!("{} or {last}", others.join(", ")),
            None => String::new(),
        }
    };
    let refuse = |option: &str, is: fn(OutputFormat) -> bool| {
        let message = format!("{option} is for --output-format {}, not {format}", with(is));
        Err(Usage(message).into())
    };
    if args.k_best.is_some() && format != OutputFormat::Jsonl {
        return refuse("--k-best", |format| format == OutputFormat::Jsonl);
    }
    if args.offset_unit.is_some() && !format.has_units() {
        return refuse("--offset-unit", OutputFormat::has_units);
    }
    if args.top_k.is_some() && !format.has_ranks() {
        return refuse("--top-k", OutputFormat::has_ranks);
    }
    let Some(strategy) = args.aggregation else {
        return Ok(());
    };
    if format == OutputFormat::Conll {
        return refuse("--aggregation", |format| format != OutputFormat::Conll);
    }
    let words = [
        ("--top-k", args.top_k.is_some()),
        ("--k-best", args.k_best.is_some()),
        ("--words", args.format.words.is_some()),
    ];
    match words.into_iter().find(|(_, given)| *given) {
        Some((option, _)) => {
            let message = format!(
                "{option} is about words, and --aggregation {strategy} makes entities of word pieces"
            );
            Err(Usage(message).into())
        }
        None => Ok(()),
    }
}

/// What is left out of what `tagger` finds.
///
/// # Errors
/// [`Usage`] when the model cannot do what was asked for, or has no such type.
pub(crate) fn selection(args: &PredictArgs, tagger: &Tagger) -> Result<Selection> {
    if let Some(strategy) = args.aggregation
        && let Err(error) = tagger.check_aggregation(strategy)
    {
        return Err(Usage(format!("--aggregation {strategy}: {error}")).into());
    }
    let entities = [
        ("--threshold", args.threshold.is_some()),
        ("--ignore-labels", !args.ignore_labels.is_empty()),
        ("--offset-unit", args.offset_unit.is_some()),
    ];
    if tagger.task() == Task::Classify
        && let Some((option, _)) = entities.into_iter().find(|(_, given)| *given)
    {
        let message = format!("{option} is about entities, and the model gives each text a label");
        return Err(Usage(message).into());
    }
    let known = tagger.entity_labels(args.aggregation);
    for label in &args.ignore_labels {
        if label != "O" && !known.contains(label) {
            let what = match args.aggregation {
                Some(Aggregation::None) => "label",
                _ => "type",
            };
            let message = format!(
                "--ignore-labels: the model has no {what} {label:?}; it has {}",
                known.join(", ")
            );
            return Err(Usage(message).into());
        }
    }
    Ok(Selection {
        threshold: args.threshold.unwrap_or(0.0),
        ignored: args.ignore_labels.clone(),
    })
}
