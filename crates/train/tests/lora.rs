//! Runs that train a LoRA: what they write, and how they go on.

mod common;

use bert_ner_infer::{Options as TaggerOptions, Tagger};
use bert_ner_model::{Freeze, Task};
use bert_ner_text::ReadOptions;
use bert_ner_train::{
    EvalEvery, Event, Observer, Options, Places, Silent, Stopped, TrainError, merge, train,
};
use common::Bench;
use std::fs;
use std::path::PathBuf;

fn with_lora(options: &mut Options) {
    options.lora_rank = Some(4);
    options.lora_alpha = Some(16.0);
    options.lora_dropout = Some(0.1);
    options.lora_targets = Some(
        ["query", "key", "value", "dense"]
            .map(str::to_owned)
            .to_vec(),
    );
    options.learning_rate = Some(2e-2);
}

fn tiny() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../model/tests/data/tiny-bert")
}

/// The folder as it is opened: its base model given, since the run's model has a name of the Hub.
fn open(bench: &Bench) -> Tagger {
    let options = TaggerOptions {
        base: Some(tiny()),
        ..TaggerOptions::default()
    };
    Tagger::open_with(&bench.output(), &options).unwrap()
}

/// Merges the output folder into a new one, and checks that both tag the file called `dev` alike.
fn merged_tags_the_same(bench: &Bench, dev: &str, read: ReadOptions) -> PathBuf {
    let merged = bench.dir.path().join("merged");
    merge(&bench.output(), &tiny(), &merged, false).unwrap();
    let reader = bert_ner_text::open(&bench.dir.path().join(dev), &read).unwrap();
    let sentences: Vec<_> = reader.map(Result::unwrap).collect();
    let tags = |tagger: Tagger| {
        let tagged = tagger.tag(&sentences, &mut bert_ner_infer::Workspace::new());
        let tagged = tagged.unwrap().into_iter();
        tagged.map(|one| one.tags).collect::<Vec<_>>()
    };
    assert_eq!(tags(Tagger::open(&merged).unwrap()), tags(open(bench)));
    merged
}

#[test]
fn the_adapter_in_the_output_folder_scores_what_the_run_reports() {
    let bench = Bench::new(6);
    let report = bench
        .run(|options| {
            with_lora(options);
            options.epochs = Some(10.0);
            options.test = Some(bench.dir.path().join("dev.conll"));
        })
        .unwrap();
    let best = report.best.as_ref().unwrap();
    assert!(best.dev.f1 > 0.9, "the LoRA has not learned: {best:?}");
    // The test split, here the dev split again, is scored by the folder.
    let test = report.test.unwrap();
    assert_eq!(test.f1, best.dev.f1);
    assert!((test.loss - best.dev.loss).abs() < 1e-4);
    let config = fs::read_to_string(bench.output().join("adapter_config.json")).unwrap();
    assert!(
        config.contains("\"base_model_name_or_path\": \"tiny\""),
        "{config}"
    );
    assert!(!bench.output().join("model.safetensors").exists());
    let card = fs::read_to_string(bench.output().join("README.md")).unwrap();
    assert!(card.contains("library_name: peft"), "{card}");
    let frozen = report.groups.iter().filter(|group| group.multiplier == 0.0);
    assert_eq!(frozen.count(), 4);

    // Merged, it tags the same.
    let merged = merged_tags_the_same(&bench, "dev.conll", ReadOptions::default());
    let again = merge(&bench.output(), &tiny(), &merged, false).unwrap_err();
    assert!(matches!(again, TrainError::OutputExists { .. }), "{again}");
    merge(&bench.output(), &tiny(), &merged, true).unwrap();
}

#[test]
fn a_classifier_of_texts_learns_by_a_lora_and_merges() {
    let bench = Bench::new(6);
    let texts = |name: &str| {
        let mut lines = String::new();
        for i in 0..24 {
            let (text, label) =
                [("xa c de", "person"), ("c yb", "place"), ("de . c", "none")][i % 3];
            lines += &format!("{{\"text\": \"{text}\", \"label\": \"{label}\"}}\n");
        }
        let path = bench.dir.path().join(name);
        fs::write(&path, lines).unwrap();
        path
    };
    let (train_texts, dev_texts) = (texts("train.jsonl"), texts("dev.jsonl"));
    let mut options = bench.options.clone();
    with_lora(&mut options);
    options.task = Some(Task::Classify);
    options.epochs = Some(10.0);
    let places = Places {
        model_dir: tiny(),
        train: train_texts,
        dev: dev_texts.clone(),
        test: Some(dev_texts.clone()),
    };
    let report = train(&options.resolve(places).unwrap(), &mut Silent).unwrap();
    let best = report.best.as_ref().unwrap();
    assert!(
        best.dev.accuracy > 0.9,
        "the LoRA has not learned: {best:?}"
    );
    assert_eq!(report.test.unwrap().accuracy, best.dev.accuracy);
    let config = fs::read_to_string(bench.output().join("adapter_config.json")).unwrap();
    assert!(config.contains("\"SEQ_CLS\""), "{config}");
    // The tiny BERT has no pooler: the one that was drawn is saved.
    assert!(config.contains("\"pooler\""), "{config}");
    let card = fs::read_to_string(bench.output().join("README.md")).unwrap();
    assert!(
        card.contains("pipeline_tag: text-classification")
            && card.contains("AutoModelForSequenceClassification.from_pretrained(base"),
        "{card}"
    );
    let read = ReadOptions {
        whole_texts: true,
        ..ReadOptions::default()
    };
    merged_tags_the_same(&bench, "dev.jsonl", read);
}

/// Stops a run after so many steps.
struct StopAfter(usize);

impl Observer for StopAfter {
    fn event(&mut self, event: &Event) {
        if let Event::Step(step) = event
            && step.step >= self.0
        {
            self.0 = 0;
        }
    }

    fn interrupted(&self) -> bool {
        self.0 == 0
    }
}

#[test]
fn a_resumed_run_ends_at_the_same_bits() {
    let checkpointed = |options: &mut Options| {
        with_lora(options);
        options.checkpoint_every = Some(EvalEvery::Steps(3));
    };
    let weights =
        |bench: &Bench| fs::read(bench.output().join("adapter_model.safetensors")).unwrap();
    let whole = Bench::new(6);
    whole.run(checkpointed).unwrap();
    let broken = Bench::new(6);
    let settings = broken.settings(checkpointed);
    let report = train(&settings, &mut StopAfter(7)).unwrap();
    assert_eq!(report.stopped, Stopped::Interrupted);
    assert_ne!(weights(&broken), weights(&whole));
    let resumed = broken.settings(|options| {
        checkpointed(options);
        options.resume = Some(true);
    });
    train(&resumed, &mut Silent).unwrap();
    assert_eq!(weights(&broken), weights(&whole));
}

#[test]
fn what_cannot_be_trained_is_refused_before_anything_is_read() {
    let bench = Bench::new(6);
    let message = |change: fn(&mut Options)| {
        let mut options = bench.options.clone();
        with_lora(&mut options);
        change(&mut options);
        options.resolve(Places::default()).unwrap_err().to_string()
    };
    assert!(message(|o| o.lora_rank = Some(0)).contains("must be at least 1, not 0"));
    let unknown = message(|o| o.lora_targets = Some(vec!["q_proj".to_owned()]));
    assert!(
        unknown.contains("lora-targets")
            && unknown.contains("\"q_proj\"")
            && unknown.contains("query, key"),
        "{unknown}"
    );
    assert!(message(|o| o.freeze = Some(Freeze::Embeddings)).contains("freeze"));
    assert!(message(|o| o.from_scratch = Some(true)).contains("pretrained weights"));
    assert!(message(|o| o.lora_rank = None).contains("add --lora-rank"));
    let settings = bench.settings(|options| {
        with_lora(options);
        options.lora_rank = Some(25);
    });
    let error = train(&settings, &mut Silent).unwrap_err();
    assert!(
        matches!(&error, TrainError::Setting { key: "lora-rank", message } if message.contains("24")),
        "{error}"
    );
    assert!(!bench.output().exists());
}
