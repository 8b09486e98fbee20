//! Choices by their names.

use crate::TextError;

/// The one of `all` whose name is `wanted`; `what` is what they are, for the message.
///
/// # Errors
/// [`TextError::Name`], with the names that there are.
pub fn by_name<T: Copy>(
    what: &'static str,
    all: &[T],
    name: impl Fn(T) -> &'static str,
    wanted: &str,
) -> Result<T, TextError> {
    let found = all.iter().find(|&&one| name(one) == wanted);
    found.copied().ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|&one| name(one)).collect();
        TextError::Name {
            what,
            name: wanted.to_owned(),
            expected: match names.as_slice() {
                [others @ .., last] if !others.is_empty() => {
                    format!("{} or {last}", others.join(", "))
                }
                _ => names.join(""),
            },
        }
    })
}
