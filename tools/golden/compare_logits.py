#!/usr/bin/env python3
"""Compares two files of logits, word by word: {"sentence": 0, "logits": [[K numbers] a word]} a line.

Prints the largest and the mean difference and fails when a number differs by more than the tolerance, or a sentence or
a word is missing. Standard library only.

usage: compare_logits.py EXPECTED FOUND [--tolerance 1e-3]       FOUND may be - for standard input
"""

import argparse
import json
import math
import sys


def read(path: str) -> dict[int, list[list[float]]]:
    with sys.stdin if path == "-" else open(path, encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines if line.strip()]
    return {row["sentence"]: row["logits"] for row in rows}


def compare(expected: dict, found: dict) -> tuple[list[float], int, list[str]]:
    """All differences, the number of words whose best tag differs, and what does not match in shape."""
    differences, retagged, faults = [], 0, []
    for sentence, words in expected.items():
        others = found.get(sentence)
        if others is None or [len(word) for word in others] != [len(word) for word in words]:
            faults.append(f"sentence {sentence}: {'missing' if others is None else 'other words or tags'}")
            continue
        for word, other in zip(words, others):
            retagged += word.index(max(word)) != other.index(max(other))
            # NaN compares with nothing: count it as infinitely far.
            differences += [math.inf if math.isnan(a - b) else abs(a - b) for a, b in zip(word, other)]
    return differences, retagged, faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("expected")
    parser.add_argument("found")
    parser.add_argument("--tolerance", type=float, default=1e-3)
    options = parser.parse_args()
    expected = read(options.expected)
    differences, retagged, faults = compare(expected, read(options.found))
    for fault in faults:
        print(fault)
    if not differences:
        print("no logits to compare")
        return 1
    largest = max(differences)
    print(f"sentences {len(expected)}  logits {len(differences)}  words with another best tag {retagged}")
    print(f"largest difference {largest:.3g}  mean {sum(differences) / len(differences):.3g}  allowed {options.tolerance:g}")
    return 1 if faults or largest > options.tolerance else 0


if __name__ == "__main__":
    sys.exit(main())
