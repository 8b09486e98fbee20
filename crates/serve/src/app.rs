//! What every route shares.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::HeaderMap;
use bert_ner_infer::{InferError, Tagger};
use tokio::sync::Semaphore;

use crate::metrics::{Gauges, Metrics};
use crate::models::Models;
use crate::queue::{Job, Queue};
use crate::reply::Refusal;
use crate::settings::{Limits, Settings};
use crate::work::{Found, Work};

/// The server behind its routes.
pub(crate) struct App {
    pub(crate) models: Models,
    pub(crate) queue: Queue,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) limits: Limits,
    pub(crate) api_keys: Vec<String>,
    pub(crate) cors_origins: Vec<String>,
    /// One permit for each request in hand.
    pub(crate) permits: Semaphore,
    /// Whether the server has been told to stop.
    pub(crate) stopping: AtomicBool,
}

/// What cuts a request's texts into sequences; runs off the threads that talk to clients.
pub(crate) type Cut = Box<
    dyn FnOnce(&Tagger) -> Result<Vec<(Work, Vec<bert_ner_infer::Sequence>)>, InferError> + Send,
>;

impl App {
    pub(crate) fn new(models: Models, settings: &Settings) -> Self {
        let metrics = Arc::new(Metrics::default());
        let limits = settings.limits.clone();
        Self {
            models,
            queue: Queue::new(
                limits.queue_pieces,
                limits.batch_pieces,
                Arc::clone(&metrics),
            ),
            metrics,
            api_keys: settings.api_keys.clone(),
            cors_origins: settings.cors_origins.clone(),
            permits: Semaphore::new(limits.requests.min(Semaphore::MAX_PERMITS)),
            limits,
            stopping: AtomicBool::new(false),
        }
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// The model that a request names.
    pub(crate) fn model(&self, name: Option<&str>) -> Result<Arc<Tagger>, Refusal> {
        self.models
            .get(name)
            .ok_or_else(|| Refusal::not_found("no model has this name; GET /info lists them"))
    }

    /// Computes what `cut` makes of a request with `texts` texts.
    pub(crate) async fn compute(
        &self,
        tagger: Arc<Tagger>,
        texts: usize,
        cut: Cut,
    ) -> Result<Vec<Found>, Refusal> {
        let cutter = Arc::clone(&tagger);
        let parts = tokio::task::spawn_blocking(move || cut(&cutter)).await;
        let parts = parts.map_err(|_| Refusal::internal("the text could not be cut"))?;
        let parts = parts.map_err(refuse)?;
        let (job, answer) = Job::new(tagger, parts);
        self.queue.submit(job)?;
        let counted = &self.metrics.texts;
        counted.fetch_add(texts as u64, Ordering::Relaxed);
        let gone = |_| Refusal::internal("the answer was lost");
        answer.await.map_err(gone)?
    }

    pub(crate) fn gauges(&self) -> Gauges {
        Gauges {
            in_flight: self
                .limits
                .requests
                .saturating_sub(self.permits.available_permits()),
            waiting_pieces: self.queue.waiting(),
        }
    }

    /// Refuses what is over the limits: `texts` texts, of which `longest` is the most characters.
    pub(crate) fn check_sizes(&self, texts: usize, longest: usize) -> Result<(), Refusal> {
        let limits = &self.limits;
        if texts > limits.texts {
            let message = format!("{texts} texts are too many; at most {}", limits.texts);
            return Err(Refusal::too_large(message));
        }
        if longest > limits.text_chars {
            let most = limits.text_chars;
            let message = format!("a text of {longest} characters is too long; at most {most}");
            return Err(Refusal::too_large(message));
        }
        Ok(())
    }
}

/// Says what infer found wrong.
fn refuse(error: InferError) -> Refusal {
    match error {
        InferError::Stride { .. } | InferError::Aggregation { .. } => {
            Refusal::validation(format!("parameters: {error}"))
        }
        // The message may name a word of the text, but goes to nobody else than who sent it.
        InferError::Tokenize(_) => Refusal::validation(error.to_string()),
        _ => Refusal::internal(error.to_string()),
    }
}

/// A header as text, when it is.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
