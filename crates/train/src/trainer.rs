//! The training loop.

use crate::data::{self, Sequence, Splits};
use crate::evaluate::{Evaluator, Scored};
use crate::folder::Staging;
use crate::schedule::LearningRate;
use crate::{
    EvalEvery, Evaluated, Evaluation, Event, Finished, Measured, Observer, Report, Saved, Select,
    Settings, Split, Started, Step, Stopped, Tested, TrainError, model_card, peak_rss_mb,
};
use bert_ner_infer::Tagger;
use bert_ner_infer::output::{self, OutputFormat, OutputOptions};
use bert_ner_model::{Batch, Gradients, Model, NerConfig, Optimizer, Pass, Workspace};
use bert_ner_text::{Scheme, Sentence, atomic};
use bert_ner_tokenize::Tokenizer;
use std::time::{Duration, Instant};

/// Fine-tunes, scores and writes a model folder.
///
/// The folder appears with the first evaluation that is worth keeping and is replaced as a whole by every better one; so
/// whatever ends the run, the best model so far is whole. It runs on a pool of `settings.threads` threads
/// of its own.
///
/// # Errors
/// When the settings, the data or the model cannot be used, before anything is written; when training
/// diverges or the folder cannot be written.
pub fn train(
    settings: &Settings,
    observer: &mut (dyn Observer + Send),
) -> Result<Report, TrainError> {
    Staging::check(&settings.output, settings.overwrite)?;
    // A place that cannot be written is said now, not after an epoch.
    drop(Staging::new(&settings.output)?);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(settings.threads)
        .build()
        .map_err(|error| {
            TrainError::setting(
                "threads",
                format!("{} cannot be started: {error}", settings.threads),
            )
        })?;
    pool.install(|| Run::prepare(settings, observer)?.finish())
}

/// A run between its start and its report.
struct Run<'a> {
    settings: &'a Settings,
    observer: &'a mut (dyn Observer + Send),
    tagger: Tagger,
    optimizer: Optimizer,
    gradients: Gradients,
    workspace: Workspace,
    batch: Batch,
    sequences: Vec<Sequence>,
    dev: Evaluator,
    test: Option<Vec<Sentence>>,
    report: Report,
    plan: Plan,
    progress: Progress,
}

/// How long a run is.
struct Plan {
    /// Optimizer steps in one epoch.
    steps_per_epoch: usize,
    /// Optimizer steps of the whole run.
    total_steps: usize,
    rate: LearningRate,
}

/// Where a run is.
#[derive(Default)]
struct Progress {
    /// Optimizer steps done.
    steps: usize,
    /// Forward and backward passes done: the key of their dropout.
    passes: u64,
    /// Time in training steps.
    training: Duration,
    sequences: usize,
    pieces: usize,
    /// Losses of all steps, and of those since the last evaluation.
    losses: (Mean, Mean),
    /// What the best evaluation so far reached, higher being better.
    best: Option<f64>,
    /// Evaluations since then.
    since_best: usize,
}

#[derive(Default)]
struct Mean {
    sum: f64,
    count: usize,
}

impl Mean {
    fn add(&mut self, x: f64) {
        self.sum += x;
        self.count += 1;
    }

    fn value(&self) -> f64 {
        self.sum / self.count.max(1) as f64
    }
}

impl<'a> Run<'a> {
    fn prepare(
        settings: &'a Settings,
        observer: &'a mut (dyn Observer + Send),
    ) -> Result<Self, TrainError> {
        let splits = Splits::read(settings)?;
        let labels = splits.labels(settings)?;
        let tokenizer = Tokenizer::load(&settings.model_dir)?;
        let (heads, names) = (settings.heads(), labels.names().to_vec());
        let mut model = Model::with_heads(&settings.model_dir, names, heads, settings.seed)?;
        settings.validate_for(model.config().num_hidden_layers, labels.names().len())?;
        model.freeze(settings.freeze);
        let settings_length = settings
            .max_length
            .min(model.config().max_position_embeddings);
        if let Some(p) = settings.dropout {
            model.config_mut().set_dropout(p);
        }
        model.set_ner(NerConfig {
            scheme: Scheme::Iob2.name().to_owned(),
            max_length: settings_length,
            heads,
        });
        let optimizer = Optimizer::with_settings(&model, &settings.optimizer());
        let gradients = Gradients::zeros(model.layout());
        let tagger = Tagger::new(model, tokenizer)?;
        let sequences = data::sequences(
            &splits.train,
            tagger.tokenizer(),
            &labels,
            settings_length,
            settings.label_all_tokens,
        )?;
        if sequences.is_empty() {
            return Err(TrainError::setting("train", "holds no word to train on"));
        }
        let plan = Plan::new(settings, sequences.len());
        let started = Started {
            train_samples: splits.train.sentences.len(),
            dev_samples: splits.dev.sentences.len(),
            test_samples: splits.test.as_ref().map(|test| test.sentences.len()),
            train_sequences: sequences.len(),
            labels: labels.names().to_vec(),
            parameters: tagger.model().layout().len(),
            groups: optimizer.groups().to_vec(),
            batches: sequences.len().div_ceil(settings.batch_size),
            total_steps: plan.total_steps,
            warnings: splits.warnings,
        };
        let mut report = Report::begin(settings, &started);
        report.settings.max_length = settings_length;
        observer.event(&Event::Started(started));
        Ok(Self {
            settings,
            observer,
            tagger,
            optimizer,
            gradients,
            workspace: Workspace::new(),
            batch: Batch::new(),
            sequences,
            dev: Evaluator::new(Split::Dev, splits.dev.sentences),
            test: splits.test.map(|test| test.sentences),
            report,
            plan,
            progress: Progress::default(),
        })
    }

    /// Trains to the end, then scores the test split with the model that was kept.
    fn finish(mut self) -> Result<Report, TrainError> {
        self.report.stopped = self.train_epochs()?;
        if self.report.stopped == Stopped::Interrupted && self.report.best.is_none() {
            return Err(TrainError::Interrupted);
        }
        if self.report.stopped != Stopped::Interrupted {
            self.test()?;
        }
        self.write_report()?;
        self.observer.event(&Event::Finished(Finished {
            stopped: self.report.stopped,
            train_seconds: self.report.train_seconds,
            output: self.settings.output.clone(),
        }));
        Ok(self.report)
    }

    fn train_epochs(&mut self) -> Result<Stopped, TrainError> {
        let group = self
            .settings
            .batch_size
            .saturating_mul(self.settings.gradient_accumulation);
        for epoch in 0.. {
            let order = data::order(self.sequences.len(), self.settings.seed, epoch);
            for members in order.chunks(group) {
                self.step(members)?;
                if self.observer.interrupted() {
                    return Ok(Stopped::Interrupted);
                }
                let last = self.progress.steps == self.plan.total_steps;
                let due = self
                    .plan
                    .evaluates(self.settings.eval_every, self.progress.steps);
                let enough = (last || due) && self.evaluate()?;
                if last {
                    return Ok(Stopped::Completed);
                }
                if enough {
                    return Ok(Stopped::EarlyStopping);
                }
            }
        }
        unreachable!("an endless range ends only by return")
    }

    /// One optimizer step over the sequences named.
    fn step(&mut self, members: &[usize]) -> Result<(), TrainError> {
        let begun = Instant::now();
        let words: usize = members.iter().map(|&i| self.sequences[i].words()).sum();
        let unit = self.settings.loss_unit(words);
        let mut loss = 0.0;
        for (n, part) in members.chunks(self.settings.batch_size).enumerate() {
            self.batch.clear();
            for &i in part {
                self.sequences[i].push_to(&mut self.batch);
            }
            let model = self.tagger.model_mut();
            self.optimizer.prepare(model, &self.batch.ids);
            let pass = Pass {
                seed: self.settings.seed,
                step: self.progress.passes,
                loss_scale: (1.0 / unit) as f32,
                accumulate: n > 0,
            };
            loss +=
                model.forward_backward(&self.batch, pass, &mut self.workspace, &mut self.gradients);
            self.progress.passes += 1;
            self.progress.pieces += self.batch.tokens();
        }
        let loss = loss / unit;
        let learning_rate = self.plan.rate.at(self.progress.steps);
        self.check("loss", loss, learning_rate)?;
        let gradient_norm =
            self.optimizer
                .step(self.tagger.model_mut(), &self.gradients, learning_rate);
        self.check("gradient norm", gradient_norm, learning_rate)?;
        self.progress
            .after_step(loss, members.len(), begun.elapsed());
        self.observer.event(&Event::Step(Step {
            epoch: self.epoch(),
            step: self.progress.steps,
            total_steps: self.plan.total_steps,
            loss,
            learning_rate,
            samples_per_second: self.samples_per_second(),
            gradient_norm,
        }));
        Ok(())
    }

    fn check(&self, what: &'static str, value: f64, learning_rate: f64) -> Result<(), TrainError> {
        if value.is_finite() {
            return Ok(());
        }
        let (step, total_steps) = (self.progress.steps + 1, self.plan.total_steps);
        Err(TrainError::Diverged {
            what,
            value,
            step,
            total_steps,
            epoch: self.epoch(),
            learning_rate,
        })
    }

    /// Scores dev and keeps the model when it is the best; gives whether it is time to stop early.
    fn evaluate(&mut self) -> Result<bool, TrainError> {
        self.optimizer.synchronise(self.tagger.model_mut());
        let Scored { scores, loss, .. } = self.dev.score(&self.tagger, self.observer)?;
        let value = match self.settings.select {
            Select::F1 => scores.f1,
            Select::Loss => -loss,
            Select::Last => self.progress.steps as f64,
        };
        let best = self.progress.best.is_none_or(|best| value > best);
        let train_loss = std::mem::take(&mut self.progress.losses.1).value();
        let (epoch, step) = (self.epoch(), self.progress.steps);
        let evaluation = |dev| Evaluation {
            epoch,
            step,
            train_loss,
            dev,
        };
        self.report
            .epochs
            .push(evaluation(Measured::overall(&scores, loss)));
        if best {
            self.progress.best = Some(value);
            self.progress.since_best = 0;
            self.report.best = Some(evaluation(Measured::full(&scores, loss)));
            self.publish()?;
        } else {
            self.progress.since_best += 1;
        }
        self.observer.event(&Event::Evaluated(Evaluated {
            epoch,
            step,
            train_loss,
            scores,
            loss,
            best,
        }));
        Ok(self
            .settings
            .early_stopping
            .is_some_and(|patience| self.progress.since_best >= patience))
    }

    /// Writes the model folder as it is now and puts it in its place.
    fn publish(&mut self) -> Result<(), TrainError> {
        self.measure();
        let staging = Staging::new(&self.settings.output)?;
        self.tagger.save(staging.path())?;
        self.report.write(staging.path())?;
        staging.publish()?;
        self.observer.event(&Event::Saved(Saved {
            path: self.settings.output.clone(),
        }));
        Ok(())
    }

    /// Scores the test split with the folder that was kept, and writes its predictions there.
    fn test(&mut self) -> Result<(), TrainError> {
        let Some(sentences) = self.test.take() else {
            return Ok(());
        };
        let tagger = Tagger::open(&self.settings.output)?;
        let mut test = Evaluator::new(Split::Test, sentences);
        let Scored {
            scores,
            loss,
            tagged,
        } = test.score(&tagger, self.observer)?;
        let path = self.settings.output.join("predictions.conll");
        let mut writer =
            output::create_file(&path, OutputFormat::Conll, &OutputOptions::default())?;
        for (sentence, tagged) in test.sentences().iter().zip(&tagged) {
            writer.write(sentence, tagged)?;
        }
        writer.finish()?;
        self.report.test = Some(Measured::full(&scores, loss));
        self.observer.event(&Event::Tested(Tested { scores, loss }));
        Ok(())
    }

    fn write_report(&mut self) -> Result<(), TrainError> {
        self.measure();
        self.report.write(&self.settings.output)
    }

    /// Brings the report's figures up to now.
    fn measure(&mut self) {
        let seconds = self.progress.training.as_secs_f64();
        self.report.train_seconds = seconds;
        self.report.train_samples_per_second = self.samples_per_second();
        self.report.train_tokens_per_second =
            self.progress.pieces as f64 / seconds.max(f64::MIN_POSITIVE);
        self.report.train_loss = self.progress.losses.0.value();
        self.report.peak_rss_mb = peak_rss_mb();
    }

    fn epoch(&self) -> f64 {
        self.progress.steps as f64 / self.plan.steps_per_epoch as f64
    }

    /// Sentences a second: sequences, scaled down where a sentence made several.
    fn samples_per_second(&self) -> f64 {
        let share = self.report.train_samples as f64 / self.sequences.len().max(1) as f64;
        let seconds = self.progress.training.as_secs_f64().max(f64::MIN_POSITIVE);
        self.progress.sequences as f64 * share / seconds
    }
}

impl Progress {
    fn after_step(&mut self, loss: f64, sequences: usize, time: Duration) {
        self.steps += 1;
        self.sequences += sequences;
        self.training += time;
        self.losses.0.add(loss);
        self.losses.1.add(loss);
    }
}

impl Plan {
    fn new(settings: &Settings, sequences: usize) -> Self {
        let steps_per_epoch = sequences.div_ceil(
            settings
                .batch_size
                .saturating_mul(settings.gradient_accumulation),
        );
        let total_steps = ((settings.epochs * steps_per_epoch as f64).ceil() as usize).max(1);
        let rate = LearningRate::new(
            settings.learning_rate,
            settings.lr_schedule,
            settings.warmup_ratio,
            total_steps,
        );
        Self {
            steps_per_epoch,
            total_steps,
            rate,
        }
    }

    fn evaluates(&self, every: EvalEvery, step: usize) -> bool {
        match every {
            EvalEvery::Epoch => step.is_multiple_of(self.steps_per_epoch),
            EvalEvery::Steps(steps) => step.is_multiple_of(steps),
        }
    }
}

impl Report {
    /// Writes `training.json` and the model card into the model folder.
    fn write(&self, dir: &std::path::Path) -> Result<(), TrainError> {
        let json = serde_json::to_string_pretty(self).map_err(std::io::Error::other);
        let name = self
            .settings
            .output
            .file_name()
            .map_or_else(|| "model".into(), |name| name.to_string_lossy());
        let path = dir.join("training.json");
        json.and_then(|json| atomic::write(&path, json.as_bytes()))
            .map_err(|source| TrainError::Io { path, source })?;
        let path = dir.join("README.md");
        atomic::write(&path, model_card(self, &name).as_bytes())
            .map_err(|source| TrainError::Io { path, source })
    }
}
