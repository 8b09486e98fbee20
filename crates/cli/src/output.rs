//! Results on standard output.

use std::io::{self, Write};

use anyhow::Result;
use serde::Serialize;

/// Prints `value` as indented JSON.
pub(crate) fn print_json(value: &impl Serialize) -> Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value).map_err(io::Error::from)?;
    writeln!(out)?;
    out.flush()?;
    Ok(())
}
