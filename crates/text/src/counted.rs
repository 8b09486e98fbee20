//! Numbers of things, for messages.

/// The number and what it counts, in the singular where it is one: `1 sentence`, `0 extra columns`.
///
/// `plural` is a noun with what belongs to it, such as `comments after the last sentence`; its first
/// word that ends in `s` is the noun.
///
/// ```
/// use bert_ner_text::counted;
///
/// assert_eq!(counted(1, "extra columns"), "1 extra column");
/// assert_eq!(counted(1, "words of all sentences"), "1 word of all sentences");
/// assert_eq!(counted(1, "entities left out"), "1 entity left out");
/// assert_eq!(counted(0, "words"), "0 words");
/// ```
pub fn counted(count: usize, plural: &str) -> String {
    if count != 1 {
        return format!("{count} {plural}");
    }
    let mut found = false;
    let words = plural.split(' ').map(|word| match word.strip_suffix('s') {
        Some(noun) if !found => {
            found = true;
            match noun.strip_suffix("ie") {
                Some(stem) => format!("{stem}y"),
                None => noun.to_owned(),
            }
        }
        _ => word.to_owned(),
    });
    format!("1 {}", words.collect::<Vec<_>>().join(" "))
}
