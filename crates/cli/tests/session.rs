//! The commands one after the other, as a person uses them, on the tiny model.

mod common;
#[path = "../../hub/tests/support/mod.rs"]
mod hub;

use common::{Bench, DEV, Ended, TRAIN, piped, tiny_bert, trained};
use hub::{FakeHub, FakeRepo};
use serde_json::Value;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn training_writes_what_it_promises() {
    let bench = Bench::new();
    bench.write("test.conll", DEV);
    let ended = bench
        .train(&["--test", "test.conll", "--epochs", "2", "--json"])
        .ok();
    let report = json(&bench.read("out/training.json"));
    assert_eq!(json(&ended.stdout), report);
    assert_eq!(report["train_samples"], 4);
    for key in [
        "train_seconds",
        "train_samples_per_second",
        "train_tokens_per_second",
        "train_loss",
    ] {
        assert!(
            report[key].as_f64().is_some_and(|value| value > 0.0),
            "{key}: {}",
            report[key]
        );
    }
    let epochs = report["epochs"].as_array().unwrap();
    assert_eq!(epochs.len(), 2);
    for (index, epoch) in epochs.iter().enumerate() {
        assert_eq!(epoch["epoch"], index as f64 + 1.0);
        assert!(epoch["train_loss"].is_f64());
        for key in ["precision", "recall", "f1", "accuracy", "loss"] {
            assert!(epoch["dev"][key].is_f64(), "{key}");
        }
    }
    assert!(report["best"]["dev"]["by_type"].is_object());
    assert!(report["test"]["f1"].is_f64());
    assert!(
        report["settings"]["model-dir"]
            .as_str()
            .unwrap()
            .ends_with("tiny-bert")
    );
    assert_eq!(report["settings"]["batch-size"], 8);
    assert_eq!(report["settings"]["learning-rate"], 5e-5);
    assert_eq!(report["settings"]["eval-every"], "epoch");
    // Each of the files that others open.
    for file in [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "README.md",
    ] {
        assert!(bench.path("out").join(file).is_file(), "{file}");
    }
    let predictions = bench.read("out/predictions.conll");
    let first = predictions.lines().next().unwrap();
    assert_eq!(
        first.split_whitespace().take(2).collect::<Vec<_>>(),
        ["Ada", "B-PER"]
    );
    assert_eq!(first.split_whitespace().count(), 3);
    // The scores that are reported are those of the file that is written.
    let scored = bench
        .run(&["score", "out/predictions.conll", "--json"])
        .ok();
    assert_eq!(json(&scored.stdout)["f1"], report["test"]["f1"]);
    // Not on a terminal: a line an evaluation.
    assert_eq!(
        ended
            .stderr
            .lines()
            .filter(|line| line.starts_with("epoch "))
            .count(),
        2
    );
}

#[test]
fn the_model_card_states_data_settings_and_scores() {
    let bench = Bench::new();
    bench.train(&["--epochs", "1", "--seed", "7"]).ok();
    let card = bench.read("out/README.md");
    assert!(
        card.starts_with("---\nlibrary_name: transformers\npipeline_tag: token-classification\n"),
        "{card}"
    );
    for part in [
        "model-index:",
        "    - type: f1\n",
        "| train | `train.conll` | 4 |",
        "| dev | `dev.conll` | 2 |",
        "| seed | 7 |",
        "| PER |",
        "--model out",
    ] {
        assert!(card.contains(part), "{part}: {card}");
    }
}

#[test]
fn quiet_says_nothing() {
    let bench = Bench::new();
    let ended = bench.train(&["--epochs", "1", "--quiet"]).ok();
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", ""));
}

#[test]
fn what_was_trained_is_evaluated_and_predicts() {
    let bench = trained();
    let eval = bench
        .run(&[
            "eval",
            "--model",
            "./out",
            "--data",
            "train.conll",
            "--json",
        ])
        .ok();
    let scores = json(&eval.stdout);
    assert_eq!(scores["f1"], 1.0, "{scores}");
    assert_eq!(scores["by_type"]["PER"]["support"], 2);
    let keys: Vec<&String> = scores.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "precision",
            "recall",
            "f1",
            "accuracy",
            "by_type",
            "calibration"
        ]
    );
    assert_eq!(scores["calibration"]["entities"], 7);
    assert_eq!(scores["calibration"]["bins"].as_array().unwrap().len(), 10);
    let table = bench
        .run(&["eval", "--model", "./out", "--data", "train.conll"])
        .ok()
        .stdout;
    assert!(
        table.lines().next().unwrap().contains("precision"),
        "{table}"
    );
    assert!(table.contains("all") && table.contains("100.00"), "{table}");
    assert!(table.contains("\ncalibration error "), "{table}");
    let conlleval = bench
        .run(&[
            "eval",
            "--model",
            "./out",
            "--data",
            "train.conll",
            "--conlleval",
        ])
        .ok();
    assert!(
        conlleval
            .stdout
            .starts_with("processed 26 tokens with 7 phrases; found: 7 phrases; correct: 7.\n")
    );

    let text = "Ada Lovelace was born in London .\n\nThe rain in Spain stays .\n";
    let shown = piped(&bench, &["predict", "--model", "./out"], text)
        .ok()
        .stdout;
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines[0], "Ada Lovelace was born in London .");
    assert!(
        lines[1].starts_with("  PER  ") && lines[1].ends_with(" %  Ada Lovelace"),
        "{shown}"
    );
    assert!(lines[2].ends_with("London"), "{shown}");
}

#[test]
fn every_word_of_the_input_comes_back_in_every_format() {
    let bench = trained();
    let predict = |format: &str| {
        let arguments = [
            "predict",
            "--model",
            "./out",
            "train.conll",
            "dev.conll",
            "--output-format",
            format,
        ];
        bench.run(&arguments).ok().stdout
    };
    let gold = format!("{TRAIN}\n{DEV}");
    let words: Vec<&str> = gold
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|word| !word.is_empty())
        .collect();
    let conll = predict("conll");
    let back: Vec<&str> = conll
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(back, words);
    assert!(
        conll
            .lines()
            .filter(|line| !line.is_empty())
            .all(|line| line.split_whitespace().count() == 3),
        "{conll}"
    );
    let mut tokens = Vec::new();
    for line in predict("jsonl").lines() {
        let line = json(line);
        assert_eq!(
            line["tokens"].as_array().unwrap().len(),
            line["ner_tags"].as_array().unwrap().len()
        );
        for entity in line["entities"].as_array().unwrap() {
            let (start, end) = (
                entity["start"].as_u64().unwrap(),
                entity["end"].as_u64().unwrap(),
            );
            assert_eq!(
                line["text"].as_str().unwrap()[start as usize..end as usize],
                *entity["text"].as_str().unwrap()
            );
        }
        tokens.extend(
            line["tokens"]
                .as_array()
                .unwrap()
                .iter()
                .map(|word| word.as_str().unwrap().to_owned()),
        );
    }
    assert_eq!(tokens, words);
    let tsv = predict("tsv");
    assert!(
        tsv.starts_with(
            "file\tsentence\tstart_char\tend_char\tlabel\tscore\ttext\ntrain.conll\t1\t0\t12\tPER\t"
        ),
        "{tsv}"
    );
    // A file appears, in the format that its name asks for.
    bench
        .run(&[
            "predict",
            "--model",
            "./out",
            "dev.conll",
            "-o",
            "found.jsonl",
        ])
        .ok();
    assert_eq!(
        json(bench.read("found.jsonl").lines().next().unwrap())["tokens"][0],
        "Ada"
    );
}

#[test]
fn a_prediction_that_the_disk_refuses_says_so() {
    let bench = trained();
    let arguments = [
        "predict",
        "--model",
        "./out",
        "dev.conll",
        "-o",
        "/dev/full",
        "--output-format",
        "jsonl",
    ];
    let ended = bench.run(&arguments);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.contains("No space left on device"),
        "{}",
        ended.stderr
    );
}

#[test]
fn flags_win_over_the_settings_file() {
    let bench = Bench::new();
    bench.write(
        "run.toml",
        "epochs = 1\nseed = 3\nbatch-size = 2\nlr-schedule = \"cosine\"\noverwrite = true\n",
    );
    bench.write("out/config.json", "{}");
    bench.write("out/old.txt", "");
    bench.train(&["--config", "run.toml", "--seed", "4"]).ok();
    let settings = &json(&bench.read("out/training.json"))["settings"];
    assert_eq!(
        (&settings["epochs"], &settings["seed"]),
        (&1.0.into(), &4.into())
    );
    assert_eq!(
        (&settings["batch-size"], &settings["lr-schedule"]),
        (&2.into(), &"cosine".into())
    );
    assert!(!bench.path("out/old.txt").exists());
}

#[test]
fn a_folder_of_splits_stands_for_its_files() {
    let bench = Bench::new();
    bench.write("corpus/eng.train", TRAIN);
    bench.write("corpus/eng.testa", DEV);
    bench.write("corpus/eng.testb", DEV);
    let model = tiny_bert();
    let arguments = [
        "train",
        "--model",
        model.to_str().unwrap(),
        "--data",
        "corpus",
        "--output",
        "out",
        "--epochs",
        "1",
    ];
    bench.run(&arguments).ok();
    let report = json(&bench.read("out/training.json"));
    assert_eq!(report["settings"]["dev"], "corpus/eng.testa");
    assert_eq!(report["settings"]["test"], "corpus/eng.testb");
    bench.write("half/train.conll", TRAIN);
    let ended = bench.run(&[
        "train", "--model", "./x", "--data", "./half", "--output", "out2",
    ]);
    ended.failed(
        1,
        "error: ./half: has no dev split; its file should be called dev, valid, validation or testa, \
         or be given with --dev\n",
    );
}

#[test]
fn eval_takes_a_split_of_a_folder() {
    let bench = trained();
    bench.write("corpus/eng.train", TRAIN);
    bench.write("corpus/eng.testa", DEV);
    bench.write("corpus/eng.testb", "Ada B-PER\n");
    let words = |further: &[&str]| {
        let arguments = [&["eval", "--model", "./out", "--data", "corpus"], further].concat();
        let ended = bench.run(&arguments).ok();
        let mut lines = ended.stdout.lines();
        let words = lines.find_map(|line| line.strip_prefix("accuracy ")?.split(" over ").nth(1));
        let words = words.unwrap().to_owned();
        (ended.stderr, words)
    };
    let expected =
        |file: &str, words: &str| (format!("scoring on corpus/{file}\n"), words.to_owned());
    assert_eq!(words(&[]), expected("eng.testa", "12 words"));
    assert_eq!(
        words(&["--split", "train"]),
        expected("eng.train", "26 words")
    );
    assert_eq!(words(&["--split", "test"]), expected("eng.testb", "1 word"));
    std::fs::remove_file(bench.path("corpus/eng.testa")).unwrap();
    bench
        .run(&["eval", "--model", "./out", "--data", "corpus"])
        .failed(
            1,
            "error: corpus: has no dev split; its file should be called dev, valid, validation or testa\n",
        );
    bench
        .run(&["eval", "--model", "./out", "--data", "dev.conll", "--split", "dev"])
        .failed(
            2,
            "error: --split dev chooses from a folder of splits or a Hub data set, and dev.conll is one file\n  \
             hint: bert-ner COMMAND --help lists the options\n",
        );
}

#[test]
fn input_without_a_sentence_is_said_and_is_no_failure() {
    let bench = trained();
    let ended = piped(&bench, &["predict", "--model", "./out"], "\n").ok();
    assert_eq!(
        (ended.stdout.as_str(), ended.stderr.as_str()),
        ("", "warning: standard input: has no sentence to tag\n")
    );
}

#[test]
fn model_and_data_come_from_the_hub_by_name() {
    let bench = Bench::new();
    let read = |file: &str| std::fs::read(tiny_bert().join(file)).unwrap();
    let (config, weights, tokenizer) = (
        read("config.json"),
        read("model.safetensors"),
        read("tokenizer.json"),
    );
    let model: &[(&str, &[u8])] = &[
        ("config.json", &config),
        ("model.safetensors", &weights),
        ("tokenizer.json", &tokenizer),
    ];
    let data: &[(&str, &[u8])] = &[
        ("train.conll", TRAIN.as_bytes()),
        ("dev.conll", DEV.as_bytes()),
    ];
    let server = FakeHub::start(vec![
        FakeRepo::new("models", "org/tiny", model),
        FakeRepo::new("datasets", "org/ner", data),
    ]);
    let arguments = [
        "train",
        "--model",
        "org/tiny@main",
        "--data",
        "org/ner",
        "--output",
        "out",
        "--epochs",
        "1",
    ];
    let mut command = bench.command(&arguments);
    let ended: Ended = command
        .env("HF_ENDPOINT", &server.endpoint)
        .output()
        .unwrap()
        .into();
    ended.ok();
    let mut command = bench.command(&["eval", "--model", "./out", "--data", "org/ner"]);
    let eval: Ended = command
        .env("HF_ENDPOINT", &server.endpoint)
        .output()
        .unwrap()
        .into();
    assert!(eval.ok().stderr.contains("dev.conll"));
    let settings = &json(&bench.read("out/training.json"))["settings"];
    assert_eq!(settings["model"], "org/tiny@main");
    assert!(
        settings["model-dir"]
            .as_str()
            .unwrap()
            .contains("models--org--tiny/snapshots"),
        "{settings}"
    );
    assert!(
        bench
            .read("out/README.md")
            .contains("base_model: \"org/tiny\"\n")
    );
}

#[test]
fn convert_reads_and_writes_streams_and_files() {
    let bench = Bench::new();
    let ended = bench
        .run(&["convert", "train.conll", "bioes.jsonl", "--scheme", "bioes"])
        .ok();
    assert_eq!(
        ended.stderr,
        "4 sentences, 26 words, tags from iob2 to bioes\n"
    );
    let line = json(bench.read("bioes.jsonl").lines().next().unwrap());
    assert_eq!(line["ner_tags"][5], "S-LOC");
    let back = bench
        .run(&[
            "convert",
            "bioes.jsonl",
            "-",
            "--to",
            "conll",
            "--scheme",
            "iob2",
        ])
        .ok();
    let through = piped(
        &bench,
        &["convert", "-", "-", "--to", "conll"],
        &back.stdout,
    )
    .ok();
    assert_eq!(through.stdout, back.stdout);
    assert_eq!(
        through.stdout.split_whitespace().collect::<Vec<_>>(),
        TRAIN.split_whitespace().collect::<Vec<_>>()
    );
    let one = piped(
        &bench,
        &["convert", "-", "-", "--to", "jsonl"],
        "Ada B-PER\n",
    )
    .ok();
    assert_eq!(one.stderr, "1 sentence, 1 word, tags in iob2\n");
    bench.run(&["convert", "train.conll", "-"]).failed(
        2,
        "error: --to is required for standard output\n  hint: bert-ner COMMAND --help lists the options\n",
    );
}

#[test]
fn score_counts_as_it_is_told() {
    let bench = Bench::new();
    let pairs = "a O I-PER\nb B-PER B-PER\nc I-PER I-PER\n";
    let json_of = |arguments: &[&str]| json(&piped(&bench, arguments, pairs).ok().stdout);
    assert_eq!(json_of(&["score", "-", "--json"])["precision"], 0.5);
    assert_eq!(
        json_of(&["score", "-", "--json", "--strict", "--scheme", "iob2"])["precision"],
        1.0
    );
    assert_eq!(
        json_of(&["score", "-", "--json", "--strict"])["precision"],
        1.0
    );
    let conlleval = piped(&bench, &["score", "-", "--conlleval"], pairs)
        .ok()
        .stdout;
    assert!(
        conlleval.starts_with("processed 3 tokens with 1 phrases; found: 2 phrases; correct: 1.\n")
    );
}

#[test]
fn a_crf_gives_its_most_probable_sequences_and_a_linear_head_none() {
    let bench = Bench::new();
    let heads = [
        "--head",
        "crf",
        "--crf-constraints",
        "--crf-lr-multiplier",
        "10",
        "--rnn",
        "gru",
        "--rnn-hidden",
        "8",
        "--freeze",
        "embeddings",
    ];
    let ended = bench.train(&heads).ok();
    assert!(
        ended.stderr.contains("embeddings") && ended.stderr.contains("frozen"),
        "{}",
        ended.stderr
    );
    let predict = ["predict", "--model", "./out", "--k-best", "3"];
    let jsonl = [&predict[..], &["--output-format", "jsonl"]].concat();
    let line = piped(&bench, &jsonl, "Ada Lovelace was born in London .")
        .ok()
        .stdout;
    let line = json(&line);
    let best = line["k_best"].as_array().unwrap();
    assert_eq!(best.len(), 3);
    assert_eq!(best[0]["ner_tags"], line["ner_tags"]);
    assert!(best[0]["score"].as_f64() >= best[1]["score"].as_f64());
    assert_eq!(line["ner_scores"].as_array().unwrap().len(), 7);
    piped(&bench, &predict, "Ada").failed(2, "error: --k-best is for --output-format jsonl, not terminal\n  hint: bert-ner COMMAND --help lists the options\n");
    let linear = trained();
    piped(&linear, &jsonl, "Ada").failed(2, "error: --k-best needs a CRF; ./out has a linear head\n  hint: bert-ner COMMAND --help lists the options\n");
}
