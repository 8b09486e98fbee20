"""Reads CoNLL columns for the peer and the goldens, apart from bert-ner's own reader: an oracle shares no code."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Sentence(NamedTuple):
    words: list[str]
    tags: list[str]  # IOB2, one a word


def read(path: Path, limit: int | None = None) -> list[Sentence]:
    """The first `limit` sentences: first column the word, last column the tag, IOB1 or IOB2."""
    return [
        Sentence([columns[0] for columns in block], iob2([columns[-1] for columns in block]))
        for block in itertools.islice(blocks(path), limit)
    ]


def texts(path: Path, limit: int | None = None) -> list[str]:
    """The first `limit` sentences as texts, their words joined by spaces; tags are not looked at."""
    return [" ".join(columns[0] for columns in block) for block in itertools.islice(blocks(path), limit)]


def blocks(path: Path) -> Iterator[list[list[str]]]:
    """The columns of each sentence's lines."""
    block = []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            columns = line.rstrip("\r\n").split("\t") if "\t" in line else line.split()
            if columns and columns[0] == "-DOCSTART-":
                continue
            if columns:
                block.append(columns)
            elif block:
                yield block
                block = []
    if block:
        yield block


def iob2(tags: list[str]) -> list[str]:
    """IOB1 as IOB2: an entity that starts with I- starts with B-. IOB2 stays as it is."""
    converted = []
    previous = "O"
    for tag in tags:
        if tag != "O" and tag[:2] not in ("B-", "I-"):
            raise ValueError(f"{tag} is not a tag of IOB1 or IOB2")
        starts = tag.startswith("I-") and previous[2:] != tag[2:]
        converted.append("B-" + tag[2:] if starts else tag)
        previous = tag
    return converted
