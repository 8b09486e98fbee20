//! TensorBoard's messages: `Event`, `Summary` and those of its plugins for text and hyperparameters.
//!
//! Field numbers are those of `tensorboard/compat/proto/{event,summary,tensor}.proto` and
//! `tensorboard/plugins/hparams/{plugin_data,api}.proto`, version 2.21.

use serde_json::{Map, Value};

use super::wire::Message;

/// The first event of a file: its version.
pub(super) fn file_version(wall_time: f64) -> Message {
    Message::new()
        .double(1, wall_time)
        .bytes(3, b"brain.Event:2")
}

/// A run begins at `step`: what was logged before for this step or later is void.
pub(super) fn session_start(wall_time: f64, step: usize) -> Message {
    const START: u64 = 1;
    let log = Message::new().integer(1, START);
    at(wall_time, step).message(7, &log)
}

/// An event with these values.
pub(super) fn event(wall_time: f64, step: usize, values: &[Message]) -> Message {
    let summary = values
        .iter()
        .fold(Message::new(), |summary, value| summary.message(1, value));
    at(wall_time, step).message(5, &summary)
}

/// An event of this time and step. Proto3 leaves zero out.
fn at(wall_time: f64, step: usize) -> Message {
    let event = Message::new().double(1, wall_time);
    match step {
        0 => event,
        step => event.integer(2, step as u64),
    }
}

/// One number.
pub(super) fn scalar(tag: &str, value: f64) -> Message {
    Message::new()
        .bytes(1, tag.as_bytes())
        .float(2, value as f32)
}

/// A text, which TensorBoard reads as Markdown.
pub(super) fn text(tag: &str, text: &str) -> Message {
    const STRING: u64 = 7;
    let shape = Message::new().message(2, &Message::new().integer(1, 1));
    let tensor = Message::new()
        .integer(1, STRING)
        .message(2, &shape)
        .bytes(8, text.as_bytes());
    Message::new()
        .bytes(1, tag.as_bytes())
        .message(8, &tensor)
        .message(9, &plugin("text", &Message::new()))
}

fn plugin(name: &str, content: &Message) -> Message {
    let data = Message::new().bytes(1, name.as_bytes());
    let data = match content.as_bytes() {
        [] => data,
        content => data.bytes(2, content),
    };
    Message::new().message(1, &data)
}

/// A message of the hparams plugin, whose data is field `field` of `HParamsPluginData`.
fn hparams(tag: &str, field: u32, data: &Message) -> Message {
    let content = Message::new().message(field, data);
    Message::new()
        .bytes(1, tag.as_bytes())
        .message(9, &plugin("hparams", &content))
}

/// The settings and measures that TensorBoard's table of runs shows.
pub(super) fn experiment(settings: &Map<String, Value>, metrics: &[&str]) -> Message {
    let infos = settings.iter().filter_map(|(name, value)| {
        let kind = match value {
            Value::String(_) => 1,
            Value::Bool(_) => 2,
            Value::Number(_) => 3,
            _ => return None,
        };
        let info = Message::new().bytes(1, name.as_bytes()).integer(4, kind);
        Some((4, info))
    });
    let metrics = metrics.iter().map(|tag| {
        let name = Message::new().bytes(2, tag.as_bytes());
        (5, Message::new().message(1, &name))
    });
    let experiment = infos
        .chain(metrics)
        .fold(Message::new(), |all, (field, info)| {
            all.message(field, &info)
        });
    hparams("_hparams_/experiment", 2, &experiment)
}

/// The settings of this run: those that are a number, a truth value or a text.
pub(super) fn session_settings(settings: &Map<String, Value>, wall_time: f64) -> Message {
    let values = settings.iter().filter_map(|(name, value)| {
        let typed = match value {
            Value::Number(number) => Message::new().double(2, number.as_f64()?),
            Value::String(text) => Message::new().bytes(3, text.as_bytes()),
            Value::Bool(truth) => Message::new().integer(4, u64::from(*truth)),
            _ => return None,
        };
        Some(Message::new().bytes(1, name.as_bytes()).message(2, &typed))
    });
    let info = values
        .fold(Message::new(), |all, entry| all.message(1, &entry))
        .double(5, wall_time);
    hparams("_hparams_/session_start_info", 3, &info)
}

/// How the run ended.
pub(super) fn session_end(wall_time: f64) -> Message {
    const SUCCESS: u64 = 1;
    let info = Message::new().integer(1, SUCCESS).double(2, wall_time);
    hparams("_hparams_/session_end_info", 4, &info)
}
