//! The BERT encoder and its heads over packed batches: forward and backward.
