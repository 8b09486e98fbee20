//! What can be chosen about a server.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use bert_ner_infer::Options;
use serde::Serialize;
use utoipa::ToSchema;

/// How to serve.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Names and folders of the models; the first answers where a request names none.
    pub models: Vec<(String, PathBuf)>,
    /// How the models predict.
    pub options: Options,
    /// Where to listen; port 0 takes any that is free.
    pub address: SocketAddr,
    /// Keys of which a request must bring one; without any, every request is welcome.
    pub api_keys: Vec<String>,
    /// Origins whose pages may call this server, or `*`; others are left to the browser's own rule.
    pub cors_origins: Vec<String>,
    /// What a client may ask for.
    pub limits: Limits,
    /// How long requests in hand may take after the server was told to stop.
    pub grace: Duration,
    /// Certificate chain and private key in PEM, for HTTPS.
    #[cfg(feature = "tls")]
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Whether SIGTERM and SIGINT stop the server and SIGHUP reads the model folders again.
    pub signals: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            models: Vec::new(),
            options: Options::default(),
            address: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080),
            api_keys: Vec::new(),
            cors_origins: Vec::new(),
            limits: Limits::default(),
            grace: Duration::from_secs(30),
            #[cfg(feature = "tls")]
            tls: None,
            signals: true,
        }
    }
}

/// What a client may ask for, and how much is computed at once.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Limits {
    /// Bytes of a request's body.
    pub body_bytes: usize,
    /// Texts, sentences or tasks of a request.
    pub texts: usize,
    /// Characters of a text.
    pub text_chars: usize,
    /// Requests in hand at a time.
    pub requests: usize,
    /// Pieces that wait for the model. A request that finds none waiting is let in whatever its size.
    pub queue_pieces: usize,
    /// Pieces in a batch; a longer sequence is a batch of its own.
    pub batch_pieces: usize,
    /// Seconds that a client may take to send a request's head, and again its body.
    pub read_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 8 << 20,
            texts: 256,
            text_chars: 1_000_000,
            requests: 512,
            queue_pieces: 1 << 18,
            batch_pieces: 512,
            read_seconds: 30,
        }
    }
}
