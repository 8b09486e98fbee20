//! CSV and TSV, one word a row.

use bert_ner_text::{Column, Format, ReadOptions, Sentence, WriteOptions};

use crate::{format, read_bytes, read_text, round_trip, sentence, tagged};

fn all(read: Result<Vec<Sentence>, String>) -> Result<Vec<String>, String> {
    read.map(|sentences| sentences.iter().map(tagged).collect())
}

fn csv(text: &str) -> Result<Vec<String>, String> {
    all(read_text(text, &format(Format::Csv)))
}

#[test]
fn a_sentence_ends_where_its_identifier_changes() {
    let text = "sentence_id,word,tag\n0,Ann,B-PER\n0,ran,O\n1,Bob,B-PER\n0,Ann,O\n";
    assert_eq!(
        csv(text),
        Ok(["Ann/B-PER ran/O", "Bob/B-PER", "Ann/O"]
            .map(str::to_owned)
            .to_vec())
    );
}

#[test]
fn without_identifiers_a_sentence_ends_at_an_empty_line() {
    let expected = Ok(["a/O b/B-X", "c/O"].map(str::to_owned).to_vec());
    assert_eq!(csv("word,tag\n\na,O\nb,B-X\n\n\nc,O\n\n"), expected);
    let text = "Token\tNER\r\na\tO\r\nb\tB-X\r\n\r\nc\tO\r\n";
    assert_eq!(all(read_text(text, &format(Format::Tsv))), expected);
}

#[test]
fn one_sentence_a_row_is_refused() {
    let said = csv("id,tokens,ner_tags\n0,['Ann' 'Lee'],[1 2]\n").expect_err("an error");
    assert!(
        said.starts_with("input:2: a list where a tag was expected"),
        "{said}"
    );
}

#[test]
fn kaggles_layout_names_a_sentence_in_its_first_row_alone() {
    let text = "\u{feff}Sentence #,Word,POS,Tag\r\nSentence: 1,\"Thousands, \"\"so\"\"\",NNS,O\r\n,of,IN,O\r\n\
                Sentence: 2,London,NNP,B-geo\r\n,.,.,O\r\n";
    let read = read_text(text, &format(Format::Csv)).expect("sentences");
    assert_eq!(tagged(&read[0]), "Thousands, \"so\"/O of/O");
    assert_eq!(tagged(&read[1]), "London/B-geo ./O");
    assert_eq!(read[1].source.id.as_deref(), Some("Sentence: 2"));
    assert_eq!(read[1].source.line, 4);
    assert_eq!(read[1].source.columns, [["NNP"], ["."]]);
}

#[test]
fn tsv_is_not_quoted() {
    let text = "sentence_id\ttoken\tlabel\n1\t\"\tO\n1\tAnn\tB-PER\n1\t\"\tO\n";
    assert_eq!(
        all(read_text(text, &format(Format::Tsv))),
        Ok(vec!["\"/O Ann/B-PER \"/O".to_owned()])
    );
}

#[test]
fn columns_are_chosen_by_name_or_number() {
    let text = "doc,n,w,t,u\nd,1,a,O,B-X\nd,1,b,O,I-X\n";
    let options = ReadOptions {
        word_column: Some(Column::Number(3)),
        tag_column: Some(Column::Last),
        id_column: Some(Column::Name("n".to_owned())),
        ..format(Format::Csv)
    };
    let read = read_text(text, &options).expect("sentences");
    assert_eq!(tagged(&read[0]), "a/B-X b/I-X");
    assert_eq!(read[0].source.columns, [["d", "O"], ["d", "O"]]);
}

#[test]
fn a_file_without_a_tag_column_or_a_sentence_without_tags_has_none() {
    let tags = |text| read_text(text, &format(Format::Csv)).map(|it| it[0].tags.clone());
    assert_eq!(tags("sentence_id,word\n1,a\n"), Ok(None));
    assert_eq!(tags("sentence_id,word,tag\n1,a,\n1,b,\n2,c,O\n"), Ok(None));
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    for (text, expected) in [
        (
            "word,tag\na,O\nb,O\n",
            "1: no column of sentence ids found; expected one of \"sentence_id\", \"sentence #\", \
             \"sentence_idx\", \"sent_id\", \"sentence id\", \"sentence\", \"id\", \"guid\", or one that \
             is named by an option; the columns are \"word\", \"tag\"; nor does an empty line end a sentence",
        ),
        (
            "",
            "1: no column of words found; expected one of \"tokens\", \"words\", \"token\", \"word\", \
             \"form\", \"text\", or one that is named by an option; the columns are none",
        ),
        (
            "id,word,tag\n1,a,O\n1,b\n",
            "3: 2 columns; expected 3 as in the header",
        ),
        (
            "id,word,tag\n1,\"a\nb\",O\n1,,B-X\n",
            "4: the tag \"B-X\" has no word",
        ),
        (
            "id,word,tag\n1,a,O\n1,b,\n",
            "3: the word \"b\" has no tag, but others of its sentence have",
        ),
    ] {
        assert_eq!(csv(text), Err(format!("input:{expected}")), "{text}");
    }
    let text = b"id,word,tag\n1,a,O\n1,caf\xe9,O\n";
    assert_eq!(
        read_bytes(text, &format(Format::Csv)).map(|it| it.len()),
        Err("input:3: invalid UTF-8 at byte 23 of the file; expected UTF-8 text".to_owned())
    );
}

#[test]
fn what_tsv_cannot_quote_is_refused() {
    let tab = Sentence::from_words(&["a", "b\tc"], None);
    let error = round_trip(
        Format::Tsv,
        &[sentence("a/O"), tab.clone()],
        &WriteOptions::default(),
    );
    let error = error.expect_err("an error").to_string();
    assert!(error.ends_with("sentence 2: \"b\\tc\" holds a tab or line break, which TSV cannot quote; expected another format, such as csv"), "{error}");
    assert!(round_trip(Format::Csv, &[tab], &WriteOptions::default()).is_ok());
}

#[test]
fn identifiers_keep_neighbours_apart() {
    let mut sentences = ["a/O", "b/O", "c/O", "d/O"].map(sentence);
    sentences[1].source.id = Some("3".to_owned());
    sentences[3].source.id = Some("3.".to_owned());
    for format in [Format::Csv, Format::Tsv] {
        let (read, losses) =
            round_trip(format, &sentences, &WriteOptions::default()).expect("written");
        let ids: Vec<&str> = read
            .iter()
            .filter_map(|it| it.source.id.as_deref())
            .collect();
        assert_eq!(ids, ["1", "3", "3.", "4"]);
        assert_eq!(losses.to_string(), "1 sentence id");
    }
}
