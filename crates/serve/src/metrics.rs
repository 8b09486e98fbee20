//! Counters in Prometheus' text format.
//!
//! The format: <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Upper bounds of the histogram's buckets, in seconds.
const BOUNDS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];
/// Pieces a second before anything has been measured.
const FIRST_GUESS: u64 = 1000;

/// What is counted.
#[derive(Default)]
pub(crate) struct Metrics {
    requests: Mutex<BTreeMap<(String, u16), u64>>,
    seconds: Mutex<BTreeMap<String, Histogram>>,
    pub(crate) connections: AtomicU64,
    pub(crate) texts: AtomicU64,
    pub(crate) cancelled: AtomicU64,
    pub(crate) failed: AtomicU64,
    batches: AtomicU64,
    pieces: AtomicU64,
    compute_micros: AtomicU64,
}

#[derive(Default)]
struct Histogram {
    buckets: [u64; BOUNDS.len()],
    count: u64,
    sum: f64,
}

/// What holds now rather than counts up.
pub(crate) struct Gauges {
    pub(crate) in_flight: usize,
    pub(crate) waiting_pieces: usize,
}

impl Metrics {
    /// Counts an answered request.
    pub(crate) fn request(&self, route: &str, status: u16, took: Duration) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry((route.to_owned(), status)).or_default() += 1;
        drop(requests);
        let mut seconds = self.seconds.lock().unwrap_or_else(PoisonError::into_inner);
        seconds
            .entry(route.to_owned())
            .or_default()
            .add(took.as_secs_f64());
    }

    /// Counts a batch.
    pub(crate) fn batch(&self, pieces: usize, took: Duration) {
        if pieces > 0 {
            self.batches.fetch_add(1, Ordering::Relaxed);
            self.pieces.fetch_add(pieces as u64, Ordering::Relaxed);
            let micros = took.as_micros() as u64;
            self.compute_micros.fetch_add(micros, Ordering::Relaxed);
        }
    }

    /// How long so many pieces take at the speed seen so far, in whole seconds, rounded up.
    pub(crate) fn seconds_for(&self, pieces: usize) -> u64 {
        let micros = self.compute_micros.load(Ordering::Relaxed);
        let done = self.pieces.load(Ordering::Relaxed);
        let speed = match micros {
            0 => FIRST_GUESS,
            micros => (done.saturating_mul(1_000_000) / micros).max(1),
        };
        (pieces as u64).div_ceil(speed)
    }

    /// The page of `/metrics`.
    pub(crate) fn render(&self, gauges: &Gauges) -> String {
        let mut page = String::new();
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed) as f64;
        let compute = load(&self.compute_micros) / 1e6;
        for (name, kind, help, value) in [
            (
                "in_flight_requests",
                "gauge",
                "Requests in hand.",
                gauges.in_flight as f64,
            ),
            (
                "queue_pieces",
                "gauge",
                "Pieces that wait for the model.",
                gauges.waiting_pieces as f64,
            ),
            (
                "connections_total",
                "counter",
                "Connections taken.",
                load(&self.connections),
            ),
            (
                "texts_total",
                "counter",
                "Texts, sentences and tasks accepted.",
                load(&self.texts),
            ),
            (
                "cancelled_total",
                "counter",
                "Requests dropped because the client left.",
                load(&self.cancelled),
            ),
            (
                "failed_total",
                "counter",
                "Requests that the model failed on.",
                load(&self.failed),
            ),
            (
                "batches_total",
                "counter",
                "Batches computed.",
                load(&self.batches),
            ),
            (
                "pieces_total",
                "counter",
                "Pieces computed, [CLS] and [SEP] included.",
                load(&self.pieces),
            ),
            (
                "compute_seconds_total",
                "counter",
                "Time spent in the model.",
                compute,
            ),
        ] {
            let name = format!("bert_ner_{name}");
            let _ = writeln!(
                page,
                "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}"
            );
        }
        self.render_requests(&mut page);
        page
    }

    fn render_requests(&self, page: &mut String) {
        let name = "bert_ner_requests_total";
        let _ = writeln!(
            page,
            "# HELP {name} Requests answered.\n# TYPE {name} counter"
        );
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        for ((route, status), count) in requests.iter() {
            let _ = writeln!(
                page,
                "{name}{{route=\"{route}\",status=\"{status}\"}} {count}"
            );
        }
        drop(requests);
        let name = "bert_ner_request_seconds";
        let help = "From the end of a request's head to its answer.";
        let _ = writeln!(page, "# HELP {name} {help}\n# TYPE {name} histogram");
        let seconds = self.seconds.lock().unwrap_or_else(PoisonError::into_inner);
        for (route, histogram) in seconds.iter() {
            for (bound, count) in BOUNDS.iter().zip(histogram.buckets) {
                let _ = writeln!(
                    page,
                    "{name}_bucket{{route=\"{route}\",le=\"{bound}\"}} {count}"
                );
            }
            let (count, sum) = (histogram.count, histogram.sum);
            let _ = writeln!(
                page,
                "{name}_bucket{{route=\"{route}\",le=\"+Inf\"}} {count}"
            );
            let _ = writeln!(page, "{name}_sum{{route=\"{route}\"}} {sum}");
            let _ = writeln!(page, "{name}_count{{route=\"{route}\"}} {count}");
        }
    }
}

impl Histogram {
    fn add(&mut self, seconds: f64) {
        for (bucket, bound) in self.buckets.iter_mut().zip(BOUNDS) {
            *bucket += u64::from(seconds <= bound);
        }
        self.count += 1;
        self.sum += seconds;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_count_up_to_their_bound() {
        let metrics = Metrics::default();
        for millis in [1, 30, 20_000] {
            metrics.request("/predict", 200, Duration::from_millis(millis));
        }
        let page = metrics.render(&Gauges {
            in_flight: 2,
            waiting_pieces: 7,
        });
        for line in [
            "bert_ner_in_flight_requests 2",
            "bert_ner_queue_pieces 7",
            "bert_ner_requests_total{route=\"/predict\",status=\"200\"} 3",
            "bert_ner_request_seconds_bucket{route=\"/predict\",le=\"0.001\"} 1",
            "bert_ner_request_seconds_bucket{route=\"/predict\",le=\"0.05\"} 2",
            "bert_ner_request_seconds_bucket{route=\"/predict\",le=\"10\"} 2",
            "bert_ner_request_seconds_bucket{route=\"/predict\",le=\"+Inf\"} 3",
        ] {
            assert!(
                page.lines().any(|found| found == line),
                "{line} is not in\n{page}"
            );
        }
    }

    #[test]
    fn waiting_is_guessed_from_the_speed_so_far() {
        let metrics = Metrics::default();
        assert_eq!(metrics.seconds_for(1500), 2);
        metrics.batch(1000, Duration::from_millis(100));
        assert_eq!(metrics.seconds_for(25_000), 3);
    }
}
