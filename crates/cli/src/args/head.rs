//! The flags of `train` about the head and its learning rates.

use bert_ner_model::{Freeze, HeadKind};
use bert_ner_train::{Reduction, RnnChoice};
use clap::Args;

use super::train::named;

#[derive(Debug, Args)]
#[command(next_help_heading = "Head", allow_negative_numbers = true)]
pub(crate) struct HeadArgs {
    /// How tags follow from scores: linear (each word for itself) or crf (a sentence together)
    /// [default: linear]
    #[arg(long, value_name = "NAME", value_parser = named::<HeadKind>(&["linear", "crf"]))]
    pub(crate) head: Option<HeadKind>,

    /// Recurrent network over the pieces, between encoder and classifier [default: none]
    #[arg(long, value_name = "NAME", value_parser = named::<RnnChoice>(&["none", "gru", "bigru", "lstm", "bilstm"]))]
    pub(crate) rnn: Option<RnnChoice>,

    /// Hidden units of the recurrent network, in each direction [default: 256]
    #[arg(long, value_name = "N")]
    pub(crate) rnn_hidden: Option<usize>,

    /// Layers of the recurrent network [default: 1]
    #[arg(long, value_name = "N")]
    pub(crate) rnn_layers: Option<usize>,

    /// Keep the CRF from tags that cannot follow each other, such as O I-PER, in training and
    /// decoding [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    pub(crate) crf_constraints: Option<bool>,

    /// A CRF's loss: mean over the words, or sum over the batch as pytorch-crf has it
    /// [default: mean]
    #[arg(long, value_name = "NAME", value_parser = named::<Reduction>(&["mean", "sum"]))]
    pub(crate) crf_reduction: Option<Reduction>,

    /// The CRF learns this many times as fast [default: 1]
    #[arg(long, value_name = "X")]
    pub(crate) crf_lr_multiplier: Option<f64>,

    /// The recurrent network learns this many times as fast [default: 1]
    #[arg(long, value_name = "X")]
    pub(crate) rnn_lr_multiplier: Option<f64>,

    /// The classifier learns this many times as fast [default: 1]
    #[arg(long, value_name = "X")]
    pub(crate) head_lr_multiplier: Option<f64>,

    /// Factor of the learning rate from each layer of the encoder to the one before [default: 1]
    #[arg(long, value_name = "X")]
    pub(crate) layer_lr_decay: Option<f64>,

    /// Spare biases and LayerNorm from weight decay [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    pub(crate) no_decay_bias_norm: Option<bool>,

    /// What is not trained: nothing, embeddings, the embeddings and the first N layers, or the
    /// encoder [default: nothing]
    #[arg(long, value_name = "WHAT|N")]
    pub(crate) freeze: Option<Freeze>,

    /// Train a LoRA of this rank in place of the encoder, and save it as PEFT does: docs/lora.md
    #[arg(long, value_name = "N")]
    pub(crate) lora_rank: Option<usize>,

    /// The LoRA counts X / rank times [default: 8]
    #[arg(long, value_name = "X")]
    pub(crate) lora_alpha: Option<f64>,

    /// Dropout of what goes into the LoRA [default: 0]
    #[arg(long, value_name = "P")]
    pub(crate) lora_dropout: Option<f32>,

    /// Layers that get one: query, key, value, dense (the three behind the attention), or one of those
    /// alone: attention.output.dense, intermediate.dense, output.dense [default: query,value]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub(crate) lora_targets: Option<Vec<String>>,
}
