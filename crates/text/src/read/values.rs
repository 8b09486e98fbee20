//! The JSON values of a stream: one a line, or the elements of one array, one at a time.

use std::io::{self, BufRead};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::TextError;

/// Streams the values of JSON lines, or of one JSON array, whichever the input turns out to be.
pub(super) struct JsonValues {
    input: Box<dyn BufRead>,
    path: PathBuf,
    layout: Layout,
    here: Place,
}

enum Layout {
    /// Nothing has been read.
    Unknown,
    Lines,
    /// Inside an array, whose next element is not its first when `continued`.
    Array {
        continued: bool,
    },
    Over,
}

/// A place in the input.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// Counted from 1.
    line: usize,
    /// In bytes, counted from 1.
    column: usize,
    /// In bytes from the start of the input.
    offset: u64,
}

impl Place {
    fn advance(&mut self, byte: u8) {
        self.offset += 1;
        self.column += 1;
        if byte == b'\n' {
            self.line += 1;
            self.column = 1;
        }
    }
}

impl JsonValues {
    pub(super) fn new(input: Box<dyn BufRead>, path: &Path) -> Self {
        let here = Place {
            line: 1,
            column: 1,
            offset: 0,
        };
        Self {
            input,
            path: path.to_path_buf(),
            layout: Layout::Unknown,
            here,
        }
    }

    /// Whether there is a value a line, so that what follows one that cannot be read can be.
    pub(super) fn has_lines(&self) -> bool {
        matches!(self.layout, Layout::Lines)
    }

    /// The next value and the line on which it starts.
    pub(super) fn next(&mut self) -> Result<Option<(Value, usize)>, TextError> {
        if let Layout::Unknown = self.layout {
            self.find_layout()?;
        }
        let mut bytes = Vec::new();
        let start = match self.layout {
            Layout::Array { continued } => self.next_element(continued, &mut bytes)?,
            Layout::Lines => self.next_line(&mut bytes)?,
            Layout::Unknown | Layout::Over => None,
        };
        let Some(start) = start else {
            self.layout = Layout::Over;
            return Ok(None);
        };
        let text = str::from_utf8(&bytes).map_err(|error| {
            let before = &bytes[..error.valid_up_to()];
            TextError::Utf8 {
                path: self.path.clone(),
                line: start.line + before.iter().filter(|&&byte| byte == b'\n').count(),
                offset: start.offset + before.len() as u64,
            }
        })?;
        match serde_json::from_str(text) {
            Ok(value) => Ok(Some((value, start.line))),
            Err(error) => Err(syntax_error(&self.path, start.line, start.column, &error)),
        }
    }

    /// An input that begins with `[` is one array; anything else has a value a line.
    fn find_layout(&mut self) -> Result<(), TextError> {
        let head = self
            .input
            .fill_buf()
            .map_err(|source| TextError::io(&self.path, source))?;
        if head.starts_with(b"\xef\xbb\xbf") {
            self.input.consume(3);
            self.here.offset = 3;
        }
        self.skip_whitespace()?;
        self.layout = Layout::Lines;
        if self.peek()? == Some(b'[') {
            self.take(b'[');
            self.layout = Layout::Array { continued: false };
        }
        Ok(())
    }

    fn next_line(&mut self, bytes: &mut Vec<u8>) -> Result<Option<Place>, TextError> {
        loop {
            bytes.clear();
            let start = self.here;
            let read = self.input.read_until(b'\n', bytes);
            if read.map_err(|source| TextError::io(&self.path, source))? == 0 {
                return Ok(None);
            }
            bytes.iter().for_each(|&byte| self.here.advance(byte));
            // The line end is no part of the value: an error at its end is on this line.
            bytes.truncate(bytes.trim_ascii_end().len());
            if !bytes.is_empty() {
                return Ok(Some(start));
            }
        }
    }

    /// The bytes of the array's next element, up to the `,` or `]` that follows it.
    fn next_element(
        &mut self,
        continued: bool,
        bytes: &mut Vec<u8>,
    ) -> Result<Option<Place>, TextError> {
        self.skip_whitespace()?;
        match self.peek()? {
            Some(b']') => return self.end_of_array().map(|()| None),
            Some(b',') if continued => {
                self.take(b',');
                self.skip_whitespace()?;
            }
            Some(_) if !continued => {}
            Some(_) => return Err(self.error("expected , or ] after an element of the array")),
            None => return Err(self.error("the input ends inside the array; expected ]")),
        }
        self.layout = Layout::Array { continued: true };
        let start = self.here;
        let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
        while let Some(byte) = self.peek()? {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if in_string => escaped = true,
                b'"' => in_string = !in_string,
                _ if in_string => {}
                b'{' | b'[' => depth += 1,
                b',' | b']' | b'}' if depth == 0 => break,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.take(byte);
            bytes.push(byte);
        }
        if bytes.is_empty() {
            return Err(self.error("expected an element of the array"));
        }
        Ok(Some(start))
    }

    fn end_of_array(&mut self) -> Result<(), TextError> {
        self.take(b']');
        self.skip_whitespace()?;
        match self.peek()? {
            None => Ok(()),
            Some(_) => Err(self.error("more text after the array; expected its end")),
        }
    }

    fn skip_whitespace(&mut self) -> Result<(), TextError> {
        while let Some(byte @ (b' ' | b'\t' | b'\r' | b'\n')) = self.peek()? {
            self.take(byte);
        }
        Ok(())
    }

    fn peek(&mut self) -> Result<Option<u8>, TextError> {
        loop {
            match self.input.fill_buf() {
                Ok(buffer) => return Ok(buffer.first().copied()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(TextError::io(&self.path, source)),
            }
        }
    }

    /// Goes past `byte`, which was peeked at.
    fn take(&mut self, byte: u8) {
        self.input.consume(1);
        self.here.advance(byte);
    }

    fn error(&self, message: &str) -> TextError {
        let Place { line, column, .. } = self.here;
        TextError::syntax(&self.path, line, format!("column {column}: {message}"))
    }
}

/// What serde_json says, at its place in the file, of a value that starts at `line` and `column`.
pub(super) fn syntax_error(
    path: &Path,
    line: usize,
    column: usize,
    error: &serde_json::Error,
) -> TextError {
    let said = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let said = said.strip_suffix(&place).unwrap_or(&said);
    let first = error.line() <= 1;
    let column = if first {
        column + error.column().saturating_sub(1)
    } else {
        error.column()
    };
    let line = line + error.line().saturating_sub(1);
    TextError::syntax(path, line, format!("column {column}: invalid JSON: {said}"))
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Cursor};

    use super::*;

    fn values(text: &'static [u8], capacity: usize) -> Result<Vec<(String, usize)>, String> {
        let input = BufReader::with_capacity(capacity, Cursor::new(text));
        let mut values = JsonValues::new(Box::new(input), Path::new("data.json"));
        let mut all = Vec::new();
        while let Some((value, line)) = values.next().map_err(|error| error.to_string())? {
            all.push((value.to_string(), line));
        }
        Ok(all)
    }

    fn owned(pairs: &[(&str, usize)]) -> Vec<(String, usize)> {
        pairs
            .iter()
            .map(|&(value, line)| (value.to_owned(), line))
            .collect()
    }

    #[test]
    fn lines_and_arrays_give_the_same_values() {
        let expected = [(r#"{"a":"],}\""}"#, 1), (r#"{"b":[[1],2]}"#, 3)];
        let lines = b"\xef\xbb\xbf{\"a\": \"],}\\\"\"}\r\n\n{\"b\": [[1], 2]}";
        assert_eq!(values(lines, 64), Ok(owned(&expected)));
        let array = b"[{\"a\": \"],}\\\"\"}\n,\n  {\"b\":\n [[1], 2]}\n]\n";
        for capacity in [3, 64] {
            assert_eq!(values(array, capacity), Ok(owned(&expected)));
        }
        assert_eq!(values(b" [ ] ", 64), Ok(vec![]));
        assert_eq!(values(b"", 64), Ok(vec![]));
    }

    #[test]
    fn syntax_errors_name_line_and_column() {
        let said = |text| values(text, 64).expect_err("an error");
        assert_eq!(
            said(b"{\"a\": 1}\n{\"a\": }\n"),
            "data.json:2: column 7: invalid JSON: expected value"
        );
        assert_eq!(
            said(b"[{\"a\": 1},\n   {\"a\": x}]"),
            "data.json:2: column 10: invalid JSON: expected value"
        );
        assert_eq!(
            said(b"[{\"a\": 1}\n {}]"),
            "data.json:2: column 2: invalid JSON: trailing characters"
        );
        assert_eq!(
            said(b"[{\"a\": 1}}]"),
            "data.json:1: column 10: expected , or ] after an element of the array"
        );
        assert_eq!(
            said(b"[{\"a\": 1}"),
            "data.json:1: column 10: the input ends inside the array; expected ]"
        );
        assert_eq!(
            said(b"[{},]"),
            "data.json:1: column 5: expected an element of the array"
        );
        assert_eq!(
            said(b"[{}] {}"),
            "data.json:1: column 6: more text after the array; expected its end"
        );
    }

    #[test]
    fn invalid_utf8_is_named_by_its_byte_in_the_file() {
        for text in [
            &b"{}\n{\"a\": \"\xff\"}\n"[..],
            &b"[{\n},{\"a\":\"\xff\"}"[..],
        ] {
            let at = text
                .iter()
                .position(|&byte| byte == 0xff)
                .expect("the bad byte");
            let expected =
                format!("data.json:2: invalid UTF-8 at byte {at} of the file; expected UTF-8 text");
            let text: &'static [u8] = Box::leak(text.to_vec().into_boxed_slice());
            assert_eq!(values(text, 64), Err(expected));
        }
    }
}
