//! A study on a brat folder: split, train from random weights, score, annotate, read back.

mod common;

use std::path::Path;

use common::{Bench, Ended};
use serde_json::Value;

/// A line of Latin letters with an entity of Chinese ones, broken in the middle: easy even for a tiny model.
fn document(number: usize) -> (String, String) {
    let before: String = "abcabca"
        .chars()
        .cycle()
        .skip(number % 3)
        .take(4 + number % 5)
        .collect();
    let start = before.chars().count();
    let text = format!("{before}糖尿\r\n病abcb。\n\n");
    let (middle, end) = (start + 2, start + 5);
    let told = format!(
        "T1\tDisease {start} {middle};{} {end}\t糖尿 病\nT2\tPart {start} {middle}\t糖尿\n#1\tAnnotatorNotes T1\tsure\n",
        middle + 2
    );
    (text, told)
}

fn bench() -> Bench {
    let bench = Bench::new();
    for number in 0..40 {
        let (text, told) = document(number);
        bench.write(&format!("all/d{number:02}.txt"), text);
        bench.write(&format!("all/d{number:02}.ann"), told);
    }
    let model = bench.copy_model("shape");
    std::fs::remove_file(model.join("model.safetensors")).expect("there were weights");
    bench
}

fn train(bench: &Bench, further: &[&str]) -> Ended {
    let fixed = [
        "train",
        "--model",
        "./shape",
        "--data",
        "corpus",
        "--output",
        "out",
        "--words",
        "characters",
        "--epochs",
        "12",
        "--learning-rate",
        "0.01",
        "--threads",
        "1",
    ];
    bench.run(&[&fixed, further].concat())
}

/// What lies in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("the folder can be listed");
    let mut names: Vec<String> = entries
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

#[test]
fn a_study_goes_from_a_brat_folder_to_one_that_brat_opens() {
    let bench = bench();
    let split = bench
        .run(&["split", "all", "corpus", "--ratios", "80,10,10"])
        .ok();
    assert!(
        split
            .stdout
            .contains("documents     32  80.00    4  10.00     4  10.00"),
        "{}",
        split.stdout
    );

    let trained = train(&bench, &["--from-scratch"]).ok();
    assert!(
        trained.stderr.contains(
            "corpus/train: 32 documents, 64 entities = 32 kept + 32 dropped (0 fragmented, 32 overlapping, 0 without a \
             word); cut at line ends 32; fragmented 0; overlapping 64 (32 kept, 32 dropped); 32 notes not used\n"
        ),
        "{}",
        trained.stderr
    );
    let config: Value = serde_json::from_str(&bench.read("out/config.json")).expect("JSON");
    assert_eq!(config["bert_ner"]["words"], "characters");

    bench
        .run(&[
            "predict",
            "--model",
            "./out",
            "corpus/dev",
            "--output-format",
            "brat",
            "-o",
            "found",
        ])
        .ok();
    let jsonl = bench
        .run(&[
            "predict",
            "--model",
            "./out",
            "corpus/dev",
            "--output-format",
            "jsonl",
        ])
        .ok();
    let mut entities = 0;
    for line in jsonl.stdout.lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        entities += line["entities"].as_array().expect("a list").len();
    }
    assert_eq!(
        entities, 4,
        "the model finds what it was shown: {}",
        jsonl.stdout
    );
    let texts = names(&bench.path("corpus/dev"));
    let mut expected = vec!["annotation.conf".to_owned()];
    expected.extend(texts.clone());
    assert_eq!(names(&bench.path("found")), expected);
    for name in texts.iter().filter(|name| name.ends_with(".txt")) {
        assert_eq!(
            bench.read(&format!("found/{name}")),
            bench.read(&format!("corpus/dev/{name}"))
        );
        let told = bench.read(&format!("corpus/dev/{}", name.replace("txt", "ann")));
        let first = told.lines().next().expect("an entity");
        assert_eq!(
            bench.read(&format!("found/{}", name.replace("txt", "ann"))),
            format!("{first}\n")
        );
    }
    assert!(
        bench
            .read("found/annotation.conf")
            .starts_with("[entities]\nDisease\n\n[relations]\n")
    );
}

#[test]
fn a_model_keeps_to_the_words_that_it_was_trained_on() {
    let bench = bench();
    bench
        .run(&["split", "all", "corpus", "--ratios", "3,1"])
        .ok();
    train(&bench, &["--from-scratch", "--max-train-samples", "8"]).ok();
    bench.write("line.txt", "ab糖尿 病\n");
    let predicted = bench
        .run(&[
            "predict",
            "--model",
            "./out",
            "line.txt",
            "--output-format",
            "jsonl",
        ])
        .ok();
    let line: Value = serde_json::from_str(&predicted.stdout).expect("JSON");
    assert_eq!(
        line["tokens"],
        serde_json::json!(["a", "b", "糖", "尿", "病"])
    );
    bench.run(&["predict", "--model", "./out", "line.txt", "--words", "unicode"]).failed(
        1,
        "error: the model was trained on words of the kind characters, so it cannot read unicode\n",
    );
}

#[test]
fn what_cannot_be_done_is_said_and_leaves_nothing() {
    let bench = bench();
    bench
        .run(&["split", "all", "corpus", "--ratios", "3,1"])
        .ok();
    train(&bench, &[]).failed(
        1,
        "error: ./shape: no model.safetensors and no model.safetensors.index.json\n",
    );
    train(&bench, &["--overlaps", "error", "--from-scratch"]).failed(
        1,
        &format!(
            "error: corpus/train/{}:1: T1 overlaps T2, which tags cannot tell\n",
            names(&bench.path("corpus/train"))[0]
        ),
    );
    bench.write("corpus/dev/orphan.ann", "");
    train(&bench, &["--from-scratch"]).failed(
        1,
        "error: corpus/dev/orphan.ann: has no text; expected corpus/dev/orphan.txt beside it\n",
    );
    bench.write("corpus/dev/orphan.txt", "甲");
    bench.write("corpus/dev/orphan.ann", "T1\tDisease 0 2\t甲\n");
    train(&bench, &["--from-scratch"]).failed(
        1,
        "error: corpus/dev/orphan.ann:1: \"Disease 0 2\" reaches past the end of the text, which has 1 characters\n",
    );
    bench.no_output();
    bench.run(&["split", "all", "corpus"]).failed(
        1,
        "error: corpus: exists; expected the name of a folder to be made\n",
    );
    bench.run(&["split", "all", "other", "--ratios", "100"]).failed(
        2,
        "error: invalid value '100' for '--ratios <N,N[,N]>': unknown ratios \"100\"; expected two or three numbers above 0 for \
         train, dev and test, such as 80,10,10\n\nFor more information, try '--help'.\n",
    );
}

#[test]
fn a_brat_output_needs_a_folder() {
    let bench = Bench::new();
    let model = common::tiny_bert();
    let model = model.to_str().expect("a path in UTF-8");
    bench.run(&["predict", "--model", model, "--output-format", "brat"]).failed(
        2,
        "error: --output-format brat writes a folder: give its name with --output\n  hint: bert-ner COMMAND --help lists the \
         options\n",
    );
    bench.write("text.txt", "Ada was\nin London.\n");
    bench
        .run(&[
            "predict",
            "--model",
            model,
            "text.txt",
            "--output-format",
            "brat",
            "-o",
            "found",
        ])
        .ok();
    assert_eq!(bench.read("found/text.txt"), "Ada was\nin London.\n");
}

#[test]
fn documents_that_are_made_of_sentences_are_told_and_keep_to_their_input() {
    let bench = Bench::new();
    bench.write(
        "docs.conll",
        "-DOCSTART- O\n\nAda B-PER\n\nwas O\n\n-DOCSTART- O\n\nParis B-LOC\n",
    );
    let told = bench
        .run(&["convert", "docs.conll", "made", "--to", "brat"])
        .ok();
    assert_eq!(
        told.stderr,
        "made: 2 documents made of sentences, 0001 and on, a line a sentence: a new one wherever docs.conll marks that a \
         document starts\n3 sentences, 3 words, tags in iob2\n"
    );
    assert_eq!(bench.read("made/0001.txt"), "Ada\nwas\n");
    let model = common::tiny_bert();
    let model = model.to_str().expect("a path in UTF-8");
    bench.write("a.txt", "\nin Paris\n");
    let inputs = ["docs.conll", "dev.conll", "a.txt"];
    let fixed = ["predict", "--model", model, "--output-format", "brat"];
    let arguments = [&fixed[..], &["-o", "found"], &inputs].concat();
    bench.run(&arguments).ok();
    let texts: Vec<String> = names(&bench.path("found"))
        .into_iter()
        .filter(|name| name.ends_with(".txt"))
        .collect();
    assert_eq!(
        texts,
        ["a.txt", "dev-0001.txt", "docs-0001.txt", "docs-0002.txt"]
    );
    assert_eq!(bench.read("found/a.txt"), "\nin Paris\n");
    assert_eq!(bench.read("found/docs-0002.txt"), "Paris\n");
}
