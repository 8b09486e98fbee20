//! `bert-ner predict`.

mod choices;
mod folder;
mod inputs;
mod pattern;
mod share;
mod tally;

use std::cell::RefCell;
use std::io::{self, BufReader, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, anyhow};
use bert_ner_infer::output::{self, OutputFormat, OutputOptions, PredictionWriter};
use bert_ner_infer::{InferError, Options, Selection, TagStream, Tagger};
use bert_ner_model::Task;
use bert_ner_text::{Format, ReadOptions, Sentence, SentenceReader, TextError, Warning, counted};

use crate::args::{PredictArgs, Shard};
use crate::failure::{Interrupted, Usage, note, warn};
use crate::interrupt::Interrupt;
use crate::model;
use choices::{Choices, Destination};
use inputs::{Input, STANDARD_INPUT};
use share::Share;
use tally::Tally;

pub(crate) fn run(args: &PredictArgs) -> Result<ExitCode> {
    // What cannot work is said before a model is loaded.
    let mut inputs = inputs::find(&args.paths)?;
    let choices = Choices::new(args, &inputs.list)?;
    let wanted = Options {
        alternatives: args.k_best.map_or(0, usize::from),
        ranked: args.top_k.map_or(0, usize::from),
        ..Options::default()
    };
    let tagger = model::open_for(&args.model, wanted)?;
    let several = inputs.several;
    let mut predictor = Predictor::new(args, &choices, &tagger, several)?;
    let options = choices.output_options(args, &tagger, several);
    let names = match choices.destination {
        Destination::Folder(_) => folder::names(&inputs, choices.format, predictor.shard)?,
        _ => folder::Names::default(),
    };
    if let Some(shard) = args.shard.filter(|_| several) {
        let mut number = 0..;
        inputs
            .list
            .retain(|_| number.next().is_some_and(|number| shard.has(number)));
    }
    match &choices.destination {
        Destination::Folder(path) => {
            let folder = folder::Folder::open(path, args, &inputs, choices.format)?;
            predictor.tag_apart(&inputs.list, &names, &folder, &options)?;
        }
        destination => {
            let mut writer = writer(destination, choices.format, options)?;
            for input in &inputs.list {
                if several {
                    writer.begin(&input.name())?;
                }
                predictor.tag_or_skip(input, writer.as_mut())?;
            }
            // Where nothing could be read, nothing appears.
            if predictor.tally.skipped < inputs.list.len() || inputs.list.is_empty() {
                writer.finish()?;
            }
        }
    }
    predictor.report(args, &choices.destination)
}

fn writer(
    destination: &Destination,
    format: OutputFormat,
    mut options: OutputOptions,
) -> Result<Box<dyn PredictionWriter>> {
    Ok(match destination {
        Destination::Brat(path) if options.task == Task::Ner => {
            output::create_brat(path, options.types)?
        }
        Destination::File(path) | Destination::Brat(path) | Destination::Folder(path) => {
            output::create_file(path, format, &options)?
        }
        Destination::Stream => {
            if format == OutputFormat::Parquet && io::stdout().is_terminal() {
                let message =
                    "--output-format parquet is not for a terminal: give a file with --output";
                return Err(Usage(message.to_owned()).into());
            }
            // https://no-color.org
            let colourless = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            options.colours = io::stdout().is_terminal() && !colourless;
            let name = Path::new("standard output");
            output::create(Box::new(io::stdout()), name, format, &options)?
        }
    })
}

/// Why an input was not tagged to its end.
enum Trouble {
    /// It cannot be read; the others can.
    Input(anyhow::Error),
    /// Nothing can go on.
    Fatal(anyhow::Error),
}

impl From<InferError> for Trouble {
    fn from(error: InferError) -> Self {
        match error {
            InferError::Text(_) | InferError::Tokenize(_) => Self::Input(error.into()),
            other => Self::Fatal(other.into()),
        }
    }
}

/// Tags one input after the other.
struct Predictor<'t> {
    tagger: &'t Tagger,
    args: &'t PredictArgs,
    options: ReadOptions,
    selection: Selection,
    /// The share of an input's documents to tag.
    shard: Option<Shard>,
    interrupt: Interrupt,
    tally: Tally,
    /// Whether there are other inputs to go on with where one cannot be read.
    several: bool,
}

impl<'t> Predictor<'t> {
    fn new(
        args: &'t PredictArgs,
        choices: &Choices,
        tagger: &'t Tagger,
        several: bool,
    ) -> Result<Self> {
        let selection = choices::selection(args, tagger)?;
        let mut options = tagger.read_options(args.format.read_options())?;
        // What people said of a text must not show where its sentences end.
        options.text_only = true;
        options.keep_document = choices.format == OutputFormat::Brat;
        options.skip_bad_lines = !options.strict;
        // Without a file there is nothing to clean up: Ctrl-C may end the process where it is.
        let interrupt = match &choices.destination {
            Destination::Stream => Interrupt::default(),
            _ => Interrupt::listen("stopping; Ctrl-C again ends at once")?,
        };
        Ok(Self {
            tagger,
            args,
            options,
            selection,
            shard: args.shard.filter(|_| !several),
            interrupt,
            tally: Tally::default(),
            several,
        })
    }

    /// Writes a file for each input, but for those that are done.
    fn tag_apart(
        &mut self,
        inputs: &[Input],
        names: &folder::Names,
        folder: &folder::Folder,
        options: &OutputOptions,
    ) -> Result<()> {
        let place = |input| (input, folder.place(names.of(input)));
        let (done, due): (Vec<_>, Vec<(&Input, PathBuf)>) = inputs
            .iter()
            .map(place)
            .partition(|(input, path)| folder::is_done(path, input));
        self.tally.done_before = done.len();
        folder::prepare(due.iter().map(|(_, path)| path.as_path()))?;
        for (input, path) in due {
            let mut writer = output::create_file(&path, folder.format(), options)?;
            writer.begin(&input.name())?;
            if self.tag_or_skip(input, writer.as_mut())? {
                writer.finish()?;
            }
        }
        Ok(())
    }

    /// Tags an input; says of one that cannot be read that it is left out. Gives whether it was tagged.
    fn tag_or_skip(&mut self, input: &Input, writer: &mut dyn PredictionWriter) -> Result<bool> {
        match self.tag(input, writer) {
            Ok(()) => {
                self.tally.inputs += 1;
                Ok(true)
            }
            Err(Trouble::Fatal(error)) => Err(error),
            Err(Trouble::Input(error)) if self.options.strict || !self.several => Err(error),
            Err(Trouble::Input(error)) => {
                self.tally.skipped += 1;
                warn(format_args!("left out: {error}"));
                Ok(false)
            }
        }
    }

    /// Tags the sentences of an input, in the order of reading.
    fn tag(&mut self, input: &Input, writer: &mut dyn PredictionWriter) -> Result<(), Trouble> {
        let name = input.name();
        let typed = input.is_standard() && io::stdin().is_terminal();
        let opened = self.open(input, typed);
        let mut reader = opened.map_err(|error| Trouble::Input(error.into()))?;
        let share = RefCell::new(Share::new(self.shard));
        let is_mine = |item: &_| share.borrow_mut().has(item);
        let mut truncated = 0;
        if typed {
            // Whoever types wants the answer to a sentence before typing the next.
            for sentence in reader.by_ref().filter(is_mine) {
                truncated += self.write_all(self.tagger.tag_stream([sentence]), &share, writer)?;
            }
        } else {
            let first = reader.next();
            if let Some(Ok(_)) = first {
                self.check_running_text(&name, reader.as_ref())?;
            }
            let mine = first.into_iter().chain(reader.by_ref()).filter(is_mine);
            truncated = self.write_all(self.tagger.tag_stream(mine), &share, writer)?;
        }
        if truncated > 0 {
            let (texts, length) = (counted(truncated, "texts"), self.tagger.max_length());
            warn(format_args!("{name}: {texts} cut to {length} pieces"));
        }
        self.tally.truncated += truncated;
        self.told(
            &name,
            &reader.warnings(),
            share.borrow().is_empty() && !typed,
        )
    }

    fn open(&self, input: &Input, typed: bool) -> Result<Box<dyn SentenceReader>, TextError> {
        let mut options = self.options.clone();
        options.format = options.format.or(input.format);
        match input.is_standard() {
            true => standard_input(&options, typed),
            false => bert_ner_text::open(&input.path, &options),
        }
    }

    /// Tells what a reader warned of at its end.
    ///
    /// # Errors
    /// When it gave nothing, because nothing could be read.
    fn told(&mut self, name: &str, warnings: &[Warning], empty: bool) -> Result<(), Trouble> {
        self.tally.warned(warnings);
        if empty {
            let unreadable = warnings.iter().find(|warning| warning.unreadable);
            if let Some(first) = unreadable.and_then(|warning| warning.examples.first()) {
                let error = anyhow!("{name}: nothing of it could be read, beginning with {first}");
                return Err(Trouble::Input(error));
            }
            warn(format_args!("{name}: has no sentence to tag"));
        }
        warnings.iter().for_each(warn);
        Ok(())
    }

    /// Refuses to make entities of pieces where the words are given.
    fn check_running_text(&self, name: &str, reader: &dyn SentenceReader) -> Result<(), Trouble> {
        match self.args.aggregation {
            Some(strategy) if reader.words().is_none() => {
                let message = format!(
                    "--aggregation {strategy} is for running text, and {name} holds words that are split already"
                );
                Err(Trouble::Fatal(Usage(message).into()))
            }
            _ => Ok(()),
        }
    }

    /// Writes what comes of a share, and gives the number of texts that were cut.
    fn write_all<I: Iterator<Item = Result<Sentence, TextError>>>(
        &mut self,
        tagged: TagStream<'_, I>,
        share: &RefCell<Share>,
        writer: &mut dyn PredictionWriter,
    ) -> Result<usize, Trouble> {
        let aggregation = self.args.aggregation;
        let mut tagged = tagged.aggregated(aggregation);
        let result = loop {
            let (sentence, mut found) = match tagged.next() {
                None => break Ok(()),
                Some(Err(error)) => break Err(error.into()),
                Some(Ok(item)) => item,
            };
            self.selection.apply(&mut found);
            self.tally.add(&sentence, &found, aggregation.is_some());
            writer.pass_over(share.borrow_mut().between());
            if let Err(error) = writer.write(&sentence, &found) {
                break Err(Trouble::Fatal(error.into()));
            }
            if self.interrupt.asked() {
                break Err(Trouble::Fatal(Interrupted.into()));
            }
        };
        self.tally.windows += tagged.windows();
        result.map(|()| tagged.truncated())
    }

    /// Says what was left out, and what was done.
    ///
    /// # Errors
    /// When not one input could be read.
    fn report(self, args: &PredictArgs, destination: &Destination) -> Result<ExitCode> {
        let tally = self.tally;
        if args.coverage {
            let json = serde_json::to_string(&tally)?;
            let _ = writeln!(io::stderr().lock(), "{json}");
        } else if *destination != Destination::Stream {
            note(tally.summary());
        }
        if tally.skipped > 0 {
            let all = tally.inputs + tally.done_before + tally.skipped;
            if tally.skipped == all {
                return Err(anyhow!("not one of {all} inputs could be read"));
            }
            let left_out = tally.skipped;
            warn(format_args!(
                "{left_out} of {all} inputs left out; --strict stops at the first"
            ));
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn standard_input(
    options: &ReadOptions,
    typed: bool,
) -> Result<Box<dyn SentenceReader>, TextError> {
    let mut options = options.clone();
    if typed && options.format.is_none() {
        options.format = Some(Format::Text);
        let _ = writeln!(
            io::stderr().lock(),
            "one sentence a line, please; Ctrl-D ends"
        );
    }
    let input = Box::new(BufReader::new(io::stdin()));
    bert_ner_text::open_stream(input, Path::new(STANDARD_INPUT), &options)
}
