//! brat folders: documents, the way to sentences, and back.

mod corpora;
mod documents;
mod folders;
mod sentences;
mod splitting;

use std::path::{Path, PathBuf};

use bert_ner_text::{Corpus, ReadOptions, TextError, Words, read_corpus};
use tempfile::TempDir;

/// A text of this project's own: hard line breaks, full-width forms, an emoji sequence, a combining mark.
pub(crate) const TEXT: &str = "社区随访记录\n\n王阿姨今年六十岁，空腹血糖\n８．２，医生说是2型糖\n尿病。她每天吃二甲双\n胍两次👩‍🔬！cafe\u{301}不喝了。\n";

/// What is said of it: a wrapped entity, a fragmented one, two that overlap, and one line of every other kind.
pub(crate) const ANNOTATIONS: &str = "\
T1\tDisease 30 33;34 36\t2型糖 尿病
T2\tDrug 41 44;45 46\t二甲双 胍
T3\tTest 17 21\t空腹血糖
T4\tTest 19 21\t血糖
T5\tValue 22 23;24 25\t８ ２
R1\tTreats Arg1:T2 Arg2:T1
E1\tVisit:T3 Result:T5
A1\tConfirmed T1
M1\tNegated T4
N1\tReference T2 ATC:A10BA02\t二甲双胍
*\tEquiv T3 T4
#1\tAnnotatorNotes T5\tfull-width

";

/// A folder in which documents can be put.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A folder with the one document `a`.
    pub(crate) fn with(text: &str, annotations: &str) -> Self {
        let folder = Self::new();
        folder.write("a.txt", text);
        folder.write("a.ann", annotations);
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn corpus(&self, options: &ReadOptions) -> Result<Corpus, TextError> {
        read_corpus(self.path(), options)
    }

    /// The message of the error that reading ends in, the folder's name cut out.
    #[track_caller]
    pub(crate) fn message(&self, options: &ReadOptions) -> String {
        let message = self.corpus(options).unwrap_err().to_string();
        message.replace(&format!("{}/", self.path().display()), "")
    }
}

/// Every character a word.
pub(crate) fn characters() -> ReadOptions {
    ReadOptions {
        words: Some(Words::Characters),
        ..ReadOptions::default()
    }
}

/// The entities of a corpus: type and text, line breaks and all.
pub(crate) fn entities(corpus: &Corpus) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for sentence in &corpus.sentences {
        for entity in corpus.scheme.entities(sentence.tags.as_ref().unwrap()) {
            let span = sentence.words[entity.start].start..sentence.words[entity.end - 1].end;
            found.push((entity.label, sentence.text[span].to_owned()));
        }
    }
    found
}
