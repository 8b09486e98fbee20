//! What single settings change in a run.

mod common;

use bert_ner_model::Model;
use bert_ner_train::{Event, Observer, Options, Schedule, Select, Started, train};
use common::Bench;

/// Remembers what a run says.
#[derive(Default)]
struct Record {
    started: Option<Started>,
    losses: Vec<f64>,
}

impl Observer for Record {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Started(started) => self.started = Some(started.clone()),
            Event::Step(step) => self.losses.push(step.loss),
            _ => {}
        }
    }
}

#[test]
fn every_step_has_its_own_dropout() {
    let bench = Bench::new(8);
    // One sentence, and weights that stay: only dropout tells the steps apart.
    let losses = |dropout: f32| {
        let settings = bench.settings(|options| {
            *options = Options {
                dropout: Some(dropout),
                learning_rate: Some(1e-12),
                max_train_samples: Some(1),
                epochs: Some(4.0),
                overwrite: Some(true),
                ..options.clone()
            };
        });
        let mut record = Record::default();
        train(&settings, &mut record).unwrap();
        record.losses
    };
    let (without, with) = (losses(0.0), losses(0.3));
    assert_eq!((without.len(), with.len()), (4, 4));
    assert!(without.iter().all(|loss| (loss - without[0]).abs() < 1e-6));
    for (step, loss) in with.iter().enumerate() {
        assert!(
            with[..step].iter().all(|other| (other - loss).abs() > 1e-4),
            "{with:?}"
        );
    }
}

#[test]
fn select_chooses_the_model_that_is_kept() {
    let bench = Bench::new(8);
    // So large a rate makes the loss rise and fall.
    let report = |select| {
        bench
            .run(|options| {
                options.learning_rate = Some(0.1);
                options.epochs = Some(6.0);
                options.select = Some(select);
                options.overwrite = Some(true);
            })
            .unwrap()
    };
    let by_loss = report(Select::Loss);
    let losses: Vec<f64> = by_loss.epochs.iter().map(|epoch| epoch.dev.loss).collect();
    let least = losses.iter().copied().fold(f64::INFINITY, f64::min);
    assert_eq!(by_loss.best.unwrap().dev.loss, least, "{losses:?}");
    let last = report(Select::Last);
    assert_eq!(last.best.unwrap().step, last.epochs[5].step);
}

#[test]
fn the_numbers_of_samples_are_limits() {
    let bench = Bench::new(8);
    let settings = bench.settings(|options| {
        options.max_train_samples = Some(11);
        options.max_eval_samples = Some(5);
    });
    let mut record = Record::default();
    let report = train(&settings, &mut record).unwrap();
    let started = record.started.unwrap();
    assert_eq!((started.train_samples, started.dev_samples), (11, 5));
    assert_eq!((report.train_samples, record.losses.len()), (11, 2 * 3));
}

#[test]
fn a_word_that_training_never_shows_decays_like_the_others() {
    let bench = Bench::new(8);
    let report = bench
        .run(|options| {
            options.weight_decay = Some(0.1);
            options.lr_schedule = Some(Schedule::Constant);
            options.select = Some(Select::Last);
        })
        .unwrap();
    // The row of [MASK] in the word embedding.
    let row = |model: &Model| {
        let mut tensors = model.layout().tensors().iter();
        let name = "bert.embeddings.word_embeddings.weight";
        let tensor = tensors.find(|tensor| tensor.name == name).unwrap();
        let width = tensor.shape[1];
        model.parameters.data[tensor.range.clone()][4 * width..5 * width].to_vec()
    };
    let before = row(&Model::load(&report.settings.model_dir).unwrap());
    let after = row(&Model::load(&bench.output()).unwrap());
    // w (1 - rate * decay) at every step.
    let factor = (1.0 - 5e-3_f64 * 0.1).powi(report.epochs[2].step as i32);
    for (before, after) in before.iter().zip(after) {
        let expected = f64::from(*before) * factor;
        assert!(
            (f64::from(after) - expected).abs() < 1e-6 * expected.abs().max(0.01),
            "{after} is not {expected}"
        );
    }
}
