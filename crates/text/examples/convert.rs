//! Converts a corpus from any format to any other, both found out by their names:
//! `cargo run -p bert-ner-text --example convert -- IN OUT`.

use std::error::Error;
use std::path::Path;

use bert_ner_text::{ConvertOptions, convert_file};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, output] = arguments.as_slice() else {
        return Err("expected the paths IN and OUT".into());
    };
    let options = ConvertOptions {
        // A name without an extension becomes a folder as `datasets.save_to_disk` writes it.
        to: Path::new(output)
            .extension()
            .is_none()
            .then_some(bert_ner_text::Format::Arrow),
        ..ConvertOptions::default()
    };
    let done = convert_file(Path::new(input), Path::new(output), &options)?;
    println!("{} sentences, {} words", done.sentences, done.words);
    for warning in &done.warnings {
        eprintln!("warning: {warning}");
    }
    if !done.losses.is_empty() {
        eprintln!("warning: left out: {}", done.losses);
    }
    Ok(())
}
