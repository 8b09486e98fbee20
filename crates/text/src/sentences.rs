//! Where a text is cut into sentences: between words, from the text alone.
//!
//! What annotations add is only where *not* to cut (inside an entity), so that a text without annotations is cut
//! in the same places.

use std::ops::Range;

use crate::Span;

/// A line break ends a sentence where the line is shorter than this share of the text's usual line: where it was not
/// broken for want of space. In the ruijin corpus (hard line breaks everywhere) 0.5 keeps all but 14 of 8,272 entities whole
/// that cross a line end; 0.7 would cut 1,220.
const SHORT_LINE: f64 = 0.5;
/// The usual line: this share of all lines is shorter.
const USUAL_LINE: f64 = 0.75;
/// Marks that end a sentence wherever they stand.
const ENDS: &str = "。！？；｡";
/// Marks that end one unless a letter or digit follows at once, as in `a?b=c;d`.
const ASCII_ENDS: &str = "!?;";
/// Marks at which a sentence that is too long is cut first.
const WEAK: &str = "，、：,:";
/// What closes after an end and belongs to it.
const CLOSERS: &str = "”’」』）】》〉)]}\"'";
/// The longest word that a full stop after it may shorten: `Dr.`, `Prof.`.
const ABBREVIATION: usize = 4;

/// How good a place is to cut a text, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cut {
    /// Between any two words.
    Words,
    /// At white space.
    Space,
    /// At a comma.
    Weak,
    /// At the end of a sentence.
    Strong,
}

/// The sentences of `text` as runs of its `words`: all of them, in order, none empty.
///
/// Sentences longer than `limit` words are cut at commas, white space, or between any two words, in this order.
/// No cut falls inside one of `entities`, which are runs of words, ascending and without overlap.
pub(crate) fn sentences(
    text: &str,
    words: &[Span],
    entities: &[Range<usize>],
    limit: Option<usize>,
) -> Vec<Range<usize>> {
    let cuts = Cuts::new(text, words);
    let mut found = Vec::new();
    let mut start = 0;
    for end in 1..=words.len() {
        let is_end = end == words.len() || cuts.at(end) == Cut::Strong && !is_inside(entities, end);
        if is_end {
            shorten(
                start..end,
                limit.unwrap_or(usize::MAX).max(1),
                &cuts,
                entities,
                &mut found,
            );
            start = end;
        }
    }
    found
}

/// Whether a sentence ends inside the run of words `entity`.
pub(crate) fn holds_an_end(ends: &[usize], entity: &Range<usize>) -> bool {
    let next = ends.partition_point(|&end| end <= entity.start);
    ends.get(next).is_some_and(|&end| end < entity.end)
}

/// Whether a sentence may begin so after a full stop and white space.
fn begins(next: char) -> bool {
    next.is_alphabetic() && !next.is_lowercase()
}

/// Whether a cut before word `index` would fall inside an entity.
fn is_inside(entities: &[Range<usize>], index: usize) -> bool {
    let next = entities.partition_point(|entity| entity.end <= index);
    entities
        .get(next)
        .is_some_and(|entity| entity.start < index)
}

/// Cuts `sentence` until no part has more than `limit` words, as far as entities let it.
fn shorten(
    sentence: Range<usize>,
    limit: usize,
    cuts: &Cuts<'_>,
    entities: &[Range<usize>],
    found: &mut Vec<Range<usize>>,
) {
    let mut start = sentence.start;
    while sentence.end - start > limit {
        let last = start + limit;
        let allowed = |index: &usize| !is_inside(entities, *index);
        // A cut in the first half would leave crumbs.
        let best = |range: Range<usize>| {
            let candidates = range.filter(allowed);
            candidates.max_by_key(|&index| (cuts.at(index), index))
        };
        let cut = best(start + limit.div_ceil(2)..last + 1)
            .or_else(|| best(start + 1..last + 1))
            .or_else(|| (last + 1..sentence.end).find(allowed));
        let Some(cut) = cut else { break };
        found.push(start..cut);
        start = cut;
    }
    found.push(start..sentence.end);
}

/// How good each place between words is.
struct Cuts<'a> {
    text: &'a str,
    words: &'a [Span],
    /// Bytes at which a line ends that was not broken for want of space.
    short_ends: Vec<usize>,
}

impl<'a> Cuts<'a> {
    fn new(text: &'a str, words: &'a [Span]) -> Self {
        Self {
            text,
            words,
            short_ends: short_line_ends(text),
        }
    }

    /// The place before word `index`, which is neither the first nor past the last.
    fn at(&self, index: usize) -> Cut {
        let gap = self.words[index - 1].end..self.words[index].start;
        let space = &self.text[gap.clone()];
        let next = self.text[gap.end..].chars().next().unwrap_or(' ');
        if self.ends_line(&gap) {
            return Cut::Strong;
        }
        let mut before = self.text[..gap.start].chars().rev();
        let closes = CLOSERS.contains(next) || ENDS.contains(next) || ASCII_ENDS.contains(next);
        if space.is_empty() && closes {
            return Cut::Words;
        }
        let mark = before
            .by_ref()
            .find(|&mark| !CLOSERS.contains(mark))
            .unwrap_or(' ');
        let follows = space.is_empty() && next.is_ascii_alphanumeric();
        let is_end = ENDS.contains(mark)
            || ASCII_ENDS.contains(mark) && !follows
            || mark == '.' && !space.is_empty() && begins(next) && !is_abbreviation(before);
        if is_end {
            Cut::Strong
        } else if WEAK.contains(mark) && !follows {
            Cut::Weak
        } else if space.is_empty() {
            Cut::Words
        } else {
            Cut::Space
        }
    }

    /// Whether a paragraph or a heading ends in this white space.
    fn ends_line(&self, gap: &Span) -> bool {
        let breaks = self.text[gap.clone()].matches('\n').count();
        if breaks != 1 {
            return breaks > 1;
        }
        let next = self.short_ends.partition_point(|&end| end < gap.start);
        self.short_ends.get(next).is_some_and(|&end| end < gap.end)
    }
}

/// Whether what stands before a full stop, read backwards, looks like `Dr`, an initial or the number of a list. A full stop that
/// wrongly ends nothing makes a sentence longer; one that wrongly ends something tears a name apart.
fn is_abbreviation(before: impl Iterator<Item = char>) -> bool {
    let letters = before.take_while(|c| c.is_alphanumeric());
    let letters: Vec<char> = letters.take(ABBREVIATION + 1).collect();
    let begins_small = letters.last().is_some_and(|first| first.is_lowercase());
    (1..=ABBREVIATION).contains(&letters.len())
        && letters.iter().all(char::is_ascii)
        && !begins_small
}

/// The bytes of those line breaks that end a line much shorter than is usual in `text`.
fn short_line_ends(text: &str) -> Vec<usize> {
    let mut lines = Vec::new();
    let mut start = 0;
    for (end, _) in text.match_indices('\n') {
        lines.push((end, text[start..end].trim().chars().count()));
        start = end + 1;
    }
    let mut lengths: Vec<usize> = lines.iter().map(|&(_, length)| length).collect();
    lengths.push(text[start..].trim().chars().count());
    lengths.retain(|&length| length > 0);
    lengths.sort_unstable();
    let usual = lengths
        .get((lengths.len() as f64 * USUAL_LINE) as usize)
        .copied()
        .unwrap_or(0);
    let is_short = |length: usize| (length as f64) < SHORT_LINE * usual as f64;
    lines
        .into_iter()
        .filter(|&(_, length)| is_short(length))
        .map(|(end, _)| end)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Words;

    fn cut<'a>(text: &'a str, limit: Option<usize>, entity: &[&str]) -> Vec<&'a str> {
        let words = Words::Characters.split(text);
        let at = |byte| words.partition_point(|word| word.start < byte);
        let ranges: Vec<_> = entity
            .iter()
            .map(|entity| {
                let start = text.find(entity).unwrap();
                at(start)..at(start + entity.len())
            })
            .collect();
        let runs = sentences(text, &words, &ranges, limit);
        runs.into_iter()
            .map(|run| &text[words[run.start].start..words[run.end - 1].end])
            .collect()
    }

    #[test]
    fn sentences_end_at_their_marks_with_what_closes_them() {
        assert_eq!(
            cut("他说：“头痛！”然后（真的？）走了。好；是;吗?", None, &[]),
            [
                "他说：“头痛！”",
                "然后（真的？）",
                "走了。",
                "好；",
                "是;",
                "吗?"
            ]
        );
        assert_eq!(cut("真的吗？！！好", None, &[]), ["真的吗？！！", "好"]);
    }

    #[test]
    fn a_mark_inside_a_number_an_address_or_a_name_ends_nothing() {
        for whole in [
            "HbA1c 7.5 is high",
            "see a?b=c;d now",
            "Dr. Li met J. Doe",
            "ca. 5 mg of it",
        ] {
            assert_eq!(cut(whole, None, &[]), [whole]);
        }
        assert_eq!(
            cut("It rained. He left.", None, &[]),
            ["It rained.", "He left."]
        );
        assert_eq!(
            cut("He was in London . Then in York .", None, &[]),
            ["He was in London .", "Then in York ."]
        );
    }

    #[test]
    fn a_hard_line_break_cuts_nothing_but_a_short_line_does() {
        let text =
            "标题\n患者主诉反复低热与乏\n力三周来院就诊并且咳\n嗽\n无胸痛也没有其他症状\n\n另一段";
        assert_eq!(
            cut(text, None, &[]),
            [
                "标题",
                "患者主诉反复低热与乏\n力三周来院就诊并且咳\n嗽",
                "无胸痛也没有其他症状",
                "另一段"
            ]
        );
    }

    #[test]
    fn no_cut_falls_inside_an_entity() {
        assert_eq!(
            cut("甲。乙丙！丁", None, &["乙丙！丁"]),
            ["甲。", "乙丙！丁"]
        );
        assert_eq!(
            cut("甲乙丙丁戊己", Some(2), &["乙丙丁"]),
            ["甲", "乙丙丁", "戊己"]
        );
        assert_eq!(cut("甲乙丙", Some(2), &["甲乙丙"]), ["甲乙丙"]);
    }

    #[test]
    fn a_long_sentence_is_cut_at_a_comma_then_at_space_then_anywhere() {
        assert_eq!(
            cut("一二三，四五六七，八九", Some(6), &[]),
            ["一二三，", "四五六七，", "八九"]
        );
        assert_eq!(
            cut("一二三 四五六七八九", Some(4), &[]),
            ["一二三", "四五六七", "八九"]
        );
        assert_eq!(cut("一，二三四五六", Some(6), &[]), ["一，二三四五", "六"]);
    }
}
