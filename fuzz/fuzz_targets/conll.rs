//! The CoNLL reader takes any bytes without a panic, and its writer gives back what it read.

#![no_main]

mod shared;

use bert_ner_text::{Column, Format, ReadOptions};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let (sentences, _) = shared::read(bytes, Some(Format::Conll));
    // Whether a line is a comment depends on the lines around it, which change with what is left out.
    if sentences
        .iter()
        .any(|sentence| !sentence.source.comments.is_empty())
    {
        return;
    }
    // Words that look like tags would else be taken for them.
    let tagged = sentences.iter().any(|sentence| sentence.tags.is_some());
    let options = ReadOptions {
        format: Some(Format::Conll),
        tag_column: tagged.then_some(Column::Last),
        ..ReadOptions::default()
    };
    if let Ok(written) = shared::write(&sentences, Format::Conll) {
        let (again, error) = shared::read_with(&written, &options);
        assert!(error.is_none(), "{error:?}");
        assert_eq!(shared::content(&again), shared::content(&sentences));
    }
});
