//! `bert-ner predict`.

use std::io::{self, BufReader, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use bert_ner_infer::output::{self, OutputFormat, OutputOptions, PredictionWriter};
use bert_ner_infer::{TagStream, Tagger};
use bert_ner_model::Task;
use bert_ner_text::{
    Format, ReadOptions, Sentence, SentenceReader, TextError, counted, is_same_file,
};

use crate::args::PredictArgs;
use crate::failure::{Hinted, Interrupted, Usage, warn};
use crate::interrupt::Interrupt;
use crate::model;

/// The path that stands for standard input and output.
const DASH: &str = "-";
const STANDARD_INPUT: &str = "standard input";

pub(crate) fn run(args: &PredictArgs) -> Result<ExitCode> {
    let file = args
        .output
        .as_deref()
        .filter(|path| *path != Path::new(DASH));
    // What cannot work is said before a model is loaded.
    let format = output_format(args, file)?;
    args.paths.iter().try_for_each(|path| check(path))?;
    if let Some(file) = file
        && let Some(path) = args.paths.iter().find(|path| is_same_file(path, file))
    {
        let message = format!(
            "--output {} is {} itself, which would be lost; expected another file to write",
            file.display(),
            path.display()
        );
        return Err(Usage(message).into());
    }
    if args.k_best.is_some() && format != OutputFormat::Jsonl {
        let message = format!("--k-best is for --output-format jsonl, not {format}");
        return Err(Usage(message).into());
    }
    let tagger = model::open_for(&args.model, args.k_best.map_or(0, usize::from))?;
    // Without a file there is nothing to clean up: Ctrl-C may end the process where it is.
    let interrupt = match file {
        Some(_) => Interrupt::listen("stopping; Ctrl-C again ends at once")?,
        None => Interrupt::default(),
    };
    let mut options = tagger.read_options(args.format.read_options())?;
    // What people said of a text must not show where its sentences end.
    options.text_only = true;
    let mut writer = writer(args, file, format, &tagger)?;
    let standard_input = [PathBuf::from(DASH)];
    let paths = if args.paths.is_empty() {
        &standard_input
    } else {
        args.paths.as_slice()
    };
    for path in paths {
        tag(
            &tagger,
            path,
            &document_options(args, path, &options),
            writer.as_mut(),
            &interrupt,
        )?;
    }
    writer.finish()?;
    Ok(ExitCode::SUCCESS)
}

/// The format asked for, else the one that the file's name stands for.
fn output_format(args: &PredictArgs, file: Option<&Path>) -> Result<OutputFormat> {
    match (args.output_format, file) {
        (Some(format), _) => Ok(format),
        (None, Some(file)) if file.extension().is_some() => {
            let format = OutputFormat::of_extension(file);
            Ok(format.ok_or_else(|| {
                Usage(format!(
                    "--output {} has an extension that predict does not write; expected .jsonl, .conll or .tsv, or \
                     --output-format with a name of its own",
                    file.display()
                ))
            })?)
        }
        (None, _) => Ok(OutputFormat::Terminal),
    }
}

/// `options` for the file at `path`: a text that goes into a brat folder is a document, not a sentence a line.
fn document_options(args: &PredictArgs, path: &Path, options: &ReadOptions) -> ReadOptions {
    let is_text = path.extension().is_some_and(|extension| extension == "txt");
    let mut options = options.clone();
    if is_text && args.output_format == Some(OutputFormat::Brat) && options.format.is_none() {
        options.format = Some(Format::Brat);
    }
    options
}

fn writer(
    args: &PredictArgs,
    file: Option<&Path>,
    format: OutputFormat,
    tagger: &Tagger,
) -> Result<Box<dyn PredictionWriter>> {
    let mut options = OutputOptions {
        unit: args.offsets,
        colours: false,
        task: tagger.task(),
    };
    Ok(match file {
        None if format == OutputFormat::Brat => {
            let message = "--output-format brat writes a folder: give its name with --output";
            return Err(Usage(message.to_owned()).into());
        }
        Some(path) if format == OutputFormat::Brat && options.task == Task::Ner => {
            output::create_brat(path, tagger.types())?
        }
        Some(path) => output::create_file(path, format, &options)?,
        None => {
            // https://no-color.org
            let colourless = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            options.colours = io::stdout().is_terminal() && !colourless;
            output::create(
                Box::new(io::stdout()),
                Path::new("standard output"),
                format,
                &options,
            )?
        }
    })
}

/// Refuses text in place of the name of a file.
fn check(path: &Path) -> Result<()> {
    let text = path.to_string_lossy();
    if !text.contains(char::is_whitespace) || text.contains('*') || path.exists() {
        return Ok(());
    }
    let message = format!("{text}: no such file");
    let hint =
        "text itself goes in through standard input: echo 'TEXT' | bert-ner predict --model DIR";
    Err(Hinted { message, hint }.into())
}

/// Tags the sentences at `path`, in the order of reading.
fn tag(
    tagger: &Tagger,
    path: &Path,
    options: &ReadOptions,
    writer: &mut dyn PredictionWriter,
    interrupt: &Interrupt,
) -> Result<()> {
    let standard = path == Path::new(DASH);
    let typed = standard && io::stdin().is_terminal();
    let mut reader = match standard {
        true => standard_input(options, typed)?,
        false => bert_ner_text::open(path, options)?,
    };
    let name = match standard {
        true => Path::new(STANDARD_INPUT),
        false => path,
    };
    let mut truncated = 0;
    if typed {
        // Whoever types wants the answer to a sentence before typing the next.
        for sentence in reader.by_ref() {
            write_all(
                tagger.tag_stream([sentence]),
                writer,
                interrupt,
                &mut truncated,
            )?;
        }
    } else {
        let stream = tagger.tag_stream(reader.by_ref());
        if write_all(stream, writer, interrupt, &mut truncated)? == 0 {
            warn(format_args!("{}: has no sentence to tag", name.display()));
        }
    }
    if truncated > 0 {
        let (texts, length) = (counted(truncated, "texts"), tagger.max_length());
        warn(format_args!(
            "{}: {texts} cut to {length} pieces",
            name.display()
        ));
    }
    for warning in reader.warnings() {
        warn(warning);
    }
    Ok(())
}

fn standard_input(options: &ReadOptions, typed: bool) -> Result<Box<dyn SentenceReader>> {
    let mut options = options.clone();
    if typed && options.format.is_none() {
        options.format = Some(Format::Text);
        let _ = writeln!(
            io::stderr().lock(),
            "one sentence a line, please; Ctrl-D ends"
        );
    }
    let input = Box::new(BufReader::new(io::stdin()));
    Ok(bert_ner_text::open_stream(
        input,
        Path::new(STANDARD_INPUT),
        &options,
    )?)
}

/// Writes what comes, and gives the number of sentences; adds to `truncated` the texts that were cut.
fn write_all<I: Iterator<Item = Result<Sentence, TextError>>>(
    mut tagged: TagStream<'_, I>,
    writer: &mut dyn PredictionWriter,
    interrupt: &Interrupt,
    truncated: &mut usize,
) -> Result<usize> {
    let mut sentences = 0;
    for item in tagged.by_ref() {
        let (sentence, tagged) = item?;
        writer.write(&sentence, &tagged)?;
        sentences += 1;
        if interrupt.asked() {
            return Err(Interrupted.into());
        }
    }
    *truncated += tagged.truncated();
    Ok(sentences)
}
