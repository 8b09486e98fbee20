//! Parts of a set of examples, every label spread evenly over them.

use std::collections::BTreeMap;

/// Exchanges that are tried for each example, and at most so many in all, divided by the number of labels.
const TRIES: usize = 1000;
const MOST_TRIES: usize = 1_000_000;

/// Puts each example into one of the parts so that every label is spread by `shares`, which sum to 1: the index of its part
/// for each. An example has each of its labels so many times.
///
/// First by iterative stratification (Sechidis, Tsoumakas and Vlahavas 2011, "On the Stratification of Multi-Label Data"): the
/// label that the fewest of the remaining examples have comes first, and each of its examples goes to the part that wants most
/// of this label, among equals to the one that wants most examples, among those by chance. There an example has a label or not;
/// here those that have it most often go first, because documents differ in size.
///
/// Documents that each hold most of the labels are spread badly by that, as the first label decides alone. So
/// examples are then moved, and exchanged, by chance wherever that brings the shares of all labels and of the examples closer
/// to those asked for.
///
/// The same examples, shares and seed give the same parts everywhere.
pub fn stratify(examples: &[BTreeMap<String, usize>], shares: &[f64], seed: u64) -> Vec<usize> {
    let mut parts = Partition::new(examples, shares, seed);
    parts.stratify();
    parts.improve();
    parts.part_of
}

/// A label that every example has once: the examples themselves.
const ITSELF: usize = 0;

struct Partition<'s> {
    shares: &'s [f64],
    /// The labels of each example with their share of all that there is of the label; [`ITSELF`] first.
    examples: Vec<Vec<(usize, f64)>>,
    labels: usize,
    /// How much of each label each part has, `[labels, parts]`, as a share of all.
    has: Vec<f64>,
    part_of: Vec<usize>,
    /// State of the generator.
    state: u64,
}

/// The part of an example that has none yet.
const NOWHERE: usize = usize::MAX;

impl<'s> Partition<'s> {
    fn new(examples: &[BTreeMap<String, usize>], shares: &'s [f64], seed: u64) -> Self {
        let mut totals: BTreeMap<&str, usize> = BTreeMap::new();
        for (label, count) in examples.iter().flatten() {
            *totals.entry(label).or_default() += count;
        }
        let ids: BTreeMap<&str, (usize, usize)> = totals
            .into_iter()
            .filter(|&(_, total)| total > 0)
            .enumerate()
            .map(|(id, (label, total))| (label, (id + 1, total)))
            .collect();
        let itself = 1.0 / examples.len().max(1) as f64;
        let dense = |example: &BTreeMap<String, usize>| {
            let counted = example.iter().filter(|&(_, &count)| count > 0);
            let known =
                counted.filter_map(|(label, &count)| Some((ids.get(label.as_str())?, count)));
            let weighed = known.map(|(&(id, total), count)| (id, count as f64 / total as f64));
            std::iter::once((ITSELF, itself)).chain(weighed).collect()
        };
        let labels = ids.len() + 1;
        Self {
            shares,
            examples: examples.iter().map(dense).collect(),
            labels,
            has: vec![0.0; labels * shares.len()],
            part_of: vec![NOWHERE; examples.len()],
            state: seed,
        }
    }

    /// SplitMix64 (Steele, Lea and Flood 2014).
    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, uniform within 2^-64 `end` (Lemire's multiplication).
    fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.random()) * end as u128) >> 64) as usize
    }

    fn stratify(&mut self) {
        // By chance where the counts are equal.
        let chance: Vec<u64> = (0..self.examples.len()).map(|_| self.random()).collect();
        let mut members: Vec<Vec<usize>> = vec![Vec::new(); self.labels];
        for (index, example) in self.examples.iter().enumerate() {
            example
                .iter()
                .for_each(|&(label, _)| members[label].push(index));
        }
        let mut left: Vec<usize> = members.iter().map(Vec::len).collect();
        loop {
            let open = (0..self.labels).filter(|&label| left[label] > 0);
            // Examples without a label are left for the end, where nothing but themselves counts.
            let Some(label) = open.min_by_key(|&label| (label == ITSELF, left[label])) else {
                break;
            };
            let mut ready = members[label].clone();
            ready.retain(|&index| self.part_of[index] == NOWHERE);
            let amount = |index: usize| {
                self.examples[index]
                    .iter()
                    .find(|found| found.0 == label)
                    .map_or(0.0, |f| f.1)
            };
            ready.sort_by(|&a, &b| {
                amount(b)
                    .total_cmp(&amount(a))
                    .then(chance[a].cmp(&chance[b]))
            });
            for index in ready {
                self.examples[index]
                    .iter()
                    .for_each(|&(label, _)| left[label] -= 1);
                let part = self.neediest(label);
                self.put(index, part);
            }
        }
    }

    /// The part that wants most of a label.
    fn neediest(&mut self, label: usize) -> usize {
        let chance = self.random();
        let wants = |label: usize, part: usize| {
            self.shares[part] - self.has[label * self.shares.len() + part]
        };
        let turned = |part: &usize| (*part as u64 + chance) % self.shares.len() as u64;
        let parts = 0..self.shares.len();
        let best = parts.max_by(|a, b| {
            let by_label = wants(label, *a).total_cmp(&wants(label, *b));
            let by_itself = wants(ITSELF, *a).total_cmp(&wants(ITSELF, *b));
            by_label.then(by_itself).then(turned(a).cmp(&turned(b)))
        });
        best.unwrap_or(0)
    }

    fn put(&mut self, index: usize, part: usize) {
        let parts = self.shares.len();
        let old = std::mem::replace(&mut self.part_of[index], part);
        for &(label, amount) in &self.examples[index] {
            self.has[label * parts + part] += amount;
            if old != NOWHERE {
                self.has[label * parts + old] -= amount;
            }
        }
    }

    /// Moves and exchanges examples wherever that brings the shares closer.
    fn improve(&mut self) {
        let len = self.examples.len();
        let mut error = self.error();
        for _ in 0..len
            .saturating_mul(TRIES)
            .min(MOST_TRIES / self.labels.max(1))
        {
            let (one, other) = (self.below(len), self.below(len));
            let (from, to) = (self.part_of[one], self.part_of[other]);
            if from == to {
                continue;
            }
            let exchange = self.random() & 1 == 0;
            self.put(one, to);
            if exchange {
                self.put(other, from);
            }
            let new = self.error();
            // Sums of floats differ in their last bits by the way that led there.
            if new < error - 1e-12 {
                error = new;
                continue;
            }
            self.put(one, from);
            if exchange {
                self.put(other, to);
            }
        }
    }

    /// How far the shares are from those asked for: over labels and parts, the sum of (has - share)² / share.
    fn error(&self) -> f64 {
        let of_label = |has: &[f64]| -> f64 {
            let parts = has.iter().zip(self.shares);
            parts
                .map(|(has, share)| (has - share).powi(2) / share)
                .sum()
        };
        self.has.chunks(self.shares.len()).map(of_label).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARES: [f64; 3] = [0.8, 0.1, 0.1];

    /// Documents of very different sizes, each with most of the types.
    fn documents() -> Vec<BTreeMap<String, usize>> {
        let count = |document: usize, label: usize| {
            (document * (7 + 5 * label) + label * label) % (3 + 9 * label)
        };
        (0..200)
            .map(|document| {
                let labels = (0..6).map(|label| (format!("L{label}"), count(document, label)));
                labels.filter(|&(_, count)| count > 0).collect()
            })
            .collect()
    }

    #[test]
    fn every_type_and_the_documents_are_spread_by_the_shares() {
        let documents = documents();
        let parts = stratify(&documents, &SHARES, 42);
        let share = |part: usize, weight: &dyn Fn(usize) -> usize| {
            let all: usize = (0..200).map(weight).sum();
            let members = (0..200).filter(|&index| parts[index] == part);
            members.map(weight).sum::<usize>() as f64 / all as f64
        };
        for (part, wanted) in SHARES.into_iter().enumerate() {
            assert!((share(part, &|_| 1) - wanted).abs() < 0.02);
            for label in 0..6 {
                let of_label = |index: usize| {
                    documents[index]
                        .get(&format!("L{label}"))
                        .copied()
                        .unwrap_or(0)
                };
                let found = share(part, &of_label);
                assert!((found - wanted).abs() < 0.02, "L{label} in {part}: {found}");
            }
        }
    }

    #[test]
    fn the_seed_alone_decides() {
        let documents = documents();
        let parts = stratify(&documents, &SHARES, 1);
        assert_eq!(parts, stratify(&documents, &SHARES, 1));
        assert_ne!(parts, stratify(&documents, &SHARES, 2));
    }

    #[test]
    fn examples_without_labels_are_spread_too() {
        let parts = stratify(&vec![BTreeMap::new(); 100], &SHARES, 42);
        let count = |part| parts.iter().filter(|&&found| found == part).count();
        assert_eq!([count(0), count(1), count(2)], [80, 10, 10]);
        assert_eq!(stratify(&[], &SHARES, 42), [0; 0]);
    }
}
