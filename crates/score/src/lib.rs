//! Entity metrics that equal those of seqeval and of the Perl conlleval, and those of whole texts with a label each.
//!
//! This crate owns how two tag sequences are compared: which runs of tags count as entities, how
//! agreement is counted, and how sure one may be of the result. It compares tags as written, and
//! knows neither models nor files other than the two columns of [`conll_pairs`].
//!
//! ```
//! use bert_ner_score::{Mode, Scorer};
//!
//! let mut scorer = Scorer::new(Mode::Seqeval);
//! scorer.add(&["B-PER", "I-PER", "O", "B-LOC"], &["B-PER", "I-PER", "O", "O"])?;
//! let scores = scorer.finish();
//! assert_eq!((scores.precision, scores.recall), (1.0, 0.5));
//! assert_eq!(scores.by_type["LOC"].support, 1);
//! # Ok::<(), bert_ner_score::ScoreError>(())
//! ```
//!
//! Three readings of a tag sequence exist, one a [`Mode`]. seqeval and conlleval agree on tags with
//! the prefixes `B`, `I` and `O`; strict mode agrees with them on what its scheme allows.
//! `docs/scoring.md` shows where they differ.

mod bootstrap;
mod calibration;
mod chunk;
mod classes;
mod conll;
mod conlleval;
mod counts;
mod error;
mod layout;
mod paired;
mod scorer;
mod scores;
mod seqeval;
mod strict;
mod whole;

pub use bootstrap::{Bootstrap, Confidence, Interval};
pub use calibration::{Bin, Calibration};
pub use classes::{ClassScorer, ClassScores};
pub use conll::{Pair, Pairs, conll_pairs};
pub use conlleval::raw_tags;
pub use counts::Counts;
pub use error::ScoreError;
pub use paired::{Difference, holm, mean_and_deviation, paired_t};
pub use scorer::{Mode, Scorer};
pub use scores::{Average, Scores, TypeScores};
pub use strict::StrictScheme;
pub use whole::read_pairs;
