//! Label Studio's ML-backend protocol.

mod common;

use common::Running;
use serde_json::{Value, json};

/// Whether a region's offsets, in characters, lead to its text.
fn is_at_its_place(region: &Value, text: &str) -> bool {
    let value = &region["value"];
    let at = |key: &str| value[key].as_u64().unwrap() as usize;
    let shown: String = text.chars().take(at("end")).skip(at("start")).collect();
    value["text"] == shown
}

/// What Label Studio 1.23.2 sent when a project was connected and its tasks were pre-annotated. With the answers its editor showed
/// every region in its place, behind emoji and Chinese too, and counted the same offsets for regions made by hand.
#[test]
fn the_requests_of_a_real_label_studio_are_answered() {
    let server = Running::with(|settings| settings.api_keys = vec!["secret".to_owned()]);
    let recorded: Value = serde_json::from_str(include_str!("data/label-studio.json")).unwrap();
    let mut client = server.client();
    let answers: Vec<Value> = recorded["requests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|request| {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let headers: Vec<(String, String)> = request["headers"]
                .as_object()
                .unwrap()
                .iter()
                .map(|(name, value)| (name.clone(), text(value)))
                .collect();
            let headers: Vec<(&str, &str)> = headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            let body = match &request["body"] {
                Value::Null => String::new(),
                body => body.to_string(),
            };
            let (method, path) = (text(&request["method"]), text(&request["path"]));
            client.send(&method, &path, &headers, body.as_bytes()).ok()
        })
        .collect();
    assert_eq!(answers[0]["status"], "UP");
    assert_eq!(
        answers[1]["model_version"],
        answers[2]["results"][0]["model_version"]
    );
    let tasks = recorded["requests"][2]["body"]["tasks"].as_array().unwrap();
    let rows = answers[2]["results"].as_array().unwrap();
    assert_eq!(rows.len(), tasks.len());
    for (row, task) in rows.iter().zip(tasks) {
        let text = task["data"]["text"].as_str().unwrap();
        let regions = row["result"].as_array().unwrap();
        assert!(
            regions.iter().all(|region| is_at_its_place(region, text)),
            "{row}"
        );
    }
}

#[test]
fn offsets_count_characters_and_labels_are_those_of_the_project() {
    let server = Running::start();
    let config = r#"<View><Labels name="ner" toName="t"><Label value="Person"/><Label value="Location"/></Labels><Text name="t" value="$body"/></View>"#;
    let text = "😀 zwx aoyhu 北 f l hmrd haxgn";
    let tasks = json!([
        {"id": 1, "data": {"body": text}}, {"id": 2, "data": {"body": ""}}, {"id": 3, "data": {"other": 1}},
    ]);
    assert_eq!(server.get("/label-studio/health").ok()["status"], "UP");
    let setup = json!({"project": "1.2", "schema": config, "hostname": "", "access_token": ""});
    server.post("/label-studio/setup", setup.to_string()).ok();
    let body = json!({"tasks": tasks, "project": "1.2", "label_config": config, "params": {"context": null}});
    let answer = server.post("/label-studio/predict", body.to_string()).ok();
    let rows = answer["results"].as_array().unwrap();
    assert_eq!(rows.len(), 3);
    assert_eq!(
        (&rows[1]["result"], &rows[2]["result"]),
        (&json!([]), &json!([]))
    );
    let regions = rows[0]["result"].as_array().unwrap();
    assert!(!regions.is_empty());
    for region in regions {
        let label = region["value"]["labels"][0].as_str().unwrap();
        assert!(["Person", "Location"].contains(&label), "{region}");
        assert_eq!(
            (&region["from_name"], &region["to_name"], &region["type"]),
            (&json!("ner"), &json!("t"), &json!("labels"))
        );
    }
    assert!(regions.iter().all(|region| is_at_its_place(region, text)));
}
