"""Reads CoNLL columns for the peer and the goldens, apart from bert-ner's own reader: an oracle shares no code."""

from pathlib import Path
from typing import NamedTuple


class Sentence(NamedTuple):
    words: list[str]
    tags: list[str]  # IOB2, one a word


def read(path: Path, limit: int | None = None) -> list[Sentence]:
    """The first `limit` sentences: first column the word, last column the tag, IOB1 or IOB2."""
    sentences, words, tags = [], [], []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            columns = line.rstrip("\r\n").split("\t") if "\t" in line else line.split()
            if columns and columns[0] == "-DOCSTART-":
                continue
            if columns:
                words.append(columns[0])
                tags.append(columns[-1])
                continue
            if words:
                sentences.append(Sentence(words, iob2(tags)))
                words, tags = [], []
            if len(sentences) == limit:
                return sentences
    if words:
        sentences.append(Sentence(words, iob2(tags)))
    return sentences


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
