#!/usr/bin/env python3
"""Small corpora in every form in which the Hugging Face `datasets` library writes them.

One seeded corpus of 30 sentences, written by the library itself:

    expected.jsonl          the truth: id, tokens and tag names, one object a line
    names.jsonl             Dataset.to_json: tags as names
    ids.jsonl               the same: tags as integers, whose names stand in label.json beside it
    ids.json                Dataset.to_json(lines=False): one array
    hub.parquet             Dataset.to_parquet: ClassLabel integers, names in the schema's "huggingface" key; three row groups
    bare.parquet            the same integers with no metadata at all
    strings.parquet         tags as strings
    large.parquet           large lists of large strings, 8-bit tags, written by pyarrow with zstd
    COMPRESSION.parquet     hub.parquet under gzip and lz4
    saved/                  Dataset.save_to_disk in two shards
    saved-dict/             DatasetDict.save_to_disk: train (rows 0..20) and validation (rows 20..30)
    stream.arrow file.arrow the two Arrow IPC forms, written by pyarrow from the library's table
    COMPRESSION.arrow       file.arrow under zstd and lz4

usage: datasets_fixtures.py [--output DIR]
"""

import argparse
import json
import random
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as parquet
from datasets import ClassLabel, Dataset, DatasetDict, Features, List, Value, disable_progress_bars

SEED = 2003
SENTENCES = 30
NAMES = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC", "B-MISC", "I-MISC"]
PLAIN = ["the", "said", "on", "Friday", ",", ".", '"', "'s", "3.5", "naïve", "👩‍🔬", "and", "—", "e\u0301t\u0101", "of", "\\"]
ENTITIES = {
    "PER": [["Anna", "Petrova"], ["李", "雷"], ["O'Neil"]],
    "ORG": [["Bank", "of", "Nowhere"], ["ACME"]],
    "LOC": [["Zürich"], ["São", "Tomé"], ["北", "京"]],
    "MISC": [["Nordic"], ["World", "Cup", "1998"]],
}


def sentence(rng):
    """Words and IOB2 tags: runs of plain words and entities, neighbours of one type included."""
    tokens, tags = [], []
    for _ in range(rng.randint(1, 6)):
        if rng.random() < 0.5:
            for word in rng.choices(PLAIN, k=rng.randint(1, 4)):
                tokens.append(word)
                tags.append("O")
        else:
            label = rng.choice(sorted(ENTITIES))
            for place, word in enumerate(rng.choice(ENTITIES[label])):
                tokens.append(word)
                tags.append(("I-" if place else "B-") + label)
    return tokens, tags


def corpus():
    """The columns of the corpus, tags as names."""
    rng = random.Random(SEED)
    rows = [sentence(rng) for _ in range(SENTENCES)]
    ids = [str(index) for index in range(len(rows))]
    return {"id": ids, "tokens": [row[0] for row in rows], "ner_tags": [row[1] for row in rows]}


def features(tag):
    return Features({"id": Value("string"), "tokens": List(Value("string")), "ner_tags": List(tag)})


def write_arrow(table, directory):
    with pa.OSFile(str(directory / "stream.arrow"), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=7)
    feather.write_feather(table, str(directory / "file.arrow"), compression="uncompressed", chunksize=7)
    for compression in ["zstd", "lz4"]:
        feather.write_feather(table, str(directory / f"{compression}.arrow"), compression=compression)


def write_parquet(names, classes, directory):
    classes.to_parquet(directory / "hub.parquet", batch_size=12)
    names.to_parquet(directory / "strings.parquet")
    table = classes.data.table
    parquet.write_table(table.replace_schema_metadata(None), directory / "bare.parquet", store_schema=False)
    for compression in ["gzip", "lz4"]:
        parquet.write_table(table, directory / f"{compression}.parquet", compression=compression)
    large = pa.schema(
        {"tokens": pa.large_list(pa.large_string()), "ner_tags": pa.large_list(pa.int8())}, metadata=table.schema.metadata
    )
    parquet.write_table(table.select(["tokens", "ner_tags"]).cast(large), directory / "large.parquet", compression="zstd")


def write(directory):
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    columns = corpus()
    names = Dataset.from_dict(columns, features=features(Value("string")))
    classes = names.cast(features(ClassLabel(names=NAMES)))
    with open(directory / "expected.jsonl", "w", encoding="utf-8") as file:
        for row in zip(*columns.values(), strict=True):
            file.write(json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False) + "\n")
    (directory / "label.json").write_text(json.dumps({name: index for index, name in enumerate(NAMES)}) + "\n")
    names.to_json(directory / "names.jsonl")
    classes.to_json(directory / "ids.jsonl")
    classes.to_json(directory / "ids.json", lines=False)
    write_parquet(names, classes, directory)
    classes.save_to_disk(directory / "saved", num_shards=2)
    splits = DatasetDict(train=classes.select(range(20)), validation=classes.select(range(20, SENTENCES)))
    splits.save_to_disk(directory / "saved-dict")
    write_arrow(classes.data.table, directory)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(__file__).resolve().parents[2] / "crates/text/tests/data/datasets"
    parser.add_argument("--output", type=Path, default=default)
    disable_progress_bars()
    write(parser.parse_args().output)


if __name__ == "__main__":
    main()
