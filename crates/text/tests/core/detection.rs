//! A file's format from its name and content.

use std::fs;

use bert_ner_text::Format;

fn detected(name: &str, content: &str) -> Format {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    Format::detect(&path).unwrap()
}

#[test]
fn names_decide_where_they_can() {
    assert_eq!(detected("a.conll", "EU\nsaid\n"), Format::Conll);
    assert_eq!(detected("a.IOB2", "EU\nsaid\n"), Format::Conll);
    assert_eq!(detected("a.csv", "a,b\n"), Format::Csv);
    assert_eq!(detected("a.jsonl", "{\"tokens\": []}"), Format::Jsonl);
}

#[test]
fn content_decides_where_names_do_not() {
    assert_eq!(
        detected("eng.train", "-DOCSTART- -X- O O\n\nEU NNP I-NP I-ORG\n"),
        Format::Conll
    );
    assert_eq!(detected("a.txt", "EU B-ORG\nsaid O\n"), Format::Conll);
    assert_eq!(detected("a.txt", "O\tEU\nB-X\tsaid\n"), Format::Conll);
    assert_eq!(detected("a.txt", "EU ORG\nsaid O\nno O\n"), Format::Conll);
    let prose = "Anna Smith has blood group O\nJohn Miller has blood group O\n";
    assert_eq!(detected("a.txt", prose), Format::Text);
    assert_eq!(
        detected("a.txt", "EU said no .\nHe said O .\n"),
        Format::Text
    );
    assert_eq!(detected("a", ""), Format::Text);
    // One bad line does not make it text: the reader then names the line.
    assert_eq!(
        detected("a.txt", "EU B-ORG\nsaid\nno O\nno O\n"),
        Format::Conll
    );
}

#[test]
fn tsv_without_a_header_is_conll() {
    assert_eq!(detected("a.tsv", "EU\tB\nsaid\tO\n"), Format::Conll);
    assert_eq!(
        detected("a.tsv", "sentence_id\tword\ttag\n1\tEU\tB-ORG\n"),
        Format::Tsv
    );
}

#[test]
fn json_is_lines_an_array_or_spans() {
    let line = "{\"tokens\": [\"EU\"], \"ner_tags\": [\"B-ORG\"]}\n";
    assert_eq!(detected("a.json", line), Format::Jsonl);
    assert_eq!(detected("a.json", &format!("[{line}]")), Format::Json);
    assert_eq!(detected("a", line), Format::Jsonl);
    let spans = "{\"text\": \"EU\", \"label\": [[0, 2, \"ORG\"]]}\n";
    assert_eq!(detected("a.jsonl", spans), Format::Doccano);
    assert_eq!(detected("a.txt", spans), Format::Doccano);
}

#[test]
fn folders_say_what_they_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let error = || Format::detect(folder.path()).unwrap_err().to_string();
    assert!(error().contains("is a folder without .arrow or .ann files"));
    fs::write(folder.path().join("dataset_dict.json"), "{}").unwrap();
    assert!(error().contains("is a folder of several splits (dataset_dict.json)"));
}

#[test]
fn formats_go_by_their_names() {
    for format in Format::ALL {
        assert_eq!(format.to_string().parse::<Format>().unwrap(), format);
    }
    let error = "xml".parse::<Format>().unwrap_err().to_string();
    assert!(error.starts_with("unknown format \"xml\"; expected conll, jsonl"));
}
