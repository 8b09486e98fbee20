//! Text classification from data to predictions, with the binary.

mod common;

use common::Bench;
use serde_json::Value;

const TRAIN: &str = "\
{\"text\": \"London London rain\", \"label\": \"bad\"}
{\"text\": \"rain in London\", \"label\": \"bad\"}
{\"text\": \"Ada was born in Paris\", \"label\": \"good\"}
{\"text\": \"Ada lived far from Spain, far from New York, far from London, far from Paris\", \"label\": \"good\"}
";
const DEV: &str = "text,label\n\"rain, London\",bad\nAda lived,good\n";

fn bench() -> Bench {
    let bench = Bench::new();
    bench.write("train.jsonl", TRAIN);
    bench.write("dev.csv", DEV);
    bench
}

fn arguments<'a>(further: &[&'a str]) -> Vec<&'a str> {
    let mut all = vec!["--task", "classify", "--train", "train.jsonl"];
    all.extend([
        "--dev",
        "dev.csv",
        "--epochs",
        "20",
        "--learning-rate",
        "1e-2",
    ]);
    all.extend(["--max-length", "10", "--batch-size", "2"]);
    all.extend(further);
    all
}

#[test]
fn a_classifier_is_trained_scored_and_asked() {
    let bench = bench();
    let run = bench.train(&arguments(&[
        "--test",
        "dev.csv",
        "--class-weights",
        "balanced",
    ]));
    let run = run.ok();
    assert!(
        run.stderr.contains("texts cut to 10 pieces"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("macro F1"), "{}", run.stderr);
    let config: Value = serde_json::from_str(&bench.read("out/config.json")).unwrap();
    assert_eq!(config["architectures"][0], "BertForSequenceClassification");
    assert_eq!(config["bert_ner"]["task"], "classify");
    let served = bench.run(&["serve", "--model", "out", "--port", "0"]);
    assert_eq!(served.code, Some(1));
    assert!(
        served
            .stderr
            .contains("(out): is a classifier of whole texts"),
        "{}",
        served.stderr
    );
    let report: Value = serde_json::from_str(&bench.read("out/training.json")).unwrap();
    let eval = bench.run(&["eval", "--model", "out", "--data", "dev.csv", "--json"]);
    let eval: Value = serde_json::from_str(&eval.ok().stdout).unwrap();
    for key in [
        "accuracy",
        "f1",
        "macro_f1",
        "weighted_f1",
        "labels",
        "confusion",
    ] {
        assert!(!eval[key].is_null(), "{key}");
        assert_eq!(eval[key], report["best"]["dev"][key], "{key}");
        assert_eq!(eval[key], report["test"][key], "{key}");
    }
    assert_eq!(eval["labels"], serde_json::json!(["bad", "good"]));
    let predict = [
        "predict",
        "--model",
        "out",
        "train.jsonl",
        "--output-format",
        "jsonl",
    ];
    let predicted = bench.run(&predict).ok();
    assert!(
        predicted.stderr.contains("4 texts cut to 10 pieces"),
        "{}",
        predicted.stderr
    );
    let lines: Vec<Value> = predicted
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 4);
    for line in &lines {
        let label = line["label"].as_str().unwrap();
        assert_eq!(line["probabilities"][label], line["score"]);
        let sum: f64 = ["bad", "good"]
            .map(|label| line["probabilities"][label].as_f64().unwrap())
            .iter()
            .sum();
        assert!((sum - 1.0).abs() < 2e-4, "{line}");
    }
    assert_eq!(bench.read("out/predictions.jsonl").lines().count(), 2);
    let offsets = [&predict[..], &["--offset-unit", "byte"]].concat();
    bench.run(&offsets).failed(
        2,
        "error: --offset-unit is about entities, and the model gives each text a label\n  \
         hint: bert-ner COMMAND --help lists the options\n",
    );
}

#[test]
fn a_classifiers_adapter_is_trained_scored_merged_and_asked() {
    let bench = bench();
    bench.copy_model("bert");
    let lora = [
        "--model",
        "bert",
        "--lora-rank",
        "4",
        "--lora-targets",
        "query,dense",
    ];
    let run = bench.train(&arguments(&lora)).ok();
    assert!(
        run.stderr.contains("embeddings to layer 2") && run.stderr.contains("frozen"),
        "{}",
        run.stderr
    );
    let scores = |model: &str| {
        let eval = bench.run(&["eval", "--model", model, "--data", "dev.csv", "--json"]);
        serde_json::from_str::<Value>(&eval.ok().stdout).unwrap()
    };
    let own = scores("out");
    assert_eq!(own["labels"], serde_json::json!(["bad", "good"]));
    let merge = ["merge", "--adapter", "out", "--output", "merged"];
    bench.run(&merge).ok();
    assert_eq!(scores("merged")["confusion"], own["confusion"]);
    let predict = [
        "predict",
        "train.jsonl",
        "--output-format",
        "jsonl",
        "--model",
    ];
    let lines = |model: &str| bench.run(&[&predict[..], &[model]].concat()).ok().stdout;
    assert_eq!(lines("out"), lines("merged"));
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    let bench = bench();
    let message = |further: &[&str]| bench.train(&arguments(further)).stderr;
    bench.write("dev.csv", "text,label\nx,new\n");
    let unseen = message(&[]);
    assert!(
        unseen.contains("label new never occurs in train.jsonl"),
        "{unseen}"
    );
    bench.write("dev.csv", "text\nx\n");
    let unlabelled = message(&[]);
    assert!(
        unlabelled.contains("has texts without a label"),
        "{unlabelled}"
    );
    let head = message(&["--head", "crf"]);
    assert!(head.contains("--head is for the tags of words"), "{head}");
    bench.write("dev.csv", DEV);
    bench.write("weights.json", "{\"bad\": 1}");
    let weights = message(&["--class-weights", "weights.json"]);
    assert!(weights.contains("has no weight for \"good\""), "{weights}");
    bench.no_output();
}
