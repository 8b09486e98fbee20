//! The one error type of this crate.

use std::path::PathBuf;

/// Why a model folder cannot be loaded or saved.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file concerned.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A JSON file does not parse or lacks a key; the source names line and column.
    #[error("{}: {source}", path.display())]
    Json {
        /// The file concerned.
        path: PathBuf,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// `config.json` contradicts itself.
    #[error("{}: {message}", path.display())]
    Config {
        /// The configuration file.
        path: PathBuf,
        /// What is wrong and what was expected.
        message: String,
    },
    /// The folder holds a model that this program does not compute.
    #[error("{}: {what} is not supported; {expected}", path.display())]
    Unsupported {
        /// The configuration file.
        path: PathBuf,
        /// What it asks for.
        what: String,
        /// What is supported.
        expected: &'static str,
    },
    /// The folder has no weights that can be read.
    #[error("{}: no model.safetensors and no model.safetensors.index.json{hint}", path.display())]
    NoWeights {
        /// The folder.
        path: PathBuf,
        /// What to do about what is there instead.
        hint: &'static str,
    },
    /// A weight file is damaged.
    #[error("{}: not a whole safetensors file: {message}", path.display())]
    Damaged {
        /// The weight file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A tensor that the configuration calls for is not there.
    #[error("{}: tensor {name:?} of shape {shape:?} is missing", path.display())]
    MissingTensor {
        /// The weight file or folder.
        path: PathBuf,
        /// Its Hugging Face name.
        name: String,
        /// The shape that `config.json` asks for.
        shape: Vec<usize>,
    },
    /// A tensor that belongs to no part of the model.
    #[error("{}: tensor {name:?} is not part of a BERT classifier", path.display())]
    ExtraTensor {
        /// The weight file.
        path: PathBuf,
        /// Its name.
        name: String,
    },
    /// A tensor's shape contradicts `config.json`.
    #[error("{}: tensor {name:?} has shape {found:?}, but config.json asks for {expected:?} ({because})", path.display())]
    Shape {
        /// The weight file.
        path: PathBuf,
        /// Its name.
        name: String,
        /// The shape in the file.
        found: Vec<usize>,
        /// The shape that `config.json` asks for.
        expected: Vec<usize>,
        /// The keys of `config.json` that say so.
        because: &'static str,
    },
    /// A tensor's numbers are of a kind that is not read.
    #[error("{}: tensor {name:?} is {found}, expected F32, F16 or BF16", path.display())]
    Dtype {
        /// The weight file.
        path: PathBuf,
        /// Its name.
        name: String,
        /// The kind in the file.
        found: String,
    },
    /// A head was asked for that has no tag to choose.
    #[error("{}: no label to predict was given; expected at least one", path.display())]
    NoLabels {
        /// The folder of the pretrained model.
        path: PathBuf,
    },
    /// A LoRA that cannot be.
    #[error("{key} {message}")]
    Lora {
        /// The setting.
        key: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// The base model of an adapter is not there.
    #[error("{}: its base model {base:?} is not a folder here", path.display())]
    BaseGone {
        /// The adapter's configuration.
        path: PathBuf,
        /// The base model's folder or Hub name.
        base: String,
    },
    /// A tensor of an adapter does not fit the base model.
    #[error("{}: tensor {name:?} {message} (the base model is {})", path.display(), base.display())]
    Misfit {
        /// The adapter's weight file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// How it differs from what was expected.
        message: String,
        /// The base model's folder.
        base: PathBuf,
    },
    /// The folder holds an encoder without a classification head.
    #[error("{}: no classification head (tensor \"classifier.weight\"): fine-tune it first with `bert-ner train`", path.display())]
    NoHead {
        /// The folder.
        path: PathBuf,
    },
}
