//! The logits of real sentences, for comparison with another implementation:
//! `logits MODEL_DIR CONLL_FILE [SENTENCES]`.
//!
//! Prints for each of the first sentences (all without a number) a line
//! `{"sentence": 0, "logits": [[K numbers] a word]}`. The time that it took goes to standard error.

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use bert_ner_infer::{Tagger, Workspace};
use bert_ner_text::{ReadOptions, Sentence};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, data, rest @ ..] = arguments.as_slice() else {
        return Err("usage: logits MODEL_DIR CONLL_FILE [SENTENCES]".into());
    };
    let limit = rest
        .first()
        .map_or(Ok(usize::MAX), |number| number.parse())?;
    let tagger = Tagger::open(Path::new(model))?;
    let reader = bert_ner_text::open(Path::new(data), &ReadOptions::default())?;
    let sentences: Vec<Sentence> = reader.take(limit).collect::<Result<_, _>>()?;

    let start = Instant::now();
    let logits = tagger.logits(&sentences, &mut Workspace::new())?;
    eprintln!("{} sentences in {:.2?}", sentences.len(), start.elapsed());

    let mut output = std::io::BufWriter::new(std::io::stdout().lock());
    for (sentence, logits) in logits.iter().enumerate() {
        let words: Vec<&[f32]> = logits.chunks(tagger.model().labels().len()).collect();
        let line = serde_json::json!({ "sentence": sentence, "logits": words });
        writeln!(output, "{line}")?;
    }
    Ok(output.flush()?)
}
