//! The options of `serve`.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;

pub(crate) const EXAMPLES: &str = "\
Examples:
  bert-ner serve --model ner
  bert-ner serve --model news=ner --model legal=ner-legal --host 0.0.0.0 --api-key-file keys.txt
  curl localhost:8080/predict -d '{\"inputs\": \"Ada Lovelace was born in London.\"}'";

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Model folder, or a Hugging Face Hub name; NAME=DIR gives it a name in paths. May be repeated:
    /// the first answers where a request names none
    #[arg(
        long,
        value_name = "[NAME=]DIR",
        required = true,
        help_heading = "Model"
    )]
    pub(crate) model: Vec<String>,

    /// Threads to compute with [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), help_heading = "Model")]
    pub(crate) threads: Option<u16>,

    /// Pieces in the longest sequence; a longer text goes through overlapping windows
    /// [default: as in training]
    #[arg(long, value_name = "N", help_heading = "Model")]
    pub(crate) max_length: Option<usize>,

    /// Address to listen on
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1",
        help_heading = "Network"
    )]
    pub(crate) host: IpAddr,

    /// Port to listen on; 0 takes any that is free
    #[arg(
        long,
        value_name = "PORT",
        default_value_t = 8080,
        help_heading = "Network"
    )]
    pub(crate) port: u16,

    /// Key that requests must bring, but for those to /health and /ready; may be repeated
    #[arg(
        long,
        value_name = "KEY",
        env = "BERT_NER_API_KEY",
        hide_env_values = true,
        help_heading = "Network"
    )]
    pub(crate) api_key: Vec<String>,

    /// File of keys, one a line
    #[arg(long, value_name = "FILE", help_heading = "Network")]
    pub(crate) api_key_file: Option<PathBuf>,

    /// Origin whose pages may call the server, scheme and host, or *; may be repeated
    #[arg(long, value_name = "ORIGIN", help_heading = "Network")]
    pub(crate) cors_origin: Vec<String>,

    /// Certificate chain in PEM, for HTTPS
    #[cfg(feature = "tls")]
    #[arg(
        long,
        value_name = "FILE",
        requires = "tls_key",
        help_heading = "Network"
    )]
    pub(crate) tls_cert: Option<PathBuf>,

    /// Private key of the certificate in PEM
    #[cfg(feature = "tls")]
    #[arg(
        long,
        value_name = "FILE",
        requires = "tls_cert",
        help_heading = "Network"
    )]
    pub(crate) tls_key: Option<PathBuf>,

    /// Seconds that requests in hand may take after SIGTERM
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 30,
        help_heading = "Network"
    )]
    pub(crate) grace: u64,

    /// Pieces in a batch
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..), help_heading = "Limits")]
    pub(crate) max_batch_tokens: u32,

    /// Bytes of a request's body
    #[arg(long, value_name = "N", default_value_t = 8 << 20, help_heading = "Limits")]
    pub(crate) max_body_bytes: usize,

    /// Texts, sentences or tasks in a request
    #[arg(long, value_name = "N", default_value_t = 256, help_heading = "Limits")]
    pub(crate) max_texts: usize,

    /// Characters of a text
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1_000_000,
        help_heading = "Limits"
    )]
    pub(crate) max_chars: usize,

    /// Requests in hand at a time
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..), help_heading = "Limits")]
    pub(crate) max_requests: u32,

    /// Pieces that wait for the model
    #[arg(long, value_name = "N", default_value_t = 1 << 18, help_heading = "Limits")]
    pub(crate) max_queue_tokens: usize,

    /// Seconds that a client may take to send a request's head, and again its body
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..), help_heading = "Limits")]
    pub(crate) read_timeout: u64,

    /// Ask the server at --host and --port (plain HTTP) whether it is ready, instead of serving: exit
    /// code 0 says yes. For health checks where there is no curl
    #[arg(long, conflicts_with = "model")]
    pub(crate) check: bool,
}
