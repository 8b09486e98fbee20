//! Each kind of bad input: what a person sees, and that no output is left behind.

mod common;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use common::{Bench, DEV, Ended, TRAIN, tiny_bert};

/// Checks a training run that must fail with `message` and leave nothing behind.
#[track_caller]
fn refused(bench: &Bench, further: &[&str], message: &str) {
    bench.train(further).failed(1, message);
    bench.no_output();
}

#[test]
fn a_missing_file_is_named() {
    let bench = Bench::new();
    refused(
        &bench,
        &["--train", "nowhere.conll"],
        "error: nowhere.conll: No such file or directory (os error 2)\n",
    );
    refused(
        &bench,
        &["--dev", "nowhere.conll"],
        "error: nowhere.conll: No such file or directory (os error 2)\n",
    );
    refused(
        &bench,
        &["--model", "./nowhere"],
        "error: ./nowhere: no such folder\n  \
         hint: a model of the Hugging Face Hub is named name, org/name or org/name@revision, without ./\n",
    );
    let score = bench.run(&["score", "nowhere.conll"]);
    score.failed(
        1,
        "error: nowhere.conll: No such file or directory (os error 2)\n",
    );
}

#[test]
fn a_file_without_a_sentence_is_named() {
    let bench = Bench::new();
    bench.write("empty.conll", "");
    bench.write("blank.conll", "-DOCSTART- O\n\n\n");
    let message = |file: &str| format!("error: {file}: has no sentence; expected at least one\n");
    refused(&bench, &["--train", "empty.conll"], &message("empty.conll"));
    refused(&bench, &["--dev", "blank.conll"], &message("blank.conll"));
    bench.run(&["score", "empty.conll"]).failed(
        1,
        "error: empty.conll: has no sentence; expected columns, the gold and the predicted tag last\n",
    );
}

#[test]
fn a_line_with_too_few_columns_is_named() {
    let bench = Bench::new();
    bench.write("short.conll", "Ada B-PER\nLovelace I-PER\nwas\nborn O\n");
    refused(
        &bench,
        &["--train", "short.conll"],
        "error: short.conll:3: 1 column where 2 are expected, as in line 1 (columns are separated by \
         spaces or tabs): \"was\"\n",
    );
}

#[test]
fn a_tag_of_no_scheme_is_named() {
    let bench = Bench::new();
    bench.write("odd.conll", TRAIN.replace("B-LOC", "X-LOC"));
    let ended = bench.train(&["--train", "odd.conll", "--scheme", "iob2"]);
    ended.failed(
        1,
        "error: odd.conll:6: tag \"X-LOC\" is not an iob2 tag (O, B-TYPE or I-TYPE)\n",
    );
    bench.no_output();
}

#[test]
fn bytes_that_are_not_utf8_are_counted() {
    let bench = Bench::new();
    let mut bytes = TRAIN.as_bytes().to_vec();
    bytes[12] = 0xff;
    bench.write("latin1.conll", bytes);
    refused(
        &bench,
        &["--train", "latin1.conll"],
        "error: latin1.conll:2: invalid UTF-8 at byte 12 of the file; expected UTF-8 text\n",
    );
}

#[test]
fn dev_labels_that_train_never_shows_are_named() {
    let bench = Bench::new();
    bench.write(
        "wider.conll",
        format!("{DEV}\nthe O\nFOX B-ORG\nTimes B-WORK\n"),
    );
    refused(
        &bench,
        &["--dev", "wider.conll"],
        "error: wider.conll: entity types ORG, WORK never occur in train.conll, so no model trained on it \
         can predict them\n",
    );
}

#[test]
fn damaged_weights_are_refused() {
    let bench = Bench::new();
    let model = bench.copy_model("model");
    let weights = std::fs::read(model.join("model.safetensors")).unwrap();
    let refused = |bytes: &[u8], message: &str| {
        std::fs::write(model.join("model.safetensors"), bytes).unwrap();
        refused(&bench, &["--model", "./model"], message);
    };
    refused(
        &weights[..weights.len() / 2],
        "error: ./model/model.safetensors: not a whole safetensors file: it has 38634 bytes where its header promises 77268\n",
    );
    refused(
        b"not a safetensors file at all",
        "error: ./model/model.safetensors: not a whole safetensors file: its header claims \
         7021991845529153390 bytes, but the file has 29\n",
    );
    refused(
        &[],
        "error: ./model/model.safetensors: not a whole safetensors file: it has 0 bytes, fewer than a header's 8\n",
    );
}

#[test]
fn a_shape_that_contradicts_the_configuration_is_named() {
    let bench = Bench::new();
    let model = bench.copy_model("model");
    let config = std::fs::read_to_string(model.join("config.json")).unwrap();
    let config = config.replace("\"intermediate_size\": 52", "\"intermediate_size\": 53");
    std::fs::write(model.join("config.json"), config).unwrap();
    refused(
        &bench,
        &["--model", "./model"],
        "error: ./model/model.safetensors: tensor \"bert.encoder.layer.0.intermediate.dense.bias\" has \
         shape [52], but config.json asks for [53] (intermediate_size and hidden_size)\n",
    );
}

#[test]
fn a_vocabulary_beyond_the_embedding_is_refused() {
    let bench = Bench::new();
    let model = bench.copy_model("model");
    std::fs::remove_file(model.join("tokenizer.json")).unwrap();
    let vocabulary = std::fs::read_to_string(model.join("vocab.txt")).unwrap();
    std::fs::write(model.join("vocab.txt"), format!("{vocabulary}one\ntwo\n")).unwrap();
    let ended = bench.train(&["--model", "./model"]);
    assert_eq!(ended.code, Some(1));
    let message = "error: the tokenizer's ids reach 62, but the model embeds only 61 (vocab_size in \
                   config.json): they do not belong together\n";
    assert!(ended.stderr.ends_with(message), "{}", ended.stderr);
    bench.no_output();
}

#[test]
fn broken_json_is_named_with_its_line() {
    let bench = Bench::new();
    bench.write(
        "train.jsonl",
        "{\"tokens\": [\"a\"], \"ner_tags\": [\"O\"]}\n{\"tokens\": [\"a\", \"ner_tags\"\n",
    );
    let ended = bench.train(&["--train", "train.jsonl"]);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.starts_with("error: train.jsonl:2: "),
        "{}",
        ended.stderr
    );
    let model = bench.copy_model("model");
    std::fs::write(
        model.join("config.json"),
        "{\n  \"model_type\": \"bert\",\n",
    )
    .unwrap();
    refused(
        &bench,
        &["--model", "./model"],
        "error: ./model/config.json: EOF while parsing a value at line 3 column 0\n",
    );
}

#[test]
fn an_output_folder_that_exists_stays_as_it_is() {
    let bench = Bench::new();
    bench.write("out/notes.txt", "dear to me");
    bench.train(&[]).failed(
        1,
        "error: out: the output folder exists already\n  \
         hint: --overwrite replaces it; or choose another --output\n",
    );
    bench.train(&["--overwrite"]).failed(
        1,
        "error: out: the output folder holds something other than a model (there is no config.json), \
         so it is not replaced\n",
    );
    assert_eq!(bench.read("out/notes.txt"), "dear to me");
}

/// Runs a shell whose files cannot grow beyond `blocks` of 1024 bytes: a disk that fills up.
#[cfg(unix)]
fn on_a_small_disk(bench: &Bench, blocks: usize, arguments: &[&str]) -> Ended {
    let inner = bench.command(arguments);
    let mut command = Command::new("bash");
    // The signal is ignored, so that writes fail as they do on a full disk.
    command.args([
        "-c",
        &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\""),
        "bash",
    ]);
    command.arg(inner.get_program()).args(inner.get_args());
    command
        .current_dir(inner.get_current_dir().unwrap())
        .stdin(Stdio::null());
    command.output().expect("bash runs").into()
}

#[test]
#[cfg(unix)]
fn a_full_disk_leaves_the_output_folder_as_it_was() {
    let bench = Bench::new();
    let model = tiny_bert();
    let model = model.to_str().unwrap();
    let arguments = [
        "train",
        "--model",
        model,
        "--train",
        "train.conll",
        "--dev",
        "dev.conll",
        "--output",
        "out",
        "--epochs",
        "1",
    ];
    let ended = on_a_small_disk(&bench, 8, &arguments);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("File too large"), "{}", ended.stderr);
    bench.no_output();
    bench.write("out/config.json", "{}");
    bench.write("out/notes.txt", "dear to me");
    let ended = on_a_small_disk(&bench, 8, &[&arguments[..], &["--overwrite"]].concat());
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!(bench.read("out/notes.txt"), "dear to me");
}

#[test]
fn a_loss_that_is_no_number_ends_the_run() {
    let bench = Bench::new();
    let ended = bench.train(&[
        "--learning-rate",
        "1e30",
        "--epochs",
        "20",
        "--batch-size",
        "1",
    ]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let error = ended
        .stderr
        .lines()
        .find(|line| line.starts_with("error: "))
        .expect("an error");
    assert!(
        error.starts_with("error: training diverged: the "),
        "{error}"
    );
    assert!(error.contains(" of 80 (epoch "), "{error}");
    assert!(
        ended
            .stderr
            .ends_with("hint: try a lower --learning-rate, or some --warmup-ratio such as 0.1\n")
    );
    bench.no_output();
}

#[test]
#[cfg(unix)]
fn ctrl_c_keeps_the_best_model_so_far_whole() {
    let bench = Bench::new();
    let model = tiny_bert();
    let mut child = bench
        .command(&[
            "train",
            "--model",
            model.to_str().unwrap(),
            "--train",
            "train.conll",
        ])
        .args([
            "--dev",
            "dev.conll",
            "--output",
            "out",
            "--epochs",
            "1000000",
            "--eval-every",
            "2",
        ])
        .args(["--batch-size", "1"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    // An evaluation in mid-epoch has been shown: there is a model to keep.
    assert!(lines.any(|line| line.unwrap().starts_with("epoch ")));
    let kill = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest:?}");
    assert!(
        rest.iter()
            .any(|line| line.starts_with("interrupted; out holds the model of epoch ")),
        "{rest:?}"
    );
    let report: serde_json::Value = serde_json::from_str(&bench.read("out/training.json")).unwrap();
    assert_eq!(report["stopped"], "interrupted");
    let eval = bench
        .run(&["eval", "--model", "./out", "--data", "dev.conll", "--json"])
        .ok();
    let scores: serde_json::Value = serde_json::from_str(&eval.stdout).unwrap();
    assert_eq!(scores["f1"], report["best"]["dev"]["f1"]);
}

#[test]
#[cfg(target_os = "linux")]
fn ctrl_c_leaves_no_half_written_predictions() {
    let bench = Bench::new();
    let model = tiny_bert();
    let mut child = bench
        .command(&[
            "predict",
            "--model",
            model.to_str().unwrap(),
            "-o",
            "out.jsonl",
        ])
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Wait until SIGINT is caught: bit 1 of the mask in /proc/PID/status.
    let status = format!("/proc/{}/status", child.id());
    let caught = || {
        let status = std::fs::read_to_string(&status).unwrap();
        let mask = status
            .lines()
            .find_map(|line| line.strip_prefix("SigCgt:\t"))
            .unwrap();
        u64::from_str_radix(mask, 16).unwrap() & 2 != 0
    };
    while !caught() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let kill = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
    std::thread::sleep(std::time::Duration::from_millis(200));
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"Ada was here\nAlan too\n")
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    bench.no_output();
}

#[test]
fn a_checkpoint_cut_short_or_of_another_run_is_named_and_nothing_is_lost() {
    let bench = Bench::new();
    // A step an epoch: checkpoints after steps 1 and 2.
    let flags = ["--checkpoint-every", "1"];
    bench.train(&flags).ok();
    // As if it had been killed before its last report.
    let report = bench.read("out/training.json");
    let killed = report.replace("\"stopped\": \"completed\"", "\"stopped\": \"interrupted\"");
    assert_ne!(report, killed);
    let model = std::fs::read(bench.path("out/model.safetensors")).unwrap();
    let resumed = |more: &[&str]| {
        bench.write("out/training.json", &killed);
        bench.train(&[&flags[..], &["--resume"], more].concat())
    };
    let newest = "out.checkpoints/step-00000002.ckpt";
    let bytes = std::fs::read(bench.path(newest)).unwrap();
    bench.write(newest, &bytes[..bytes.len() / 2]);
    let ended = resumed(&[]).ok();
    assert!(
        ended.stderr.starts_with(
            "warning: out.checkpoints/step-00000002.ckpt: is cut short; trying the checkpoint before it\n"
        ) && ended
            .stderr
            .contains("resumed from out.checkpoints/step-00000001.ckpt, 1 step done"),
        "{}",
        ended.stderr
    );
    bench.write(newest, &bytes[..bytes.len() / 2]);
    std::fs::remove_file(bench.path("out.checkpoints/step-00000001.ckpt")).unwrap();
    resumed(&[]).failed(
        1,
        "error: out.checkpoints/step-00000002.ckpt: is cut short\n  \
         hint: --overwrite without --resume begins anew\n",
    );
    bench.write(newest, &bytes);
    resumed(&["--learning-rate", "1e-3", "--keep", "5"]).failed(
        1,
        "error: out/training.json: comes from a run with other settings: learning-rate 0.00005 -> 0.001\n  \
         hint: resume with what the run began with, or begin anew with another --output\n",
    );
    assert!(
        std::fs::read(bench.path(newest)).unwrap() == bytes,
        "the checkpoint is left alone"
    );
    assert!(
        std::fs::read(bench.path("out/model.safetensors")).unwrap() == model,
        "so is the model"
    );
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let bench = Bench::new();
    let mut child = bench.command(&["score", "pairs.conll"]);
    bench.write("pairs.conll", "a B-X B-X\n\n".repeat(10));
    let mut child = child
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ended: Ended = child.wait_with_output().unwrap().into();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}

#[test]
fn offline_the_name_of_a_model_is_answered_plainly() {
    let bench = Bench::new();
    bench.train(&["--model", "org/bert"]).failed(
        1,
        "error: org/bert is neither a folder here nor in the local cache, and http://127.0.0.1:9 cannot be reached\n  \
         because: request error: io: Connection refused (os error 111)\n  \
         hint: give a local folder, or fetch it once with network access\n",
    );
    assert!(!Path::new("out").exists());
}
