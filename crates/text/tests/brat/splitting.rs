//! `split`: parts of a data set on disk.

use std::collections::BTreeSet;
use std::path::Path;

use bert_ner_text::{Ratios, ReadOptions, open, split};

use crate::{ANNOTATIONS, Folder, TEXT};

fn ratios(text: &str) -> Ratios {
    text.parse().unwrap()
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn a_brat_folder_becomes_three_its_files_unchanged() {
    let folder = Folder::new();
    for document in 0..20 {
        folder.write(&format!("in/{document}.txt"), TEXT);
        folder.write(
            &format!("in/{document}.ann"),
            ANNOTATIONS.replace('\n', "\r\n"),
        );
    }
    folder.write("in/annotation.conf", "[entities]\nDisease\n");
    let (input, output) = (folder.path().join("in"), folder.path().join("out"));
    let parts = split(
        &input,
        &output,
        (&ratios("80,10,10"), 42),
        &ReadOptions::default(),
    )
    .unwrap();
    let documents: Vec<usize> = parts.parts.iter().map(|part| part.documents).collect();
    assert_eq!(documents, [16, 2, 2]);
    assert_eq!(parts.parts[1].entities["Test"], 4);
    let mut all = BTreeSet::new();
    for part in ["train", "dev", "test"] {
        for name in names(&output.join(part)) {
            let bytes = std::fs::read(output.join(part).join(&name)).unwrap();
            assert_eq!(bytes, std::fs::read(input.join(&name)).unwrap());
            assert!(
                all.insert(name.clone()) || name == "annotation.conf",
                "{name} twice"
            );
        }
    }
    assert_eq!(all, names(&input));
}

#[test]
fn conll_is_split_by_the_documents_that_it_marks_else_by_sentence() {
    let folder = Folder::new();
    let document = "-DOCSTART- O\n\na B-X\n\nb O\n\n";
    let marked = folder.write("marked.conll", document.repeat(10));
    let how = (&ratios("50,50"), 1);
    let output = folder.path().join("marked");
    let parts = split(&marked, &output, how, &ReadOptions::default()).unwrap();
    assert!(!parts.by_sentence);
    assert_eq!(
        names(&output),
        ["dev.conll", "train.conll"].map(str::to_owned).into()
    );
    let train = std::fs::read_to_string(output.join("train.conll")).unwrap();
    assert_eq!(train.replace('\t', " "), document.repeat(5));

    let plain = folder.write("plain.conll", "a B-X\n\n".repeat(9));
    let output = folder.path().join("plain");
    let parts = split(
        &plain,
        &output,
        (&ratios("2,1"), 1),
        &ReadOptions::default(),
    )
    .unwrap();
    assert!(parts.by_sentence);
    let read = open(&output.join("train.conll"), &ReadOptions::default()).unwrap();
    assert_eq!(read.count(), 6);
}

#[test]
fn too_few_documents_and_impossible_ratios_are_refused_and_nothing_is_left() {
    let folder = Folder::new();
    folder.write("in/a.txt", TEXT);
    folder.write("in/a.ann", ANNOTATIONS);
    let output = folder.path().join("out");
    let refused = split(
        &folder.path().join("in"),
        &output,
        (&ratios("8,1,1"), 42),
        &ReadOptions::default(),
    );
    let message = refused.unwrap_err().to_string();
    assert!(
        message.ends_with("has 1 documents, too few for these ratios: none is left for dev"),
        "{message}"
    );
    assert_eq!(names(folder.path()), BTreeSet::from(["in".to_owned()]));
    for wrong in [
        "100", "1,0", "1,-1", "1,x,1", "1,1,1,1", "1,NaN", "1,inf", "",
    ] {
        assert!(wrong.parse::<Ratios>().is_err(), "{wrong:?}");
    }
}
