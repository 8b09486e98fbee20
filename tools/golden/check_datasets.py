#!/usr/bin/env python3
"""Checks that what bert-ner writes opens in the Hugging Face `datasets` library, and says the same there.

Converts the fixture corpus to every format that `datasets` reads, loads each file with the library's own loader and
compares words, tags, identifiers and class labels with the truth that datasets_fixtures.py wrote.

usage: check_datasets.py [--bert-ner COMMAND]
"""

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
from itertools import groupby
from pathlib import Path

from datasets import Dataset, disable_progress_bars, load_dataset, load_from_disk

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "crates/text/tests/data/datasets"
COMMAND = "cargo run -q -p bert-ner --"


def names(dataset):
    """The class labels of the tags, or None when they are strings."""
    return getattr(dataset.features["ner_tags"].feature, "names", None)


def rows(dataset):
    """(id, words, tags as names) of every sentence."""
    labels = names(dataset)
    for row in dataset:
        tags = row["ner_tags"]
        yield row["id"], row["tokens"], [labels[tag] for tag in tags] if labels else tags


def table_rows(dataset):
    """The same, of a file with a word a row."""
    for key, group in groupby(dataset, key=lambda row: row["sentence_id"]):
        group = list(group)
        yield str(key), [row["word"] for row in group], [row["tag"] for row in group]


def load(path, cache):
    """The file or folder at `path` by the loader that a user would call."""
    options = {"split": "train", "cache_dir": str(cache)}
    match path.suffix:
        case ".jsonl" | ".json":
            return load_dataset("json", data_files=str(path), **options)
        case ".csv":
            return load_dataset("csv", data_files=str(path), **options)
        case ".tsv":
            return load_dataset("csv", data_files=str(path), sep="\t", quoting=3, **options)
        case ".parquet":
            return load_dataset("parquet", data_files=str(path), **options)
        case ".arrow":
            return Dataset.from_file(str(path))
        case _:
            return load_from_disk(str(path))


def check(name, found, expected):
    """Prints a line and says whether the two are equal."""
    print(f"{'same' if found == expected else 'DIFFERENT'}: {name}")
    if found != expected:
        differing = [pair for pair in zip(found, expected) if pair[0] != pair[1]]
        print(f"  {len(found)} rows, expected {len(expected)}; first difference: {differing[:1]}")
    return found == expected


def convert(command, source, target):
    """By the target's extension; without one it is a folder."""
    to = [] if target.suffix else ["--to", "arrow"]
    subprocess.run([*command, "convert", source, target, *to], check=True, stderr=subprocess.DEVNULL)


def check_all(command, folder):
    truth = [json.loads(line) for line in (FIXTURES / "expected.jsonl").open(encoding="utf-8")]
    expected = [(row["id"], row["tokens"], row["ner_tags"]) for row in truth]
    labels = names(load_from_disk(str(FIXTURES / "saved")))
    good = []
    for name in ["jsonl", "json", "csv", "tsv", "parquet", "arrow", "saved"]:
        path = folder / (name if name == "saved" else f"corpus.{name}")
        convert(command, FIXTURES / "hub.parquet", path)
        dataset = load(path, folder / "cache")
        reader = table_rows if name in ("csv", "tsv") else rows
        good.append(check(name, list(reader(dataset)), expected))
        if name in ("parquet", "arrow", "saved"):
            good.append(check(f"{name}, class labels", names(dataset), labels))
    # Our own files back through the library's hands.
    Dataset.from_file(str(folder / "corpus.arrow")).to_parquet(folder / "again.parquet")
    convert(command, folder / "again.parquet", folder / "again.jsonl")
    same = (folder / "again.jsonl").read_bytes() == (folder / "corpus.jsonl").read_bytes()
    good.append(check("there and back", same, True))
    return all(good)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bert-ner", default=COMMAND, help=f"default: {COMMAND}")
    disable_progress_bars()
    with tempfile.TemporaryDirectory() as folder:
        good = check_all(shlex.split(parser.parse_args().bert_ner), Path(folder))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
