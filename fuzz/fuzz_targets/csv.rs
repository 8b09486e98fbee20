//! The CSV and TSV readers take any bytes without a panic.

#![no_main]

mod shared;

use bert_ner_text::Format;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for format in [Format::Csv, Format::Tsv] {
        let (sentences, _) = shared::read(bytes, Some(format));
        if let Ok(written) = shared::write(&sentences, format) {
            let (_, error) = shared::read(&written, Some(format));
            assert!(error.is_none(), "{error:?}");
        }
    }
});
