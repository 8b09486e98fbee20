//! The training loop.

mod checkpoints;
mod progress;

use crate::checkpoint;
use crate::data::{self, Sequence, Splits};
use crate::evaluate::{Evaluator, Scored};
use crate::fingerprint::fingerprint;
use crate::folder::OutputFolder;
use crate::resume::{self, Fingerprints};
use crate::schedule::LearningRate;
use crate::tensorboard::Logged;
use crate::{
    EvalEvery, Evaluated, Evaluation, Event, Finished, Measured, Observer, Report, Resumed, Saved,
    Select, Settings, Split, Started, Step, Stopped, Tested, TrainError, model_card, peak_rss_mb,
};
use bert_ner_infer::output::{self, OutputFormat, OutputOptions};
use bert_ner_infer::{InferError, Options, Tagger};
use bert_ner_model::{
    Batch, Config, Gradients, Model, NerConfig, Optimizer, Pass, Task, Workspace,
};
use bert_ner_text::{Scheme, Sentence, atomic};
use bert_ner_tokenize::Tokenizer;
use progress::Mean;
pub(crate) use progress::Progress;
use std::time::Instant;

/// Fine-tunes, scores and writes a model folder.
///
/// The folder appears with the first evaluation that is worth keeping and is replaced as a whole by every better one; so
/// whatever ends the run, the best model so far is whole. One run at a time has an output folder, and a folder of checkpoints. A run
/// that is to go on and has come to its end already is left as it is. It runs on a pool of `settings.threads` threads
/// of its own.
///
/// # Errors
/// When the settings, the data or the model cannot be used, before anything is written; when training
/// diverges or the folder cannot be written.
pub fn train(
    settings: &Settings,
    observer: &mut (dyn Observer + Send),
) -> Result<Report, TrainError> {
    let replaces = settings.overwrite || settings.resume;
    let output = OutputFolder::take(&settings.output, replaces)?;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(settings.threads)
        .build()
        .map_err(|error| {
            TrainError::setting(
                "threads",
                format!("{} cannot be started: {error}", settings.threads),
            )
        })?;
    let checkpointed = settings.resume || settings.checkpoint_every.is_some();
    let checkpoints = checkpoint::Folder::new(&settings.checkpoint_dir, settings.keep);
    let _held = checkpointed.then(|| checkpoints.hold()).transpose()?;
    pool.install(|| {
        let mut run = Run::prepare(settings, &output, observer)?;
        if let Some(report) = run.finished_before()? {
            return Ok(report);
        }
        run.begin()?;
        run.finish()
    })
}

/// A run between its start and its report.
struct Run<'a> {
    settings: &'a Settings,
    output: &'a OutputFolder,
    observer: Logged<'a>,
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
    started: Started,
    checkpoints: checkpoint::Folder,
    fingerprints: Fingerprints,
    /// The step of the model in the output folder that a run which was killed had published after its last checkpoint.
    published: usize,
}

/// How long a run is.
struct Plan {
    /// Optimizer steps in one epoch.
    steps_per_epoch: usize,
    /// Optimizer steps of the whole run.
    total_steps: usize,
    rate: LearningRate,
}

impl<'a> Run<'a> {
    fn prepare(
        settings: &'a Settings,
        output: &'a OutputFolder,
        observer: &'a mut (dyn Observer + Send),
    ) -> Result<Self, TrainError> {
        let config = Config::load(&settings.model_dir.join("config.json"))?;
        let settings_length = settings.max_length.min(config.max_position_embeddings);
        let mut splits = Splits::read(settings, settings_length)?;
        let labels = splits.labels(settings)?;
        let tokenizer = Tokenizer::load(&settings.model_dir)?;
        let begin = if settings.from_scratch {
            Model::from_scratch
        } else {
            Model::with_heads
        };
        let (heads, names) = (settings.heads(), labels.names().to_vec());
        let model = begin(&settings.model_dir, names, heads, settings.seed)?;
        settings.validate_for(model.config().num_hidden_layers, labels.names().len())?;
        let mut model = settings.trained(model)?;
        if let Some(p) = settings.dropout {
            model.config_mut().set_dropout(p);
        }
        model.set_ner(NerConfig {
            scheme: match settings.task {
                Task::Ner => Scheme::Iob2.name().to_owned(),
                Task::Classify => String::new(),
            },
            max_length: settings_length,
            words: settings
                .words
                .or(splits.train.split)
                .map(|words| words.name().to_owned()),
            heads,
        });
        let optimizer = Optimizer::with_settings(&model, &settings.optimizer());
        let gradients = Gradients::zeros(model.layout());
        let mut tagger = Tagger::new(model, tokenizer)?;
        let (sequences, cut) = match settings.task {
            Task::Classify => {
                data::texts(&splits.train, tagger.tokenizer(), &labels, settings_length)?
            }
            Task::Ner => {
                let (all, tokenizer) = (settings.label_all_tokens, tagger.tokenizer());
                let train = &splits.train;
                let sequences = data::sequences(train, tokenizer, &labels, settings_length, all)?;
                (sequences, None)
            }
        };
        splits
            .warnings
            .extend(cut.map(|cut| format!("{}: {cut}", settings.train.display())));
        if sequences.is_empty() {
            return Err(TrainError::setting("train", "holds no word to train on"));
        }
        let objective = settings.objective(labels.names(), sequences.iter().map(Sequence::tags))?;
        let weights = objective.weights.clone();
        tagger.model_mut().set_objective(objective);
        let plan = Plan::new(settings, sequences.len());
        let started = Started {
            train_samples: splits.train.sentences.len(),
            dev_samples: splits.dev.sentences.len(),
            test_samples: splits.test.as_ref().map(|test| test.sentences.len()),
            train_sequences: sequences.len(),
            task: settings.task,
            labels: labels.names().to_vec(),
            parameters: tagger.model().layout().len(),
            groups: optimizer.groups().to_vec(),
            batches: sequences.len().div_ceil(settings.batch_size),
            total_steps: plan.total_steps,
            first_step: 0,
            notes: splits.notes,
            warnings: splits.warnings,
        };
        let fingerprints = Fingerprints {
            model: fingerprint(&serde_json::to_string(tagger.model().config()).ok()),
            train: resume::of_training(&sequences, &weights),
            dev: resume::of_sentences(&splits.dev.sentences),
            test: splits
                .test
                .as_ref()
                .map(|test| resume::of_sentences(&test.sentences)),
        };
        let mut report = Report::begin(settings, &started);
        report.settings.max_length = settings_length;
        report.fingerprints = Some(fingerprints);
        Ok(Self {
            settings,
            output,
            observer: Logged::new(settings, observer),
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
            started,
            checkpoints: checkpoint::Folder::new(&settings.checkpoint_dir, settings.keep),
            fingerprints,
            published: 0,
        })
    }

    /// Goes on from the newest checkpoint, if that is asked for and there is one, and says what begins.
    fn begin(&mut self) -> Result<(), TrainError> {
        let resumed = match (self.settings.resume, self.settings.checkpoint_every) {
            (true, _) => self.resume()?,
            (false, None) => None,
            (false, Some(_)) => {
                self.begin_checkpoints()?;
                None
            }
        };
        self.started.first_step = self.progress.steps;
        self.observer.open()?;
        self.observer.event(&Event::Started(self.started.clone()));
        if let Some(path) = resumed {
            let step = self.progress.steps;
            self.observer.event(&Event::Resumed(Resumed { path, step }));
        }
        Ok(())
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
        if self.published <= self.report.best.as_ref().map_or(0, |best| best.step) {
            self.write_report()?;
        }
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
        let mut order = (usize::MAX, Vec::new());
        let mut saved = self.progress.steps;
        loop {
            // A run that was stopped between a step and its evaluation goes on here.
            if self.evaluation_is_due() {
                self.evaluate()?;
            }
            if let Some(stopped) = self.over() {
                return Ok(stopped);
            }
            let steps = self.progress.steps;
            if steps != saved && self.checkpoint_is_due() {
                self.checkpoint();
                saved = steps;
            }
            let epoch = steps / self.plan.steps_per_epoch;
            if order.0 != epoch {
                let shuffled = data::order(self.sequences.len(), self.settings.seed, epoch);
                order = (epoch, shuffled);
            }
            let place = steps % self.plan.steps_per_epoch * group;
            self.step(&order.1[place..order.1.len().min(place.saturating_add(group))])?;
            if self.observer.interrupted() {
                if self.settings.checkpoint_every.is_some() {
                    self.checkpoint();
                }
                return Ok(Stopped::Interrupted);
            }
        }
    }

    fn evaluation_is_due(&self) -> bool {
        let steps = self.progress.steps;
        let last = steps == self.plan.total_steps;
        steps != self.progress.evaluated
            && (last || self.plan.is_due(self.settings.eval_every, steps))
    }

    fn checkpoint_is_due(&self) -> bool {
        let every = self.settings.checkpoint_every;
        every.is_some_and(|every| self.plan.is_due(every, self.progress.steps))
    }

    /// Whether the run has come to its end, and to which.
    fn over(&self) -> Option<Stopped> {
        let patience = self.settings.early_stopping;
        if self.progress.steps == self.plan.total_steps {
            Some(Stopped::Completed)
        } else if patience.is_some_and(|patience| self.progress.best.since() >= patience) {
            Some(Stopped::EarlyStopping)
        } else {
            None
        }
    }

    /// One optimizer step over the sequences named.
    fn step(&mut self, members: &[usize]) -> Result<(), TrainError> {
        let begun = Instant::now();
        let objective = self.tagger.model().objective();
        let tags = members.iter().map(|&i| self.sequences[i].tags());
        let unit = self
            .settings
            .loss_unit(tags.map(|tags| objective.unit(tags)).sum());
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
        Err(self.diverged(what, value, self.progress.steps + 1, learning_rate))
    }

    fn diverged(
        &self,
        what: &'static str,
        value: f64,
        step: usize,
        learning_rate: f64,
    ) -> TrainError {
        TrainError::Diverged {
            what,
            value,
            step,
            total_steps: self.plan.total_steps,
            epoch: self.epoch(),
            learning_rate,
        }
    }

    /// Scores dev and keeps the model when it is the best.
    fn evaluate(&mut self) -> Result<(), TrainError> {
        self.optimizer.synchronise(self.tagger.model_mut());
        let scored = self.dev.score(&self.tagger, &mut self.observer);
        let Scored { scores, loss, .. } = scored.map_err(|error| match error {
            // The last step was one too far: no batch has shown it yet.
            TrainError::Infer(InferError::NotFinite) => {
                let step = self.progress.steps;
                let rate = self.plan.rate.at(step.saturating_sub(1));
                self.diverged("dev logits", f64::NAN, step, rate)
            }
            other => other,
        })?;
        let value = self.worth(scores.f1, loss);
        let best = self.progress.best.beaten_by(value);
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
            self.report.best = Some(evaluation(Measured::full(&scores, loss)));
            self.publish()?;
        }
        self.observer.event(&Event::Evaluated(Evaluated {
            epoch,
            step,
            train_loss,
            scores,
            loss,
            best,
        }));
        self.progress.evaluated = step;
        Ok(())
    }

    /// What the model is chosen by: the higher, the better.
    fn worth(&self, f1: f64, loss: f64) -> f64 {
        match self.settings.select {
            Select::F1 => f1,
            Select::Loss => -loss,
            Select::LossMean(newest) => -self.mean_loss(loss, newest),
            Select::Last => self.progress.steps as f64,
        }
    }

    /// The mean of the newest dev losses, `loss` being the last.
    fn mean_loss(&self, loss: f64, newest: usize) -> f64 {
        let before = self.report.epochs.iter().rev().take(newest - 1);
        let mut mean = Mean::default();
        mean.add(loss);
        before.for_each(|evaluation| mean.add(evaluation.dev.loss));
        mean.value()
    }

    /// Writes the model folder as it is now and puts it in its place.
    fn publish(&mut self) -> Result<(), TrainError> {
        self.measure();
        let staging = self.output.stage()?;
        self.tagger.save(staging.path())?;
        self.report.write(staging.path())?;
        staging.publish()?;
        self.published = self.progress.steps;
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
        let options = Options {
            base: self
                .settings
                .lora_rank
                .map(|_| self.settings.model_dir.clone()),
            ..Options::default()
        };
        let tagger = Tagger::open_with(&self.settings.output, &options)?;
        let mut test = Evaluator::new(Split::Test, sentences);
        let Scored {
            scores,
            loss,
            tagged,
        } = test.score(&tagger, &mut self.observer)?;
        let (name, format) = match self.settings.task {
            Task::Ner => ("predictions.conll", OutputFormat::Conll),
            Task::Classify => ("predictions.jsonl", OutputFormat::Jsonl),
        };
        let options = OutputOptions {
            task: self.settings.task,
            ..OutputOptions::default()
        };
        let mut writer = output::create_file(&self.settings.output.join(name), format, &options)?;
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

    fn is_due(&self, every: EvalEvery, step: usize) -> bool {
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
