//! `bert-ner merge`.

use std::process::ExitCode;

use anyhow::Result;
use bert_ner_model::AdapterConfig;

use crate::args::MergeArgs;
use crate::failure::{Usage, note};
use crate::names;

pub(crate) fn run(args: &MergeArgs) -> Result<ExitCode> {
    // What is no adapter is said before a base model is fetched.
    AdapterConfig::load(&args.adapter)?;
    let base = match &args.model {
        Some(name) => Some(names::model(name, false)?),
        None => names::base_of(&args.adapter, false)?,
    };
    let base = base.ok_or_else(|| {
        Usage(format!(
            "--model is required: {} names no base model",
            args.adapter.join("adapter_config.json").display()
        ))
    })?;
    bert_ner_train::merge(&args.adapter, &base, &args.output, args.overwrite)?;
    note(format_args!(
        "{} holds {} with {} folded in",
        args.output.display(),
        base.display(),
        args.adapter.display()
    ));
    Ok(ExitCode::SUCCESS)
}
