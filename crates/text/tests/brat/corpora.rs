//! The ruijin corpus, where it lies: `BERT_NER_SHARED`, or `../shared` beside the workspace.

use std::path::{Path, PathBuf};

use bert_ner_text::brat::{Document, DocumentFiles, FolderWriter, document_files};
use bert_ner_text::{ReadOptions, Sentence, Warning, read_corpus};

use crate::{Folder, characters};

/// The folder of a split, or `None`, said aloud, when it is not on this machine.
fn split(name: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("BERT_NER_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let folder = shared.join("data/ruijin").join(name);
    if !folder.is_dir() {
        println!("skipped: no {} (set BERT_NER_SHARED)", folder.display());
        return None;
    }
    Some(folder)
}

#[test]
fn ruijin_is_read_whole_and_written_back_to_the_byte() {
    for (name, count, lines, differing) in [("train", 240, 92_281, 5), ("dev", 50, 18_846, 3)] {
        let Some(folder) = split(name) else { return };
        let files = document_files(&folder).unwrap();
        assert_eq!(files.len(), count);
        let (mut entities, mut mismatches) = (0, Warning::new(""));
        for file in &files {
            let document = Document::read(file, (false, false), &mut mismatches).unwrap();
            assert_eq!(document.text.as_bytes(), std::fs::read(&file.text).unwrap());
            let annotations = std::fs::read(file.annotations.as_ref().unwrap()).unwrap();
            assert_eq!(document.annotation_text().as_bytes(), annotations);
            entities += document.entities().count();
        }
        assert_eq!((entities, mismatches.count), (lines, differing));
    }
}

#[test]
fn every_entity_and_every_character_of_ruijin_is_accounted_for() {
    let Some(folder) = split("dev") else { return };
    let corpus = read_corpus(
        &folder,
        &ReadOptions {
            sentence_words: Some(126),
            ..characters()
        },
    )
    .unwrap();
    let accounting = corpus.accounting.as_ref().unwrap();
    assert_eq!(accounting.entities, 18_846);
    assert_eq!(accounting.entities, accounting.kept + accounting.dropped());
    assert_eq!((accounting.wrapped, accounting.fragmented), (1679, 0));
    assert_eq!(accounting.kept, crate::entities(&corpus).len());
    let characters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
    let texts: usize = document_files(&folder)
        .unwrap()
        .iter()
        .map(|file| characters(&std::fs::read_to_string(&file.text).unwrap()))
        .sum();
    let words: usize = corpus
        .sentences
        .iter()
        .flat_map(Sentence::words)
        .map(characters)
        .sum();
    assert_eq!(words, texts);
}

#[test]
fn the_entities_of_ruijin_written_as_brat_read_back_to_the_same_spans() {
    let Some(folder) = split("dev") else { return };
    let parent = Folder::new();
    let copy = parent.path().join("copy");
    let mut writer = FolderWriter::create(&copy, []).unwrap();
    let read = |files: &DocumentFiles| {
        Document::read(files, (false, false), &mut Warning::new("")).unwrap()
    };
    let spans = |document: &Document| {
        let entities = document
            .entities()
            .map(|(_, entity)| (entity.extent(), entity.label.clone()));
        let mut all: Vec<_> = entities.collect();
        all.sort_by_key(|(span, label)| (span.start, span.end, label.clone()));
        all
    };
    let files = document_files(&folder).unwrap();
    let documents: Vec<Document> = files.iter().map(read).collect();
    for document in &documents {
        writer
            .write(&document.name, &document.text, &spans(document))
            .unwrap();
    }
    writer.finish().unwrap();
    let files = document_files(&copy).unwrap();
    for (document, file) in documents.iter().zip(&files) {
        let back = read(file);
        assert_eq!(back.text, document.text);
        assert_eq!(spans(&back), spans(document), "{}", document.name);
    }
}
