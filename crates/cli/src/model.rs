//! A model that is ready to tag.

use anyhow::{Context, Result};
use bert_ner_infer::{Options, Tagger};
use bert_ner_model::AdapterConfig;

use crate::args::ModelArgs;
use crate::failure::Usage;
use crate::names;

/// Opens the model that `args` name, on as many threads as they say.
pub(crate) fn open(args: &ModelArgs) -> Result<Tagger> {
    open_for(args, Options::default())
}

/// As [`open`], to give as many of the most probable tags and tag sequences as `options` say.
///
/// # Errors
/// Also when the model has no CRF that would give them.
pub(crate) fn open_for(args: &ModelArgs, options: Options) -> Result<Tagger> {
    threads(args.threads)?;
    let folder = names::model(&args.model, false)?;
    let options = Options {
        max_length: args.max_length,
        base: match AdapterConfig::is_in(&folder) {
            true => names::base_of(&folder, false)?,
            false => None,
        },
        ..options
    };
    let tagger = Tagger::open_with(&folder, &options)?;
    if options.alternatives > 0 && tagger.model().crf().is_none() {
        let message = format!("--k-best needs a CRF; {} has a linear head", args.model);
        return Err(Usage(message).into());
    }
    Ok(tagger)
}

/// Starts the threads to compute with, as many as wanted or as the machine has.
pub(crate) fn threads(wanted: Option<u16>) -> Result<()> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(wanted.map_or(0, usize::from))
        .build_global()
        .context("cannot start the threads to compute with")
}
