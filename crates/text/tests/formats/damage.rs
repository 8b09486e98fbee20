//! Whatever stands in a file, a reader gives sentences or an error: it does not panic.

use std::fs;

use bert_ner_text::{Format, ReadOptions};
use proptest::prelude::*;

use crate::{fixture, read_bytes, read_file};

/// Bytes of a fixture that are replaced, and where the file ends, as shares of its length.
fn damage() -> impl Strategy<Value = (Vec<(prop::sample::Index, u8)>, Option<prop::sample::Index>)>
{
    let bytes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4);
    (
        bytes,
        prop::option::weighted(0.2, any::<prop::sample::Index>()),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_parquet_and_arrow_files((bytes, end) in damage()) {
        let folder = tempfile::tempdir()?;
        for name in ["hub.parquet", "large.parquet", "stream.arrow", "file.arrow"] {
            let mut content = fs::read(fixture(name))?;
            for (at, byte) in &bytes {
                let at = at.index(content.len());
                content[at] = *byte;
            }
            if let Some(end) = end {
                content.truncate(end.index(content.len()));
            }
            let path = folder.path().join(name);
            fs::write(&path, content)?;
            let _ = read_file(&path, &ReadOptions::default());
        }
    }

    #[test]
    fn damaged_text_files((bytes, end) in damage()) {
        for (name, format) in [("ids.json", Format::Json), ("names.jsonl", Format::Jsonl)] {
            let mut content = fs::read(fixture(name))?;
            for (at, byte) in &bytes {
                let at = at.index(content.len());
                content[at] = *byte;
            }
            if let Some(end) = end {
                content.truncate(end.index(content.len()));
            }
            let options = ReadOptions { format: Some(format), ..ReadOptions::default() };
            let _ = read_bytes(&content, &options);
        }
    }

    #[test]
    fn any_text_at_all(
        text in r#"[\[\]{}",:\n\t\\ 0-9a-c\r]{0,60}"#,
        head in prop::sample::select(vec!["", "id,word,tag\n", "{\"text\": \"ab\", \"label\": [[", "["])
    ) {
        let text = format!("{head}{text}");
        for format in [Format::Jsonl, Format::Json, Format::Doccano, Format::Csv, Format::Tsv] {
            let options = ReadOptions { format: Some(format), ..ReadOptions::default() };
            let _ = read_bytes(text.as_bytes(), &options);
        }
    }
}
