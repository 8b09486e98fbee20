//! Before and after every route: who may, how many at a time, and what is noted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::body::Body;
use axum::extract::{MatchedPath, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use serde_json::json;
use subtle::{Choice, ConstantTimeEq};

use crate::app::{App, header};
use crate::log;
use crate::reply::Refusal;

/// Routes that need no key and wait for nobody.
const OPEN: [&str; 3] = ["/health", "/ready", "/label-studio/health"];
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Wraps every route.
pub(crate) async fn observe(
    State(app): State<Arc<App>>,
    request: Request<Body>,
    next: Next,
) -> Response {
    let matched = request.extensions().get::<MatchedPath>();
    let seen = Seen {
        route: matched.map_or("unmatched", MatchedPath::as_str).to_owned(),
        id: request_id(request.headers()),
        start: Instant::now(),
        app: Arc::clone(&app),
        status: None,
    };
    let origin = allowed_origin(&app, request.headers());
    let preflight = is_preflight(&request);
    let mut response = match (preflight, &origin) {
        (true, Some(_)) => permission(),
        _ => guard(&app, &seen.route, request, next)
            .await
            .unwrap_or_else(IntoResponse::into_response),
    };
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&seen.id) {
        headers.insert(REQUEST_ID, id);
    }
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::VARY, HeaderValue::from_static("origin"));
    }
    seen.end(response.status());
    response
}

/// A request that is answered or, when its client leaves, is not.
struct Seen {
    app: Arc<App>,
    route: String,
    id: String,
    start: Instant,
    status: Option<StatusCode>,
}

impl Seen {
    fn end(mut self, status: StatusCode) {
        self.status = Some(status);
    }
}

impl Drop for Seen {
    fn drop(&mut self) {
        // 499 is what nginx writes for a client that left.
        let status = self.status.map_or(499, |status| status.as_u16());
        let took = self.start.elapsed();
        self.app.metrics.request(&self.route, status, took);
        if !OPEN.contains(&self.route.as_str()) {
            let millis = took.as_micros() as f64 / 1000.0;
            log::line(
                "request",
                json!({"id": self.id, "route": self.route, "status": status, "ms": millis}),
            );
        }
    }
}

/// Runs the route when the request may.
async fn guard(
    app: &App,
    route: &str,
    request: Request<Body>,
    next: Next,
) -> Result<Response, Refusal> {
    if OPEN.contains(&route) {
        return Ok(next.run(request).await);
    }
    if !is_authorized(&app.api_keys, request.headers()) {
        return Err(Refusal::unauthorized());
    }
    if request.method() != Method::POST {
        return Ok(next.run(request).await);
    }
    let Ok(_permit) = app.permits.try_acquire() else {
        return Err(Refusal::overloaded("too many requests at a time", 1));
    };
    Ok(next.run(request).await)
}

/// Whether the request brings one of `keys`; compared in constant time, all of them.
fn is_authorized(keys: &[String], headers: &HeaderMap) -> bool {
    if keys.is_empty() {
        return true;
    }
    let Some(given) = given_key(headers) else {
        return false;
    };
    let same = |key: &String| key.as_bytes().ct_eq(given.as_bytes());
    let any = keys
        .iter()
        .map(same)
        .fold(Choice::from(0), |any, same| any | same);
    any.into()
}

/// The key in `X-API-Key`, as a bearer token, or as the password of basic authentication.
fn given_key(headers: &HeaderMap) -> Option<String> {
    if let Some(key) = header(headers, "x-api-key") {
        return Some(key.to_owned());
    }
    let (scheme, value) = header(headers, "authorization")?.split_once(' ')?;
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Some(value.trim().to_owned()),
        "basic" => {
            let decoded = base64::engine::general_purpose::STANDARD
                .decode(value.trim())
                .ok()?;
            let pair = String::from_utf8(decoded).ok()?;
            pair.split_once(':')
                .map(|(_, password)| password.to_owned())
        }
        _ => None,
    }
}

/// What to allow in answer to the request's origin.
fn allowed_origin(app: &App, headers: &HeaderMap) -> Option<HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    let allowed = |allowed: &String| allowed == "*" || allowed.as_bytes() == origin.as_bytes();
    app.cors_origins.iter().any(allowed).then(|| origin.clone())
}

fn is_preflight(request: &Request<Body>) -> bool {
    request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// The answer to a browser that asks whether its page may send a request.
fn permission() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "authorization, content-type, x-api-key, x-request-id",
        ),
        (header::ACCESS_CONTROL_MAX_AGE, "3600"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The client's own id when it is short and plain, or a new one.
fn request_id(headers: &HeaderMap) -> String {
    let plain = |id: &&str| {
        let sound = |b: u8| b.is_ascii_alphanumeric() || b"-_.:".contains(&b);
        (1..=128).contains(&id.len()) && id.bytes().all(sound)
    };
    match header(headers, "x-request-id").filter(plain) {
        Some(id) => id.to_owned(),
        None => new_id(),
    }
}

/// Ids of a process count up from where its start and its number put them.
fn new_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    static BASE: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
    let base = *BASE.get_or_init(|| {
        use std::hash::{BuildHasher, RandomState};
        RandomState::new().hash_one(std::process::id())
    });
    format!("{base:016x}-{:x}", NEXT.fetch_add(1, Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(
            HeaderName::from_static(name),
            HeaderValue::from_str(value).unwrap(),
        )])
    }

    #[test]
    fn a_key_may_come_in_three_ways() {
        let keys = ["first".to_owned(), "second".to_owned()];
        // base64 of "anybody:second"
        let basic = "Basic YW55Ym9keTpzZWNvbmQ=";
        for (name, value) in [
            ("x-api-key", "first"),
            ("authorization", "Bearer second"),
            ("authorization", basic),
        ] {
            assert!(
                is_authorized(&keys, &headers(name, value)),
                "{name}: {value}"
            );
        }
        for (name, value) in [
            ("x-api-key", "firs"),
            ("authorization", "Bearer "),
            ("authorization", "first"),
            ("authorization", "Basic second"),
        ] {
            assert!(
                !is_authorized(&keys, &headers(name, value)),
                "{name}: {value}"
            );
        }
        assert!(!is_authorized(&keys, &HeaderMap::new()));
        assert!(is_authorized(&[], &HeaderMap::new()));
    }

    #[test]
    fn only_a_plain_request_id_is_taken_over() {
        assert_eq!(request_id(&headers("x-request-id", "abc-1.2")), "abc-1.2");
        for odd in ["", "a b", "{\"a\":1}", &"x".repeat(129)] {
            assert_ne!(request_id(&headers("x-request-id", odd)), odd);
        }
        assert_ne!(new_id(), new_id());
    }
}
