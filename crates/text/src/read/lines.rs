//! Lines of UTF-8 text, with numbers and the place of a bad byte.

use std::borrow::Cow;
use std::io::BufRead;
use std::path::{Path, PathBuf};

use crate::TextError;

/// The lines of a text file: without their line ends (LF or CRLF), the first without its byte order
/// mark, every one checked to be UTF-8.
pub struct Lines {
    input: Box<dyn BufRead>,
    name: PathBuf,
    number: usize,
    /// Bytes of the file before the current line.
    offset: u64,
    /// Bytes of the current line, its line end included.
    length: u64,
    buffer: Vec<u8>,
}

impl Lines {
    /// The lines of `input`; `name` stands for it in messages.
    pub fn new(input: Box<dyn BufRead>, name: &Path) -> Self {
        let name = name.to_path_buf();
        Self {
            input,
            name,
            number: 0,
            offset: 0,
            length: 0,
            buffer: Vec::new(),
        }
    }

    /// The name of the input, for messages.
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// The number of the line that was read last, counted from 1.
    pub fn number(&self) -> usize {
        self.number
    }

    /// How the line that was read last ends: LF, CR LF, or not at all.
    pub(crate) fn line_end(&self) -> &str {
        match self.buffer.as_slice() {
            [.., b'\r', b'\n'] => "\r\n",
            [.., b'\n'] => "\n",
            _ => "",
        }
    }

    /// The byte order mark that stands before the line that was read last.
    pub(crate) fn mark(&self) -> &'static str {
        match self.number == 1 && self.buffer.starts_with(b"\xef\xbb\xbf") {
            true => "\u{feff}",
            false => "",
        }
    }

    /// Bytes of the line that was read last with all that belongs to it.
    pub(crate) fn raw_length(&self) -> usize {
        self.buffer.len()
    }

    /// The line that was read last with all that belongs to it, what is not UTF-8 replaced.
    pub(crate) fn lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.buffer)
    }

    /// The next line, or `None` at the end of the input.
    ///
    /// # Errors
    /// When the input refuses or the line is not UTF-8.
    pub fn next_line(&mut self) -> Result<Option<&str>, TextError> {
        self.buffer.clear();
        self.offset += self.length;
        let read = self
            .input
            .read_until(b'\n', &mut self.buffer)
            .map_err(|source| TextError::io(&self.name, source))?;
        self.length = read as u64;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        let mut bytes = self.buffer.as_slice();
        if self.number == 1 {
            if matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) {
                return Err(TextError::file(
                    &self.name,
                    "is UTF-16; expected UTF-8 text",
                ));
            }
            bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        }
        if let Some(rest) = bytes.strip_suffix(b"\n") {
            bytes = rest.strip_suffix(b"\r").unwrap_or(rest);
        }
        match std::str::from_utf8(bytes) {
            Ok(line) => Ok(Some(line)),
            Err(error) => {
                let mark = if self.number == 1 && self.buffer.starts_with(b"\xef\xbb\xbf") {
                    3
                } else {
                    0
                };
                Err(TextError::Utf8 {
                    path: self.name.clone(),
                    line: self.number,
                    offset: self.offset + mark + error.valid_up_to() as u64,
                })
            }
        }
    }
}
