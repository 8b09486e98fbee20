//! What `predict` reads, writes and leaves out.

#[path = "../common/mod.rs"]
mod common;
mod folder;
mod inputs;

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
