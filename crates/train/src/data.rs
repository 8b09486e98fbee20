//! Annotated sentences to training sequences.

use crate::{Settings, TrainError};
use bert_ner_model::{Batch, Task, split_mix};
use bert_ner_text::{Corpus, LabelSet, ReadOptions, Scheme, Sentence, Warning, read_corpus};
use bert_ner_tokenize::Tokenizer;
use std::collections::BTreeSet;
use std::path::Path;

/// One training sequence: a sentence, or a window of a long one.
#[derive(Debug, Clone, Hash)]
pub(crate) struct Sequence {
    ids: Vec<u32>,
    /// Scored positions in `ids`.
    rows: Vec<u32>,
    /// Their gold tags.
    tags: Vec<u32>,
}

impl Sequence {
    pub(crate) fn push_to(&self, batch: &mut Batch) {
        batch.push(&self.ids, &self.rows, &self.tags);
    }

    /// Gold tags of the scored rows.
    pub(crate) fn tags(&self) -> &[u32] {
        &self.tags
    }
}

/// The splits of a run, read and limited.
pub(crate) struct Splits {
    pub(crate) train: Corpus,
    pub(crate) dev: Corpus,
    pub(crate) test: Option<Corpus>,
    /// What the readers counted.
    pub(crate) warnings: Vec<String>,
    /// What became of the entities of each split.
    pub(crate) notes: Vec<String>,
    /// Sentences that training is limited to, when there are more.
    limit: Option<usize>,
}

impl Splits {
    /// Reads the splits; `max_length` is that of the sequences, in pieces with `[CLS]` and `[SEP]`.
    pub(crate) fn read(settings: &Settings, max_length: usize) -> Result<Self, TrainError> {
        let (mut warnings, mut notes) = (Vec::new(), Vec::new());
        let mut limited = Vec::new();
        let options = ReadOptions {
            sentence_words: Some(max_length.saturating_sub(2)),
            ..settings.read_options()
        };
        let mut read = |split, path: &Path, most: Option<usize>| -> Result<Corpus, TrainError> {
            let mut corpus = read_corpus(path, &options)?;
            if let Some(most) = most.filter(|&most| most < corpus.sentences.len()) {
                corpus.sentences.truncate(most);
                limited.push(split);
            }
            warnings.extend(corpus.warnings.iter().map(ToString::to_string));
            if let Some(accounting) = &corpus.accounting {
                notes.push(format!("{}: {accounting}", path.display()));
            }
            if !corpus.is_annotated() {
                let path = path.to_owned();
                return Err(match settings.task {
                    Task::Ner => TrainError::Unannotated { path },
                    Task::Classify => TrainError::Unlabelled { path },
                });
            }
            // Neither a loss nor a score can be had from it.
            if corpus.words() == 0 {
                return Err(TrainError::NoWords {
                    path: path.to_owned(),
                    split,
                    sentences: corpus.sentences.len(),
                });
            }
            Ok(corpus)
        };
        let train = read("train", &settings.train, settings.max_train_samples)?;
        let dev = read("dev", &settings.dev, settings.max_eval_samples)?;
        let test = settings.test.as_deref();
        let test = test.map(|path| read("test", path, settings.max_eval_samples));
        let test = test.transpose()?;
        Ok(Self {
            train,
            dev,
            test,
            warnings,
            notes,
            limit: settings
                .max_train_samples
                .filter(|_| limited.contains(&"train")),
        })
    }

    /// The tags that a model of this data predicts. Of words: `O`, then `B-` and `I-` of every type that training shows, in the order of the
    /// types. Both are there even when training shows only one, so that a tag of a known type is never unknown.
    /// Of whole texts: the labels in the order that the data declares, else of their numbers, else of their names.
    ///
    /// # Errors
    /// When dev or test hold a type or label that training never shows.
    pub(crate) fn labels(&self, settings: &Settings) -> Result<LabelSet, TrainError> {
        let declared = match settings.task {
            Task::Ner => None,
            Task::Classify => self.train.label_names.as_ref(),
        };
        let (what, seen): (_, fn(&Corpus) -> BTreeSet<String>) = match settings.task {
            Task::Ner => ("entity type", types),
            Task::Classify => ("label", labels_of_texts),
        };
        let known = match declared {
            Some(names) => names.iter().cloned().collect(),
            None => seen(&self.train),
        };
        let test = settings.test.as_deref().zip(self.test.as_ref());
        for (path, corpus) in [(settings.dev.as_path(), &self.dev)]
            .into_iter()
            .chain(test)
        {
            let unseen: Vec<String> = seen(corpus).difference(&known).cloned().collect();
            if !unseen.is_empty() {
                let (path, train) = (path.to_owned(), settings.train.clone());
                return Err(TrainError::UnseenLabels {
                    path,
                    train,
                    what,
                    limit: self.limit,
                    labels: unseen,
                });
            }
        }
        if settings.task == Task::Classify {
            return Ok(LabelSet::new(match declared {
                Some(names) => names.clone(),
                None => in_order(known),
            }));
        }
        let tags = known
            .iter()
            .flat_map(|kind| [format!("B-{kind}"), format!("I-{kind}")]);
        Ok(LabelSet::new(std::iter::once("O".to_owned()).chain(tags)))
    }
}

/// The entity types of a corpus in IOB2.
fn types(corpus: &Corpus) -> BTreeSet<String> {
    let sentences = corpus
        .sentences
        .iter()
        .filter_map(|sentence| sentence.tags.as_ref());
    sentences
        .flat_map(|tags| Scheme::Iob2.entities(tags))
        .map(|entity| entity.label)
        .collect()
}

/// Cuts every sentence into sequences.
pub(crate) fn sequences(
    corpus: &Corpus,
    tokenizer: &Tokenizer,
    labels: &LabelSet,
    max_length: usize,
    label_all_tokens: bool,
) -> Result<Vec<Sequence>, TrainError> {
    let mut sequences = Vec::with_capacity(corpus.sentences.len());
    for sentence in &corpus.sentences {
        let words: Vec<&str> = sentence.words().collect();
        let names = sentence.tags.as_deref().unwrap_or_default();
        let tags: Vec<u32> = names.iter().filter_map(|name| labels.id(name)).collect();
        assert_eq!(
            tags.len(),
            words.len(),
            "every tag of a training sentence is in the label set"
        );
        let pieces = tokenizer.encode(&words)?;
        for window in tokenizer.windows(&pieces, max_length) {
            let (rows, tags) = if label_all_tokens {
                window
                    .piece_rows(&pieces)
                    .map(|(row, word)| (row, inside(tags[word], row, &window.rows, labels)))
                    .unzip()
            } else {
                (window.rows.clone(), tags[window.words.clone()].to_vec())
            };
            sequences.push(Sequence {
                ids: window.ids,
                rows,
                tags,
            });
        }
    }
    Ok(sequences)
}

/// The tag of a piece under `label_all_tokens`: the word's on its first piece, and on the others `I-` where the word has `B-`, as
/// `run_ner` does.
fn inside(tag: u32, row: u32, first_rows: &[u32], labels: &LabelSet) -> u32 {
    if first_rows.binary_search(&row).is_ok() {
        return tag;
    }
    let kind = labels.name(tag).and_then(|name| name.strip_prefix("B-"));
    kind.and_then(|kind| labels.id(&format!("I-{kind}")))
        .unwrap_or(tag)
}

/// The labels that whole texts have.
fn labels_of_texts(corpus: &Corpus) -> BTreeSet<String> {
    let tags = corpus.sentences.iter().flat_map(|text| &text.tags);
    tags.flatten().cloned().collect()
}

/// Labels in the order of their numbers, when all are numbers, else of their names.
fn in_order(labels: BTreeSet<String>) -> Vec<String> {
    let mut labels: Vec<String> = labels.into_iter().collect();
    let numbers: Option<Vec<i64>> = labels.iter().map(|label| label.parse().ok()).collect();
    if numbers.is_some() {
        labels.sort_by_cached_key(|label| label.parse::<i64>().ok());
    }
    labels
}

/// One sequence a text, whose scored row is `[CLS]`; and a warning where texts were cut at `max_length`.
pub(crate) fn texts(
    corpus: &Corpus,
    tokenizer: &Tokenizer,
    labels: &LabelSet,
    max_length: usize,
) -> Result<(Vec<Sequence>, Option<String>), TrainError> {
    let mut cut = Warning::new(format!("texts cut to {max_length} pieces"));
    let mut sequence = |text: &Sentence| {
        let (ids, rest) = tokenizer.text(&text.text, max_length)?;
        if rest > 0 {
            cut.count(|| format!("line {} loses {rest}", text.source.line));
        }
        let tags = text.tags.iter().flatten();
        Ok(Sequence {
            ids,
            rows: vec![0],
            tags: tags.filter_map(|label| labels.id(label)).collect(),
        })
    };
    let sequences: Result<Vec<Sequence>, TrainError> =
        corpus.sentences.iter().map(&mut sequence).collect();
    Ok((sequences?, (cut.count > 0).then(|| cut.to_string())))
}

/// The order of the sequences in epoch `epoch`: Fisher and Yates' shuffle, drawn from seed and epoch alone.
pub(crate) fn order(len: usize, seed: u64, epoch: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..len).collect();
    let mut state = split_mix(split_mix(seed ^ 0x6f72_6465) ^ epoch as u64);
    for i in (1..len).rev() {
        state = split_mix(state);
        // Lemire's multiplication: uniform within 2^-64 i
        order.swap(i, ((u128::from(state) * (i as u128 + 1)) >> 64) as usize);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_a_permutation_that_seed_and_epoch_choose() {
        let mut sorted = order(1000, 42, 0);
        assert_ne!(sorted, order(1000, 42, 1));
        assert_ne!(sorted, order(1000, 43, 0));
        assert_eq!(sorted, order(1000, 42, 0));
        sorted.sort_unstable();
        assert_eq!(sorted, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn labels_that_are_numbers_are_in_their_order() {
        let order = |labels: &[&str]| in_order(labels.iter().map(ToString::to_string).collect());
        assert_eq!(order(&["10", "9", "-1"]), ["-1", "9", "10"]);
        assert_eq!(order(&["10", "9", "b"]), ["10", "9", "b"]);
    }

    #[test]
    fn every_place_is_equally_likely() {
        let mut counts = [[0_u32; 5]; 5];
        for epoch in 0..10_000 {
            for (place, item) in order(5, 7, epoch).into_iter().enumerate() {
                counts[place][item] += 1;
            }
        }
        // 2,000 expected, five standard deviations are 200
        assert!(
            counts
                .iter()
                .flatten()
                .all(|&count| count.abs_diff(2000) < 200),
            "{counts:?}"
        );
    }

    #[test]
    fn the_other_pieces_of_a_first_word_are_inside() {
        let labels = LabelSet::new(["O", "B-PER", "I-PER"]);
        assert_eq!(inside(1, 4, &[1, 4], &labels), 1);
        assert_eq!(inside(1, 5, &[1, 4], &labels), 2);
        assert_eq!(
            [inside(0, 5, &[1], &labels), inside(2, 5, &[1], &labels)],
            [0, 2]
        );
    }
}
