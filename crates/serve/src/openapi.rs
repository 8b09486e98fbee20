//! The OpenAPI 3.1 document of the routes.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::app::App;
use crate::settings::Limits;
use crate::{answer, label_studio, reply, routes};

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
pub(crate) async fn document(State(app): State<Arc<App>>) -> Response {
    let longest = app.models.all().map(|(_, tagger)| tagger.max_length());
    reply::json(&describe(&app.limits, longest.min().unwrap_or(0)))
}

/// The document of a server with these limits, whose models take at least `max_length` pieces.
fn describe(limits: &Limits, max_length: usize) -> Value {
    let mut document = serde_json::to_value(Document::openapi()).unwrap_or_default();
    let schemas = &mut document["components"]["schemas"];
    // An empty list is one of entities as well as one of lists, so these are not exclusive.
    for name in ["Inputs", "PredictAnswer"] {
        let choices = schemas[name]["oneOf"].take();
        schemas[name]["anyOf"] = choices;
        schemas[name]
            .as_object_mut()
            .map(|schema| schema.remove("oneOf"));
    }
    let text = json!({"type": "string", "maxLength": limits.text_chars});
    merge(
        &mut schemas["Inputs"]["anyOf"][0],
        json!({"minLength": 1, "maxLength": limits.text_chars}),
    );
    merge(
        &mut schemas["Inputs"]["anyOf"][1],
        json!({"minItems": 1, "maxItems": limits.texts, "items": text}),
    );
    for (name, field) in [("TagRequest", "tokens"), ("StudioRequest", "tasks")] {
        merge(
            &mut schemas[name]["properties"][field],
            json!({"maxItems": limits.texts}),
        );
    }
    // Windows begin and end with a special piece, and must advance by one at least.
    let most = max_length.saturating_sub(3);
    merge(
        &mut schemas["Parameters"]["properties"]["stride"],
        json!({"maximum": most}),
    );
    let strided = json!({"properties": {"stride": {"type": "integer"}}, "required": ["stride"]});
    let merging = json!({"enum": ["simple", "first", "average", "max"]});
    let then = json!({"properties": {"aggregation_strategy": merging}, "required": ["aggregation_strategy"]});
    merge(
        &mut schemas["Parameters"],
        json!({"if": strided, "then": then}),
    );
    document
}

/// Adds fields to an object.
fn merge(schema: &mut Value, fields: Value) {
    if let (Value::Object(schema), Value::Object(fields)) = (schema, fields) {
        schema.extend(fields);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_openapi_3_1_and_every_reference_leads_somewhere() {
        let document = describe(&Limits::default(), 512);
        assert_eq!(document["openapi"], "3.1.0");
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"#").skip(1) {
            let pointer = reference.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
    }

    #[test]
    fn the_document_tells_the_limits_in_force() {
        let limits = Limits {
            texts: 7,
            text_chars: 90,
            ..Limits::default()
        };
        let document = describe(&limits, 16);
        for (pointer, limit) in [
            ("Inputs/anyOf/0/maxLength", 90),
            ("Inputs/anyOf/1/maxItems", 7),
            ("Inputs/anyOf/1/items/maxLength", 90),
            ("TagRequest/properties/tokens/maxItems", 7),
            ("StudioRequest/properties/tasks/maxItems", 7),
            ("Parameters/properties/stride/maximum", 13),
        ] {
            let found = document.pointer(&format!("/components/schemas/{pointer}"));
            assert_eq!(found, Some(&json!(limit)), "{pointer}");
        }
    }
}
