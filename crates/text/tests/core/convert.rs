//! From one format and scheme to another.

use std::fs;

use bert_ner_text::{ConvertOptions, Converted, Scheme, TextError, convert_file};

/// What becomes of `content` (in `in.conll`) in a file named `output`.
fn converted(
    content: &str,
    output: &str,
    options: &ConvertOptions,
) -> Result<(String, Converted), TextError> {
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join("in.conll"), folder.path().join(output));
    fs::write(&input, content).unwrap();
    let converted = convert_file(&input, &output, options);
    assert_eq!(output.exists(), converted.is_ok(), "whole or not at all");
    Ok((fs::read_to_string(&output).unwrap_or_default(), converted?))
}

fn to(scheme: Scheme) -> ConvertOptions {
    ConvertOptions {
        scheme: Some(scheme),
        ..ConvertOptions::default()
    }
}

const IOB1: &str =
    "-DOCSTART- -X- O\n\n# sent_id = 1\nEU NNP I-ORG\nand CC O\nUN NNP I-ORG\nNATO NNP B-ORG\n\n";

#[test]
fn a_scheme_changes_and_all_else_stays() {
    let (text, report) = converted(IOB1, "out.conll", &to(Scheme::Bioes)).unwrap();
    let expected = IOB1
        .replace("EU NNP I-", "EU NNP S-")
        .replace("I-", "S-")
        .replace("B-", "S-");
    assert_eq!(text, expected);
    assert_eq!(report.schemes, Some((Scheme::Iob1, Scheme::Bioes)));
    assert_eq!((report.sentences, report.words), (1, 4));
    assert!(report.losses.is_empty() && report.warnings.is_empty());
}

#[test]
#[cfg(unix)]
fn a_file_is_not_converted_onto_itself_through_a_link() {
    let folder = tempfile::tempdir().unwrap();
    let (input, link) = (
        folder.path().join("in.conll"),
        folder.path().join("link.conll"),
    );
    fs::write(&input, IOB1).unwrap();
    std::os::unix::fs::symlink(&input, &link).unwrap();
    let error = convert_file(&input, &link, &to(Scheme::Bioes)).unwrap_err();
    let message = format!("{}: is {} itself", link.display(), input.display());
    assert!(error.to_string().starts_with(&message), "{error}");
    assert_eq!(fs::read_to_string(&input).unwrap(), IOB1);
}

#[test]
fn without_a_scheme_the_file_stays_to_the_byte() {
    let (text, report) = converted(IOB1, "out.conll", &ConvertOptions::default()).unwrap();
    assert_eq!(text, IOB1);
    assert_eq!(report.schemes, Some((Scheme::Iob1, Scheme::Iob1)));
    let impossible = "EU\tB-ORG\nand\tO\nUN\tI-ORG\n\n";
    let (text, report) = converted(impossible, "out.conll", &ConvertOptions::default()).unwrap();
    assert_eq!(text, impossible);
    assert_eq!(report.warnings[0].count, 1);
    let (text, _) = converted(impossible, "out.conll", &to(Scheme::Iob2)).unwrap();
    assert_eq!(text, impossible.replace("I-", "B-"));
}

#[test]
fn what_a_scheme_cannot_spell_is_named_and_nothing_is_written() {
    let error = converted(IOB1, "out.conll", &to(Scheme::Plain))
        .unwrap_err()
        .to_string();
    assert!(
        error.ends_with(
            "in.conll:7: entity \"ORG\" over words 3..4 follows another of its type; plain tags \
             cannot tell the two apart"
        ),
        "{error}"
    );
    let error = converted("EU\nsaid\n", "out.conll", &to(Scheme::Iob2))
        .unwrap_err()
        .to_string();
    assert!(error.ends_with("in.conll: has no tags; there is nothing to convert to iob2"));
}

#[test]
fn an_output_without_a_known_name_needs_a_format() {
    let error = converted(IOB1, "out.xyz", &ConvertOptions::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("out.xyz: has a name that stands for no format to write"),
        "{error}"
    );
}

#[test]
fn sentence_ids_survive_json_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let content = "# sent_id = a\nEU\tB-ORG\n\n# sent_id = b\nno\tO\n\n";
    fs::write(path("in.conll"), content).unwrap();
    let options = ConvertOptions::default();
    convert_file(&path("in.conll"), &path("a.jsonl"), &options).unwrap();
    convert_file(&path("a.jsonl"), &path("out.conll"), &options).unwrap();
    assert_eq!(fs::read_to_string(path("out.conll")).unwrap(), content);
}
