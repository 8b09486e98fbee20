//! `--output DIR/`: what is done stays done, and nothing else is taken for it.

use std::path::Path;

use super::common::{Bench, Ended, trained};
use super::{TEXT, predict, usage};

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
    // What came to nothing holds nobody to its settings.
    let bare =
        |further: &[&str]| predict(&bench, &[&["in/a.txt", "-o", "bare/"], further].concat());
    bench.write("bare/predict.json", bench.read("done/predict.json"));
    bare(&["--output-format", "csv"]).ok();
    assert_eq!(bare(&["--output-format", "jsonl"]).code, Some(1));
    predict(
        &bench,
        &[
            "in/a.txt",
            "in/a.txt",
            "--output-format",
            "csv",
            "-o",
            "twice/",
        ],
    )
    .failed(2, &usage("in/a.txt is given twice"));
    assert!(!bench.path("twice").exists());
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
