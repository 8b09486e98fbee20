//! An adapter and its base model to one model folder.

use std::path::Path;

use bert_ner_infer::{Options, Tagger};

use crate::TrainError;
use crate::folder::OutputFolder;

/// Folds the adapter in `adapter` into the model in `base` and writes the model folder `output`, whole or not at all; an existing one is
/// replaced when `overwrite` is set.
///
/// # Errors
/// When the adapter, the base model or a tokenizer cannot be loaded, or they do not fit; when the folder cannot be written.
pub fn merge(
    adapter: &Path,
    base: &Path,
    output: &Path,
    overwrite: bool,
) -> Result<(), TrainError> {
    let folder = OutputFolder::take(output, overwrite)?;
    let options = Options {
        base: Some(base.to_owned()),
        ..Options::default()
    };
    let tagger = Tagger::open_with(adapter, &options)?;
    let staging = folder.stage()?;
    tagger.save(staging.path())?;
    staging.publish()
}
