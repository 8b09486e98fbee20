//! Runs that are killed, interrupted or damaged, and go on.

mod common;

use bert_ner_model::Freeze;
use bert_ner_train::{
    EvalEvery, Event, Observer, Options, Select, Settings, Silent, Stopped, TrainError, train,
};
use common::Bench;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// Three epochs of four steps, checkpoints at every third step: within an epoch, at its end, and where dev is scored.
fn checkpointed(options: &mut Options) {
    options.dropout = Some(0.1);
    options.weight_decay = Some(0.01);
    options.warmup_ratio = Some(0.2);
    options.checkpoint_every = Some(EvalEvery::Steps(3));
    options.eval_every = Some(EvalEvery::Steps(2));
    options.early_stopping = Some(50);
}

/// Copies a folder with all it holds.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// At every event, keeps what is on the disk: what a kill at that moment would leave.
struct Photographer {
    run: PathBuf,
    album: PathBuf,
    photographs: usize,
}

impl Observer for Photographer {
    fn event(&mut self, event: &Event) {
        if !matches!(event, Event::EvalProgress(_)) {
            let page = self.album.join(self.photographs.to_string());
            fs::create_dir_all(&page).unwrap();
            for name in ["out", "out.checkpoints"] {
                if self.run.join(name).exists() {
                    copy(&self.run.join(name), &page.join(name));
                }
            }
            self.photographs += 1;
        }
    }
}

/// The weights, and the report without what depends on time and place.
fn result(output: &Path) -> (Vec<u8>, Value) {
    let weights = fs::read(output.join("model.safetensors")).unwrap();
    let mut report: Value =
        serde_json::from_slice(&fs::read(output.join("training.json")).unwrap()).unwrap();
    for key in [
        "train_seconds",
        "train_samples_per_second",
        "train_tokens_per_second",
        "peak_rss_mb",
    ] {
        report[key].take();
    }
    for key in ["output", "checkpoint-dir", "checkpoint-every"] {
        report["settings"][key].take();
    }
    (weights, report)
}

fn resume_at(bench: &Bench, output: PathBuf) -> Settings {
    bench.settings(|options| {
        checkpointed(options);
        options.output = Some(output);
        options.resume = Some(true);
    })
}

#[test]
fn a_run_killed_at_any_event_ends_with_the_bytes_of_an_unbroken_one() {
    let bench = Bench::new(8);
    let plain = bench.settings(|options| {
        checkpointed(options);
        options.checkpoint_every = None;
        options.output = Some(bench.dir.path().join("plain"));
    });
    train(&plain, &mut Silent).unwrap();
    let unbroken = result(&plain.output);
    let mut photographer = Photographer {
        run: bench.dir.path().to_owned(),
        album: bench.dir.path().join("album"),
        photographs: 0,
    };
    train(&bench.settings(checkpointed), &mut photographer).unwrap();
    assert!(
        unbroken == result(&bench.output()),
        "writing checkpoints changed the run"
    );
    assert!(photographer.photographs > 20);
    for page in 0..photographer.photographs {
        let output = photographer.album.join(page.to_string()).join("out");
        train(&resume_at(&bench, output.clone()), &mut Silent).unwrap();
        assert!(unbroken == result(&output), "killed at event {page}");
    }
}

/// Asks to stop after so many steps, and listens.
struct Stopper {
    steps: usize,
    warnings: Vec<String>,
    resumed: Vec<usize>,
}

impl Stopper {
    fn after(steps: usize) -> Self {
        Self {
            steps,
            warnings: Vec::new(),
            resumed: Vec::new(),
        }
    }
}

impl Observer for Stopper {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Step(_) => self.steps -= 1,
            Event::Warning(message) => self.warnings.push(message.clone()),
            Event::Resumed(resumed) => self.resumed.push(resumed.step),
            _ => {}
        }
    }

    fn interrupted(&self) -> bool {
        self.steps == 0
    }
}

#[test]
fn a_run_interrupted_again_and_again_loses_no_step() {
    let bench = Bench::new(8);
    let whole = bench.dir.path().join("whole");
    train(
        &bench.settings(|options| {
            checkpointed(options);
            options.output = Some(whole.clone());
        }),
        &mut Silent,
    )
    .unwrap();
    // One step at a time: the checkpoint of an interruption may lie between a step and its evaluation.
    for steps in 0..11 {
        let mut stopper = Stopper::after(1);
        let stopped = train(&resume_at(&bench, bench.output()), &mut stopper);
        let none = matches!(stopped, Err(TrainError::Interrupted));
        let saved = stopped.is_ok_and(|report| report.stopped == Stopped::Interrupted);
        assert!(none || saved, "after {steps} steps");
        assert_eq!(
            stopper.resumed,
            if steps == 0 { vec![] } else { vec![steps] }
        );
    }
    let report = train(&resume_at(&bench, bench.output()), &mut Silent).unwrap();
    assert_eq!(report.stopped, Stopped::Completed);
    assert!(result(&whole) == result(&bench.output()));
}

#[test]
fn a_run_with_frozen_parts_goes_on_to_the_same_bits() {
    for frozen in [Freeze::Embeddings, Freeze::Layers(1), Freeze::Encoder] {
        let bench = Bench::new(8);
        let whole = bench.dir.path().join("whole");
        let settings = |output: PathBuf, resume| {
            bench.settings(|options| {
                checkpointed(options);
                options.freeze = Some(frozen);
                options.output = Some(output);
                options.resume = Some(resume);
            })
        };
        train(&settings(whole.clone(), false), &mut Silent).unwrap();
        let stopped = train(&settings(bench.output(), true), &mut Stopper::after(4)).unwrap();
        assert_eq!(stopped.stopped, Stopped::Interrupted);
        train(&settings(bench.output(), true), &mut Silent).unwrap();
        assert!(result(&whole) == result(&bench.output()), "{frozen:?}");
    }
}

/// Makes a run that came to its end look as if it had been killed before that.
fn as_if_killed(output: &Path) {
    let path = output.join("training.json");
    let report = fs::read_to_string(&path).unwrap();
    let killed = report.replace("\"completed\"", "\"interrupted\"");
    assert_ne!(killed, report);
    fs::write(path, killed).unwrap();
}

fn checkpoints(bench: &Bench) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(bench.dir.path().join("out.checkpoints"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    found.sort();
    found
}

#[test]
fn a_damaged_checkpoint_is_skipped_for_the_one_before_and_is_an_error_when_alone() {
    let bench = Bench::new(8);
    train(&bench.settings(checkpointed), &mut Silent).unwrap();
    let unbroken = result(&bench.output());
    let found = checkpoints(&bench);
    assert_eq!(found.len(), 2, "the newest two are kept");
    for damage in [
        |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() / 2),
        |bytes: &mut Vec<u8>| *bytes.last_mut().unwrap() ^= 1,
        |bytes: &mut Vec<u8>| bytes.clear(),
    ] {
        let mut bytes = fs::read(&found[0]).unwrap();
        damage(&mut bytes);
        fs::write(&found[1], bytes).unwrap();
        as_if_killed(&bench.output());
        let mut stopper = Stopper::after(100);
        train(&resume_at(&bench, bench.output()), &mut stopper).unwrap();
        assert_eq!(stopper.resumed, [6]);
        assert!(
            stopper.warnings[0].contains("step-00000009.ckpt"),
            "{:?}",
            stopper.warnings
        );
        assert!(unbroken == result(&bench.output()));
    }
    fs::remove_file(&found[1]).unwrap();
    fs::write(&found[0], b"bnerckp1").unwrap();
    as_if_killed(&bench.output());
    let before = result(&bench.output());
    let error = train(&resume_at(&bench, bench.output()), &mut Silent).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{}: is cut short", found[0].display())
    );
    assert!(before == result(&bench.output()), "the model is left alone");
}

/// Counts what a run does.
#[derive(Default)]
struct Counter {
    steps: usize,
    was_finished: usize,
    warnings: Vec<String>,
}

impl Observer for Counter {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Step(_) => self.steps += 1,
            Event::WasFinished(_) => self.was_finished += 1,
            Event::Warning(message) => self.warnings.push(message.clone()),
            _ => {}
        }
    }
}

#[test]
fn a_finished_run_that_is_resumed_does_nothing_and_reports_the_same() {
    let bench = Bench::new(8);
    let first = train(&bench.settings(checkpointed), &mut Silent).unwrap();
    let files = |name: &str| fs::read(bench.output().join(name)).unwrap();
    let before = ["training.json", "README.md", "model.safetensors"].map(files);
    fs::remove_file(bench.output().join("README.md")).unwrap();
    let mut counter = Counter::default();
    let again = train(&resume_at(&bench, bench.output()), &mut counter).unwrap();
    assert_eq!((counter.steps, counter.was_finished), (0, 1));
    let after = ["training.json", "README.md", "model.safetensors"].map(files);
    assert!(before == after, "report, card or weights have changed");
    let json = |report| serde_json::to_value(report).unwrap();
    let (mut first, mut again) = (json(first), json(again));
    for report in [&mut first, &mut again] {
        report["settings"]["resume"].take();
    }
    assert_eq!(first, again);
    // With other settings it is no finished run, but another one.
    let longer = bench.settings(|options| {
        checkpointed(options);
        (options.epochs, options.resume) = (Some(4.0), Some(true));
    });
    assert!(matches!(
        train(&longer, &mut Silent),
        Err(TrainError::OtherSettings { .. })
    ));
}

/// CRC-32C, a bit at a time.
fn crc32c(bytes: &[u8]) -> u32 {
    let next = |mut crc: u32| {
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg());
        }
        crc
    };
    !bytes
        .iter()
        .fold(!0, |crc, &byte| next(crc ^ u32::from(byte)))
}

#[test]
fn a_checkpoint_of_another_arithmetic_is_followed_with_a_warning() {
    let bench = Bench::new(8);
    train(&bench.settings(checkpointed), &mut Stopper::after(7)).unwrap();
    let newest = checkpoints(&bench).pop().unwrap();
    let whole = fs::read(&newest).unwrap();
    let length = u64::from_le_bytes(whole[8..16].try_into().unwrap()) as usize;
    let (header, arrays) = whole[20..].split_at(length);
    let mut state: Value = serde_json::from_slice(header).unwrap();
    assert_eq!(state["arithmetic"], bert_ner_model::arithmetic());
    state["arithmetic"] = "abacus".into();
    let header = serde_json::to_vec(&state).unwrap();
    let mut bytes = whole[..8].to_vec();
    bytes.extend((header.len() as u64).to_le_bytes());
    bytes.extend(crc32c(&header).to_le_bytes());
    bytes.extend(&header);
    bytes.extend(arrays);
    fs::write(&newest, bytes).unwrap();
    let mut counter = Counter::default();
    train(&resume_at(&bench, bench.output()), &mut counter).unwrap();
    assert_eq!(counter.warnings.len(), 1, "{:?}", counter.warnings);
    let said = &counter.warnings[0];
    assert!(
        said.contains("abacus arithmetic") && said.contains("bits of an unbroken one"),
        "{said}"
    );
}

#[test]
fn two_runs_cannot_share_a_folder_of_checkpoints() {
    /// Starts a second run from within the first.
    struct Intruder(Settings, Option<TrainError>);
    impl Observer for Intruder {
        fn event(&mut self, event: &Event) {
            if matches!(event, Event::Checkpointed(_)) {
                self.1 = train(&self.0, &mut Silent).err();
            }
        }
    }
    let bench = Bench::new(8);
    let second = bench.settings(|options| {
        checkpointed(options);
        options.output = Some(bench.dir.path().join("other"));
        options.checkpoint_dir = Some(bench.dir.path().join("out.checkpoints"));
        options.overwrite = Some(true);
    });
    let mut intruder = Intruder(second, None);
    train(&bench.settings(checkpointed), &mut intruder).unwrap();
    let error = intruder.1.unwrap();
    assert!(
        matches!(error, TrainError::CheckpointsBusy { .. }),
        "{error}"
    );
    assert!(
        checkpoints(&bench)
            .iter()
            .all(|path| path.extension().is_some_and(|e| e == "ckpt"))
    );
}

#[test]
fn a_finished_model_is_not_replaced_by_a_run_on_other_data() {
    let bench = Bench::new(8);
    train(&bench.settings(checkpointed), &mut Silent).unwrap();
    let before = result(&bench.output());
    fs::remove_dir_all(bench.dir.path().join("out.checkpoints")).unwrap();
    let data = bench.dir.path().join("train.conll");
    let text = fs::read_to_string(&data).unwrap();
    fs::write(&data, text.replacen(" O\n", " B-PER\n", 1)).unwrap();
    let error = train(&resume_at(&bench, bench.output()), &mut Silent).unwrap_err();
    assert!(
        matches!(error, TrainError::OtherData { what: "train", .. }),
        "{error}"
    );
    assert!(before == result(&bench.output()));
}

#[test]
fn other_settings_and_other_data_are_refused_by_name() {
    let bench = Bench::new(8);
    let mut stopper = Stopper::after(6);
    train(&bench.settings(checkpointed), &mut stopper).unwrap();
    let before = result(&bench.output());
    let other = bench.settings(|options| {
        checkpointed(options);
        options.resume = Some(true);
        options.batch_size = Some(4);
        options.seed = Some(7);
        options.threads = Some(2);
    });
    let error = train(&other, &mut Silent).unwrap_err().to_string();
    assert!(
        error.ends_with("comes from a run with other settings: batch-size 8 -> 4, seed 42 -> 7"),
        "{error}"
    );
    let data = bench.dir.path().join("train.conll");
    let text = fs::read_to_string(&data).unwrap();
    fs::write(&data, text.replacen("xa B-PER", "xa B-LOC", 1)).unwrap();
    let error = train(&resume_at(&bench, bench.output()), &mut Silent).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("comes from a run on another train"),
        "{error}"
    );
    assert!(before == result(&bench.output()));
}

#[test]
fn nothing_of_another_run_is_overwritten() {
    let bench = Bench::new(8);
    train(&bench.settings(checkpointed), &mut Silent).unwrap();
    // A new run in the same place.
    let again = bench.settings(|options| {
        checkpointed(options);
        options.output = Some(bench.dir.path().join("other"));
        options.checkpoint_dir = Some(bench.dir.path().join("out.checkpoints"));
    });
    assert!(matches!(
        train(&again, &mut Silent),
        Err(TrainError::CheckpointsExist { .. })
    ));
    // Resumed without a checkpoint, onto the model of a run with another seed.
    fs::remove_dir_all(bench.dir.path().join("out.checkpoints")).unwrap();
    let onto = bench.settings(|options| {
        checkpointed(options);
        (options.seed, options.resume) = (Some(1), Some(true));
    });
    assert!(matches!(
        train(&onto, &mut Silent),
        Err(TrainError::OtherSettings { .. })
    ));
    // And where the best model is gone.
    fs::remove_dir_all(bench.output()).unwrap();
    train(&bench.settings(checkpointed), &mut Stopper::after(8)).unwrap();
    fs::remove_dir_all(bench.output()).unwrap();
    assert!(matches!(
        train(&resume_at(&bench, bench.output()), &mut Silent),
        Err(TrainError::BestModelGone { .. })
    ));
}

#[test]
fn the_mean_of_the_newest_dev_losses_chooses_the_model() {
    let bench = Bench::new(8);
    let report = bench
        .run(|options| {
            options.select = Some(Select::LossMean(3));
            options.epochs = Some(6.0);
            options.learning_rate = Some(2e-2);
        })
        .unwrap();
    let losses: Vec<f64> = report.epochs.iter().map(|epoch| epoch.dev.loss).collect();
    let mean = |end: usize| {
        let newest = &losses[(end + 1).saturating_sub(3)..=end];
        newest.iter().sum::<f64>() / newest.len() as f64
    };
    let best = (0..losses.len())
        .min_by(|&a, &b| mean(a).total_cmp(&mean(b)))
        .unwrap();
    assert_eq!(report.best.unwrap().step, report.epochs[best].step);
}
