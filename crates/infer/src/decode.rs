//! From the scores of words to their tags and entities, by the rule of the model's head.

use bert_ner_model::{Crf, Task};
use bert_ner_text::Sentence;

use crate::forward::WordLogits;
use crate::softmax;
use crate::tagged::{Alternative, RankedLabel, Tagged};
use crate::tagger::Tagger;

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
