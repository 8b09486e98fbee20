//! Sentences a second at several batch sizes, in the order of the file and sorted by length:
//! `speed MODEL_DIR CONLL_FILE SENTENCES [BATCH_PIECES...]`.
//!
//! Variants take turns, and the best of five rounds counts, so that a busy machine does not decide.

use std::path::Path;
use std::time::{Duration, Instant};

use bert_ner_infer::{Options, Tagger, Workspace};
use bert_ner_text::{ReadOptions, Sentence};

const ROUNDS: usize = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, data, limit, sizes @ ..] = arguments.as_slice() else {
        return Err("usage: speed MODEL_DIR CONLL_FILE SENTENCES [BATCH_PIECES...]".into());
    };
    let reader = bert_ner_text::open(Path::new(data), &ReadOptions::default())?;
    let sentences: Vec<Sentence> = reader.take(limit.parse()?).collect::<Result<_, _>>()?;
    let mut sorted = sentences.clone();
    sorted.sort_by_key(Sentence::len);

    let mut variants = Vec::new();
    for size in sizes {
        let options = Options {
            batch_pieces: Some(size.parse()?),
            ..Options::default()
        };
        let tagger = Tagger::open_with(Path::new(model), &options)?;
        variants.push((size, tagger, Workspace::new(), [Duration::MAX; 2]));
    }
    for _ in 0..ROUNDS {
        for (_, tagger, workspace, best) in &mut variants {
            for (best, sentences) in best.iter_mut().zip([&sentences, &sorted]) {
                let start = Instant::now();
                tagger.tag(sentences, workspace)?;
                *best = start.elapsed().min(*best);
            }
        }
    }
    println!("pieces a batch  sentences/s  sorted by length");
    for (size, _, _, best) in &variants {
        let [plain, sorted] = best.map(|time| sentences.len() as f64 / time.as_secs_f64());
        println!("{size:>14}  {plain:>11.0}  {sorted:>16.0}");
    }
    Ok(())
}
