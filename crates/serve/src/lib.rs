//! A model folder behind HTTP: routes, the batching queue and the web page.
//!
//! Prediction is `infer`'s: this crate reads requests, puts their sequences in one queue, packs the sequences of many
//! requests into batches ([`Limits::batch_pieces`]) and answers each request when its last sequence has been computed. The
//! computing happens on a thread of its own, never on the ones that talk to clients.
//!
//! ```no_run
//! use bert_ner_serve::{Server, Settings};
//!
//! let mut settings = Settings::default();
//! settings.models.push(("default".to_owned(), "ner".into()));
//! Server::bind(settings)?.run()?;
//! # Ok::<(), bert_ner_serve::ServeError>(())
//! ```
//!
//! Every error is answered as `{"error", "error_type"}`. Nothing that a client sent appears in a log.

mod access;
mod answer;
mod app;
mod body;
mod check;
mod error;
mod label_studio;
mod log;
mod metrics;
mod models;
mod openapi;
mod page;
mod queue;
mod reply;
mod routes;
mod server;
mod settings;
mod studio_config;
#[cfg(feature = "tls")]
mod tls;
mod work;

pub use check::is_ready;
pub use error::ServeError;
pub use server::{Handle, Server};
pub use settings::{Limits, Settings};
