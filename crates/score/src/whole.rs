//! A whole file of columns, and whether its gold column can be one.
//!
//! Who forgot the predictions has words, or part-of-speech tags, where the gold tag is expected. conlleval
//! counts those; nobody wants the result.

use std::collections::HashSet;
use std::io::BufRead;
use std::path::Path;

use crate::{Pair, ScoreError, conll_pairs};

/// Gold columns with fewer tags than this in a hundred words are refused.
const TAGS_PERCENT: usize = 10;

/// Reads all sentences, as [`conll_pairs`] does, and checks that the column of gold tags holds tags.
///
/// A value is taken for a tag when it is `O`, reads `B-TYPE` or the like, or is predicted somewhere in the
/// file; so a file in any scheme, with any types, passes. In a file with other columns before the two a gold
/// column of other values is refused only beside predictions with prefixes: bare types may be few and all be
/// missed.
///
/// ```
/// use bert_ner_score::read_pairs;
///
/// let error = read_pairs("EU B-ORG\nrejects O\n".as_bytes(), "gold.conll").unwrap_err();
/// assert!(error.to_string().starts_with("gold.conll:1: \"EU\" stands where the gold tag is expected"));
/// ```
///
/// # Errors
/// As [`conll_pairs`], and [`ScoreError::NoGold`].
pub fn read_pairs(input: impl BufRead, path: impl AsRef<Path>) -> Result<Vec<Pair>, ScoreError> {
    let path = path.as_ref();
    let mut reader = conll_pairs(input, path);
    let (mut pairs, mut lines) = (Vec::new(), Vec::new());
    while let Some(pair) = reader.next() {
        pairs.push(pair?);
        lines.push(reader.sentence_line());
    }
    let predicted: HashSet<&str> = pairs
        .iter()
        .flat_map(|pair| texts(&pair.predicted))
        .collect();
    let is_tag = |value: &str| is_tag(value) || predicted.contains(value);
    let words: usize = pairs.iter().map(|pair| pair.gold.len()).sum();
    let tags = pairs.iter().flat_map(|pair| texts(&pair.gold));
    let tags = tags.filter(|value| is_tag(value)).count();
    let doubtful = reader.columns() == Some(2) || predicted.iter().any(|tag| has_prefix(tag));
    if !doubtful || tags * 100 >= words * TAGS_PERCENT {
        return Ok(pairs);
    }
    let strange = pairs.iter().zip(lines).find_map(|(pair, line)| {
        let index = texts(&pair.gold).position(|value| !is_tag(value))?;
        Some((line + index, pair.gold[index].clone()))
    });
    match strange {
        Some((line, value)) => Err(ScoreError::NoGold {
            path: path.to_owned(),
            line,
            value,
            words,
            tags,
        }),
        None => Ok(pairs),
    }
}

fn texts(tags: &[String]) -> impl Iterator<Item = &str> {
    tags.iter().map(String::as_str)
}

/// Whether a value reads like a tag of its own accord.
fn is_tag(value: &str) -> bool {
    value == "O" || has_prefix(value)
}

/// `B-PER`, not `B-`, `T-shirt` or the word `I`.
fn has_prefix(value: &str) -> bool {
    let after = value.strip_prefix(|first| "BIESLU".contains(first));
    after.is_some_and(|rest| rest.len() > 1 && rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(file: &str) -> Option<String> {
        read_pairs(file.as_bytes(), "file")
            .err()
            .map(|error| error.to_string())
    }

    #[test]
    fn words_in_place_of_gold_tags_are_named_with_their_line() {
        // O, B-52 and S-Bahn are words here, and they come first.
        let tail = "word O\n".repeat(40);
        let file = format!("\nO O\nB-52 B-MISC\n\nS-Bahn B-MISC\nEU B-ORG\n{tail}");
        assert_eq!(
            refusal(&file).as_deref(),
            Some(
                "file:6: \"EU\" stands where the gold tag is expected (tags: 3, words: 44); the last two columns \
                 must be the gold and the predicted tag"
            )
        );
        assert!(refusal("John PER\nsleeps O\n").is_some(), "bare types");
    }

    #[test]
    fn parts_of_speech_in_place_of_gold_tags_are_named() {
        let error = refusal("EU NNP B-ORG\nrejects VBZ O\n").expect("no gold tags");
        assert!(error.starts_with("file:1: \"NNP\" stands"), "{error}");
    }

    #[test]
    fn gold_tags_of_any_kind_pass() {
        for file in [
            "",
            "EU B-ORG B-ORG\nrejects O O\n",
            "B-ORG O\nO O\n",
            // Bare types, all missed, or all of a type that is never predicted.
            "John PER O\n",
            "John PER O\nLondon LOC O\n",
            "PER PER\nLOC LOC\n",
            "John PER ORG\n",
            // Types after the place, and no types at all.
            "John PER-B PER-B\nsleeps O O\n",
            "B B\nI I\nO O\n",
            "B O\nO O\n",
            // Every word annotated, in another scheme than predicted.
            "S-PER B-PER\nU-LOC B-LOC\n",
        ] {
            assert_eq!(refusal(file), None, "{file}");
        }
    }
}
