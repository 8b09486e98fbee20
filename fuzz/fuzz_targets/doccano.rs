//! The doccano reader takes any bytes, spans and offsets without a panic.

#![no_main]

mod shared;

use bert_ner_text::Format;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let (sentences, _) = shared::read(bytes, Some(Format::Doccano));
    // Whatever was read has tags that some spans stand for, and those can be written.
    if let Ok(written) = shared::write(&sentences, Format::Doccano) {
        let (_, error) = shared::read(&written, Some(Format::Doccano));
        assert!(error.is_none(), "{error:?}");
    }
});
