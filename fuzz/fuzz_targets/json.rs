//! The JSON readers take any bytes without a panic, and their writer gives back what they read.

#![no_main]

mod shared;

use bert_ner_text::Format;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for format in [Format::Jsonl, Format::Json] {
        let (sentences, _) = shared::read(bytes, Some(format));
        if let Ok(written) = shared::write(&sentences, format) {
            let (again, error) = shared::read(&written, Some(format));
            assert!(error.is_none(), "{error:?}");
            assert_eq!(shared::content(&again), shared::content(&sentences));
        }
    }
});
