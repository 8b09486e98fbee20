//! Whole runs of a tiny random BERT: what they leave behind, and what they leave alone.

mod common;

use bert_ner_infer::{Tagger, Workspace};
use bert_ner_model::{Freeze, HeadKind, Model};
use bert_ner_text::read_corpus;
use bert_ner_train::{
    Event, Observer, Options, Places, Reduction, RnnChoice, Settings, Silent, Stopped, TrainError,
    train,
};
use common::Bench;
use std::fs;
use std::path::Path;

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
fn a_split_without_a_word_is_refused_by_name() {
    let bench = Bench::new(8);
    let empty = bench.dir.path().join("empty.jsonl");
    fs::write(&empty, "{\"tokens\": [], \"ner_tags\": []}\n").unwrap();
    let refused = |change: &dyn Fn(&mut Settings)| {
        let mut settings = bench.settings(|_| ());
        change(&mut settings);
        let error = train(&settings, &mut Silent).unwrap_err().to_string();
        let (path, message) = error.split_once(": ").unwrap();
        assert_eq!(Path::new(path), empty);
        message.to_owned()
    };
    let expected = |split: &str| {
        format!("the {split} split has 1 sentence but no word; expected at least one word")
    };
    assert_eq!(
        refused(&|settings| settings.train = empty.clone()),
        expected("train")
    );
    assert_eq!(
        refused(&|settings| settings.dev = empty.clone()),
        expected("dev")
    );
    assert_eq!(
        refused(&|settings| settings.test = Some(empty.clone())),
        expected("test")
    );
    assert_eq!(bench.names(), ["dev.conll", "empty.jsonl", "train.conll"]);
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

/// A run with a recurrent network and a CRF.
fn with_heads(options: &mut Options) {
    options.head = Some(HeadKind::Crf);
    options.crf_constraints = Some(true);
    options.rnn = Some(RnnChoice::Bigru);
    options.rnn_hidden = Some(10);
}

#[test]
fn a_network_and_a_crf_learn_and_are_there_when_the_folder_is_opened() {
    let bench = Bench::new(6);
    let settings = bench.settings(|options| {
        with_heads(options);
        options.epochs = Some(25.0);
    });
    let report = train(&settings, &mut Silent).unwrap();
    let best = report.best.as_ref().unwrap();
    assert!(best.dev.f1 > 0.9, "{}", best.dev.f1);
    let tagger = Tagger::open(&settings.output).unwrap();
    assert_eq!(tagger.model().config().heads(), settings.heads());
    let dev = read_corpus(&settings.dev, &settings.read_options()).unwrap();
    let evaluation = tagger
        .evaluate(&dev.sentences, &mut Workspace::new(), &mut |_| ())
        .unwrap();
    assert!((evaluation.loss().unwrap() - best.dev.loss).abs() < 1e-6);
    let json = fs::read_to_string(settings.output.join("training.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let names = json["groups"].as_array().unwrap().iter();
    let names: Vec<&str> = names.map(|group| group["name"].as_str().unwrap()).collect();
    assert_eq!(names[names.len() - 3..], ["rnn", "classifier", "crf"]);
}

#[test]
fn a_network_and_a_crf_have_the_same_bytes_for_any_number_of_threads() {
    let bench = Bench::new(6);
    let weights = |threads: usize| {
        let settings = bench.settings(|options| {
            with_heads(options);
            options.epochs = Some(1.0);
            options.threads = Some(threads);
            options.overwrite = Some(true);
        });
        train(&settings, &mut Silent).unwrap();
        fs::read(settings.output.join("model.safetensors")).unwrap()
    };
    assert_eq!(weights(1), weights(3));
}

#[test]
fn the_sum_of_a_batch_is_its_mean_times_its_words() {
    let bench = Bench::new(6);
    let first_loss = |reduction: Reduction| {
        let settings = bench.settings(|options| {
            with_heads(options);
            options.crf_reduction = Some(reduction);
            options.batch_size = Some(4);
            options.epochs = Some(0.1);
            options.overwrite = Some(true);
            options.dropout = Some(0.0);
        });
        train(&settings, &mut Silent).unwrap().train_loss
    };
    let (mean, sum) = (first_loss(Reduction::Mean), first_loss(Reduction::Sum));
    assert!(
        (sum / (4.0 * 6.0) - mean).abs() < 1e-5 * mean,
        "{sum} {mean}"
    );
}

#[test]
fn frozen_parts_keep_their_bytes() {
    let bench = Bench::new(6);
    let settings = bench.settings(|options| {
        options.freeze = Some(Freeze::Layers(1));
        options.weight_decay = Some(0.1);
    });
    let report = train(&settings, &mut Silent).unwrap();
    let frozen: Vec<f64> = report.groups.iter().map(|group| group.multiplier).collect();
    assert_eq!(frozen, [0.0, 0.0, 1.0, 1.0, 1.0]);
    let tiny = Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/tests/data/tiny-bert");
    let (before, after) = (
        Model::load(&tiny).unwrap(),
        Model::load(&settings.output).unwrap(),
    );
    let end = after.layout().parts()[1].1.end;
    assert_eq!(before.parameters.data[..end], after.parameters.data[..end]);
    assert_ne!(
        before.parameters.data[end..end + 99],
        after.parameters.data[end..end + 99]
    );
}

#[test]
fn settings_of_a_head_that_is_not_there_are_refused() {
    let bench = Bench::new(6);
    let message = |change: fn(&mut Options)| {
        let mut options = bench.options.clone();
        change(&mut options);
        options.resolve(Places::default()).unwrap_err().to_string()
    };
    assert!(message(|o| o.crf_lr_multiplier = Some(10.0)).contains("add --head crf"));
    assert!(message(|o| o.rnn_hidden = Some(7)).contains("add --rnn"));
    assert!(message(|o| o.layer_lr_decay = Some(1.5)).contains("at most 1"));
    let settings = bench.settings(|options| options.freeze = Some(Freeze::Layers(9)));
    let error = train(&settings, &mut Silent).unwrap_err().to_string();
    assert!(
        error.contains("asks for 9 layers, but the model has 3"),
        "{error}"
    );
}
