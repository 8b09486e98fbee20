//! Bodies: read within limits of size and time, then parsed.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;

use crate::app::App;
use crate::reply::Refusal;

/// The JSON body of a request.
pub(crate) async fn read<T: DeserializeOwned>(
    app: &App,
    request: Request<Body>,
) -> Result<T, Refusal> {
    let limit = app.limits.body_bytes;
    let too_large = || Refusal::too_large(format!("a body may have at most {limit} bytes"));
    let told = crate::app::header(request.headers(), "content-length");
    if told
        .and_then(|length| length.parse().ok())
        .is_some_and(|length: u64| length > limit as u64)
    {
        return Err(too_large());
    }
    let seconds = app.limits.read_seconds;
    let reading = axum::body::to_bytes(request.into_body(), limit);
    let read = tokio::time::timeout(Duration::from_secs(seconds), reading).await;
    let bytes = match read {
        Err(_) => return Err(Refusal::too_slow(seconds)),
        Ok(Err(error)) if is_limit(&error) => return Err(too_large()),
        Ok(Err(_)) => return Err(Refusal::json("the body ended early")),
        Ok(Ok(bytes)) => bytes,
    };
    parse(&bytes)
}

/// Whether reading ended at the limit rather than at a broken connection.
fn is_limit(error: &axum::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.to_string().contains("length limit exceeded") {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Parses a body; what is no JSON and what is not what the route takes are told apart.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    let parsed = serde_json::from_slice(bytes).map(|Object(value)| value);
    parsed.map_err(|error| match error.classify() {
        Category::Data => Refusal::validation(error.to_string()),
        _ if bytes.is_empty() => Refusal::json("the body is empty; JSON was expected"),
        _ => Refusal::json(error.to_string()),
    })
}

/// A `T` written as a JSON object. What serde derives for a struct would take a list of its fields' values as well.
#[derive(Debug)]
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields(PhantomData))
    }
}

struct Fields<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
    type Value = Object<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

/// A whole number or nothing. To JSON Schema `3.0` is as whole as `3`, and some clients write it so.
pub(crate) fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let Some(number) = Option::<serde_json::Number>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let float = number.as_f64().filter(|float| float.fract() == 0.0);
    let in_range = float.filter(|float| (0.0..=f64::from(u32::MAX)).contains(float));
    let wrong = || {
        D::Error::custom(format!(
            "invalid number {number}, expected a whole one from 0"
        ))
    };
    in_range.map(|float| Some(float as u32)).ok_or_else(wrong)
}

/// One of something, or a list of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    /// All of it, and whether it was a list.
    pub(crate) fn into_list(self) -> (Vec<T>, bool) {
        match self {
            Self::One(one) => (vec![one], false),
            Self::Many(many) => (many, true),
        }
    }
}

impl<'de> Deserialize<'de> for OneOrMany<String> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Texts)
    }
}

/// Sees a string or a list of strings. A derived untagged enum would say of anything else only that it does not match.
struct Texts;

impl<'de> Visitor<'de> for Texts {
    type Value = OneOrMany<String>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string or a list of strings")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(OneOrMany::One(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Self::Value, E> {
        Ok(OneOrMany::One(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = list.next_element()? {
            texts.push(text);
        }
        Ok(OneOrMany::Many(texts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        inputs: OneOrMany<String>,
    }

    fn refused(json: &str) -> (u16, String) {
        let refusal = parse::<Body>(json.as_bytes()).unwrap_err();
        (refusal.status.as_u16(), refusal.message)
    }

    #[test]
    fn broken_json_and_wrong_types_are_told_apart() {
        for broken in ["", "{\"inputs\": ", "{\"inputs\": \"\u{1}\"}"] {
            assert_eq!(refused(broken).0, 400, "{broken}");
        }
        for (json, part) in [
            (r#"{"inputs": ["a", 1]}"#, "expected a string"),
            (r#"{"inputs": {}}"#, "a string or a list of strings"),
            (r#"{"inputs": "a", "b": 1}"#, "unknown field `b`"),
            (r#"["a"]"#, "expected an object"),
            (&"[".repeat(100_000), "expected an object"),
        ] {
            let (status, message) = refused(json);
            assert_eq!((status, message.contains(part)), (422, true), "{message}");
        }
    }

    #[test]
    fn whole_numbers_are_taken_however_they_are_written() {
        let parsed = |json: &str| whole(&mut serde_json::Deserializer::from_str(json)).ok();
        for whole in ["3", "3.0", "30e-1"] {
            assert_eq!(parsed(whole), Some(Some(3)), "{whole}");
        }
        assert_eq!(parsed("null"), Some(None));
        for other in ["3.5", "-1", "4294967296", "1e300", "\"3\"", "true"] {
            assert_eq!(parsed(other), None, "{other}");
        }
    }

    #[test]
    fn one_and_many_are_kept_apart() {
        let parsed = |json: &str| parse::<Body>(json.as_bytes()).unwrap().inputs.into_list();
        assert_eq!(parsed(r#"{"inputs": "a"}"#), (vec!["a".to_owned()], false));
        assert_eq!(parsed(r#"{"inputs": ["a"]}"#), (vec!["a".to_owned()], true));
    }
}
