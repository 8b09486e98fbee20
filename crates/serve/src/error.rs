//! The one error type of this crate.

use std::net::SocketAddr;
use std::path::PathBuf;

use bert_ner_infer::InferError;

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A model cannot be used.
    #[error("model {name:?} ({}): {source}", dir.display())]
    Model {
        /// Its name.
        name: String,
        /// Its folder.
        dir: PathBuf,
        /// What is wrong with it.
        source: Box<InferError>,
    },
    /// The settings name no model, or two the same, or one that cannot stand in a path.
    #[error("{0}")]
    Models(String),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The certificate or its key cannot be used.
    #[error("{}: {message}", path.display())]
    Tls {
        /// The file concerned.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// Threads or signals could not be set up.
    #[error("cannot start: {0}")]
    Start(std::io::Error),
}
