//! The routes.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::Request;
use axum::response::Response;
use axum::routing::{get, post};
use bert_ner_infer::Tagger;
use bert_ner_text::Sentence;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access;
use crate::answer::{Parameters, PredictAnswer, PredictRequest, TagRequest, WordAnswer, words};
use crate::app::App;
use crate::body::{self, Object};
use crate::label_studio;
use crate::openapi;
use crate::page;
use crate::reply::{ErrorBody, Refusal, json, typed};
use crate::settings::Limits;
use crate::work::Work;

/// Every route behind [`access::observe`].
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        // InferenceClient(model=URL) posts to the URL itself.
        .route("/", get(page::page).post(predict))
        .route("/predict", post(predict))
        .route("/tag", post(tag))
        .route("/models/{name}/predict", post(predict_by))
        .route("/models/{name}/tag", post(tag_by))
        .route("/label-studio/predict", post(label_studio::predict))
        .route("/label-studio/setup", post(label_studio::setup))
        .route("/label-studio/health", get(label_studio::health))
        .route("/info", get(info))
        .route("/health", get(health))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(openapi::document))
        .route("/docs", get(page::docs))
        .method_not_allowed_fallback(async || {
            Refusal::method("another method; GET /docs lists them")
        })
        .fallback(async || Refusal::not_found("there is no such route; GET /docs lists them"))
        .layer(axum::middleware::from_fn_with_state(
            Arc::clone(&app),
            access::observe,
        ))
        .with_state(app)
}

type Shared = State<Arc<App>>;
type Reply = Result<Response, Refusal>;

/// Finds the entities of texts.
///
/// The shape is that of Hugging Face's token-classification API.
#[utoipa::path(
    post, path = "/predict", tag = "predict", request_body = PredictRequest,
    responses(
        (status = 200, description = "Entities", body = PredictAnswer),
        (status = 400, description = "No JSON", body = ErrorBody),
        (status = 401, description = "No or a wrong API key", body = ErrorBody),
        (status = 408, description = "The body came too slowly", body = ErrorBody),
        (status = 413, description = "Over a limit of size", body = ErrorBody),
        (status = 422, description = "Not what this route takes", body = ErrorBody),
        (status = 429, description = "Too much at a time; see Retry-After", body = ErrorBody),
    )
)]
pub(crate) async fn predict(State(app): Shared, request: Request<Body>) -> Reply {
    let tagger = app.model(None)?;
    predict_with(&app, tagger, request).await
}

/// Finds the entities of texts with the model of this name.
#[utoipa::path(
    post, path = "/models/{name}/predict", tag = "predict", request_body = PredictRequest,
    params(("name" = String, Path, description = "As `GET /info` lists them")),
    responses(
        (status = 200, description = "Entities", body = PredictAnswer),
        (status = "4XX", description = "As `/predict`; 404 for a name that no model has", body = ErrorBody),
    )
)]
pub(crate) async fn predict_by(
    State(app): Shared,
    Path(name): Path<String>,
    request: Request<Body>,
) -> Reply {
    let tagger = app.model(Some(&name))?;
    predict_with(&app, tagger, request).await
}

async fn predict_with(app: &App, tagger: Arc<Tagger>, request: Request<Body>) -> Reply {
    let PredictRequest { inputs, parameters } = body::read(app, request).await?;
    let parameters: Parameters = parameters.map(|Object(given)| given).unwrap_or_default();
    parameters.check()?;
    let (texts, many) = inputs.into_list();
    if texts.is_empty() || !many && texts[0].is_empty() {
        return Err(Refusal::validation("inputs: there is no text"));
    }
    let longest = texts.iter().map(|text| text.chars().count()).max();
    app.check_sizes(texts.len(), longest.unwrap_or(0))?;
    let method = parameters.method();
    let count = texts.len();
    let cut = Box::new(move |tagger: &Tagger| {
        let texts = texts.into_iter();
        texts
            .map(|text| Work::text(tagger, text, &method))
            .collect()
    });
    let found = app.compute(tagger, count, cut).await?;
    let mut answers = found.into_iter().map(|found| parameters.answer(found));
    Ok(json(&match many {
        true => PredictAnswer::Many(answers.collect()),
        false => PredictAnswer::One(answers.next().unwrap_or_default()),
    }))
}

/// Tags sentences that are split into words already: exactly one tag a word.
#[utoipa::path(
    post, path = "/tag", tag = "predict", request_body = TagRequest,
    responses(
        (status = 200, description = "The words of each sentence with their tags", body = Vec<Vec<WordAnswer>>),
        (status = "4XX", description = "As `/predict`", body = ErrorBody),
    )
)]
pub(crate) async fn tag(State(app): Shared, request: Request<Body>) -> Reply {
    let tagger = app.model(None)?;
    tag_with(&app, tagger, request).await
}

/// Tags sentences that are split into words already with the model of this name.
#[utoipa::path(
    post, path = "/models/{name}/tag", tag = "predict", request_body = TagRequest,
    params(("name" = String, Path, description = "As `GET /info` lists them")),
    responses(
        (status = 200, description = "The words of each sentence with their tags", body = Vec<Vec<WordAnswer>>),
        (status = "4XX", description = "As `/predict`; 404 for a name that no model has", body = ErrorBody),
    )
)]
pub(crate) async fn tag_by(
    State(app): Shared,
    Path(name): Path<String>,
    request: Request<Body>,
) -> Reply {
    let tagger = app.model(Some(&name))?;
    tag_with(&app, tagger, request).await
}

async fn tag_with(app: &App, tagger: Arc<Tagger>, request: Request<Body>) -> Reply {
    let TagRequest { tokens } = body::read(app, request).await?;
    if tokens.is_empty() {
        return Err(Refusal::validation("tokens: there is no sentence"));
    }
    // A word costs a piece even when it is empty.
    let size = |words: &Vec<String>| words.iter().map(|word| word.chars().count().max(1)).sum();
    app.check_sizes(tokens.len(), tokens.iter().map(size).max().unwrap_or(0))?;
    let count = tokens.len();
    let cut = Box::new(move |tagger: &Tagger| {
        let sentences = tokens.iter().map(|words| Sentence::from_words(words, None));
        sentences
            .map(|sentence| Work::sentence(tagger, sentence))
            .collect()
    });
    let found = app.compute(tagger, count, cut).await?;
    let answer: Vec<Vec<WordAnswer>> = found.into_iter().map(words).collect();
    Ok(json(&answer))
}

/// What is served, and its limits.
#[derive(Serialize, ToSchema)]
pub(crate) struct Info<'a> {
    /// Version of bert-ner.
    version: &'static str,
    /// The models; the first answers where a request names none.
    models: Vec<ModelInfo<'a>>,
    limits: &'a Limits,
}

/// A model.
#[derive(Serialize, ToSchema)]
pub(crate) struct ModelInfo<'a> {
    /// Its name in paths.
    name: &'a str,
    /// Its labels by their ids.
    labels: Vec<String>,
    /// Its types of entities.
    types: Vec<String>,
    /// The scheme of its labels.
    scheme: &'static str,
    /// Pieces in its longest sequence; longer texts go through windows.
    max_length: usize,
    hidden_size: usize,
    layers: usize,
    vocabulary: usize,
}

/// What is served, and its limits.
#[utoipa::path(get, path = "/info", tag = "server", responses((status = 200, description = "Models and limits", body = Info)))]
pub(crate) async fn info(State(app): Shared) -> Response {
    let loaded: Vec<_> = app.models.all().collect();
    json(&Info {
        version: env!("CARGO_PKG_VERSION"),
        models: loaded
            .iter()
            .map(|(name, tagger)| model_info(name, tagger))
            .collect(),
        limits: &app.limits,
    })
}

fn model_info<'a>(name: &'a str, tagger: &Tagger) -> ModelInfo<'a> {
    let config = tagger.model().config();
    ModelInfo {
        name,
        labels: tagger.model().labels().to_vec(),
        types: tagger.types(),
        scheme: tagger.scheme().name(),
        max_length: tagger.max_length(),
        hidden_size: config.hidden_size,
        layers: config.num_hidden_layers,
        vocabulary: config.vocab_size,
    }
}

/// Whether a probe is happy.
#[derive(Serialize, ToSchema)]
pub(crate) struct Status {
    #[schema(example = "ok")]
    status: &'static str,
}

/// Whether the process lives.
#[utoipa::path(get, path = "/health", tag = "server", responses((status = 200, description = "It does", body = Status)))]
pub(crate) async fn health() -> Response {
    json(&Status { status: "ok" })
}

/// Whether requests are welcome: models are loaded and warmed before the first connection is taken.
#[utoipa::path(get, path = "/ready", tag = "server", responses(
    (status = 200, description = "They are", body = Status),
    (status = 503, description = "The server is stopping", body = ErrorBody),
))]
pub(crate) async fn ready(State(app): Shared) -> Reply {
    match app.is_stopping() {
        true => Err(Refusal::unavailable("the server is stopping")),
        false => Ok(json(&Status { status: "ready" })),
    }
}

/// Counters in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", tag = "server", responses(
    (status = 200, description = "Counters", body = String, content_type = "text/plain; version=0.0.4"),
))]
pub(crate) async fn metrics(State(app): Shared) -> Response {
    let page = app.metrics.render(&app.gauges());
    typed("text/plain; version=0.0.4; charset=utf-8", page)
}
