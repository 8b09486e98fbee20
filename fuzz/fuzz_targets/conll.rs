//! The CoNLL reader takes any bytes without a panic, and its writer gives back what it read.

#![no_main]

mod shared;

use bert_ner_text::Format;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let (sentences, _) = shared::read(bytes, Some(Format::Conll));
    // The tag column may be found elsewhere in what is written, so only the text is compared.
    if let Ok(written) = shared::write(&sentences, Format::Conll) {
        let (again, error) = shared::read(&written, Some(Format::Conll));
        assert!(error.is_none(), "{error:?}");
        assert_eq!(again.len(), sentences.len());
    }
});
