//! A place to run the binary in: a temporary folder, a tiny model, a few sentences.

#![allow(dead_code, reason = "each test crate uses some of it")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// Sentences in CoNLL columns, IOB2, with both types of the tiny model.
pub(crate) const TRAIN: &str = "\
Ada B-PER\nLovelace I-PER\nwas O\nborn O\nin O\nLondon B-LOC\n. O\n
Paris B-LOC\nis O\nfar O\nfrom O\nNew B-LOC\nYork I-LOC\n. O\n
Alan B-PER\nTuring I-PER\nlived O\nin O\nManchester B-LOC\n. O\n
The O\nrain O\nin O\nSpain B-LOC\nstays O\n. O\n";

/// More of them, with no tag that [`TRAIN`] lacks.
pub(crate) const DEV: &str = "\
Ada B-PER\nlived O\nin O\nParis B-LOC\n. O\n
Alan B-PER\nTuring I-PER\nwas O\nborn O\nin O\nLondon B-LOC\n. O\n";

/// What a run of the binary came to.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("standard output is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("standard error is UTF-8"),
        }
    }
}

impl Ended {
    /// Checks that all went well.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self
    }

    /// Checks that it ended with this code and exactly this message.
    #[track_caller]
    pub(crate) fn failed(&self, code: i32, message: &str) {
        assert_eq!((self.code, self.stderr.as_str()), (Some(code), message));
    }
}

/// A temporary folder to run the binary in.
pub(crate) struct Bench {
    folder: TempDir,
}

impl Bench {
    /// A folder with `train.conll` and `dev.conll`.
    pub(crate) fn new() -> Self {
        let bench = Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
        };
        bench.write("train.conll", TRAIN);
        bench.write("dev.conll", DEV);
        bench
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders can be made");
        std::fs::write(&path, bytes).expect("files can be written");
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Copies the tiny model to `name`, for tests that damage it.
    pub(crate) fn copy_model(&self, name: &str) -> PathBuf {
        for file in std::fs::read_dir(tiny_bert()).expect("the tiny model is there") {
            let file = file.expect("it can be listed");
            let bytes = std::fs::read(file.path()).expect("it can be read");
            self.write(
                &format!("{name}/{}", file.file_name().to_string_lossy()),
                bytes,
            );
        }
        self.path(name)
    }

    /// The binary, in this folder, cut off from the network and from the user's own files.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bert-ner"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        for variable in ["HF_TOKEN", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "COLUMNS"] {
            command.env_remove(variable);
        }
        command
            .env("HF_HOME", self.path("huggingface"))
            .env("HF_ENDPOINT", "http://127.0.0.1:9");
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.command(arguments)
            .output()
            .expect("the binary runs")
            .into()
    }

    /// Trains the tiny model on the files of this folder into `out`, with further arguments.
    pub(crate) fn train(&self, further: &[&str]) -> Ended {
        let model = tiny_bert();
        let model = model.to_str().expect("a path in UTF-8");
        let mut arguments = vec!["train", "--output", "out"];
        for (flag, value) in [
            ("--model", model),
            ("--train", "train.conll"),
            ("--dev", "dev.conll"),
        ] {
            if !further.contains(&flag) {
                arguments.extend([flag, value]);
            }
        }
        arguments.extend(further);
        self.run(&arguments)
    }

    /// Checks that nothing is left of a run that failed.
    #[track_caller]
    pub(crate) fn no_output(&self) {
        let left: Vec<_> = std::fs::read_dir(self.folder.path())
            .expect("the folder can be listed")
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .filter(|name| name.starts_with("out") || name.starts_with(".out"))
            .collect();
        assert!(left.is_empty(), "{left:?} is left over");
    }
}

/// The tiny random BERT of the crate `model`, with its tokenizer.
pub(crate) fn tiny_bert() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/tests/data/tiny-bert")
}

/// Runs the binary with `input` on its standard input.
pub(crate) fn piped(bench: &Bench, arguments: &[&str], input: &str) -> Ended {
    let mut command = bench.command(arguments);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that refuses its arguments does not wait for input.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap().into()
}

/// A folder with a model in `out` that knows [`TRAIN`] by heart.
pub(crate) fn trained() -> Bench {
    let bench = Bench::new();
    let settings = [
        "--epochs",
        "60",
        "--learning-rate",
        "3e-3",
        "--batch-size",
        "2",
        "--eval-every",
        "20",
    ];
    bench.train(&settings).ok();
    bench
}
