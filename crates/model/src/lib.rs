//! The BERT encoder and its heads over packed batches: forward and backward.
//!
//! This crate owns the Hugging Face configuration, the weights and the arithmetic of the model. It
//! knows pieces and rows, not words, files of text or scores.
//!
//! The whole of a device is two calls: [`Model::forward`] and [`Model::forward_backward`]; everything else
//! reads and writes [`Parameters`] and [`Gradients`], which are flat buffers with named views.
//!
//! Symbols: `T` pieces of a packed batch, `S` sequences, `W` scored words, `H` hidden size, `A` heads, `F`
//! feed-forward size, `V` vocabulary, `K` tags.

mod batch;
mod config;
mod encoder;
mod error;
mod head;
mod layout;
mod model;
mod parameters;
mod weights;

pub use batch::Batch;
pub use config::{Config, HiddenAct, NerConfig};
pub use encoder::Workspace;
pub use error::ModelError;
pub use layout::{Layout, Tensor};
pub use model::{Model, Pass};
pub use parameters::{Gradients, Parameters};
