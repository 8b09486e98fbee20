//! Limits, keys, bad clients, reload and stop.

mod common;

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::{Running, entities, write_model};
use serde_json::{Value, json};

const TEXT: &str = r#"{"inputs": "zwx aoyhu f l hmrd haxgn"}"#;

#[test]
fn what_is_over_a_limit_is_refused() {
    let server = Running::with(|settings| {
        settings.limits.body_bytes = 200;
        settings.limits.texts = 2;
        settings.limits.text_chars = 5;
    });
    let refused = |body: Value| {
        server
            .post("/predict", body.to_string())
            .refused(413, "too_large")
    };
    assert!(refused(json!({"inputs": "x".repeat(300)})).contains("200 bytes"));
    assert!(refused(json!({"inputs": ["a", "b", "c"]})).contains("at most 2"));
    assert!(refused(json!({"inputs": "ääääää"})).contains("at most 5"));
    server
        .post("/predict", json!({"inputs": "äääää"}).to_string())
        .ok();
    let words = json!({"tokens": [["a", "", "", "", "", ""]]});
    server
        .post("/tag", words.to_string())
        .refused(413, "too_large");
    // Without a length the limit holds all the same.
    let mut client = server.client();
    let head = "POST /predict HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n12c\r\n";
    client.0.get_mut().write_all(head.as_bytes()).unwrap();
    client.0.get_mut().write_all(&[b' '; 300]).unwrap();
    client.answer().unwrap().refused(413, "too_large");
}

#[test]
fn too_many_requests_are_told_when_to_come_again() {
    let server = Running::with(|settings| settings.limits.requests = 1);
    let mut slow = server.client();
    slow.head("POST", "/predict", &[], TEXT.len());
    let deadline = Instant::now() + Duration::from_secs(20);
    let refused = loop {
        let answer = server.post("/predict", TEXT);
        if answer.status == 429 {
            break answer;
        }
        assert!(
            Instant::now() < deadline,
            "the slow request was never counted"
        );
    };
    refused.refused(429, "overloaded");
    assert_eq!(refused.headers["retry-after"], "1");
    assert_eq!(server.get("/health").status, 200);
    slow.0.get_mut().write_all(TEXT.as_bytes()).unwrap();
    slow.answer().unwrap().ok();
    server.post("/predict", TEXT).ok();
}

#[test]
fn a_key_is_asked_for_everywhere_but_by_probes() {
    let server = Running::with(|settings| settings.api_keys = vec!["secret".to_owned()]);
    for path in ["/health", "/ready", "/label-studio/health"] {
        assert_eq!(server.get(path).status, 200, "{path}");
    }
    for path in [
        "/",
        "/info",
        "/metrics",
        "/openapi.json",
        "/docs",
        "/nowhere",
    ] {
        server.get(path).refused(401, "unauthorized");
    }
    let answer = server.post("/predict", TEXT);
    answer.refused(401, "unauthorized");
    assert!(answer.headers["www-authenticate"].starts_with("Basic"));
    let with = |key| {
        server.client().send(
            "POST",
            "/predict",
            &[("authorization", key)],
            TEXT.as_bytes(),
        )
    };
    with("Bearer secret").ok();
    with("Bearer Secret").refused(401, "unauthorized");
}

#[test]
fn other_origins_are_let_in_only_by_name() {
    let server = Running::with(|settings| settings.cors_origins = vec!["http://a.test".to_owned()]);
    let ask = |method: &str, origin| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
        ];
        server
            .client()
            .send(method, "/predict", &headers, TEXT.as_bytes())
    };
    let allow = "access-control-allow-origin";
    assert_eq!(ask("POST", "http://a.test").headers[allow], "http://a.test");
    assert!(!ask("POST", "http://b.test").headers.contains_key(allow));
    let preflight = ask("OPTIONS", "http://a.test");
    assert_eq!(
        (preflight.status, preflight.headers[allow].as_str()),
        (204, "http://a.test")
    );
    assert_eq!(ask("OPTIONS", "http://b.test").status, 405);
}

#[test]
fn every_answer_has_a_request_id() {
    let server = Running::start();
    let own = server
        .client()
        .send("GET", "/info", &[("x-request-id", "mine-1")], b"");
    assert_eq!(own.headers["x-request-id"], "mine-1");
    let (one, other) = (server.get("/nowhere"), server.get("/nowhere"));
    assert_ne!(one.headers["x-request-id"], other.headers["x-request-id"]);
}

#[test]
fn slow_clients_are_sent_away() {
    let server = Running::with(|settings| settings.limits.read_seconds = 1);
    let mut body = server.client();
    body.head("POST", "/predict", &[], 100);
    body.answer().unwrap().refused(408, "timeout");
    let mut head = server.client();
    head.0
        .get_mut()
        .write_all(b"POST /predict HTTP/1.1\r\n")
        .unwrap();
    let answer = head.answer();
    assert!(answer.is_none_or(|answer| answer.status == 408));
    // A byte now and then buys no time.
    let mut dripping = server.client();
    let start = Instant::now();
    dripping.head("POST", "/predict", &[], 1000);
    while start.elapsed() < Duration::from_secs(20) && dripping.0.get_mut().write_all(b" ").is_ok()
    {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(start.elapsed() < Duration::from_secs(15));
}

#[test]
fn what_does_not_fit_the_queue_is_told_when_to_come_again_and_the_rest_is_answered() {
    let server = Running::with(|settings| settings.limits.queue_pieces = 400);
    let body = json!({"inputs": "zwx aoyhu f l hmrd ".repeat(40)}).to_string();
    let expected = entities(&server.post("/predict", &body).ok());
    let (answered, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let mut client = server.client();
                for _ in 0..20 {
                    let answer = client.send("POST", "/predict", &[], body.as_bytes());
                    if answer.status == 429 {
                        assert!(answer.refused(429, "overloaded").contains("waiting"));
                        let seconds: u64 = answer.headers["retry-after"].parse().unwrap();
                        assert!((1..=60).contains(&seconds), "{seconds}");
                        refused.fetch_add(1, Ordering::Relaxed);
                    } else {
                        assert_eq!(entities(&answer.ok()), expected);
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert!(answered.load(Ordering::Relaxed) > 0 && refused.load(Ordering::Relaxed) > 0);
    // Nothing of those who were refused is left behind.
    let page = server.get("/metrics").body;
    assert!(
        page.lines().any(|line| line == "bert_ner_queue_pieces 0"),
        "{page}"
    );
    assert_eq!(entities(&server.post("/predict", &body).ok()), expected);
}

#[test]
fn clients_that_leave_cost_nothing_more() {
    let server = Running::start();
    let text = "ab cd ".repeat(20_000);
    let body = json!({"inputs": text}).to_string();
    for _ in 0..3 {
        let mut client = server.client();
        client.head("POST", "/predict", &[], body.len());
        client.0.get_mut().write_all(body.as_bytes()).unwrap();
    }
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let page = server.get("/metrics").body;
        let value = |name: &str| {
            let line = page.lines().find(|line| line.starts_with(name)).unwrap();
            line.split(' ').next_back().unwrap().parse::<f64>().unwrap()
        };
        // All three left: none is in hand, nothing waits.
        let left = "bert_ner_requests_total{route=\"/predict\",status=\"499\"} 3";
        if page.contains(left)
            && value("bert_ner_in_flight") == 0.0
            && value("bert_ner_queue_pieces") == 0.0
        {
            break;
        }
        assert!(Instant::now() < deadline, "{page}");
        std::thread::sleep(Duration::from_millis(20));
    }
    server.post("/predict", TEXT).ok();
}

#[test]
fn no_body_however_odd_brings_the_server_down() {
    let server = Running::start();
    let seeds = [
        r#"{"inputs": ["ab cd", "😀 北"], "parameters": {"aggregation_strategy": "max", "stride": 3}}"#,
        r#"{"tokens": [["EU", "rejects"], []]}"#,
        r#"{"tasks": [{"data": {"text": "ab"}}], "label_config": "<View><Labels name='l' toName='t'/><Text name='t' value='$text'/></View>"}"#,
    ];
    let mut state = 7_u64;
    let mut random = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut client = server.client();
    for round in 0..10_000 {
        let mut body = seeds[random(seeds.len())].as_bytes().to_vec();
        if round % 8 == 0 {
            body = (0..random(200)).map(|_| random(256) as u8).collect();
            body.push(b' ');
        }
        for _ in 0..1 + random(4) {
            let place = random(body.len());
            match random(4) {
                0 => body[place] = random(256) as u8,
                1 => drop(body.drain(place..(place + random(9)).min(body.len()))),
                2 => body.insert(place, b"{}[]\",:\\0-9eu"[random(13)]),
                _ => body.extend_from_within(place..),
            }
            if body.is_empty() {
                body.push(b' ');
            }
        }
        let path = ["/predict", "/tag", "/label-studio/predict"][random(3)];
        let answer = client.send("POST", path, &[], &body);
        assert!(
            [200, 400, 422].contains(&answer.status),
            "round {round}: {answer:?} {body:?}"
        );
    }
    server.post("/predict", TEXT).ok();
}

#[test]
fn a_broken_folder_leaves_the_old_model() {
    let server = Running::start();
    let before = server.post("/predict", TEXT).ok();
    let weights = server.model_dir("tiny").join("model.safetensors");
    std::fs::remove_file(&weights).unwrap();
    std::fs::write(&weights, b"no weights").unwrap();
    server.handle.reload();
    assert_eq!(server.post("/predict", TEXT).ok(), before);
    // A good folder takes its place.
    std::fs::remove_dir_all(server.model_dir("tiny")).unwrap();
    write_model(&server.model_dir("tiny"));
    let config = server.model_dir("tiny").join("config.json");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("-PER", "-HUM")).unwrap();
    server.handle.reload();
    assert_eq!(
        server.get("/info").ok()["models"][0]["types"],
        json!(["LOC", "HUM"])
    );
    assert_eq!(server.post("/models/other/predict", TEXT).ok(), before);
}

#[test]
fn many_at_once_get_each_their_own_answer_also_while_models_are_reloaded() {
    let server = Running::start();
    let bodies: Vec<String> = (1..40)
        .map(|words| {
            json!({"inputs": "zwx aoyhu f l hmrd ".repeat(words * words % 31 + 1)}).to_string()
        })
        .collect();
    let expected: Vec<Value> = bodies
        .iter()
        .map(|body| server.post("/predict", body).ok())
        .collect();
    std::thread::scope(|scope| {
        for start in 0..8 {
            let (bodies, expected, server) = (&bodies, &expected, &server);
            scope.spawn(move || {
                let mut client = server.client();
                for place in (0..bodies.len()).map(|place| (place + start * 5) % bodies.len()) {
                    let path = ["/predict", "/models/other/predict"][place % 2];
                    let found = client
                        .send("POST", path, &[], bodies[place].as_bytes())
                        .ok();
                    assert_eq!(entities(&found), entities(&expected[place]));
                }
            });
        }
        scope.spawn(|| (0..5).for_each(|_| server.handle.reload()));
    });
}
