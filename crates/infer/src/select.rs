//! Which of the entities that were found are handed out.

use crate::tagged::Tagged;

/// The entities to leave out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Selection {
    /// Those with a lower [`confidence`](crate::Entity::confidence).
    pub threshold: f32,
    /// Those that are called so: types, or labels (`B-PER`) where pieces are not aggregated; see
    /// [`Tagger::entity_labels`](crate::Tagger::entity_labels).
    pub ignored: Vec<String>,
}

impl Selection {
    /// Takes the entities out. Their words are then outside of every entity: they have the tag `O` and its probability, so that
    /// tags and entities go on saying the same.
    pub fn apply(&self, tagged: &mut Tagged) {
        let (stay, go) = std::mem::take(&mut tagged.entities)
            .into_iter()
            .partition(|entity| self.keeps(&entity.label, entity.confidence));
        tagged.entities = stay;
        if tagged.tags.is_empty() {
            return;
        }
        for entity in go {
            for word in entity.words {
                "O".clone_into(&mut tagged.tags[word]);
                tagged.probabilities[word] = tagged.outside.get(word).copied().unwrap_or(0.0);
            }
        }
    }

    /// Whether an entity stays. Labels are compared whole, as `ignore_labels` of transformers' pipeline is.
    pub fn keeps(&self, label: &str, confidence: f32) -> bool {
        confidence >= self.threshold && !self.ignored.iter().any(|ignored| ignored == label)
    }
}

#[cfg(test)]
mod tests {
    use bert_ner_text::{Scheme, Sentence};

    use super::*;

    fn tagged() -> Tagged {
        let words = ["Ada", "Lovelace", "in", "London"];
        let labels = ["B-PER", "I-PER", "O", "B-LOC"];
        let mut tagged = Tagged::new(
            &Sentence::from_words(&words, None),
            &labels,
            vec![0.9, 0.5, 0.8, 0.7],
            Scheme::Iob2,
        );
        tagged.outside = vec![0.05, 0.4, 0.8, 0.2];
        tagged
    }

    #[test]
    fn words_of_an_entity_that_is_left_out_are_outside_with_the_probability_of_that() {
        let mut tagged = tagged();
        Selection {
            threshold: 0.5,
            ignored: Vec::new(),
        }
        .apply(&mut tagged);
        assert_eq!(tagged.tags, ["O", "O", "O", "B-LOC"]);
        assert_eq!(tagged.probabilities, [0.05, 0.4, 0.8, 0.7]);
        assert_eq!(tagged.entities.len(), 1);
    }

    #[test]
    fn a_type_is_left_out_by_its_whole_name() {
        for ignored in ["LOC", "PER"] {
            let mut tagged = tagged();
            let ignored = vec![ignored.to_owned()];
            let selection = Selection {
                threshold: 0.0,
                ignored: ignored.clone(),
            };
            selection.apply(&mut tagged);
            assert!(tagged.entities.iter().all(|it| it.label != ignored[0]));
            assert_eq!(tagged.entities.len(), 1);
        }
        let whole = Selection {
            threshold: 0.0,
            ignored: vec!["loc".to_owned()],
        };
        assert!(
            !whole.keeps("loc", 1.0) && whole.keeps("GPE-loc", 1.0) && whole.keeps("B-loc", 1.0)
        );
    }

    #[test]
    fn the_default_leaves_everything_in() {
        let mut selected = tagged();
        Selection::default().apply(&mut selected);
        assert_eq!(selected, tagged());
    }
}
