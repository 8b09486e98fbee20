//! Log lines on standard error: one JSON object a line, and nothing of what clients sent.

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

/// Writes one line: the time in seconds since 1970, the event, and `fields`, an object.
pub(crate) fn line(event: &str, fields: Value) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = now.map_or(0.0, |since| since.as_millis() as f64 / 1000.0);
    let mut line = json!({"time": seconds, "event": event});
    if let (Value::Object(line), Value::Object(fields)) = (&mut line, fields) {
        line.extend(fields);
    }
    // In one piece: standard error is not buffered. Without a reader there is nobody to tell.
    let _ = std::io::stderr()
        .lock()
        .write_all(format!("{line}\n").as_bytes());
}
