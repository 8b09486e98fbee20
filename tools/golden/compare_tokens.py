#!/usr/bin/env python3
"""Compares the pieces of real text with transformers', over corpora that are not part of the project.

usage: compare_tokens.py --model DIR [--limit N] FILE...

Each FILE is CoNLL columns (the word first), plain text (*.txt: characters as words, and words as they are), or a folder of
`datasets.save_to_disk`. Runs the example `pieces` of bert-ner-tokenize and demands the same ids and the same word of each piece;
a word to which transformers gives no piece is expected to have one [UNK] here. Prints the counts.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from datasets import load_from_disk
from transformers import AutoTokenizer

ROOT = Path(__file__).resolve().parents[2]


def read(path):
    if path.is_dir():
        yield from (row["tokens"] for row in load_from_disk(str(path)))
    elif path.suffix == ".txt" and not any("\t" in line or " O" in line for line in path.open(encoding="utf-8")):
        for line in path.open(encoding="utf-8", newline="\n"):
            yield list(line.rstrip("\n"))
            yield line.split()
    else:
        words = []
        for line in path.open(encoding="utf-8", newline="\n"):
            fields = line.rstrip("\n").split("\t" if "\t" in line else None)
            if fields and fields[0] and fields[0] != "-DOCSTART-":
                words.append(fields[0])
            elif words:
                yield words
                words = []
        if words:
            yield words


def expected(tokenizer, words):
    encoded = tokenizer(words, is_split_into_words=True, add_special_tokens=False, truncation=False)
    by_word = [[] for _ in words]
    for piece, word in zip(encoded["input_ids"], encoded.word_ids()):
        by_word[word].append(piece)
    return [pieces or [tokenizer.unk_token_id] for pieces in by_word], sum(not pieces for pieces in by_word)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--limit", type=int, default=None, help="sentences per file")
    parser.add_argument("files", nargs="+", type=Path)
    options = parser.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    sentences = []
    for path in options.files:
        own = [words for words in read(path) if words]
        sentences += own[: options.limit]
    command = ["cargo", "run", "--quiet", "--example", "pieces", "-p", "bert-ner-tokenize", "--", options.model]
    run = subprocess.run(command, cwd=ROOT, input="".join(json.dumps(words) + "\n" for words in sentences), text=True, stdout=subprocess.PIPE)
    if run.returncode:
        sys.exit(run.returncode)
    lines = run.stdout.splitlines()
    assert len(lines) == len(sentences), f"{len(lines)} answers to {len(sentences)} sentences"
    empty = pieces = 0
    for words, line in zip(sentences, lines):
        want, dropped = expected(tokenizer, words)
        got = json.loads(line)
        if got != want:
            index = next(index for index in range(len(words)) if got[index] != want[index])
            sys.exit(f"{words[index]!r}: {got[index]} here, {want[index]} in transformers")
        empty += dropped
        pieces += sum(map(len, want))
    print(f"{len(sentences)} sentences, {pieces} pieces: all the same; {empty} words without a piece became [UNK]")


if __name__ == "__main__":
    main()
