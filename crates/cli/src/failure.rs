//! What a person sees when something went wrong, and the exit code that a script sees.

use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use bert_ner_hub::HubError;
use bert_ner_score::ScoreError;
use bert_ner_train::TrainError;

/// Something that could not be done.
const FAILED: u8 = 1;
/// The command line asks for something that cannot be.
const USAGE: u8 = 2;
/// Ended by the user: 128 and the number of SIGINT, as shells count.
pub(crate) const INTERRUPTED: u8 = 130;

/// A command line that cannot be followed.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl fmt::Display for Usage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// What is wrong, and what a person could do about it.
#[derive(Debug)]
pub(crate) struct Hinted {
    pub(crate) message: String,
    pub(crate) hint: &'static str,
}

impl fmt::Display for Hinted {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl std::error::Error for Hinted {}

/// Ended by the user before there was a result.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}

/// An error of the operating system about the file at `path`.
pub(crate) fn at(path: &Path, error: io::Error) -> anyhow::Error {
    let message = format!("{}: {error}", path.display());
    anyhow::Error::new(error).context(message)
}

/// Tells `error` on standard error and gives the exit code.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    if is_closed_pipe(error) {
        // Whoever read has what they wanted: `bert-ner predict ... | head` is no failure.
        return ExitCode::SUCCESS;
    }
    // Nobody is left to be told when standard error is closed too.
    let _ = io::stderr().lock().write_all(message(error).as_bytes());
    ExitCode::from(exit_code(error))
}

/// Tells a warning on standard error.
pub(crate) fn warn(message: impl fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "warning: {message}");
}

/// Tells something worth knowing on standard error.
pub(crate) fn note(message: impl fmt::Display) {
    // Nobody is left to be told when standard error is closed.
    let _ = writeln!(io::stderr().lock(), "{message}");
}

fn message(error: &anyhow::Error) -> String {
    let mut text = format!("error: {}\n", headline(error));
    let mut said = text.clone();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        // Many messages hold that of their cause already.
        if !said.contains(&cause) {
            text.push_str(&format!("  because: {cause}\n"));
            said.push_str(&cause);
        }
    }
    if let Some(hint) = hint(error) {
        text.push_str(&format!("  hint: {hint}\n"));
    }
    text
}

fn headline(error: &anyhow::Error) -> String {
    match error.downcast_ref::<TrainError>() {
        Some(TrainError::Setting { key, message }) => format!("--{key} {message}"),
        _ => error.to_string(),
    }
}

fn exit_code(error: &anyhow::Error) -> u8 {
    match error.downcast_ref::<TrainError>() {
        Some(TrainError::Interrupted) => INTERRUPTED,
        Some(TrainError::Setting { .. }) => USAGE,
        _ if error.is::<Interrupted>() => INTERRUPTED,
        _ if error.is::<Usage>() => USAGE,
        _ => FAILED,
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let io = |cause: &(dyn std::error::Error + 'static)| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    };
    error.chain().any(io)
}

/// What a person could do about it, where that is not plain.
fn hint(error: &anyhow::Error) -> Option<String> {
    if error.is::<Usage>() {
        return Some("bert-ner COMMAND --help lists the options".to_owned());
    }
    if let Some(Hinted { hint, .. }) = error.downcast_ref() {
        return Some((*hint).to_owned());
    }
    if let Some(HubError::Offline { .. } | HubError::Unreachable { .. }) = error.downcast_ref() {
        return Some("give a local folder, or fetch it once with network access".to_owned());
    }
    if let Some(ScoreError::NoGold { .. }) = error.downcast_ref() {
        let how = "bert-ner predict --model DIR PATH --output-format conll writes both";
        return Some(how.to_owned());
    }
    match error.downcast_ref::<TrainError>()? {
        TrainError::OutputExists { .. } => {
            Some("--overwrite replaces it; or choose another --output".to_owned())
        }
        TrainError::OutputBusy { .. } => {
            Some("wait until it has ended; or choose another --output".to_owned())
        }
        TrainError::CheckpointsBusy { .. } => {
            Some("wait until it has ended; or choose another --checkpoint-dir".to_owned())
        }
        TrainError::CheckpointsExist { .. } => Some(
            "--resume goes on from them, --overwrite begins anew; or choose another --checkpoint-dir"
                .to_owned(),
        ),
        TrainError::OtherSettings { .. } | TrainError::OtherData { .. } => Some(
            "resume with what the run began with, or begin anew with another --output".to_owned(),
        ),
        TrainError::CheckpointDamaged { .. } => {
            Some("--overwrite without --resume begins anew".to_owned())
        }
        TrainError::Diverged { .. } => {
            Some("try a lower --learning-rate, or some --warmup-ratio such as 0.1".to_owned())
        }
        _ => None,
    }
}
