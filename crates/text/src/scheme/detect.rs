//! Finding a corpus's scheme out.

use super::{OUTSIDE, Place, Scheme, split_tag};
use crate::TextError;

/// What no scheme's tag looks like.
const EXPECTED: &str = "O or a type after B-, I-, E-, S-, L- or U- (give the scheme as plain if \
                        this is a type of its own)";
const MIXED_BARE: &str = "a tag with a prefix, as others in the file are (expected O or a type \
                          after B-, I-, E-, S-, L- or U-)";
const MIXED_ENDS: &str = "a tag of the scheme of the others: E- and S- belong to bioes, L- and U- \
                          to bilou, and a file has one scheme";
const MISPLACED: &str = "spelled as any scheme does: the letter comes first, then a hyphen, as in \
                         B-PER";

/// What was seen in a corpus.
#[derive(Default)]
struct Evidence<'a> {
    /// The first tag with `E-` or `S-`.
    ends_bioes: Option<&'a str>,
    /// The first tag with `L-` or `U-`.
    ends_bilou: Option<&'a str>,
    prefixed: bool,
    /// The first bare type.
    bare: Option<&'a str>,
    /// Whether every bare type looks like a prefix and a type joined in some other way.
    all_misplaced: bool,
    /// Entities that start with `I-`: what iob2 forbids.
    starts_inside: usize,
    /// `B-` that follow no entity of their type: what iob1 forbids.
    begins_free: usize,
}

impl Scheme {
    /// The scheme of a whole corpus, given as the tags of each sentence.
    ///
    /// Letters decide first: `E-` and `S-` speak for [`Scheme::Bioes`], `L-` and `U-` for
    /// [`Scheme::Bilou`], no letters at all for [`Scheme::Plain`]. Between [`Scheme::Iob1`] and
    /// [`Scheme::Iob2`] the one that fewer tags contradict wins, and the latter when neither does.
    ///
    /// # Errors
    /// When a tag belongs to no scheme, or tags of different schemes are mixed.
    pub fn detect<'a>(sentences: impl Iterator<Item = &'a [String]>) -> Result<Self, TextError> {
        let mut evidence = Evidence {
            all_misplaced: true,
            ..Evidence::default()
        };
        for tags in sentences {
            evidence.add(tags)?;
        }
        evidence.judge()
    }
}

impl<'a> Evidence<'a> {
    fn add(&mut self, tags: &'a [String]) -> Result<(), TextError> {
        let mut before = (Place::Outside, "");
        for tag in tags {
            match split_tag(tag).0 {
                _ if tag == OUTSIDE => {}
                None => {
                    self.bare.get_or_insert(tag);
                    self.all_misplaced &= is_misplaced(tag);
                }
                Some('B' | 'I') => self.prefixed = true,
                Some('E' | 'S') => _ = self.ends_bioes.get_or_insert(tag),
                Some('L' | 'U') => _ = self.ends_bilou.get_or_insert(tag),
                Some(_) => return Err(unlike(tag, EXPECTED)),
            }
            if tag.is_empty() {
                return Err(unlike(tag, EXPECTED));
            }
            let current = Scheme::Iob2.parse(tag);
            let same = before.0 != Place::Outside && before.1 == current.1;
            self.starts_inside += usize::from(current.0 == Place::Inside && !same);
            self.begins_free += usize::from(current.0 == Place::Begin && !same);
            before = current;
        }
        Ok(())
    }

    fn judge(self) -> Result<Scheme, TextError> {
        let prefixed = self.prefixed || self.ends_bioes.is_some() || self.ends_bilou.is_some();
        match (self.bare, self.ends_bioes, self.ends_bilou) {
            (Some(bare), _, _) if prefixed => Err(unlike(bare, MIXED_BARE)),
            (Some(bare), _, _) if self.all_misplaced => Err(unlike(bare, MISPLACED)),
            (Some(_), _, _) => Ok(Scheme::Plain),
            (None, Some(_), Some(tag)) => Err(unlike(tag, MIXED_ENDS)),
            (None, Some(_), None) => Ok(Scheme::Bioes),
            (None, None, Some(_)) => Ok(Scheme::Bilou),
            (None, None, None) if self.begins_free < self.starts_inside => Ok(Scheme::Iob1),
            (None, None, None) => Ok(Scheme::Iob2),
        }
    }
}

/// `B_PER`, `PER-B`: a letter and a type, but not as any scheme here joins them.
fn is_misplaced(tag: &str) -> bool {
    const LETTERS: &[char] = &['B', 'I', 'E', 'S', 'L', 'U', 'M'];
    tag.strip_prefix(LETTERS)
        .is_some_and(|rest| rest.starts_with('_'))
        || tag
            .strip_suffix(LETTERS)
            .is_some_and(|rest| rest.ends_with(['-', '_']))
}

fn unlike(tag: &str, expected: &'static str) -> TextError {
    TextError::Tag {
        tag: tag.to_owned(),
        expected,
    }
}
