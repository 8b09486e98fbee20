//! An adapter from training to a merged model, as one types it.

mod common;

use common::Bench;

const LORA: [&str; 6] = [
    "--lora-rank",
    "4",
    "--lora-targets",
    "query,key,value,dense",
    "--learning-rate",
    "2e-2",
];

#[test]
fn an_adapter_is_trained_scored_and_merged() {
    let bench = Bench::new();
    bench.copy_model("bert");
    let arguments = [&["--model", "bert", "--epochs", "20"], &LORA[..]].concat();
    let ended = bench.train(&arguments).ok();
    assert!(
        ended.stderr.contains("embeddings to layer 2") && ended.stderr.contains("frozen"),
        "{}",
        ended.stderr
    );
    let conlleval = |model: &str| {
        let scored = bench.run(&[
            "eval",
            "--model",
            model,
            "--data",
            "dev.conll",
            "--conlleval",
        ]);
        scored.ok().stdout
    };
    let scores = conlleval("out");
    bench
        .run(&["merge", "--adapter", "out", "--output", "merged"])
        .ok();
    assert_eq!(conlleval("merged"), scores);

    // The base model moves away: it can be given.
    std::fs::rename(bench.path("bert"), bench.path("moved")).unwrap();
    let gone = bench.run(&["eval", "--model", "out", "--data", "dev.conll"]);
    assert_eq!(gone.code, Some(1));
    let base = bench.path("bert").display().to_string();
    assert!(
        gone.stderr
            .contains("out/adapter_config.json: its base model cannot be had")
            && gone.stderr.contains(&base)
            && gone.stderr.contains("hint: bert-ner merge --model BASE"),
        "{}",
        gone.stderr
    );
    let merge = ["merge", "--model", "moved", "--adapter", "out", "--output"];
    bench.run(&[&merge[..], &["again"]].concat()).ok();
    assert_eq!(conlleval("again"), scores);
    bench.run(&[&merge[..], &["again"]].concat()).failed(
        1,
        "error: again: the output folder exists already\n  hint: --overwrite replaces it; or choose another --output\n",
    );
}

#[test]
fn a_lora_that_cannot_be_is_a_mistake_on_the_command_line() {
    let bench = Bench::new();
    let hint_free = |arguments: &[&str], message: &str| {
        let ended = bench.train(arguments);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(2), message));
        assert!(!bench.path("out").exists());
    };
    hint_free(
        &["--lora-rank", "0"],
        "error: --lora-rank must be at least 1, not 0\n",
    );
    hint_free(
        &["--lora-rank", "8", "--lora-targets", "q_proj"],
        "error: --lora-targets has \"q_proj\", which no layer of BERT is called; there are query, key, value, dense, \
         attention.output.dense, intermediate.dense, output.dense\n",
    );
    hint_free(
        &["--lora-rank", "1000"],
        "error: --lora-rank must be at most the model's hidden size, 24, not 1000\n",
    );
}
