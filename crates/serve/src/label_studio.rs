//! Label Studio's ML-backend protocol.
//!
//! Label Studio is pointed at `http://…/label-studio`. It asks `GET health`, sends the project's labelling configuration to
//! `POST setup`, and tasks to `POST predict`; what comes back is shown as pre-annotations. Its editor counts offsets in
//! characters, not in JavaScript's UTF-16 units: seen in Label Studio 1.23.2, where a region of UTF-16 offsets stands one character
//! too far to the right for every emoji before it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use bert_ner_infer::{OffsetUnit, Tagger};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::app::App;
use crate::body::{self, Object};
use crate::reply::{ErrorBody, Refusal, json};
use crate::studio_config::StudioConfig;
use crate::work::{Found, Method, Work};

/// What Label Studio shows as the origin of a prediction.
const VERSION: &str = concat!("bert-ner-", env!("CARGO_PKG_VERSION"));

/// Tasks, and how the project labels. What else Label Studio sends is not needed.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct StudioRequest {
    #[schema(value_type = Vec<StudioTask>)]
    tasks: Vec<Object<StudioTask>>,
    /// The project's labelling configuration, XML.
    #[schema(
        example = "<View><Labels name=\"label\" toName=\"text\"><Label value=\"PER\"/></Labels><Text name=\"text\" value=\"$text\"/></View>"
    )]
    label_config: String,
}

/// A task.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct StudioTask {
    /// The fields of the task; the configuration says which is the text.
    #[schema(value_type = Object, example = json!({"text": "Ada Lovelace"}))]
    data: serde_json::Map<String, Value>,
}

/// A prediction for each task.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StudioAnswer {
    results: Vec<StudioPrediction>,
}

/// What was found in a task's text; an empty `result` when nothing was.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StudioPrediction {
    result: Vec<StudioRegion>,
    /// Mean of the regions' scores, 0 without any.
    score: f32,
    model_version: &'static str,
}

/// An entity.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StudioRegion {
    from_name: String,
    to_name: String,
    r#type: &'static str,
    value: StudioValue,
    score: f32,
}

/// Where an entity stands and what it is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StudioValue {
    /// In characters.
    start: usize,
    /// In characters.
    end: usize,
    text: String,
    labels: [String; 1],
}

/// A project's labelling configuration.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct StudioSetup {
    /// The labelling configuration, XML.
    #[schema(
        example = "<View><Labels name=\"label\" toName=\"text\"><Label value=\"PER\"/></Labels><Text name=\"text\" value=\"$text\"/></View>"
    )]
    schema: String,
}

/// That a project can be served.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StudioVersion {
    model_version: &'static str,
}

/// That the backend lives.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StudioHealth {
    #[schema(example = "UP")]
    status: &'static str,
    model_class: &'static str,
}

/// Pre-annotates tasks.
#[utoipa::path(
    post, path = "/label-studio/predict", tag = "label-studio", request_body = StudioRequest,
    responses(
        (status = 200, description = "A prediction for each task", body = StudioAnswer),
        (status = "4XX", description = "As `/predict`", body = ErrorBody),
    )
)]
pub(crate) async fn predict(
    State(app): State<Arc<App>>,
    request: Request<Body>,
) -> Result<Response, Refusal> {
    let request: StudioRequest = body::read(&app, request).await?;
    let config = parse(&request.label_config, "label_config")?;
    let text = |Object(mut task): Object<StudioTask>| match task.data.remove(&config.field) {
        Some(Value::String(text)) => text,
        _ => String::new(), // nothing to read is nothing found: other tasks must not suffer
    };
    let texts: Vec<String> = request.tasks.into_iter().map(text).collect();
    let longest = texts.iter().map(|text| text.chars().count()).max();
    app.check_sizes(texts.len(), longest.unwrap_or(0))?;
    let count = texts.len();
    let cut = Box::new(move |tagger: &Tagger| {
        let texts = texts.into_iter();
        texts
            .map(|text| Work::text(tagger, text, &Method::default()))
            .collect()
    });
    let found = app.compute(app.model(None)?, count, cut).await?;
    let results = found.into_iter().map(|found| prediction(&config, found));
    Ok(json(&StudioAnswer {
        results: results.collect(),
    }))
}

/// Says whether a project's configuration can be served.
#[utoipa::path(
    post, path = "/label-studio/setup", tag = "label-studio", request_body = StudioSetup,
    responses(
        (status = 200, description = "It can", body = StudioVersion),
        (status = "4XX", description = "It cannot, and why", body = ErrorBody),
    )
)]
pub(crate) async fn setup(
    State(app): State<Arc<App>>,
    request: Request<Body>,
) -> Result<Response, Refusal> {
    let setup: StudioSetup = body::read(&app, request).await?;
    parse(&setup.schema, "schema")?;
    Ok(json(&StudioVersion {
        model_version: VERSION,
    }))
}

/// Whether the backend lives.
#[utoipa::path(get, path = "/label-studio/health", tag = "label-studio", responses((status = 200, description = "It does", body = StudioHealth)))]
pub(crate) async fn health() -> Response {
    json(&StudioHealth {
        status: "UP",
        model_class: "bert-ner",
    })
}

fn parse(xml: &str, field: &str) -> Result<StudioConfig, Refusal> {
    StudioConfig::parse(xml).map_err(|message| Refusal::validation(format!("{field}: {message}")))
}

fn prediction(config: &StudioConfig, found: Found) -> StudioPrediction {
    let mut result = Vec::new();
    if let Found::Words(words) = found {
        let (sentence, tagged) = *words;
        let bytes = tagged
            .entities
            .iter()
            .flat_map(|entity| [entity.span.start, entity.span.end]);
        let offsets = OffsetUnit::Char.offsets(&sentence.text, &bytes.collect::<Vec<_>>());
        for (entity, offsets) in tagged.entities.iter().zip(offsets.chunks_exact(2)) {
            // A type that the project does not label is none of its business.
            if let Some(label) = config.label(&entity.label) {
                result.push(StudioRegion {
                    from_name: config.from_name.clone(),
                    to_name: config.to_name.clone(),
                    r#type: "labels",
                    value: StudioValue {
                        start: offsets[0],
                        end: offsets[1],
                        text: sentence.text[entity.span.clone()].to_owned(),
                        labels: [label.to_owned()],
                    },
                    score: entity.confidence,
                });
            }
        }
    }
    let sum: f32 = result.iter().map(|region| region.score).sum();
    StudioPrediction {
        score: sum / result.len().max(1) as f32,
        result,
        model_version: VERSION,
    }
}
