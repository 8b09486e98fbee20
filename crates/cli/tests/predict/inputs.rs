//! Files, folders, patterns, and shares of them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::common::trained;
use super::{lines, predict};

#[test]
fn folders_and_patterns_stand_for_their_files_and_rows_say_which() {
    let bench = trained();
    bench.write("in/b.txt", "Ada Lovelace was born in London .\n");
    bench.write("in/a.jsonl", "{\"tokens\": [\"Paris\"]}\n");
    bench.write("in/.hidden.txt", "no\n");
    bench.write("in/README.md", "no\n");
    bench.write("in/labels.json", "[\"O\"]");
    bench.write("in/deep/c.txt", "Spain\n");
    let ended = predict(&bench, &["in", "dev.conll", "--output-format", "jsonl"]).ok();
    let files: Vec<String> = lines(&ended.stdout)
        .iter()
        .map(|line| line["file"].as_str().expect("a file").to_owned())
        .collect();
    assert_eq!(files, ["in/a.jsonl", "in/b.txt", "dev.conll", "dev.conll"]);
    assert_eq!(
        ended.stderr,
        "warning: in: left out, because their names are those of no data format: README.md, labels.json\n\
         warning: in: 1 folder inside it not looked into; 'in/**/*' would\n"
    );
    let globbed = predict(&bench, &["in/**/*.txt", "--output-format", "tsv"]).ok();
    assert!(
        globbed.stdout.starts_with("file\tsentence\t"),
        "{}",
        globbed.stdout
    );
    assert!(
        globbed.stdout.contains("in/b.txt\t1\t0\t12\tPER"),
        "{}",
        globbed.stdout
    );
    assert!(
        globbed.stdout.contains("in/deep/c.txt\t2\t"),
        "{}",
        globbed.stdout
    );
    predict(&bench, &["in/*.csv"]).failed(1, "error: in/*.csv: matches no file\n");
    predict(&bench, &["none.txt"]).failed(
        1,
        "error: none.txt: No such file or directory (os error 2)\n",
    );
    let one = predict(&bench, &["dev.conll", "--output-format", "jsonl"]).ok();
    assert!(!one.stdout.contains("\"file\""));
}

#[test]
fn a_pattern_stands_for_what_folders_would_without_what_is_hidden() {
    let bench = trained();
    bench.write("in/brat/a.txt", "Ada was born\nin London .\n");
    bench.write("in/brat/a.ann", "T1\tPER 0 3\tAda\n");
    bench.write("in/brat/annotation.conf", "[entities]\nPER\n");
    bench.write("in/.cache/b.txt", "no\n");
    bench.write("in/.b.txt", "no\n");
    bench.write("in/c.log", "in Paris .\n");
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::ffi::OsStrExt;
        let name = std::ffi::OsStr::from_bytes(b"\xff.txt");
        std::fs::write(bench.path("in").join(name), "in Spain .\n").expect("it can be written");
    }
    let run = |pattern: &str| {
        let ended = predict(&bench, &[pattern, "--output-format", "jsonl"]).ok();
        let text = |line: &Value| line["text"].as_str().expect("a text").trim().to_owned();
        let texts: Vec<String> = lines(&ended.stdout).iter().map(text).collect();
        (texts, ended.stderr)
    };
    let (texts, said) = run("in/**/*");
    let odd: &[&str] = if cfg!(target_os = "linux") {
        &["in Spain ."]
    } else {
        &[]
    };
    assert_eq!(texts, [odd, &["Ada was born\nin London ."]].concat());
    assert_eq!(
        said,
        "warning: in: left out, because their names are those of no data format: c.log\n"
    );
    assert_eq!(run("in/**/*.ann").0, ["Ada was born\nin London ."]);
    assert_eq!(run("in/b*/*.txt").0, ["Ada was born", "in London ."]);
    assert_eq!(run("in/*.log").0, ["in Paris ."]);
    assert_eq!(run("in/.*.txt").0, ["no"]);
    predict(&bench, &["[.txt"]).failed(
        1,
        "error: [.txt: is no pattern: Pattern syntax error near position 0: invalid range pattern\n",
    );
}

#[test]
fn an_input_of_which_nothing_can_be_read_is_left_out() {
    let bench = trained();
    bench.write("in/a.txt", "in London .\n");
    bench.write("in/b.json", "{\n\"tokens\":\n[\"a\"]\n}\n");
    let ended = predict(&bench, &["in", "--output-format", "jsonl", "-o", "out-of/"]).ok();
    assert!(
        ended.stderr.contains("warning: left out: in/b.json: nothing of it could be read, beginning with in/b.json:1: "),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("warning: 1 of 2 inputs left out"));
    assert!(
        bench.path("out-of/a.txt.jsonl").exists() && !bench.path("out-of/b.json.jsonl").exists()
    );
    let alone = predict(&bench, &["in/b.json", "-o", "b.jsonl"]);
    assert_eq!(alone.code, Some(1), "{}", alone.stderr);
    assert!(!bench.path("b.jsonl").exists());
}

#[test]
fn a_folder_of_texts_is_one_of_brat_only_with_annotations() {
    let bench = trained();
    bench.write("plain/a.txt", "Ada was born\nin London .\n");
    bench.write("plain/notes.md", "no\n");
    bench.write("brat/a.txt", "Ada was born\nin London .\n");
    bench.write("brat/a.ann", "T1\tPER 0 3\tAda\n");
    bench.write("brat/annotation.conf", "[entities]\nPER\n");
    bench.write("brat/orphan.ann", "T1\tPER 0 3\tAda\n");
    let sentences = |folder: &str| {
        let ended = predict(&bench, &[folder, "--output-format", "jsonl"]).ok();
        (lines(&ended.stdout).len(), ended.stderr)
    };
    assert_eq!(sentences("plain").0, 2, "a line is a sentence");
    let (documents, said) = sentences("brat");
    assert_eq!(documents, 1, "a line break of a document is none");
    assert_eq!(
        said,
        "warning: left out: brat/orphan.ann: has no text; expected brat/orphan.txt beside it\n\
         warning: 1 of 2 inputs left out; --strict stops at the first\n"
    );
}

#[test]
fn what_cannot_be_read_is_left_out_and_counted_and_strict_stops_there() {
    let bench = trained();
    bench.write("in/a.txt", b"in London .\n\xff\nin Paris .\n");
    bench.write("in/b.csv", "a,b\n1,2\n");
    bench.write("in/c.conll", "in O\n\nLondon\n\nin O\nSpain B-LOC\n");
    let ended = predict(&bench, &["in", "--output-format", "jsonl", "--coverage"]).ok();
    let texts: Vec<Value> = lines(&ended.stdout)
        .iter()
        .map(|line| line["text"].clone())
        .collect();
    assert_eq!(texts, ["in London .", "in Paris .", "in", "in Spain"]);
    for said in [
        "warning: 1 line that could not be read, left out: in/a.txt:2: invalid UTF-8 at byte 12 of the file",
        "warning: 1 sentence that could not be read, left out: in/c.conll:3: 1 column where 2 are expected",
        "warning: left out: in/b.csv",
        "warning: 1 of 3 inputs left out; --strict stops at the first\n",
        "\"inputs\":2,\"done_before\":0,\"skipped\":1,\"unreadable\":2,",
    ] {
        assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
    }
    let strict = predict(&bench, &["in", "--strict"]);
    strict.failed(
        1,
        "error: in/a.txt:2: invalid UTF-8 at byte 12 of the file; expected UTF-8 text\n",
    );
    let none = predict(&bench, &["in/b.csv", "in/b.csv"]);
    assert_eq!(none.code, Some(1));
    assert!(
        none.stderr
            .contains("error: not one of 2 inputs could be read\n"),
        "{}",
        none.stderr
    );
}

#[test]
fn shares_are_disjoint_and_together_everything() {
    let bench = trained();
    for name in ["a", "b", "c"] {
        bench.write(&format!("in/{name}.txt"), format!("{name} in London .\n"));
    }
    let texts = |further: &[&str]| -> Vec<String> {
        let arguments = [further, &["--output-format", "jsonl"]].concat();
        let lines = lines(&predict(&bench, &arguments).ok().stdout);
        lines
            .iter()
            .map(|line| line["text"].as_str().expect("a text").to_owned())
            .collect()
    };
    assert_eq!(
        texts(&["in", "--shard", "1/2"]),
        ["a in London .", "c in London ."]
    );
    assert_eq!(texts(&["in", "--shard", "2/2"]), ["b in London ."]);
    let whole = texts(&["train.conll"]);
    let parts: Vec<Vec<String>> = ["1/3", "2/3", "3/3"]
        .map(|shard| texts(&["train.conll", "--shard", shard]))
        .to_vec();
    assert_eq!(parts.iter().map(Vec::len).sum::<usize>(), whole.len());
    assert_eq!(parts[0], [whole[0].clone(), whole[3].clone()]);
    bench.write(
        "docs.conll",
        "-DOCSTART- O\n\na O\n\nb O\n\n-DOCSTART- O\n\nc O\n",
    );
    assert_eq!(texts(&["docs.conll", "--shard", "1/2"]), ["a", "b"]);
    assert_eq!(texts(&["docs.conll", "--shard", "2/2"]), ["c"]);
    // A pattern is of several inputs even while it matches one.
    assert_eq!(texts(&["doc?.conll", "--shard", "1/2"]), ["a", "b", "c"]);
}

#[test]
fn a_share_numbers_sentences_by_their_place_in_the_input() {
    let bench = trained();
    let rows = |shard: &str| {
        let arguments = ["train.conll", "--output-format", "tsv", "--shard", shard];
        let ended = predict(&bench, &arguments).ok();
        assert_eq!(
            ended.stderr, "",
            "a share without a sentence is none to warn of"
        );
        let rows = ended.stdout.lines().skip(1);
        rows.map(|row| row.split('\t').next().expect("a number").to_owned())
            .collect::<BTreeSet<String>>()
    };
    assert_eq!(rows("2/3"), ["2".to_owned()].into());
    assert_eq!(rows("1/3"), ["1", "4"].map(str::to_owned).into());
    assert_eq!(rows("5/5"), BTreeSet::new());
}
