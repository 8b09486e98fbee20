//! Whole runs of a tiny random BERT: what they leave behind, and what they leave alone.

mod common;

use bert_ner_infer::{Tagger, Workspace};
use bert_ner_text::read_corpus;
use bert_ner_train::{Event, Observer, Stopped, TrainError, train};
use common::Bench;
use std::fs;

#[test]
fn the_f1_of_the_report_is_that_of_the_folder_opened_again() {
    let bench = Bench::new(8);
    let test = bench.dir.path().join("dev.conll");
    let report = bench
        .run(|options| (options.test, options.epochs) = (Some(test), Some(8.0)))
        .unwrap();
    assert_eq!(report.stopped, Stopped::Completed);
    assert_eq!(report.epochs.len(), 8);
    let best = report.best.as_ref().unwrap();
    assert!(
        best.dev.f1 > 0.9,
        "even a tiny model learns this: {}",
        best.dev.f1
    );
    // The test split is scored by the folder as written, and here it is dev.
    let test = report.test.as_ref().unwrap();
    assert_eq!(
        (test.f1.to_bits(), test.loss.to_bits()),
        (best.dev.f1.to_bits(), best.dev.loss.to_bits())
    );
    for file in [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "training.json",
        "README.md",
        "predictions.conll",
    ] {
        assert!(bench.output().join(file).is_file(), "{file} is missing");
    }
    let written: serde_json::Value =
        serde_json::from_slice(&fs::read(bench.output().join("training.json")).unwrap()).unwrap();
    assert_eq!(written["settings"]["learning-rate"], 5e-3);
    assert_eq!(written["train_samples"], 30);
    assert_eq!(bench.names(), ["dev.conll", "out", "train.conll"]);
}

#[test]
fn the_same_seed_gives_the_same_bytes_for_any_number_of_threads() {
    let bench = Bench::new(8);
    let weights = |threads: usize, seed: u64| {
        bench
            .run(|options| {
                options.threads = Some(threads);
                options.seed = Some(seed);
                options.dropout = Some(0.1);
                options.overwrite = Some(true);
            })
            .unwrap();
        fs::read(bench.output().join("model.safetensors")).unwrap()
    };
    let one = weights(1, 42);
    assert!(
        one == weights(2, 42) && one == weights(5, 42),
        "threads change the weights"
    );
    assert!(one != weights(1, 43), "the seed does not");
}

#[test]
fn sentences_beyond_the_model_train_and_are_scored_word_by_word() {
    // The model takes 40 pieces; these sentences have 90 words.
    let bench = Bench::new(90);
    let report = bench.run(|options| options.epochs = Some(4.0)).unwrap();
    assert_eq!(report.settings.max_length, 40);
    let corpus = read_corpus(&bench.dir.path().join("dev.conll"), &Default::default()).unwrap();
    let tagged = Tagger::open(&bench.output())
        .unwrap()
        .tag(&corpus.sentences, &mut Workspace::new())
        .unwrap();
    assert!(
        corpus
            .sentences
            .iter()
            .zip(&tagged)
            .all(|(sentence, tagged)| sentence.len() == 91 && tagged.tags.len() == 91)
    );
    assert!(report.best.unwrap().dev.f1 > 0.9);
}

#[test]
fn accumulated_batches_train_like_one_large_batch() {
    let bench = Bench::new(8);
    let losses = |batch: usize, accumulation: usize| {
        let report = bench
            .run(|options| {
                options.batch_size = Some(batch);
                options.gradient_accumulation = Some(accumulation);
                options.overwrite = Some(true);
            })
            .unwrap();
        report
            .epochs
            .iter()
            .map(|epoch| epoch.train_loss)
            .collect::<Vec<_>>()
    };
    // 30 sentences: 4 steps of 8 = 2 x 4, the last of 6.
    let (whole, parts) = (losses(8, 1), losses(4, 2));
    assert!(
        whole.iter().zip(&parts).all(|(a, b)| (a - b).abs() < 1e-4),
        "{whole:?} {parts:?}"
    );
}

#[test]
fn label_all_tokens_and_a_fraction_of_an_epoch_are_honoured() {
    let bench = Bench::new(8);
    let first = bench.run(|options| options.epochs = Some(0.5)).unwrap();
    assert_eq!(first.epochs.len(), 1);
    assert_eq!((first.epochs[0].step, first.epochs[0].epoch), (2, 0.5));
    let all = bench.run(|options| {
        options.epochs = Some(0.5);
        options.label_all_tokens = Some(true);
        options.overwrite = Some(true);
    });
    assert_ne!(all.unwrap().train_loss, first.train_loss);
}

#[test]
fn a_dev_score_that_does_not_rise_stops_the_run() {
    let bench = Bench::new(8);
    let report = bench
        .run(|options| {
            options.epochs = Some(50.0);
            options.learning_rate = Some(1e-12);
            options.early_stopping = Some(2);
        })
        .unwrap();
    assert_eq!(
        (report.stopped, report.epochs.len()),
        (Stopped::EarlyStopping, 3)
    );
}

#[test]
fn a_type_that_training_never_shows_is_refused_before_anything_is_written() {
    let bench = Bench::new(8);
    fs::write(bench.dir.path().join("dev.conll"), "xa B-PER\nyb B-SHIP\n").unwrap();
    let error = bench.run(|_| ()).unwrap_err().to_string();
    assert!(
        error.contains("SHIP") && error.contains("dev.conll"),
        "{error}"
    );
    assert_eq!(bench.names(), ["dev.conll", "train.conll"]);
}

#[test]
fn a_run_that_diverges_says_when_and_leaves_no_folder() {
    let bench = Bench::new(8);
    let error = bench
        .run(|options| options.learning_rate = Some(1e30))
        .unwrap_err();
    assert!(
        matches!(error, TrainError::Diverged { step: 2.., .. }),
        "{error}"
    );
    assert_eq!(bench.names(), ["dev.conll", "train.conll"]);
}

/// Asks to stop after so many steps.
struct Impatient {
    steps: usize,
}

impl Observer for Impatient {
    fn event(&mut self, event: &Event) {
        if let Event::Step(_) = event {
            self.steps -= 1;
        }
    }

    fn interrupted(&self) -> bool {
        self.steps == 0
    }
}

#[test]
fn an_interrupted_run_keeps_the_best_model_or_writes_nothing() {
    let bench = Bench::new(8);
    // Four steps an epoch.
    let stopped = train(&bench.settings(|_| ()), &mut Impatient { steps: 3 });
    assert!(matches!(stopped, Err(TrainError::Interrupted)));
    assert_eq!(bench.names(), ["dev.conll", "train.conll"]);
    let report = train(&bench.settings(|_| ()), &mut Impatient { steps: 6 }).unwrap();
    assert_eq!(
        (report.stopped, report.epochs.len()),
        (Stopped::Interrupted, 1)
    );
    Tagger::open(&bench.output()).unwrap();
    assert_eq!(bench.names(), ["dev.conll", "out", "train.conll"]);
}

#[test]
fn an_output_folder_that_exists_is_refused_unless_told_and_ours() {
    let bench = Bench::new(8);
    fs::create_dir(bench.output()).unwrap();
    fs::write(bench.output().join("thesis.tex"), "years of work").unwrap();
    assert!(matches!(
        bench.run(|_| ()),
        Err(TrainError::OutputExists { .. })
    ));
    let told = bench.run(|options| options.overwrite = Some(true));
    assert!(matches!(told, Err(TrainError::NotAModelFolder { .. })));
    assert_eq!(
        fs::read_to_string(bench.output().join("thesis.tex")).unwrap(),
        "years of work"
    );
}
