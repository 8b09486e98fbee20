//! Schemes, CoNLL columns, plain text, corpora, splits, conversion and whole-or-nothing files.

mod atomic;
mod conll;
mod convert;
mod corpora;
mod corpus;
mod detection;
mod properties;
mod schemes;
mod splits;
mod support;
