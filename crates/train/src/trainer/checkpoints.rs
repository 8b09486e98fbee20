//! A run's checkpoints: what is written of it, and how it goes on.

use super::Run;
use crate::checkpoint::Reader;
use crate::resume::{self, State};
use crate::{Event, Observer, Report, Saved, TrainError};
use bert_ner_model::arithmetic;
use std::path::{Path, PathBuf};

impl Run<'_> {
    /// Clears the place for a run that begins anew.
    pub(super) fn begin_checkpoints(&self) -> Result<(), TrainError> {
        if self.settings.overwrite {
            self.checkpoints.tidy()?;
            return self.checkpoints.remove_but(0);
        }
        match self.checkpoints.newest_first()?.is_empty() {
            true => Ok(()),
            false => Err(TrainError::CheckpointsExist {
                path: self.checkpoints.dir().to_owned(),
            }),
        }
    }

    /// Writes the whole state. A disk that is full ends no run: it goes on without this checkpoint, and says so.
    pub(super) fn checkpoint(&mut self) {
        match self.write_checkpoint() {
            Ok((path, left)) => {
                self.observer.event(&Event::Checkpointed(Saved { path }));
                if let Some(error) = left {
                    let message =
                        format!("a checkpoint is written, but an older one stays: {error}");
                    self.observer.event(&Event::Warning(message));
                }
            }
            Err(error) => {
                let message = format!("no checkpoint is written: {error}");
                self.observer.event(&Event::Warning(message));
            }
        }
    }

    fn write_checkpoint(&mut self) -> Result<(PathBuf, Option<TrainError>), TrainError> {
        // Rows of the word embedding whose updates are still owed get them now: the same bits as later.
        self.optimizer.synchronise(self.tagger.model_mut());
        let [first, second] = self.optimizer.moments();
        let weights = &self.tagger.model().parameters.data;
        let state = State {
            settings: resume::deciding(self.settings)?,
            arithmetic: Some(arithmetic().to_owned()),
            fingerprints: self.fingerprints,
            progress: self.progress.clone(),
            epochs: self.report.epochs.clone(),
            best: self.report.best.clone(),
            lengths: [weights.len(), first.len(), second.len()],
        };
        let header = serde_json::to_vec(&state).map_err(|error| TrainError::Io {
            path: self.checkpoints.dir().to_owned(),
            source: error.into(),
        })?;
        let step = self.progress.steps;
        self.checkpoints
            .write(step, &header, &[weights, first, second])
    }

    /// The report of the run that was to go on, when it had come to its end. Report and card are written again, in case it was killed
    /// between them.
    pub(super) fn finished_before(&mut self) -> Result<Option<Report>, TrainError> {
        let anew = self.settings.overwrite && self.checkpoints.newest_first()?.is_empty();
        if !self.settings.resume || anew {
            return Ok(None);
        }
        let published = resume::published(self.settings, &self.fingerprints)?;
        let Some(report) = published.finished else {
            return Ok(None);
        };
        report.write(&self.settings.output)?;
        let path = self.settings.output.clone();
        self.observer.event(&Event::WasFinished(Saved { path }));
        Ok(Some(*report))
    }

    /// Goes on from the newest checkpoint that is whole; gives its file, or nothing when there is no checkpoint.
    pub(super) fn resume(&mut self) -> Result<Option<PathBuf>, TrainError> {
        // A run may begin anew with `overwrite` whatever stands at its output; to go on, it must be its own.
        let found = self.checkpoints.newest_first()?;
        if !(found.is_empty() && self.settings.overwrite) {
            self.published = resume::published(self.settings, &self.fingerprints)?.step;
        }
        self.checkpoints.tidy()?;
        let mut left = found.into_iter().peekable();
        while let Some(path) = left.next() {
            match self.restore(&path) {
                Ok(()) => return Ok(Some(path)),
                Err(error @ TrainError::CheckpointDamaged { .. }) if left.peek().is_some() => {
                    let message = format!("{error}; trying the checkpoint before it");
                    self.observer.event(&Event::Warning(message));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Puts everything back as it was when `path` was written. After an error of a damaged file the run must be restored from
    /// another: its weights are then half overwritten.
    fn restore(&mut self, path: &Path) -> Result<(), TrainError> {
        let mut reader = Reader::open(path)?;
        let state: State = serde_json::from_slice(reader.header())
            .map_err(|error| reader.damaged(format!("its header cannot be read: {error}")))?;
        state.check(path, self.settings, &self.fingerprints)?;
        if let Some(message) = state.other_arithmetic(path) {
            self.observer.event(&Event::Warning(message));
        }
        self.check_best(path, &state)?;
        let model = self.tagger.model_mut();
        let moments = self.optimizer.moments();
        let lengths = [
            model.parameters.data.len(),
            moments[0].len(),
            moments[1].len(),
        ];
        if state.lengths != lengths {
            let message = format!(
                "holds arrays of lengths {:?}, expected {lengths:?}",
                state.lengths
            );
            return Err(reader.damaged(message));
        }
        reader.fill(&mut model.parameters.data)?;
        let steps = state.progress.steps as u64;
        self.optimizer.restore(steps, |moments| {
            moments
                .into_iter()
                .try_for_each(|moments| reader.fill(moments))
        })?;
        reader.finish()?;
        self.progress = state.progress;
        self.report.epochs = state.epochs;
        self.report.best = state.best;
        Ok(())
    }

    /// The best model so far is not in the checkpoint but in the output folder.
    fn check_best(&self, path: &Path, state: &State) -> Result<(), TrainError> {
        let output = &self.settings.output;
        match &state.best {
            Some(best) if self.published < best.step => Err(TrainError::BestModelGone {
                path: path.to_owned(),
                output: output.clone(),
                step: best.step,
            }),
            _ => Ok(()),
        }
    }
}
