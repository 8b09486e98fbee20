//! A loaded model folder.

use std::path::{Path, PathBuf};

use bert_ner_model::{AdapterConfig, Model, ModelError, Task};
use bert_ner_text::{ReadOptions, Scheme, Sentence, Words, split_tag};
use bert_ner_tokenize::{MIN_LENGTH, TokenizeError, Tokenizer};

use crate::decode::Collector;
use crate::error::InferError;
use crate::forward::{Progress, Workspace};
use crate::tagged::Tagged;

/// Pieces in a batch.
///
/// With MiniLM on two cores, 512 to 8,192 pieces ran equally fast to within what the machine varied
/// (example `speed`), and so did sentences sorted by length: without padding there is nothing to
/// sort for. This size keeps the memory of BERT-base near 100 MB.
const BATCH_PIECES: usize = 2048;

/// How to predict; the default takes everything from the model folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Longest sequence, in pieces with `[CLS]` and `[SEP]` (`None`: that of training, else the
    /// longest that the model can take).
    pub max_length: Option<usize>,
    /// Pieces in a batch (`None`: 2,048). The tags do not depend on it.
    pub batch_pieces: Option<usize>,
    /// Tag scheme of the labels (`None`: that of training, else what the labels look like). Only
    /// IOB1 and IOB2 cannot be told apart by labels; IOB2 is then assumed.
    pub scheme: Option<Scheme>,
    /// How many of a sentence's most probable tag sequences [`Tagged::alternatives`] holds; a linear head gives none.
    pub alternatives: usize,
    /// How many of a word's most probable labels [`Tagged::ranked`] holds; of a whole text, [`Tagged::alternatives`] (0: all).
    pub ranked: usize,
    /// The base model's folder, to open an adapter on (`None`: the one that the adapter names, if the folder holds one).
    pub base: Option<PathBuf>,
}

/// A model and its tokenizer: words in, tags and entities out; of a classifier, whole texts in, labels out.
///
/// A text is a [`Sentence`] of one word, which is all of it (see [`ReadOptions::whole_texts`]), and its label is that word's tag.
///
/// It is never changed by tagging, so threads can share one, each with its own [`Workspace`].
#[derive(Debug)]
pub struct Tagger {
    pub(crate) model: Model,
    tokenizer: Tokenizer,
    pub(crate) scheme: Scheme,
    max_length: usize,
    batch_pieces: usize,
    words: Option<Words>,
    pub(crate) alternatives: usize,
    pub(crate) ranked: usize,
    /// The label id of `O`.
    pub(crate) outside: Option<usize>,
}

impl Tagger {
    /// Opens a model folder.
    ///
    /// # Errors
    /// When model or tokenizer cannot be loaded, or do not belong together.
    pub fn open(dir: &Path) -> Result<Self, InferError> {
        Self::open_with(dir, &Options::default())
    }

    /// Opens a model folder, or an adapter's: that is folded into its base model, whose tokenizer it has unless it brings its own.
    ///
    /// # Errors
    /// As [`Tagger::open`], and when the model cannot have the `max_length` asked for.
    pub fn open_with(dir: &Path, options: &Options) -> Result<Self, InferError> {
        if options.base.is_none() && !AdapterConfig::is_in(dir) {
            let (model, tokenizer) = load_both(dir);
            return Self::with_options(model?, tokenizer?, options);
        }
        let base = match &options.base {
            Some(base) => base.clone(),
            None => AdapterConfig::load(dir)?.base_folder(dir)?,
        };
        let model = Model::load_adapted(&base, dir)?;
        let tokenizer = match Tokenizer::load(dir) {
            Err(TokenizeError::Missing { .. }) => Tokenizer::load(&base)?,
            own => own?,
        };
        Self::with_options(model, tokenizer, options)
    }

    /// A tagger of a model in memory.
    ///
    /// # Errors
    /// When the tokenizer gives ids that the model does not embed, or the model's configuration
    /// names an unknown scheme or an impossible `max_length`.
    pub fn new(model: Model, tokenizer: Tokenizer) -> Result<Self, InferError> {
        Self::with_options(model, tokenizer, &Options::default())
    }

    /// A tagger of a model in memory.
    ///
    /// # Errors
    /// As [`Tagger::new`].
    pub fn with_options(
        model: Model,
        tokenizer: Tokenizer,
        options: &Options,
    ) -> Result<Self, InferError> {
        let config = model.config();
        let longest = config.max_position_embeddings;
        let trained = config.bert_ner.as_ref();
        let max_length = options
            .max_length
            .or(trained.map(|ner| ner.max_length))
            .unwrap_or(longest);
        if !(MIN_LENGTH..=longest).contains(&max_length) {
            return Err(InferError::MaxLength {
                max_length,
                longest,
            });
        }
        if tokenizer.vocab_size() > config.vocab_size {
            return Err(InferError::Vocabulary {
                tokenizer: tokenizer.vocab_size(),
                model: config.vocab_size,
            });
        }
        let task = config.heads().task;
        let scheme = match (options.scheme, trained) {
            // Labels of texts are taken as they are.
            _ if task == Task::Classify => Scheme::Iob2,
            (Some(scheme), _) => scheme,
            (None, Some(ner)) => ner.scheme.parse()?,
            (None, None) => scheme_of(model.labels()),
        };
        let batch_pieces = options.batch_pieces.unwrap_or(BATCH_PIECES);
        let words = trained.and_then(|ner| ner.words.as_deref());
        let words = words.map(str::parse).transpose()?;
        let outside = model.labels().iter().position(|label| label == "O");
        Ok(Self {
            outside,
            ranked: options.ranked,
            model,
            tokenizer,
            scheme,
            max_length,
            batch_pieces,
            words,
            alternatives: options.alternatives,
        })
    }

    /// Writes the model folder: `config.json`, `model.safetensors` and the tokenizer's files.
    ///
    /// # Errors
    /// When a file cannot be written. Files are written one by one: give it a new folder and rename
    /// that, so that nobody sees half a model.
    pub fn save(&self, dir: &Path) -> Result<(), InferError> {
        self.model.save(dir)?;
        Ok(self.tokenizer.save(dir)?)
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The model, to train it.
    pub fn model_mut(&mut self) -> &mut Model {
        &mut self.model
    }

    /// The model, taken out.
    pub fn into_model(self) -> Model {
        self.model
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// What the model predicts.
    pub fn task(&self) -> Task {
        self.model.config().heads().task
    }

    /// The scheme of the model's labels. [`Tagged::tags`] are in IOB2 whatever it is.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Longest sequence, in pieces with `[CLS]` and `[SEP]`; longer sentences become windows.
    pub fn max_length(&self) -> usize {
        self.max_length
    }

    /// The entity types that the model's labels spell, in their order.
    pub fn types(&self) -> Vec<String> {
        let mut types = Vec::new();
        for label in self.model.labels().iter().filter(|label| *label != "O") {
            let name = match self.scheme {
                Scheme::Plain => label.as_str(),
                _ => split_tag(label).1,
            };
            if !name.is_empty() && !types.iter().any(|known| known == name) {
                types.push(name.to_owned());
            }
        }
        types
    }

    /// What the model was trained to take for a word of running text; `None` when its data came in words.
    pub fn words(&self) -> Option<Words> {
        self.words
    }

    /// What is a word of running text for this model: as in training, else [`Words::Unicode`].
    pub fn text_words(&self) -> Words {
        self.words.unwrap_or(Words::Unicode)
    }

    /// A text as one sentence of [`Tagger::text_words`].
    pub fn sentence(&self, text: String) -> Sentence {
        Sentence {
            words: self.text_words().split(&text),
            text,
            ..Sentence::default()
        }
    }

    /// `options` for reading what this model is to tag: words as it was trained on, else as asked for, else
    /// [`Words::Unicode`], whatever the format; sentences no longer than it takes.
    ///
    /// # Errors
    /// When `options` ask for other words than those of training.
    pub fn read_options(&self, mut options: ReadOptions) -> Result<ReadOptions, InferError> {
        if let (Some(trained), Some(asked)) = (self.words, options.words)
            && trained != asked
        {
            return Err(InferError::Words { trained, asked });
        }
        options.words = self.words.or(options.words).or(Some(Words::Unicode));
        options.whole_texts = self.task() == Task::Classify;
        // [CLS] and [SEP]
        options.sentence_words = Some(self.max_length - 2);
        Ok(options)
    }

    /// Pieces in a batch.
    pub(crate) fn batch_pieces(&self) -> usize {
        self.batch_pieces
    }

    /// Rows of the word embedding above every id of the tokenizer.
    ///
    /// A few are common (embeddings are padded to round sizes); thousands suggest that model and
    /// tokenizer do not belong together.
    pub fn unused_embeddings(&self) -> usize {
        self.model.config().vocab_size - self.tokenizer.vocab_size()
    }

    /// Tags sentences; the answer has one [`Tagged`] a sentence, in order.
    ///
    /// # Errors
    /// When a word cannot be tokenized, or the weights are damaged ([`InferError::NotFinite`]).
    pub fn tag(
        &self,
        sentences: &[Sentence],
        workspace: &mut Workspace,
    ) -> Result<Vec<Tagged>, InferError> {
        self.tag_with(sentences, workspace, &mut |_| ())
    }

    /// Tags sentences and tells `progress` after every batch how far it has come.
    ///
    /// # Errors
    /// As [`Tagger::tag`].
    pub fn tag_with(
        &self,
        sentences: &[Sentence],
        workspace: &mut Workspace,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Vec<Tagged>, InferError> {
        let mut collector = Collector::new(self, sentences);
        self.visit(sentences, workspace, progress, &mut |word| {
            collector.add(&word)
        })?;
        Ok(collector.finish())
    }

    /// The logits of every word, `[words, K]` a sentence: for who wants more than the best tag.
    ///
    /// # Errors
    /// As [`Tagger::tag`].
    pub fn logits(
        &self,
        sentences: &[Sentence],
        workspace: &mut Workspace,
    ) -> Result<Vec<Vec<f32>>, InferError> {
        let mut all = vec![Vec::new(); sentences.len()];
        self.visit(sentences, workspace, &mut |_| (), &mut |word| {
            all[word.sentence].extend_from_slice(word.logits);
        })?;
        Ok(all)
    }
}

/// Model and tokenizer, at the same time: one is mostly memory to fill, the other text to parse, and each takes as long.
fn load_both(dir: &Path) -> (Result<Model, ModelError>, Result<Tokenizer, TokenizeError>) {
    std::thread::scope(|scope| {
        let tokenizer = scope.spawn(|| Tokenizer::load(dir));
        let model = Model::load(dir);
        let tokenizer = tokenizer.join();
        (
            model,
            tokenizer.unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
        )
    })
}

/// The scheme that labels look like.
fn scheme_of(labels: &[String]) -> Scheme {
    let has = |prefixes: &str| {
        labels.iter().any(|label| {
            split_tag(label)
                .0
                .is_some_and(|prefix| prefixes.contains(prefix))
        })
    };
    if has("ES") {
        Scheme::Bioes
    } else if has("LU") {
        Scheme::Bilou
    } else if has("BI") {
        Scheme::Iob2
    } else {
        Scheme::Plain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_show_their_scheme() {
        let scheme = |labels: &[&str]| {
            scheme_of(
                &labels
                    .iter()
                    .map(|&label| label.to_owned())
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(scheme(&["O", "B-PER", "I-PER"]), Scheme::Iob2);
        assert_eq!(
            scheme(&["O", "B-PER", "I-PER", "E-PER", "S-PER"]),
            Scheme::Bioes
        );
        assert_eq!(
            scheme(&["O", "B-PER", "I-PER", "L-PER", "U-PER"]),
            Scheme::Bilou
        );
        assert_eq!(scheme(&["O", "PER", "GEO-POL"]), Scheme::Plain);
    }
}
