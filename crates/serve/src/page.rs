//! The pages for people. Each is one file that asks nobody else for anything.

use axum::http::{HeaderValue, header};
use axum::response::Response;

use crate::reply::typed;

/// Only what is in the page runs, and it talks to this server alone.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; \
                      img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `GET /`: paste text, see entities.
pub(crate) async fn page() -> Response {
    html(include_str!("page/index.html"))
}

/// `GET /docs`: the OpenAPI document as a page.
pub(crate) async fn docs() -> Response {
    html(include_str!("page/docs.html"))
}

fn html(page: &'static str) -> Response {
    let mut response = typed("text/html; charset=utf-8", page);
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
