//! A loaded model folder.

use std::path::{Path, PathBuf};

use bert_ner_model::{AdapterConfig, Crf, Model, Task};
use bert_ner_text::{ReadOptions, Scheme, Sentence, Words, split_tag};
use bert_ner_tokenize::{MIN_LENGTH, TokenizeError, Tokenizer};

use crate::error::InferError;
use crate::forward::{Progress, WordLogits, Workspace};
use crate::softmax;
use crate::tagged::{Alternative, RankedLabel, Tagged};

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
    model: Model,
    tokenizer: Tokenizer,
    scheme: Scheme,
    max_length: usize,
    batch_pieces: usize,
    words: Option<Words>,
    alternatives: usize,
    ranked: usize,
    /// The label id of `O`.
    outside: Option<usize>,
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
            return Self::with_options(Model::load(dir)?, Tokenizer::load(dir)?, options);
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

/// Gathers the scores of each sentence's words, which come in order, and reads its tags off them when it is whole. So a CRF sees a
/// sentence as one sequence, whatever windows it came through.
pub(crate) struct Collector<'a> {
    tagger: &'a Tagger,
    sentences: &'a [Sentence],
    crf: Option<Crf>,
    /// The label ids of each sentence's gold tags, where known.
    gold: Option<&'a [Vec<Option<u32>>]>,
    /// Sentences completed.
    tagged: Vec<Tagged>,
    /// Scores of the words so far of the sentence after them, `[words, K]`.
    scores: Vec<f32>,
    /// Negative log-likelihood of the gold tags, and its words.
    pub(crate) loss: (f64, usize),
}

impl<'a> Collector<'a> {
    pub(crate) fn new(tagger: &'a Tagger, sentences: &'a [Sentence]) -> Self {
        Self {
            tagger,
            sentences,
            crf: tagger.model.crf(),
            gold: None,
            tagged: Vec::with_capacity(sentences.len()),
            scores: Vec::new(),
            loss: (0.0, 0),
        }
    }

    /// The same, measuring the loss of these tags.
    pub(crate) fn with_gold(mut self, gold: &'a [Vec<Option<u32>>]) -> Self {
        self.gold = Some(gold);
        self
    }

    pub(crate) fn add(&mut self, word: &WordLogits<'_>) {
        self.complete(word.sentence);
        let labels = self.tagger.model.labels().len();
        debug_assert_eq!(word.word, self.scores.len() / labels, "words come in order");
        self.scores.extend_from_slice(word.logits);
    }

    /// Completes the sentences before `sentence`, those without words included.
    fn complete(&mut self, sentence: usize) {
        while self.tagged.len() < sentence {
            let scores = std::mem::take(&mut self.scores);
            if let Some(gold) = self.gold {
                self.add_loss(&scores, &gold[self.tagged.len()]);
            }
            let words = &self.sentences[self.tagged.len()];
            self.tagged.push(match &self.crf {
                None if self.tagger.task() == Task::Classify => self.tagger.classify(&scores),
                None => self.tagger.tag_apart(words, &scores),
                Some(crf) => self.tagger.tag_together(words, &scores, crf),
            });
            self.scores = scores;
            self.scores.clear();
        }
    }

    /// A linear head's loss is over the words whose tags are known, a CRF's over the sentences of which all are.
    fn add_loss(&mut self, scores: &[f32], gold: &[Option<u32>]) {
        let known: Option<Vec<u32>> = gold.iter().copied().collect();
        match (&self.crf, known) {
            (Some(_), None) => {}
            (Some(crf), Some(gold)) => {
                self.loss.0 += crf.loss(scores, &gold);
                self.loss.1 += gold.len();
            }
            (None, _) => {
                let rows = scores.chunks_exact(self.tagger.model.labels().len());
                for (row, gold) in rows.zip(gold) {
                    if let Some(gold) = gold {
                        self.loss.0 -= softmax::log_probability(row, *gold as usize);
                        self.loss.1 += 1;
                    }
                }
            }
        }
    }

    pub(crate) fn finish(&mut self) -> Vec<Tagged> {
        self.complete(self.sentences.len());
        std::mem::take(&mut self.tagged)
    }
}

impl Tagger {
    /// The tags of a linear head: each word for itself.
    fn tag_apart(&self, sentence: &Sentence, scores: &[f32]) -> Tagged {
        let labels = self.model.labels();
        let probability = |row: &[f32], id| softmax::log_probability(row, id).exp();
        let rows = || scores.chunks_exact(labels.len());
        let best = |row: &[f32]| {
            let best = softmax::best(row);
            (labels[best].as_str(), probability(row, best) as f32)
        };
        let (names, probabilities): (Vec<&str>, Vec<f32>) = rows().map(best).unzip();
        let mut tagged = Tagged::new(sentence, &names, probabilities, self.scheme);
        let outside = |row| self.outside.map_or(0.0, |id| probability(row, id) as f32);
        tagged.outside = rows().map(outside).collect();
        if self.ranked > 0 {
            let all = |row| (0..labels.len()).map(|id| probability(row, id)).collect();
            tagged.ranked = rows().map(|row| self.rank(all(row))).collect();
        }
        tagged
    }

    /// The most probable labels of a word, of which each has its probability in `all`, `[K]`.
    fn rank(&self, all: Vec<f64>) -> Vec<RankedLabel> {
        let mut ranked: Vec<(usize, f64)> = all.into_iter().enumerate().collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        ranked.truncate(self.ranked);
        let labels = self.model.labels();
        let label = |(id, probability): (usize, f64)| RankedLabel {
            label: labels[id].clone(),
            probability: probability as f32,
        };
        ranked.into_iter().map(label).collect()
    }

    /// The label of a whole text with these scores, `[K]`, and all labels by their probability.
    fn classify(&self, scores: &[f32]) -> Tagged {
        let labels = self.model.labels();
        let probability = |id: usize| softmax::log_probability(scores, id).exp() as f32;
        let best = softmax::best(scores);
        let mut alternatives: Vec<Alternative> = (0..labels.len())
            .map(|id| Alternative {
                tags: vec![labels[id].clone()],
                probability: probability(id),
            })
            .collect();
        alternatives.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        if self.ranked > 0 {
            alternatives.truncate(self.ranked);
        }
        Tagged {
            tags: vec![labels[best].clone()],
            probabilities: vec![probability(best)],
            alternatives,
            ..Tagged::default()
        }
    }

    /// The tags of a CRF: the best sequence.
    fn tag_together(&self, sentence: &Sentence, scores: &[f32], crf: &Crf) -> Tagged {
        let labels = self.model.labels();
        let names = |tags: &[u32]| -> Vec<&str> {
            tags.iter()
                .map(|&tag| labels[tag as usize].as_str())
                .collect()
        };
        let decoded = crf.decode(scores);
        let probabilities = decoded.marginals().iter().map(|&p| p as f32).collect();
        let mut tagged = Tagged::new(sentence, &names(&decoded.tags), probabilities, self.scheme);
        for entity in &mut tagged.entities {
            entity.confidence = decoded.entity(entity.words.clone(), self.scheme) as f32;
        }
        let words = 0..sentence.len();
        let outside = |word| {
            self.outside
                .map_or(0.0, |id| decoded.probability(word, id) as f32)
        };
        tagged.outside = words.clone().map(outside).collect();
        if self.ranked > 0 {
            let labels = 0..labels.len();
            let all = |word| {
                let label = |id| decoded.probability(word, id);
                labels.clone().map(label).collect()
            };
            tagged.ranked = words.map(|word| self.rank(all(word))).collect();
        }
        let alternatives = decoded.best(self.alternatives).into_iter();
        tagged.alternatives = alternatives
            .map(|(tags, probability)| Alternative {
                tags: Tagged::new(sentence, &names(&tags), vec![1.0; tags.len()], self.scheme).tags,
                probability: probability as f32,
            })
            .collect();
        tagged
    }
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
