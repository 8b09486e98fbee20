//! The `bert-ner` command: flags to settings to one call; nothing else.
fn main() {}
