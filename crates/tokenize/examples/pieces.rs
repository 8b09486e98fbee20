//! Pieces for comparison with another tokenizer: `pieces MODEL_DIR`.
//!
//! Reads JSON arrays of words from standard input, one sentence a line, and prints for each a JSON
//! array with the ids of every word. The time that tokenizing took goes to standard error.

use std::io::{BufRead, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use bert_ner_tokenize::Tokenizer;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = std::env::args().nth(1).ok_or("usage: pieces MODEL_DIR")?;
    let start = Instant::now();
    let tokenizer = Tokenizer::load(Path::new(&dir))?;
    eprintln!("loaded in {:.3?}", start.elapsed());
    let mut output = std::io::BufWriter::new(std::io::stdout().lock());
    let (mut taken, mut words_seen) = (Duration::ZERO, 0);
    for line in std::io::stdin().lock().lines() {
        let words: Vec<String> = serde_json::from_str(&line?)?;
        let start = Instant::now();
        let pieces = tokenizer.encode(&words)?;
        taken += start.elapsed();
        words_seen += words.len();
        let ids: Vec<_> = (0..words.len())
            .map(|word| &pieces.ids[pieces.of_word(word)])
            .collect();
        writeln!(output, "{}", serde_json::to_string(&ids)?)?;
    }
    eprintln!("{words_seen} words tokenized in {taken:.3?}");
    Ok(output.flush()?)
}
