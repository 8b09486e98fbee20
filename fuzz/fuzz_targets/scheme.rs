//! Any tags are detected, read, checked and converted without a panic, and conversion keeps entities.

#![no_main]

use bert_ner_text::Scheme;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let tags: Vec<String> = text.lines().map(str::to_owned).collect();
    let _ = Scheme::detect(std::iter::once(tags.as_slice()));
    for from in Scheme::ALL {
        let entities = from.entities(&tags);
        let _ = from.violations(&tags);
        for to in Scheme::ALL {
            if let Ok(converted) = from.convert(&tags, to) {
                assert_eq!(to.entities(&converted), entities);
                assert!(to.violations(&converted).is_empty());
            }
        }
    }
});
