//! Each kind of mistyped command: what a person sees, and that nothing is harmed.

mod common;

use common::{Bench, TRAIN};

#[test]
fn a_file_without_predictions_is_not_scored() {
    let bench = Bench::new();
    bench.run(&["score", "train.conll"]).failed(
        1,
        "error: train.conll:1: \"Ada\" stands where the gold tag is expected (tags: 0, words: 26); the last two columns \
         must be the gold and the predicted tag\n  \
         hint: bert-ner predict --model DIR PATH --output-format conll writes both\n",
    );
}

#[test]
fn columns_of_two_annotations_are_scored_with_a_warning() {
    let bench = Bench::new();
    bench.write(
        "chunks.conll",
        "EU NNP B-NP B-ORG\nrejects VBZ B-VP O\nGermans NNPS B-NP B-MISC\n",
    );
    let ended = bench.run(&["score", "chunks.conll", "--json"]).ok();
    assert_eq!(
        ended.stderr,
        "warning: chunks.conll: no type is in both columns: the last but one, gold, has NP, VP; the last, predicted, has MISC, ORG\n"
    );
    assert!(ended.stdout.contains("\"f1\": 0.0"), "{}", ended.stdout);
}

#[test]
fn a_mistyped_folder_is_not_only_a_name_that_the_hub_lacks() {
    let bench = Bench::new();
    bench.copy_model("models/bert");
    bench.train(&["--model", "models/bret"]).failed(
        1,
        "error: models/bret: no such folder; as a name on the Hub: models/bret is neither a folder here nor in the local \
         cache, and http://127.0.0.1:9 cannot be reached\n  \
         hint: the folder that it would lie in is there: is its name mistyped?\n",
    );
    bench
        .run(&["eval", "--model", "models/bert", "--data", "./data"])
        .failed(
            1,
            "error: ./data: no such folder\n  \
             hint: a data set of the Hugging Face Hub is named name, org/name or org/name@revision, without ./\n",
        );
}

#[test]
fn text_in_place_of_a_file_to_tag_is_answered_with_how_to_give_it() {
    let bench = Bench::new();
    bench
        .run(&["predict", "--model", "./x", "Ada was here"])
        .failed(
            1,
            "error: Ada was here: no such file\n  \
             hint: text itself goes in through standard input: echo 'TEXT' | bert-ner predict --model DIR\n",
        );
}

#[test]
fn predictions_are_not_written_in_another_format_than_the_file_is_named() {
    let bench = Bench::new();
    for name in ["out.arrow", "out.txt", "out.json"] {
        let ended = bench.run(&["predict", "--model", "./x", "dev.conll", "-o", name]);
        ended.failed(
            2,
            &format!(
                "error: --output {name} has an extension that predict does not write; expected .jsonl, .conll, .tsv, .csv, \
                 .parquet or .html, or --output-format with a name of its own\n  hint: bert-ner COMMAND --help lists the options\n"
            ),
        );
    }
    bench.no_output();
    bench.train(&["--epochs", "1"]).ok();
    let predict = |further: &[&str]| {
        let arguments = [&["predict", "--model", "./out", "dev.conll", "-o"], further].concat();
        bench.run(&arguments).ok();
        bench.read(further[0])
    };
    assert!(predict(&["tagged.bio"]).starts_with("Ada\tB-PER\t"));
    assert!(predict(&["tagged.TSV"]).starts_with("sentence\t"));
    assert!(predict(&["tagged.csv"]).starts_with("sentence,"));
    assert!(predict(&["tagged.html"]).starts_with("<!DOCTYPE html>"));
    assert!(predict(&["tagged.txt", "--output-format", "jsonl"]).starts_with('{'));
}

#[test]
fn a_file_is_not_converted_onto_itself() {
    let bench = Bench::new();
    for output in ["train.conll", "./train.conll"] {
        let ended = bench.run(&["convert", "train.conll", output, "--scheme", "bioes"]);
        ended.failed(
            1,
            &format!(
                "error: {output}: is train.conll itself, which would be lost; expected another file to write\n"
            ),
        );
    }
    assert_eq!(bench.read("train.conll"), TRAIN);
}

#[test]
fn a_settings_file_is_checked() {
    let bench = Bench::new();
    bench.write("run.toml", "epochs = 1\nbatchsize = 4\n");
    bench.train(&["--config", "run.toml"]).failed(
        1,
        "error: run.toml:2: unknown option \"batchsize\"; did you mean batch-size?\n",
    );
    bench.no_output();
}

#[test]
fn options_that_cannot_work_are_refused_before_anything_is_read() {
    let bench = Bench::new();
    let cases: [(&[&str], &str); 7] = [
        (
            &["--batch-size", "0"],
            "--batch-size must be at least 1, not 0",
        ),
        (
            &["--learning-rate=-1e-5"],
            "--learning-rate must be more than 0, not -0.00001",
        ),
        (
            &["--max-length", "2"],
            "--max-length must be at least 3, not 2: [CLS], one piece of text and [SEP]",
        ),
        (
            &["--warmup-ratio", "2"],
            "--warmup-ratio must lie between 0 and 1, not 2",
        ),
        (
            &["--dropout", "1"],
            "--dropout must be at least 0 and less than 1, not 1",
        ),
        (
            &["--epochs", "nan"],
            "--epochs must be more than 0, not NaN",
        ),
        (
            &["--early-stopping", "3", "--select", "last"],
            "--early-stopping needs a model to wait for: select is \"last\"; choose \"f1\" or \"loss\"",
        ),
    ];
    for (flags, message) in cases {
        bench.train(flags).failed(2, &format!("error: {message}\n"));
        bench.no_output();
    }
    bench
        .run(&["train", "--model", "./model", "--train", "train.conll"])
        .failed(2, "error: --output is required\n");
    let ended = bench.run(&[
        "train",
        "--model",
        "./model",
        "--train",
        "train.conll",
        "--output",
        "out",
    ]);
    ended.failed(
        2,
        "error: --dev is required, or --data\n  hint: bert-ner COMMAND --help lists the options\n",
    );
    let ended = bench.train(&["--select", "best"]);
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.stderr.contains("expected \"f1\", \"loss\""),
        "{}",
        ended.stderr
    );
}

#[test]
fn two_runs_never_share_an_output_folder() {
    let bench = Bench::new();
    // What another run holds while it lasts.
    let lock = std::fs::File::create(bench.path(".out.bert-ner-lock")).unwrap();
    lock.lock().unwrap();
    bench.train(&[]).failed(
        1,
        "error: out: another run is writing this output folder (it holds .out.bert-ner-lock)\n  \
         hint: wait until it has ended; or choose another --output\n",
    );
    drop(lock);
    // The file alone, as a run that was killed leaves it, is in nobody's way.
    bench.train(&["--epochs", "1"]).ok();
    assert!(!bench.path(".out.bert-ner-lock").exists());
}

#[test]
fn predictions_do_not_replace_the_text_that_they_are_of() {
    let bench = Bench::new();
    bench.write("news.conll", "Ada\nslept\n");
    bench
        .run(&["predict", "--model", "./out", "news.conll", "-o", "./news.conll"])
        .failed(
            2,
            "error: --output ./news.conll is news.conll itself, which would be lost; expected another file to write\n  \
             hint: bert-ner COMMAND --help lists the options\n",
        );
    assert_eq!(bench.read("news.conll"), "Ada\nslept\n");
}

#[test]
fn the_fields_abbreviation_of_the_learning_rate_is_understood() {
    let bench = Bench::new();
    let ended = bench.run(&["train", "--lr", "1e-3"]);
    assert_eq!(ended.code, Some(2));
    assert!(
        ended
            .stderr
            .contains("similar argument exists: '--learning-rate'"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_limit_that_hides_a_type_from_training_is_named() {
    let bench = Bench::new();
    bench.write("two.conll", "Ada B-PER\n\nParis B-LOC\n");
    let ended = bench.train(&[
        "--train",
        "two.conll",
        "--dev",
        "two.conll",
        "--max-train-samples",
        "1",
    ]);
    ended.failed(
        1,
        "error: two.conll: entity type LOC never occurs in the first 1 of two.conll (--max-train-samples), so no model \
         trained on it can predict it\n",
    );
}

#[test]
fn what_an_option_would_have_helped_with_names_the_option() {
    let bench = Bench::new();
    bench.write("ids.jsonl", "{\"tokens\": [\"a\"], \"ner_tags\": [7]}\n");
    for (arguments, said) in [
        (
            &["ids.jsonl", "o.conll"][..],
            "expected a label list (--labels), or in",
        ),
        (
            &["ids.jsonl", "o.conll", "--labels", "O"],
            "list of 1 names (--labels)",
        ),
        (
            &["ids.jsonl", "o.conll", "--word-column", "text"],
            "--word-column: there is no column text",
        ),
        (
            &["dev.conll", "o.conll", "--tag-column", "9"],
            "--tag-column: column 9 is asked for",
        ),
        (&["dev.conll", "o"], "name the format (--to)"),
    ] {
        let ended = bench.run(&[&["convert"], arguments].concat());
        assert_eq!(ended.code, Some(1));
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
}
