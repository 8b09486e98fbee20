//! Folders: how they are known, found and written.

use bert_ner_text::brat::{FolderWriter, document_files};
use bert_ner_text::{ConvertOptions, Format, ReadOptions, convert_file, splits};

use crate::{ANNOTATIONS, Folder, TEXT, characters, entities};

#[test]
fn a_folder_of_texts_and_annotations_is_known_by_its_content() {
    let folder = Folder::with(TEXT, ANNOTATIONS);
    assert_eq!(Format::detect(folder.path()).unwrap(), Format::Brat);
    let one = folder.path().join("a.ann");
    assert_eq!(Format::detect(&one).unwrap(), Format::Brat);
    assert_eq!(
        document_files(&one).unwrap(),
        document_files(folder.path()).unwrap()
    );
}

#[test]
fn folders_named_train_and_dev_are_splits() {
    let folder = Folder::new();
    for name in ["train/a", "dev/b", "unlabelled/c"] {
        folder.write(&format!("{name}.txt"), TEXT);
        if !name.starts_with("unlabelled") {
            folder.write(&format!("{name}.ann"), ANNOTATIONS);
        }
    }
    let found = splits(folder.path()).unwrap();
    assert_eq!(found.train, Some(folder.path().join("train")));
    assert_eq!(found.dev, Some(folder.path().join("dev")));
    assert_eq!(found.test, None);
}

#[test]
fn what_is_written_reads_back_to_the_same_spans() {
    let text = "\u{feff}2型\r\n  糖尿病。\n乏力👩‍🔬\te\u{301}";
    let span = |part: &str| {
        let start = text.find(part).unwrap();
        start..start + part.len()
    };
    let told = [
        (span("乏力👩‍🔬\te\u{301}"), "Symptom".to_owned()),
        (span("2型\r\n  糖尿病"), "Disease".to_owned()),
    ];
    let parent = Folder::new();
    let folder = parent.path().join("deep/out");
    let mut writer = FolderWriter::create(&folder, ["Drug".to_owned()]).unwrap();
    writer.write("a", text, &told).unwrap();
    assert!(!folder.exists());
    writer.finish().unwrap();
    assert_eq!(std::fs::read_to_string(folder.join("a.txt")).unwrap(), text);
    assert_eq!(
        std::fs::read_to_string(folder.join("a.ann")).unwrap(),
        "T1\tDisease 1 3;7 10\t2型 糖尿病\nT2\tSymptom 12 20\t乏力👩‍🔬 e\u{301}\n"
    );
    let configuration = std::fs::read_to_string(folder.join("annotation.conf")).unwrap();
    assert!(configuration.starts_with("[entities]\nDisease\nDrug\nSymptom\n\n[relations]\n"));
    let corpus = bert_ner_text::read_corpus(&folder, &characters()).unwrap();
    assert_eq!(corpus.warnings, []);
    let expected = [
        ("Disease", "2型\r\n  糖尿病"),
        ("Symptom", "乏力👩‍🔬\te\u{301}"),
    ];
    assert_eq!(
        entities(&corpus),
        expected.map(|(label, text)| (label.to_owned(), text.to_owned()))
    );
}

#[test]
fn a_folder_that_is_not_finished_leaves_nothing() {
    let parent = Folder::new();
    let folder = parent.path().join("out");
    let mut writer = FolderWriter::create(&folder, []).unwrap();
    writer.write("a", "甲", &[]).unwrap();
    let twice = writer.write("a", "乙", &[]).unwrap_err().to_string();
    assert!(
        twice.ends_with("a.txt: would be written twice: two documents have this name"),
        "{twice}"
    );
    let spaced = writer
        .write("b", "乙", &[(0..3, "Two words".to_owned())])
        .unwrap_err()
        .to_string();
    assert!(spaced.contains("cannot be a type in brat"), "{spaced}");
    assert!(writer.write("../c", "丙", &[]).is_err());
    drop(writer);
    assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 0);
    parent.write("out/note.txt", "kept");
    let taken = FolderWriter::create(&folder, []).unwrap_err().to_string();
    assert!(
        taken.ends_with("out: exists; expected the name of a folder to be made"),
        "{taken}"
    );
}

#[test]
fn conll_becomes_a_document_for_each_that_it_marks() {
    let parent = Folder::new();
    let conll = "-DOCSTART- O\n\n北 B-LOC\n京 I-LOC\n好 O\n\n李 B-PER\n\n-DOCSTART- O\n\n上 B-LOC\n海 I-LOC\n";
    let input = parent.write("in.conll", conll);
    let brat = parent.path().join("brat");
    let to = |to| ConvertOptions {
        read: ReadOptions::default(),
        to: Some(to),
        ..ConvertOptions::default()
    };
    convert_file(&input, &brat, &to(Format::Brat)).unwrap();
    let read = |name| std::fs::read_to_string(brat.join(name)).unwrap();
    assert_eq!(read("0001.txt"), "北 京 好\n李\n");
    assert_eq!(read("0001.ann"), "T1\tLOC 0 3\t北 京\nT2\tPER 6 7\t李\n");
    assert_eq!(read("0002.ann"), "T1\tLOC 0 3\t上 海\n");
    let back = parent.path().join("back.jsonl");
    let converted = convert_file(&brat, &back, &to(Format::Jsonl)).unwrap();
    assert_eq!(converted.accounting.unwrap().kept, 3);
}
