//! What `predict` reads, writes and leaves out.

mod common;

use std::collections::BTreeSet;
use std::path::Path;

use common::{Bench, Ended, piped, trained};
use serde_json::Value;

const TEXT: &str = "Ada Lovelace was born in London.\n\nThe rain in Spain stays.\n\"Alan Turing,\" lived in Manchester!\n";

fn predict(bench: &Bench, further: &[&str]) -> Ended {
    bench.run(&[&["predict", "--model", "./out"], further].concat())
}

fn lines(text: &str) -> Vec<Value> {
    let parse = |line| serde_json::from_str(line).expect("JSON");
    text.lines().map(parse).collect()
}

/// Start and end in the file, and type, of every entity in `jsonl`.
fn found(jsonl: &str) -> Vec<(u64, u64, String)> {
    let mut all = Vec::new();
    for line in lines(jsonl) {
        let at = line["start"].as_u64().unwrap_or(0);
        for entity in line["entities"].as_array().expect("a list") {
            let offset = |key: &str| at + entity[key].as_u64().expect("an offset");
            let label = entity["label"].as_str().expect("a type").to_owned();
            all.push((offset("start"), offset("end"), label));
        }
    }
    all
}

fn usage(message: &str) -> String {
    format!("error: {message}\n  hint: bert-ner COMMAND --help lists the options\n")
}

#[test]
fn the_same_text_has_the_same_entities_in_every_format() {
    let bench = trained();
    bench.write("news.txt", TEXT);
    let run = |format: &str| {
        let arguments = ["news.txt", "--output-format", format];
        predict(&bench, &arguments).ok().stdout
    };
    let jsonl = found(&run("jsonl"));
    assert_eq!(jsonl[0], (0, 12, "PER".to_owned()), "{jsonl:?}");
    let named: Vec<&str> = jsonl
        .iter()
        .map(|&(start, end, _)| &TEXT[start as usize..end as usize])
        .collect();
    assert!(
        named.contains(&"Manchester") && named.contains(&"London"),
        "{named:?}"
    );

    let labels = |text: &str, key: &str| -> Vec<String> {
        let lines = lines(text);
        let spans = lines
            .iter()
            .flat_map(|line| line[key].as_array().expect("a list"));
        spans
            .map(|span| {
                span.get("label")
                    .unwrap_or(&span[2])
                    .as_str()
                    .expect("a type")
                    .to_owned()
            })
            .collect()
    };
    let expected: Vec<String> = jsonl.iter().map(|(_, _, label)| label.clone()).collect();
    assert_eq!(labels(&run("doccano"), "label"), expected);
    assert_eq!(labels(&run("prodigy"), "spans"), expected);
    for (format, separator) in [("tsv", '\t'), ("csv", ',')] {
        let table = run(format);
        let rows = table.lines().skip(1);
        let labels: Vec<&str> = rows
            .map(|row| row.split(separator).nth(3).expect("a type"))
            .collect();
        assert_eq!(labels, expected, "{format}");
    }
    let begun = run("conll")
        .lines()
        .filter(|line| line.contains("\tB-"))
        .count();
    assert_eq!(begun, expected.len());
    assert_eq!(run("html").matches("<b>").count(), expected.len());
    assert_eq!(run("terminal").matches(" %  ").count(), expected.len());

    predict(
        &bench,
        &["news.txt", "--output-format", "brat", "-o", "brat"],
    )
    .ok();
    assert_eq!(bench.read("brat/news.txt"), TEXT);
    let told: Vec<(u64, u64, String)> = bench
        .read("brat/news.ann")
        .lines()
        .map(|line| {
            let fields: Vec<&str> = line.split(['\t', ' ']).collect();
            let offset = |field: usize| fields[field].parse().expect("an offset");
            (offset(2), offset(3), fields[1].to_owned())
        })
        .collect();
    assert_eq!(told, jsonl);

    predict(&bench, &["news.txt", "-o", "news.parquet"]).ok();
    bench.run(&["convert", "news.parquet", "back.conll"]).ok();
    let tagged = |text: &str| -> Vec<String> { text.lines().map(str::to_owned).collect() };
    assert_eq!(tagged(&bench.read("back.conll")), tagged(&run("conll")));
}

#[test]
fn words_are_those_asked_for_where_the_model_has_none_of_its_own() {
    let bench = trained();
    bench.write("news.txt", "in London.\n");
    let tokens = |further: &[&str]| {
        let arguments = [&["news.txt", "--output-format", "jsonl"], further].concat();
        lines(&predict(&bench, &arguments).ok().stdout)[0]["tokens"].clone()
    };
    assert_eq!(tokens(&[]), serde_json::json!(["in", "London", "."]));
    assert_eq!(
        tokens(&["--words", "whitespace"]),
        serde_json::json!(["in", "London."])
    );
}

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
fn an_option_that_the_output_cannot_hold_is_refused_by_name() {
    let bench = trained();
    bench.write("a/x.txt", "a\n");
    bench.write("b/x.txt", "b\n");
    bench.write("dev-0001.txt", "b\n");
    for (arguments, message) in [
        (
            &[
                "--offset-unit",
                "byte",
                "--output-format",
                "brat",
                "-o",
                "x",
            ][..],
            "--offset-unit is for --output-format jsonl, tsv, csv or parquet, not brat",
        ),
        (
            &["--top-k", "2", "-o", "x.csv"],
            "--top-k is for --output-format jsonl or parquet, not csv",
        ),
        (
            &["--aggregation", "max", "-o", "x.conll"],
            "--aggregation is for --output-format terminal, jsonl, tsv, csv, parquet, brat, doccano, prodigy or html, not conll",
        ),
        (
            &["--aggregation", "max", "--top-k", "2", "-o", "x.jsonl"],
            "--top-k is about words, and --aggregation max makes entities of word pieces",
        ),
        (
            &["--ignore-labels", "PERS"],
            "--ignore-labels: the model has no type \"PERS\"; it has LOC, PER",
        ),
        (
            &["--aggregation", "simple", "--ignore-labels", "B-PER"],
            "--ignore-labels: the model has no type \"B-PER\"; it has LOC, PER",
        ),
        (
            &["--aggregation", "none", "--ignore-labels", "PER"],
            "--ignore-labels: the model has no label \"PER\"; it has B-LOC, I-LOC, B-PER, I-PER",
        ),
        (
            &["-", "--output-format", "tsv", "-o", "x/"],
            "--output x/ is a folder with a file for each input, and standard input has no name for one; expected files to tag, or a \
             file to write",
        ),
        (
            &["dev-0001.txt", "--output-format", "brat", "-o", "x"],
            "dev.conll and dev-0001.txt would be one document in brat; expected files of different names",
        ),
        (
            &["--aggregation", "first"],
            "--aggregation first is for running text, and dev.conll holds words that are split already",
        ),
        (
            &["-o", "x/"],
            "--output x/ is a folder: say with --output-format what to write there",
        ),
        (
            &["a/x.txt", "b/x.txt", "--output-format", "brat", "-o", "x"],
            "a/x.txt and b/x.txt would be one document in brat; expected files of different names",
        ),
    ] {
        let arguments = [&["dev.conll"], arguments].concat();
        predict(&bench, &arguments).failed(2, &usage(message));
    }
    for wrong in ["1.1", "-0.1", "NaN"] {
        let ended = predict(&bench, &["dev.conll", &format!("--threshold={wrong}")]);
        assert_eq!(ended.code, Some(2));
        assert!(ended.stderr.contains("--threshold"), "{}", ended.stderr);
    }
    assert!(!bench.path("x").exists());
}

#[test]
fn an_aggregation_strategy_is_refused_for_a_crf() {
    let bench = Bench::new();
    bench.train(&["--epochs", "1", "--head", "crf"]).ok();
    let arguments = ["predict", "--model", "./out", "--aggregation", "simple"];
    piped(&bench, &arguments, "Ada\n").failed(
        2,
        &usage(
            "--aggregation simple: the aggregation strategy simple looks at each piece for itself, which a CRF does not; \
             expected no strategy",
        ),
    );
}

#[test]
fn entities_are_left_out_by_type_and_probability_with_their_tags() {
    let bench = trained();
    bench.write("news.txt", TEXT);
    let run = |further: &[&str]| {
        let arguments = [&["news.txt", "--output-format", "jsonl"], further].concat();
        predict(&bench, &arguments).ok().stdout
    };
    let all = found(&run(&[]));
    let without = run(&["--ignore-labels", "PER"]);
    let expected: Vec<_> = all
        .iter()
        .filter(|(_, _, label)| label != "PER")
        .cloned()
        .collect();
    assert!(!expected.is_empty() && expected.len() < all.len());
    assert_eq!(found(&without), expected);
    assert!(!without.contains("\"B-PER\""));
    assert!(found(&run(&["--threshold", "1"])).is_empty());
    assert_eq!(found(&run(&["--threshold", "0"])), all);
    let top = lines(&run(&["--top-k", "2"]));
    for line in top {
        for (word, tag) in line["ner_top"]
            .as_array()
            .expect("words")
            .iter()
            .zip(line["ner_tags"].as_array().expect("tags"))
        {
            assert_eq!(word.as_array().expect("labels").len(), 2);
            assert_eq!(word[0]["label"], *tag);
        }
    }
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

/// The files below a folder, but for those that are hidden, with their bytes.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        if path.is_dir() {
            all.extend(
                files(&path)
                    .into_iter()
                    .map(|(below, bytes)| (format!("{name}/{below}"), bytes)),
            );
        } else {
            all.push((name, std::fs::read(&path).expect("it can be read")));
        }
    }
    all.sort();
    all
}

#[test]
#[cfg(unix)]
fn a_folder_goes_on_after_a_kill_and_ends_with_the_bytes_of_an_unbroken_run() {
    let bench = trained();
    for number in 0..120 {
        let folder = number % 2;
        bench.write(&format!("in/{folder}/{number:03}.txt"), TEXT.repeat(4));
    }
    let arguments = ["in/*/*.txt", "--output-format", "jsonl"];
    predict(&bench, &[&arguments[..], &["-o", "whole/"]].concat()).ok();
    let whole = files(&bench.path("whole"));
    assert_eq!(whole.len(), 121);
    assert!(whole[0].0 == "0/000.txt.jsonl" && whole[120].0 == "predict.json");

    let broken = [
        &["predict", "--model", "./out"],
        &arguments[..],
        &["-o", "broken/"],
    ]
    .concat();
    let mut child = bench
        .command(&broken)
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("it starts");
    while !bench.path("broken/0/004.txt.jsonl").exists() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    let done = files(&bench.path("broken"))
        .iter()
        .filter(|(name, _)| name.ends_with("txt.jsonl") && !name.contains("/."))
        .count();
    assert!((1..120).contains(&done), "{done}");
    let again = predict(&bench, &[&arguments[..], &["-o", "broken"]].concat()).ok();
    assert!(
        again.stderr.contains(&format!("{done} inputs done before")),
        "{done}: {}",
        again.stderr
    );
    assert_eq!(files(&bench.path("broken")), whole);
    let third = predict(&bench, &[&arguments[..], &["-o", "broken"]].concat()).ok();
    assert!(
        third
            .stderr
            .starts_with("120 inputs done before, 0 sentences"),
        "{}",
        third.stderr
    );
}

#[test]
fn a_folder_is_not_gone_on_with_by_another_model_or_other_settings() {
    let bench = trained();
    bench.write("in/a.txt", "in London .\n");
    bench.write("in/b.txt", b"\xff\xfe");
    let run = |further: &[&str]| {
        predict(
            &bench,
            &[&["in", "--output-format", "jsonl", "-o", "done/"], further].concat(),
        )
    };
    let first = run(&[]).ok();
    assert!(
        first.stderr.contains("1 of 2 inputs left out"),
        "{}",
        first.stderr
    );
    assert!(!bench.path("done/b.txt.jsonl").exists());
    let hint = "  hint: give the settings that the folder was begun with, or another --output\n";
    run(&["--threshold", "0.5", "--shard", "1/2"]).failed(
        1,
        &format!("error: done/predict.json: the folder was begun otherwise: --shard was not given, not \"of 2\"; --threshold was not given, not 0.5\n{hint}"),
    );
    let config = bench.read("out/config.json");
    bench.write("out/config.json", format!("{config}\n"));
    run(&[]).failed(
        1,
        &format!(
            "error: done/predict.json: the folder was begun otherwise: the model is another\n{hint}"
        ),
    );
    bench.write("out/config.json", config);
    bench.write("in/b.txt", "in Paris .\n");
    let mended = run(&[]).ok();
    assert!(
        mended.stderr.contains("1 input done before, 1 sentence"),
        "{}",
        mended.stderr
    );
    bench.write("other/file", "x");
    predict(&bench, &["in", "--output-format", "jsonl", "-o", "other"]).failed(
        2,
        &usage("--output other holds files and no predict.json; expected a new or empty folder, or one that predict has begun"),
    );
}

#[test]
fn a_folder_is_not_gone_on_with_by_inputs_from_elsewhere() {
    let bench = trained();
    bench.write("jan/001.txt", "in London .\n");
    bench.write("feb/001.txt", "in Paris .\n");
    let run = |input: &str| predict(&bench, &[input, "--output-format", "jsonl", "-o", "found/"]);
    run("jan/*.txt").ok();
    let other = run("feb/*.txt");
    assert_eq!(other.code, Some(1));
    for said in [
        "begun otherwise: the inputs' folder was \"/",
        "/jan\", not \"/",
        "/feb\"\n",
    ] {
        assert!(other.stderr.contains(said), "{said}: {}", other.stderr);
    }
    let one = run("jan/001.txt");
    assert!(
        one.stderr.contains("several inputs was true, not false\n"),
        "{}",
        one.stderr
    );
    assert!(run("jan").ok().stderr.contains("1 input done before"));
    bench.write("jan/deeper/002.txt", "in Spain .\n");
    run("jan/**/*.txt").ok();
    assert!(bench.path("found/deeper/002.txt.jsonl").exists());
}

#[test]
fn a_folder_is_not_gone_on_with_by_an_adapter_whose_base_model_changed() {
    let bench = Bench::new();
    bench.copy_model("base");
    bench
        .train(&["--model", "./base", "--epochs", "1", "--lora-rank", "2"])
        .ok();
    bench.write("a.txt", "in London .\n");
    let run = || {
        predict(
            &bench,
            &["a.txt", "--output-format", "jsonl", "-o", "found/"],
        )
    };
    run().ok();
    assert!(run().ok().stderr.contains("1 input done before"));
    let config = bench.read("base/config.json");
    bench.write("base/config.json", format!("{config}\n"));
    let other = run();
    assert!(
        other
            .stderr
            .contains("begun otherwise: the model is another\n"),
        "{}",
        other.stderr
    );
}

#[test]
fn shares_that_start_together_have_one_folder() {
    let bench = trained();
    for number in 0..8 {
        bench.write(&format!("in/{number}.txt"), "in London .\n");
    }
    for round in 0..5 {
        let output = format!("found-{round}");
        // What a run that was killed has left.
        bench.write(&format!("{output}/.predict.json.77-0.tmp"), "{");
        let start = |shard: &str| {
            let arguments = [
                "in",
                "--output-format",
                "tsv",
                "-o",
                &output,
                "--shard",
                shard,
            ];
            let mut command =
                bench.command(&[&["predict", "--model", "./out"], &arguments[..]].concat());
            command
                .stderr(std::process::Stdio::piped())
                .spawn()
                .expect("it starts")
        };
        for child in ["1/4", "2/4", "3/4", "4/4"].map(start) {
            let ended: Ended = child.wait_with_output().expect("it ends").into();
            ended.ok();
        }
        // Beside what was left and the settings.
        assert_eq!(files(&bench.path(&output)).len(), 8 + 2);
    }
}

#[test]
fn shares_of_one_input_have_one_folder() {
    let bench = trained();
    for shard in ["1/2", "2/2"] {
        predict(
            &bench,
            &[
                "train.conll",
                "--output-format",
                "jsonl",
                "-o",
                "parts/",
                "--shard",
                shard,
            ],
        )
        .ok();
    }
    let names: Vec<String> = files(&bench.path("parts"))
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(
        names,
        [
            "predict.json",
            "train.conll-00001-of-00002.jsonl",
            "train.conll-00002-of-00002.jsonl"
        ]
    );
}

#[test]
fn a_megabyte_of_text_has_every_entity_once_at_its_place() {
    let bench = trained();
    let sentence = "Ada Lovelace was born in London .";
    let alone = piped(
        &bench,
        &["predict", "--model", "./out", "--output-format", "jsonl"],
        sentence,
    )
    .ok();
    let expected = found(&alone.stdout);
    assert_eq!(expected.len(), 2, "{expected:?}");
    // Lines, and at the end a line that is far longer than the model.
    let long = "Zoë 北京 😀 lived in London. ".repeat(2000);
    let count = (1_000_000 - long.len()) / (sentence.len() + 1);
    let text = format!("{sentence}\n").repeat(count) + &long;
    assert!(text.len() > 990_000);
    bench.write("big.txt", &text);
    let ended = predict(
        &bench,
        &[
            "big.txt",
            "--output-format",
            "jsonl",
            "--offset-unit",
            "byte",
            "--coverage",
        ],
    )
    .ok();
    let all = found(&ended.stdout);
    let lines_end = (count * (sentence.len() + 1)) as u64;
    let (of_lines, of_long): (Vec<_>, Vec<_>) =
        all.iter().partition(|(start, _, _)| *start < lines_end);
    assert_eq!(of_lines.len(), 2 * count);
    for (number, entities) in of_lines.chunks(2).enumerate() {
        let at = (number * (sentence.len() + 1)) as u64;
        for (found, (start, end, label)) in entities.iter().zip(&expected) {
            assert_eq!(**found, (at + start, at + end, label.clone()));
        }
    }
    // The long line has London 2000 times; the model, which knows other sentences, finds most of them.
    let is_london = |start: u64| text[start as usize..].starts_with("London");
    let londons: Vec<u64> = of_long
        .iter()
        .filter(|(start, end, _)| is_london(*start) && end - start == 6)
        .map(|(start, _, _)| *start)
        .collect();
    assert!(londons.len() > 1000, "{}", londons.len());
    assert!(
        of_long.is_sorted_by(|one, other| one.1 <= other.0),
        "an entity is found once"
    );
    let coverage: Value =
        serde_json::from_str(ended.stderr.lines().last().expect("a line")).expect("JSON");
    let characters = text.chars().filter(|c| !c.is_whitespace()).count();
    for key in ["characters", "characters_tagged"] {
        assert_eq!(coverage[key], characters, "{key}");
    }
    let words = count * 7 + 2000 * 8;
    assert_eq!(
        (&coverage["words"], &coverage["words_tagged"]),
        (&words.into(), &words.into())
    );
    assert_eq!(coverage["entities"], all.len());
    assert!(
        coverage["windows"].as_u64().expect("a number")
            > coverage["sentences"].as_u64().expect("a number")
    );
}
