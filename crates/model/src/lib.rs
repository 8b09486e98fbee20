//! The BERT encoder and its heads over packed batches: forward and backward.
//!
//! This crate owns the Hugging Face configuration, the weights and the arithmetic of the model. It
//! knows pieces and rows, not words, files of text or scores.
//!
//! The whole of a device is three calls: [`Model::forward`], [`Model::forward_backward`] and [`Optimizer::step`];
//! everything else reads and writes [`Parameters`] and [`Gradients`], which are flat buffers with named views.
//!
//! Symbols: `T` pieces of a packed batch, `S` sequences, `W` scored words, `H` hidden size, `A` heads, `F`
//! feed-forward size, `V` vocabulary, `K` tags.

mod adapter;
mod batch;
mod config;
mod crf;
mod encoder;
mod error;
mod freeze;
mod head;
mod heads;
mod layer;
mod layout;
mod lora;
mod model;
mod optimizer;
mod parameters;
mod rnn;
mod weights;

pub use adapter::{AdapterConfig, Base};
pub use batch::Batch;
/// The kind of arithmetic that this machine offers.
pub use bert_ner_kernels::arithmetic;
/// The counter-based generator behind dropout and new weights.
pub use bert_ner_kernels::dropout::split_mix;
/// What is minimised.
pub use bert_ner_kernels::loss::{Loss, Objective};
pub use config::{Config, HiddenAct, NerConfig};
pub use crf::{Crf, Decoded};
pub use encoder::Workspace;
pub use error::ModelError;
pub use freeze::Freeze;
pub use heads::{HeadKind, Heads, Rnn, RnnKind, Task};
pub use layout::{Layout, Tensor};
pub use lora::Lora;
pub use model::{Model, Pass};
pub use optimizer::{Group, Optimizer, OptimizerSettings, Rates};
pub use parameters::{Gradients, Parameters};
