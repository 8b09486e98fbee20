//! Every route, and every error that a request can get.

mod common;

use common::{Running, entities, golden};
use serde_json::{Value, json};

#[test]
fn predict_says_what_transformers_pipeline_says() {
    let server = Running::start();
    let mut client = server.client();
    for case in golden("pipeline.json").as_array().unwrap() {
        let mut parameters =
            json!({"aggregation_strategy": case["strategy"], "ignore_labels": case["ignored"]});
        if !case["stride"].is_null() {
            parameters["stride"] = case["stride"].clone();
        }
        let body = json!({"inputs": case["text"], "parameters": parameters}).to_string();
        let answer = client.send("POST", "/predict", &[], body.as_bytes()).ok();
        let expected = case["mentions"].as_array().unwrap();
        let found = answer.as_array().unwrap();
        assert_eq!(found.len(), expected.len(), "{body}");
        for (found, expected) in found.iter().zip(expected) {
            let (mut found, mut expected) = (found.clone(), expected.clone());
            let score = |mention: &mut Value| mention["score"].take().as_f64().unwrap();
            assert!(
                (score(&mut found) - score(&mut expected)).abs() < 1e-5,
                "{body}"
            );
            assert_eq!(found, expected, "{body}");
        }
    }
}

#[test]
fn a_list_gives_a_list_and_the_root_is_predict() {
    let server = Running::start();
    let one = entities(&server.post("/predict", r#"{"inputs": "ab cd"}"#).ok());
    let list = r#"{"inputs": ["ab cd", "", "ab cd"], "parameters": null}"#;
    let many = server.post("/", list).ok();
    let many: Vec<_> = many.as_array().unwrap().iter().map(entities).collect();
    assert_eq!(many, [one.clone(), Vec::new(), one.clone()]);
    let other = server.post("/models/other/predict", r#"{"inputs": "ab cd"}"#);
    assert_eq!(entities(&other.ok()), one);
}

#[test]
fn entities_are_words_of_the_text_in_every_unit() {
    let server = Running::start();
    let text = "😀 Zoë ab, 北 cd efg hij klm nop qrs tuv wxy z";
    let ask = |unit: &str| {
        let body = json!({"inputs": text, "parameters": {"offset_unit": unit}});
        server.post("/predict", body.to_string()).ok()
    };
    let (chars, bytes, utf16) = (ask("char"), ask("byte"), ask("utf16"));
    assert!(!chars.as_array().unwrap().is_empty());
    for (place, found) in chars.as_array().unwrap().iter().enumerate() {
        let at = |answer: &Value, key: &str| answer[place][key].as_u64().unwrap() as usize;
        let (start, end) = (at(&chars, "start"), at(&chars, "end"));
        let shown: String = text.chars().skip(start).take(end - start).collect();
        assert_eq!(found["word"], shown);
        assert_eq!(&text[at(&bytes, "start")..at(&bytes, "end")], shown);
        let units: Vec<u16> = text.encode_utf16().collect();
        let units = &units[at(&utf16, "start")..at(&utf16, "end")];
        assert_eq!(String::from_utf16(units).unwrap(), shown);
    }
}

#[test]
fn threshold_and_ignored_labels_leave_entities_out() {
    let server = Running::start();
    let ask = |parameters: Value| {
        let body = json!({"inputs": "zwx aoyhu f l hmrd haxgn", "parameters": parameters});
        server
            .post("/predict", body.to_string())
            .ok()
            .as_array()
            .unwrap()
            .clone()
    };
    let all = ask(json!({}));
    let scores: Vec<f64> = all
        .iter()
        .map(|entity| entity["score"].as_f64().unwrap())
        .collect();
    let most = scores.iter().copied().fold(0.0, f64::max);
    assert!(all.len() > 1 && ask(json!({"threshold": most - 1e-6})).len() < all.len());
    assert!(ask(json!({"threshold": 1.0})).is_empty());
    let without = ask(json!({"ignore_labels": ["PER"]}));
    assert!(
        without.iter().all(|entity| entity["entity_group"] == "LOC"),
        "{without:?}"
    );
    let pieces = ask(json!({"aggregation_strategy": "none"}));
    assert!(
        pieces
            .iter()
            .all(|piece| piece["entity"] != "O" && piece["index"].is_u64())
    );
}

#[test]
fn tag_gives_every_word_the_tag_of_transformers() {
    let server = Running::start();
    let expected = golden("expected.json");
    let rows = expected["sentences"].as_array().unwrap();
    let tokens: Vec<&Value> = rows.iter().map(|row| &row["words"]).collect();
    let answer = server
        .post("/tag", json!({"tokens": tokens}).to_string())
        .ok();
    for (row, found) in rows.iter().zip(answer.as_array().unwrap()) {
        let column = |key: &str| -> Value {
            found
                .as_array()
                .unwrap()
                .iter()
                .map(|word| word[key].clone())
                .collect()
        };
        assert_eq!(
            (column("word"), column("tag")),
            (row["words"].clone(), row["tags"].clone())
        );
    }
    let empty = server
        .post("/models/other/tag", r#"{"tokens": [[], ["", "\u200b"]]}"#)
        .ok();
    assert_eq!(
        (
            empty[0].as_array().unwrap().len(),
            empty[1].as_array().unwrap().len()
        ),
        (0, 2)
    );
}

#[test]
fn what_cannot_be_answered_says_why() {
    let server = Running::start();
    let long =
        json!({"inputs": "x", "parameters": {"aggregation_strategy": "simple", "stride": 38}});
    let nested = format!("{{\"inputs\": {}1{}}}", "[".repeat(9000), "]".repeat(9000));
    let deep = format!(
        "{{\"tasks\": [{{\"data\": {{\"a\": {}1{}}}}}]}}",
        "[".repeat(9000),
        "]".repeat(9000)
    );
    for (path, body, status, kind, part) in [
        ("/predict", "", 400, "json", "empty"),
        ("/predict", "{\"inputs\": ", 400, "json", "EOF"),
        (
            "/predict",
            "{\"inputs\": \"\u{1}\"}",
            400,
            "json",
            "control character",
        ),
        ("/label-studio/predict", &deep, 400, "json", "recursion"),
        ("/predict", &nested, 422, "validation", "expected a string"),
        ("/predict", "[]", 422, "validation", "expected an object"),
        (
            "/predict",
            "{}",
            422,
            "validation",
            "missing field `inputs`",
        ),
        (
            "/predict",
            r#"{"inputs": 1}"#,
            422,
            "validation",
            "a string or a list of strings",
        ),
        (
            "/predict",
            r#"{"inputs": ""}"#,
            422,
            "validation",
            "no text",
        ),
        (
            "/predict",
            r#"{"inputs": "a", "parameters": []}"#,
            422,
            "validation",
            "expected an object",
        ),
        (
            "/predict",
            r#"{"inputs": []}"#,
            422,
            "validation",
            "no text",
        ),
        (
            "/predict",
            r#"{"inputs": "a", "top_k": 1}"#,
            422,
            "validation",
            "`top_k`",
        ),
        (
            "/predict",
            r#"{"inputs": "a", "parameters": {"top_k": 1}}"#,
            422,
            "validation",
            "`top_k`",
        ),
        (
            "/predict",
            r#"{"inputs": "a", "inputs": "b"}"#,
            422,
            "validation",
            "duplicate",
        ),
        (
            "/predict",
            r#"{"inputs": "a", "parameters": {"aggregation_strategy": "best"}}"#,
            422,
            "validation",
            "`best`",
        ),
        (
            "/predict",
            r#"{"inputs": "a", "parameters": {"offset_unit": "line"}}"#,
            422,
            "validation",
            "`line`",
        ),
        (
            "/predict",
            r#"{"inputs": "a", "parameters": {"threshold": 2}}"#,
            422,
            "validation",
            "threshold",
        ),
        (
            "/predict",
            r#"{"inputs": "a", "parameters": {"stride": -1}}"#,
            422,
            "validation",
            "-1",
        ),
        (
            "/predict",
            r#"{"inputs": "a", "parameters": {"stride": 2}}"#,
            422,
            "validation",
            "stride",
        ),
        (
            "/predict",
            &long.to_string(),
            422,
            "validation",
            "less than 38",
        ),
        (
            "/tag",
            r#"{"tokens": ["a"]}"#,
            422,
            "validation",
            "expected a sequence",
        ),
        (
            "/tag",
            r#"{"tokens": []}"#,
            422,
            "validation",
            "no sentence",
        ),
        (
            "/models/none/predict",
            r#"{"inputs": "a"}"#,
            404,
            "not_found",
            "/info",
        ),
        ("/nowhere", "", 404, "not_found", "/docs"),
        ("/info", "", 405, "method_not_allowed", "/docs"),
        (
            "/label-studio/setup",
            r#"{"schema": "<View"}"#,
            422,
            "validation",
            "schema: not XML",
        ),
    ] {
        let message = server.post(path, body).refused(status, kind);
        assert!(message.contains(part), "{path} {body}: {message}");
    }
    let mut invalid = br#"{"inputs": "a"}"#.to_vec();
    invalid[12] = 0xff;
    server.post("/predict", invalid).refused(400, "json");
    server.get("/predict").refused(405, "method_not_allowed");
}

#[test]
fn the_servers_own_routes_answer() {
    let server = Running::start();
    assert_eq!(server.get("/health").ok(), json!({"status": "ok"}));
    assert_eq!(server.get("/ready").ok(), json!({"status": "ready"}));
    let info = server.get("/info").ok();
    assert_eq!(info["models"][0]["name"], "tiny");
    assert_eq!(info["models"][1]["types"], json!(["LOC", "PER"]));
    assert_eq!(
        (&info["models"][0]["max_length"], &info["limits"]["texts"]),
        (&json!(40), &json!(256))
    );
    server.post("/predict", r#"{"inputs": "ab cd"}"#).ok();
    let metrics = server.get("/metrics");
    assert!(metrics.headers["content-type"].starts_with("text/plain; version=0.0.4"));
    for line in [
        "bert_ner_texts_total 1",
        "bert_ner_pieces_total 6",
        "bert_ner_requests_total{route=\"/predict\",status=\"200\"} 1",
    ] {
        assert!(
            metrics.body.lines().any(|found| found == line),
            "{line}\n{}",
            metrics.body
        );
    }
    let document = server.get("/openapi.json").ok();
    assert_eq!(document["openapi"], "3.1.0");
    for path in [
        "/predict",
        "/tag",
        "/models/{name}/predict",
        "/label-studio/predict",
        "/info",
    ] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
}

#[test]
fn pages_ask_nobody_else_for_anything() {
    let server = Running::start();
    for path in ["/", "/docs"] {
        let page = server.get(path);
        assert_eq!(page.status, 200);
        assert!(page.headers["content-security-policy"].starts_with("default-src 'none'"));
        assert!(page.body.contains("</html>"), "{path} is a page");
        for outside in ["http://", "https://", "src=\"", "@import", "url("] {
            let found = page.body.match_indices(outside).next();
            assert!(found.is_none(), "{path}: {outside} at {found:?}");
        }
    }
}
