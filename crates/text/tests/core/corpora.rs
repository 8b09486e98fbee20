//! The real corpora, where they lie: `BERT_NER_SHARED`, or `../shared` beside the workspace.

use std::path::{Path, PathBuf};

use bert_ner_text::{
    Format, ReadOptions, Scheme, Sentence, Separator, WriteOptions, open, read_corpus, splits,
};

use crate::support::written;

/// The folder of a corpus, or `None`, said aloud, when it is not on this machine.
fn folder(name: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("BERT_NER_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let folder = shared.join("data").join(name);
    if !folder.is_dir() {
        println!("skipped: no {} (set BERT_NER_SHARED)", folder.display());
        return None;
    }
    Some(folder)
}

fn sentences(path: &Path) -> Vec<Sentence> {
    open(path, &ReadOptions::default())
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

fn rewritten(sentences: &[Sentence], separator: Separator) -> Vec<u8> {
    let options = WriteOptions {
        separator: Some(separator),
        ..WriteOptions::default()
    };
    let (bytes, losses) = written(sentences, Format::Conll, &options).unwrap();
    assert!(losses.is_empty(), "{losses}");
    bytes
}

#[test]
fn conll2003_is_read_whole_and_written_back_to_the_byte() {
    let Some(folder) = folder("conll2003") else {
        return;
    };
    let found = splits(&folder).unwrap();
    assert_eq!(found.train, Some(folder.join("eng.train")));
    assert_eq!(found.dev, Some(folder.join("eng.testa")));
    assert_eq!(found.test, None);
    for (path, count, words, documents) in [
        (found.train.unwrap(), 14_041, 203_621, 946),
        (found.dev.unwrap(), 3_250, 51_362, 216),
    ] {
        let read = sentences(&path);
        assert_eq!(read.len(), count);
        assert_eq!(read.iter().map(Sentence::len).sum::<usize>(), words);
        assert_eq!(
            read.iter().filter(|s| s.source.starts_document).count(),
            documents
        );
        // eng.testa has one more empty line at its end.
        let original = std::fs::read_to_string(&path)
            .unwrap()
            .replace("\n\n\n", "\n\n");
        assert!(rewritten(&read, Separator::Space) == original.into_bytes());
    }
}

#[test]
fn conll2003_is_iob1_and_comes_back_from_iob2_unchanged() {
    let Some(folder) = folder("conll2003") else {
        return;
    };
    // The training file has two tags that IOB1 forbids.
    for (name, impossible) in [("eng.train", vec![152_428, 175_436]), ("eng.testa", vec![])] {
        let path = folder.join(name);
        let corpus = read_corpus(&path, &ReadOptions::default()).unwrap();
        assert_eq!(corpus.source_scheme, Some(Scheme::Iob1));
        let counted: usize = corpus.warnings.iter().map(|warning| warning.count).sum();
        assert_eq!(counted, impossible.len());
        for line in &impossible {
            let place = format!("{name}:{line}: B-MISC after O");
            assert!(
                corpus.warnings[0].to_string().contains(&place),
                "{:?}",
                corpus.warnings
            );
        }
        for (iob2, original) in corpus.sentences.iter().zip(sentences(&path)) {
            let tags = iob2.tags.as_ref().unwrap();
            for scheme in [Scheme::Iob1, Scheme::Bioes, Scheme::Bilou] {
                let there = Scheme::Iob2.convert(tags, scheme).unwrap();
                assert_eq!(&scheme.convert(&there, Scheme::Iob2).unwrap(), tags);
            }
            let back = Scheme::Iob2.convert(tags, Scheme::Iob1).unwrap();
            let lines = &original.source.lines;
            if !impossible.iter().any(|line| lines.contains(line)) {
                assert_eq!(Some(back), original.tags);
            }
        }
    }
}

#[test]
fn wnut17_is_iob2_with_hash_words_and_written_back_to_the_byte() {
    let Some(folder) = folder("wnut17") else {
        return;
    };
    let found = splits(&folder).unwrap();
    for (path, count, words, hashes) in [
        (found.train.unwrap(), 3_394, 62_730, 828),
        (found.dev.unwrap(), 1_009, 15_733, 22),
    ] {
        let corpus = read_corpus(&path, &ReadOptions::default()).unwrap();
        assert_eq!(corpus.sentences.len(), count);
        assert_eq!(corpus.words(), words);
        assert_eq!(corpus.source_scheme, Some(Scheme::Iob2));
        let all = corpus.sentences.iter().flat_map(Sentence::words);
        assert_eq!(all.filter(|word| word.starts_with('#')).count(), hashes);
        // Most empty lines of the training file hold a tab.
        let original = std::fs::read_to_string(&path)
            .unwrap()
            .replace("\n\t\n", "\n\n");
        assert!(rewritten(&sentences(&path), Separator::Tab) == original.into_bytes());
    }
}
