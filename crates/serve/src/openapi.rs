//! The OpenAPI 3.1 document of the routes.

use axum::response::Response;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::reply::json;
use crate::{answer, label_studio, routes};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "bert-ner",
        description = "Named-entity recognition: text in, entities with offsets out.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    paths(
        routes::predict,
        routes::predict_by,
        routes::tag,
        routes::tag_by,
        routes::info,
        routes::health,
        routes::ready,
        routes::metrics,
        label_studio::predict,
        label_studio::setup,
        label_studio::health,
    ),
    components(schemas(answer::Inputs)),
    modifiers(&Keys)
)]
struct Document;

/// Says how a key is brought, where the server asks for one.
struct Keys;

impl Modify for Keys {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("key", SecurityScheme::Http(bearer));
        let none: [String; 0] = [];
        document.security = Some(vec![
            SecurityRequirement::new("key", none),
            SecurityRequirement::default(),
        ]);
    }
}

/// `GET /openapi.json`.
pub(crate) async fn document() -> Response {
    json(&Document::openapi())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_openapi_3_1_and_every_reference_leads_somewhere() {
        let document = serde_json::to_value(Document::openapi()).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"#").skip(1) {
            let pointer = reference.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
    }
}
