//! `bert-ner predict`.

use std::io::{self, BufReader, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use bert_ner_infer::Tagger;
use bert_ner_infer::output::{self, OutputFormat, OutputOptions, PredictionWriter};
use bert_ner_text::{Format, ReadOptions, SentenceReader};

use crate::args::PredictArgs;
use crate::failure::{Interrupted, Usage, warn};
use crate::interrupt::Interrupt;
use crate::model;

/// The path that stands for standard input and output.
const DASH: &str = "-";

pub(crate) fn run(args: &PredictArgs) -> Result<ExitCode> {
    let tagger = model::open_for(&args.model, args.k_best.map_or(0, usize::from))?;
    let file = args
        .output
        .as_deref()
        .filter(|path| *path != Path::new(DASH));
    // Without a file there is nothing to clean up: Ctrl-C may end the process where it is.
    let interrupt = match file {
        Some(_) => Interrupt::listen("stopping; Ctrl-C again ends at once")?,
        None => Interrupt::default(),
    };
    let mut writer = writer(args, file)?;
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
            &args.format.read_options(),
            writer.as_mut(),
            &interrupt,
        )?;
    }
    writer.finish()?;
    Ok(ExitCode::SUCCESS)
}

fn writer(args: &PredictArgs, file: Option<&Path>) -> Result<Box<dyn PredictionWriter>> {
    let format = args
        .output_format
        .or_else(|| file.and_then(OutputFormat::of_extension));
    let format = format.unwrap_or(OutputFormat::Terminal);
    if args.k_best.is_some() && format != OutputFormat::Jsonl {
        return Err(Usage(format!(
            "--k-best is for --output-format jsonl, not {format}"
        ))
        .into());
    }
    let mut options = OutputOptions {
        unit: args.offsets,
        colours: false,
    };
    Ok(match file {
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
    if typed {
        // Whoever types wants the answer to a sentence before typing the next.
        for sentence in reader.by_ref() {
            write_all(tagger.tag_stream([sentence]), writer, interrupt)?;
        }
    } else {
        write_all(tagger.tag_stream(reader.by_ref()), writer, interrupt)?;
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
        Path::new("standard input"),
        &options,
    )?)
}

fn write_all(
    tagged: impl Iterator<
        Item = Result<
            (bert_ner_text::Sentence, bert_ner_infer::Tagged),
            bert_ner_infer::InferError,
        >,
    >,
    writer: &mut dyn PredictionWriter,
    interrupt: &Interrupt,
) -> Result<()> {
    for item in tagged {
        let (sentence, tagged) = item?;
        writer.write(&sentence, &tagged)?;
        if interrupt.asked() {
            return Err(Interrupted.into());
        }
    }
    Ok(())
}
