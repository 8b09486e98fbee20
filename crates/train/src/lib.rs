//! Fine-tuning: from annotated sentences and a pretrained folder to a measured model folder.
//!
//! This crate owns the [`Settings`] of a run, the events that a run tells its watcher, and the
//! [`Report`] and model card that it leaves behind. It prints nothing: whoever calls it watches
//! through an [`Observer`].

mod best;
mod card;
mod checkpoint;
mod choices;
mod crc32c;
mod data;
mod error;
mod evaluate;
mod events;
mod fingerprint;
mod folder;
mod heads;
mod lock;
mod lora;
mod merge;
mod objective;
mod report;
mod resume;
mod schedule;
mod settings;
pub mod sweep;
mod tensorboard;
mod trainer;

pub use card::model_card;
pub use choices::{ClassWeights, EvalEvery, LossChoice, Reduction, RnnChoice, Schedule, Select};
pub use error::TrainError;
pub use events::{
    EvalProgress, Evaluated, Event, Finished, Observer, Resumed, Saved, Silent, Split, Started,
    Step, Tested,
};
pub use fingerprint::fingerprint_of_files;
pub use merge::merge;
pub use report::{Evaluation, Measured, Report, Stopped, peak_rss_mb};
pub use settings::{Options, Places, Settings};
pub use trainer::train;
