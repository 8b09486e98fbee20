//! `bert-ner serve`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use bert_ner_infer::Options;
use bert_ner_serve::{Limits, Server, Settings};

use crate::args::ServeArgs;
use crate::failure::{Usage, at};
use crate::{model, names};

pub(crate) fn run(args: &ServeArgs) -> Result<ExitCode> {
    let address = SocketAddr::new(args.host, args.port);
    if args.check {
        let ready = bert_ner_serve::is_ready(address);
        return match ready.with_context(|| format!("{address} does not answer"))? {
            true => Ok(ExitCode::SUCCESS),
            false => Err(anyhow!("the server at {address} is not ready")),
        };
    }
    model::threads(args.threads)?;
    let settings = Settings {
        models: args
            .model
            .iter()
            .map(|name| named(name))
            .collect::<Result<_>>()?,
        options: Options {
            max_length: args.max_length,
            ..Options::default()
        },
        address,
        api_keys: keys(args)?,
        cors_origins: args.cors_origin.clone(),
        limits: limits(args),
        grace: Duration::from_secs(args.grace),
        #[cfg(feature = "tls")]
        tls: args.tls_cert.clone().zip(args.tls_key.clone()),
        signals: true,
    };
    Server::bind(settings)?.run()?;
    Ok(ExitCode::SUCCESS)
}

/// The name and folder of `[NAME=]DIR`.
fn named(typed: &str) -> Result<(String, PathBuf)> {
    let (name, folder) = match typed.split_once('=') {
        Some((name, folder)) if !Path::new(typed).exists() => (name, folder),
        _ => ("default", typed),
    };
    Ok((name.to_owned(), names::model(folder, false)?))
}

fn limits(args: &ServeArgs) -> Limits {
    Limits {
        body_bytes: args.max_body_bytes,
        texts: args.max_texts,
        text_chars: args.max_chars,
        requests: args.max_requests as usize,
        queue_pieces: args.max_queue_tokens,
        batch_pieces: args.max_batch_tokens as usize,
        read_seconds: args.read_timeout,
    }
}

/// Every key that was given. A file without one, or an empty one, would leave the door open or shut for all.
fn keys(args: &ServeArgs) -> Result<Vec<String>> {
    let mut keys = args.api_key.clone();
    if let Some(path) = &args.api_key_file {
        let text = std::fs::read_to_string(path).map_err(|error| at(path, error))?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let before = keys.len();
        keys.extend(lines.map(str::to_owned));
        if keys.len() == before {
            return Err(Usage(format!("{}: no key in this file", path.display())).into());
        }
    }
    if keys.iter().any(|key| key.trim().is_empty()) {
        return Err(Usage("an API key is empty".to_owned()).into());
    }
    Ok(keys)
}
