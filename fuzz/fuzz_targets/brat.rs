//! The brat parser takes any text and any annotations (apart at the first NUL) without a panic and keeps every line; every
//! character of the text is in a word.

#![no_main]

use std::path::Path;

use bert_ner_text::Words;
use bert_ner_text::brat::Document;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let input = String::from_utf8_lossy(bytes);
    let (text, annotations) = input.split_once('\0').unwrap_or(("", &input));
    match Document::parse(annotations, text, Path::new("fuzz.ann")) {
        Ok(lines) => {
            let kept: String = lines.iter().map(|line| line.as_str()).collect();
            assert_eq!(kept, annotations);
            for entity in lines.iter().filter_map(|line| line.entity()) {
                assert!(text.get(entity.extent()).is_some(), "{entity:?}");
                let _ = entity.is_fragmented(text);
            }
        }
        Err(error) => assert!(error.to_string().starts_with("fuzz.ann:"), "{error}"),
    }
    for words in [Words::Whitespace, Words::Unicode, Words::Characters] {
        let seen: String = words
            .split(text)
            .into_iter()
            .map(|word| &text[word])
            .collect();
        let count = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
        assert_eq!(count(&seen), count(text), "{words}");
    }
});
