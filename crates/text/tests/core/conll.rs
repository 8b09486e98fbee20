//! CoNLL columns: what is read, what is refused, what is written.

use bert_ner_text::{Column, Format, ReadOptions, Sentence, Separator, WriteOptions};

use crate::support::{conll, conll_with, tags, words, written};

fn message(content: &[u8]) -> String {
    conll(content).unwrap_err().to_string()
}

#[test]
fn four_columns_documents_and_sentences() {
    let content = b"-DOCSTART- -X- -Y- O\n\nEU NNP I-NP I-ORG\nrejects VBZ I-VP O\n\n\n\
                    Peter NNP I-NP I-PER\n";
    let sentences = conll(content).unwrap();
    assert_eq!(words(&sentences), [vec!["EU", "rejects"], vec!["Peter"]]);
    assert_eq!(tags(&sentences), [vec!["I-ORG", "O"], vec!["I-PER"]]);
    assert_eq!(sentences[0].text, "EU rejects");
    let source = &sentences[0].source;
    assert!(source.starts_document && !sentences[1].source.starts_document);
    assert_eq!(source.document_columns, ["-X-", "-Y-"]);
    assert_eq!(source.columns, [["NNP", "I-NP"], ["VBZ", "I-VP"]]);
    assert_eq!((source.line, sentences[1].source.line), (3, 7));
    assert_eq!(source.lines, [3, 4]);
}

#[test]
fn line_ends_byte_order_mark_and_blank_lines_do_not_show() {
    let unix = conll(b"EU\tB-ORG\nsaid\tO\n\nno\tO\n").unwrap();
    let windows = conll(b"\xef\xbb\xbf\r\nEU\tB-ORG\r\nsaid\tO\r\n \t\r\n\r\nno\tO").unwrap();
    assert_eq!(words(&unix), words(&windows));
    assert_eq!(tags(&unix), tags(&windows));
}

#[test]
fn words_hold_spaces_between_tabs() {
    let sentences = conll("New York\tB-LOC\n\u{a0}\tO\n \tO \n".as_bytes()).unwrap();
    assert_eq!(words(&sentences), [["New York", "\u{a0}", " "]]);
    assert_eq!(tags(&sentences), [["B-LOC", "O", "O"]]);
}

#[test]
fn one_column_has_no_tags() {
    let sentences = conll(b"EU\nrejects\n\n#\n#1\n").unwrap();
    assert_eq!(words(&sentences), [["EU", "rejects"], ["#", "#1"]]);
    assert!(sentences.iter().all(|sentence| sentence.tags.is_none()));
}

#[test]
fn the_tag_column_is_first_when_only_that_looks_like_tags() {
    let sentences = conll(b"O\tshow\nB-TITLE\tThe\nI-TITLE\tO\n\nO\tO\n").unwrap();
    assert_eq!(words(&sentences), [vec!["show", "The", "O"], vec!["O"]]);
    assert_eq!(
        tags(&sentences),
        [vec!["O", "B-TITLE", "I-TITLE"], vec!["O"]]
    );
}

#[test]
fn word_and_tag_columns_are_as_asked_for() {
    let content = b"1 EU I-ORG x\n2 said O y\n";
    let options = |word: &str, tag: &str| ReadOptions {
        word_column: Some(word.parse().unwrap()),
        tag_column: Some(tag.parse().unwrap()),
        ..ReadOptions::default()
    };
    let sentences = conll_with(content, &options("2", "3")).unwrap();
    assert_eq!(words(&sentences), [["EU", "said"]]);
    assert_eq!(tags(&sentences), [["I-ORG", "O"]]);
    assert_eq!(sentences[0].source.columns, [["1", "x"], ["2", "y"]]);
    let error = |word, tag| {
        conll_with(content, &options(word, tag))
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        error("1", "7"),
        "in.conll:1: --tag-column: column 7 is asked for, but this line has 4; expected 1 to 4"
    );
    assert!(error("2", "2").contains("column 2 is asked for as both word and tag"));
    assert!(
        error("1", "ner").contains("a column named \"ner\" is asked for, but the file names no")
    );
}

#[test]
fn columns_go_by_their_names_where_the_file_names_them() {
    let content = b"# global.columns = ID FORM UPOS NER MISC\n1\tEU\tPROPN\tB-ORG\t_\n";
    let sentences = conll(content).unwrap();
    assert_eq!(
        (words(&sentences), tags(&sentences)),
        (vec![vec!["EU"]], vec![vec!["B-ORG"]])
    );
    // Written back, the columns stand in another order, and are named so.
    assert_eq!(
        sentences[0].source.comments,
        ["# global.columns = FORM ID UPOS MISC NER"]
    );
    assert_eq!(
        message(b"# global.columns = FORM NER\nEU x B-ORG\n"),
        "in.conll:2: 3 columns where the file names 2 (# global.columns = FORM NER)"
    );
    let upos = ReadOptions {
        tag_column: Some(Column::Name("UPOS".into())),
        ..Default::default()
    };
    assert_eq!(tags(&conll_with(content, &upos).unwrap()), [["PROPN"]]);
}

#[test]
fn a_hash_is_a_word_when_its_line_has_the_columns_of_one() {
    // As in WNUT-17.
    let sentences = conll(b"#\tO\n1\tO\n\n#hashtag\tO\n#\tB-product\n").unwrap();
    assert_eq!(words(&sentences), [["#", "1"], ["#hashtag", "#"]]);
    // With spaces, the tag decides.
    let sentences = conll(b"# hello\n# O\nEU B-ORG\n\n# B-X\n").unwrap();
    assert_eq!(words(&sentences), [vec!["#", "EU"], vec!["#"]]);
    assert_eq!(sentences[0].source.comments, ["# hello"]);
    // A bare type that has been seen as a tag is a tag.
    let sentences = conll(b"EU ORG\n# ORG\n# LOC\n").unwrap();
    assert_eq!(words(&sentences), [["EU", "#"]]);
    assert_eq!(words(&conll(b"#\tO\n#\tO\n").unwrap()), [["#", "#"]]);
    assert_eq!(words(&conll(b"# O\n").unwrap()), [["#"]]);
}

#[test]
fn comments_stand_before_their_sentence() {
    let content = b"# newdoc\n# sent_id = a-1\n# text = EU O\nEU x y B-ORG\n\n\
                    # id 17 domain=train\nNo x y O\n";
    let sentences = conll(content).unwrap();
    assert_eq!(words(&sentences), [["EU"], ["No"]]);
    assert_eq!(
        sentences[0].source.comments,
        ["# newdoc", "# sent_id = a-1", "# text = EU O"]
    );
    assert_eq!(sentences[0].source.id.as_deref(), Some("a-1"));
    assert_eq!(sentences[1].source.comments, ["# id 17 domain=train"]);
}

#[test]
fn a_wrong_number_of_columns_is_an_error_at_its_line() {
    assert_eq!(
        message(b"EU NNP O\nsaid O\n"),
        "in.conll:2: 2 columns where 3 are expected, as in line 1 (columns are separated by \
         spaces or tabs): \"said O\""
    );
    assert_eq!(
        message(b"\nEU\tO\n\nsaid O\n"),
        "in.conll:4: 1 column where 2 are expected, as in line 2 (columns are separated by \
         tabs): \"said O\""
    );
    assert!(message(b"EU O\n#hashtag\n").starts_with("in.conll:2: 1 column where 2 are expected"));
}

#[test]
fn trailing_tabs_are_no_columns_but_an_empty_word_or_tag_is_an_error() {
    assert_eq!(tags(&conll(b"EU\tO\t\nsaid\tO\n").unwrap()), [["O", "O"]]);
    assert_eq!(
        message(b"EU\tO\n\tO\n"),
        "in.conll:2: the word (column 1) is empty"
    );
    assert_eq!(
        message(b"EU\tO\nno\t\n"),
        "in.conll:2: the tag (column 2) of \"no\" is empty"
    );
}

#[test]
fn invalid_utf8_is_named_by_its_byte() {
    assert_eq!(
        message(b"EU O\nf\xfcr O\n"),
        "in.conll:2: invalid UTF-8 at byte 6 of the file; expected UTF-8 text"
    );
    assert!(message(b"\xef\xbb\xbf\xff O\n").contains("in.conll:1: invalid UTF-8 at byte 3"));
    assert!(message(b"\xff\xfeE\0U\0").contains("is UTF-16; expected UTF-8"));
}

#[test]
fn an_error_ends_the_stream() {
    let input = Box::new(std::io::Cursor::new(b"EU O\nno\nEU O\n".to_vec()));
    let options = ReadOptions {
        format: Some(Format::Conll),
        ..ReadOptions::default()
    };
    let mut reader =
        bert_ner_text::open_stream(input, std::path::Path::new("in"), &options).unwrap();
    assert!(reader.next().unwrap().is_err());
    assert!(reader.next().is_none());
}

#[test]
fn files_without_words_have_no_sentences() {
    for content in [
        "",
        "\n\n",
        "# only = a comment\n",
        "-DOCSTART- -X- O\n\n",
        "\u{feff}",
    ] {
        assert_eq!(conll(content.as_bytes()).unwrap(), [], "{content:?}");
    }
}

#[test]
fn what_is_written_reads_as_it_was_to_the_byte() {
    for (content, separator) in [
        (
            "-DOCSTART- -X- O O\n\n# a = comment\nEU NNP I-NP I-ORG\n\nno x y O\n\n\
             -DOCSTART- -X- O O\n\n# O x O\n\n",
            Separator::Space,
        ),
        (
            "New York\tB-LOC\n#\tO\n\n# sent_id = 7\n#x\tO\n\n",
            Separator::Tab,
        ),
        ("-DOCSTART-\n\nEU\nsaid\n\n", Separator::Space),
    ] {
        let sentences = conll(content.as_bytes()).unwrap();
        let options = WriteOptions {
            separator: Some(separator),
            ..WriteOptions::default()
        };
        let (bytes, losses) = written(&sentences, Format::Conll, &options).unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), content);
        assert!(losses.is_empty(), "{losses}");
    }
}

#[test]
fn words_that_no_column_can_hold_are_refused_by_name() {
    let refuse = |word: &str, tag: &str, separator: Separator| {
        let sentence = Sentence::from_words(&["ok", word], Some(vec!["O".into(), tag.into()]));
        let options = WriteOptions {
            separator: Some(separator),
            ..WriteOptions::default()
        };
        written(&[sentence], Format::Conll, &options)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        refuse("New York", "O", Separator::Space),
        "out: sentence 1: word 2 is \"New York\", which holds a space, which separates columns; \
         separate them with tabs"
    );
    assert!(refuse("a\tb", "O", Separator::Tab).ends_with("holds a tab, which separates columns"));
    assert!(refuse("a\nb", "O", Separator::Tab).ends_with("holds a line break"));
    assert!(refuse("", "O", Separator::Tab).ends_with("which is empty"));
    assert!(refuse("-DOCSTART-", "O", Separator::Tab).ends_with("marks the start of a document"));
    assert!(refuse("x", "", Separator::Tab).contains("the tag of word 2 (\"x\") is \"\""));
    assert!(refuse("# a = b", "O", Separator::Tab).ends_with("would be read as a comment"));
}

#[test]
fn sentences_of_one_file_have_the_same_columns() {
    let tagged = Sentence::from_words(&["a"], Some(vec!["O".into()]));
    let bare = Sentence::from_words(&["a"], None);
    let error = written(&[tagged, bare], Format::Conll, &WriteOptions::default()).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("out: sentence 2: has tags where"),
        "{error}"
    );
}

#[test]
fn plain_text_is_one_sentence_a_line_with_offsets_into_it() {
    let input = Box::new(std::io::Cursor::new(
        "  EU  rejects\r\n\nÉtat \u{a0} x\n".as_bytes().to_vec(),
    ));
    let options = ReadOptions {
        format: Some(Format::Text),
        ..ReadOptions::default()
    };
    let sentences: Result<Vec<_>, _> =
        bert_ner_text::open_stream(input, std::path::Path::new("in"), &options)
            .unwrap()
            .collect();
    let sentences = sentences.unwrap();
    assert_eq!(words(&sentences), [["EU", "rejects"], ["État", "x"]]);
    assert_eq!(sentences[0].text, "  EU  rejects");
    assert_eq!((sentences[0].source.line, sentences[1].source.line), (1, 3));
    assert!(sentences[0].tags.is_none());
}

#[test]
fn comments_that_no_sentence_follows_are_counted_as_left_out() {
    let file = "# a = b\nEU B-ORG\n# c = d\n\nno O\n\n# e = f\n\n# g = h\n";
    let input = Box::new(std::io::Cursor::new(file.as_bytes().to_vec()));
    let options = ReadOptions {
        format: Some(Format::Conll),
        ..ReadOptions::default()
    };
    let name = std::path::Path::new("in");
    let mut reader = bert_ner_text::open_stream(input, name, &options).unwrap();
    assert_eq!(reader.by_ref().count(), 2);
    let warnings: Vec<String> = reader.warnings().iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        ["2 comments after the last sentence, left out: in: \"# e = f\"; in: \"# g = h\""]
    );
}

#[test]
fn plain_text_says_what_it_leaves_out() {
    let sentences = conll(b"-DOCSTART- -X- O\n\n# c = d\nEU NNP B-ORG\nno x O\n").unwrap();
    let (bytes, losses) = written(&sentences, Format::Text, &WriteOptions::default()).unwrap();
    assert_eq!(bytes, b"EU no\n");
    assert_eq!(
        losses.to_string(),
        "1 comment, 1 document start, 1 extra column, 2 tags"
    );
}
