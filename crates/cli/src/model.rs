//! A model that is ready to tag.

use anyhow::{Context, Result};
use bert_ner_infer::{Options, Tagger};

use crate::args::ModelArgs;
use crate::names;

/// Opens the model that `args` name, on as many threads as they say.
pub(crate) fn open(args: &ModelArgs) -> Result<Tagger> {
    threads(args.threads)?;
    let folder = names::model(&args.model, false)?;
    let options = Options {
        max_length: args.max_length,
        ..Options::default()
    };
    Ok(Tagger::open_with(&folder, &options)?)
}

/// Starts the threads to compute with, as many as wanted or as the machine has.
pub(crate) fn threads(wanted: Option<u16>) -> Result<()> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(wanted.map_or(0, usize::from))
        .build_global()
        .context("cannot start the threads to compute with")
}
