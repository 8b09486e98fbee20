#!/usr/bin/env python3
"""Goldens of aggregation: what transformers' token-classification pipeline says of running text, every strategy, with the tiny
random BERT of `tiny_bert.py` and the classifier of `tiny_tags.py` (scaled, its bias levelled: both stand in expected.json).

Writes crates/infer/tests/data/pipeline.json. Texts without a stride are short enough to fit the model: there the pipeline cuts
off what bert-ner reads on.

usage: pipeline.py [--output FILE] [--check]     --check compares with FILE and writes nothing
"""

import argparse
import json
import random
import sys
from pathlib import Path

import torch
from transformers import AutoModelForTokenClassification, AutoTokenizer, pipeline

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "crates/model/tests/data/tiny-bert"
EXPECTED = ROOT / "crates/infer/tests/data/expected.json"
STRATEGIES = ["none", "simple", "first", "average", "max"]


def texts():
    random.seed(5)
    letters = "abcdefghijklmnopqrstuvwxyz"
    word = lambda: "".join(random.choice(letters) for _ in range(random.randint(1, 5)))
    made = [" ".join(word() for _ in range(random.randint(2, 9))) for _ in range(12)]
    # Punctuation, case, accents, what is dropped, what is unknown, what changes its length, special tokens in the text.
    odd = ["Zoë don't.", "a  b\n c", "北x 京, y", "a\u200bb c\u0001d", "ﬁn de Å", "[UNK] a [SEP] b", "😀 ab 😀", "e\u0301te a", "."]
    return made + odd


def plain(mention):
    mention = {key: value.item() if hasattr(value, "item") else value for key, value in mention.items()}
    mention["score"] = round(mention["score"], 6)
    return mention


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=ROOT / "crates/infer/tests/data/pipeline.json")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    expected = json.loads(EXPECTED.read_text(encoding="utf-8"))
    model = AutoModelForTokenClassification.from_pretrained(MODEL).eval()
    with torch.no_grad():
        model.classifier.weight *= expected["scale"]
        model.classifier.bias.copy_(torch.tensor(expected["bias"]))
    ner = pipeline("token-classification", model=model, tokenizer=AutoTokenizer.from_pretrained(MODEL), device="cpu")
    cases = []

    def add(text, strategy, stride=None, ignored=()):
        given = {} if stride is None else {"stride": stride}
        found = ner(text, aggregation_strategy=strategy, ignore_labels=list(ignored), **given)
        case = {"text": text, "strategy": strategy, "stride": stride, "ignored": list(ignored)}
        cases.append(case | {"mentions": [plain(mention) for mention in found]})

    for text in texts():
        for strategy in STRATEGIES:
            add(text, strategy)
    long = " ".join(texts())
    for stride in [0, 7, 30]:
        for strategy in STRATEGIES[1:]:
            add(long, strategy, stride)
    # What is ignored does not compete with what overlaps it.
    for ignored in [["O"], ["PER"], ["LOC"]]:
        add(long, "simple", 7, ignored)
        add(long, "max", 30, ignored)
    lines = ",\n".join(json.dumps(case, ensure_ascii=True) for case in cases)
    text = f"[\n{lines}\n]\n"
    if not options.check:
        options.output.write_text(text, encoding="utf-8")
    elif options.output.read_text(encoding="utf-8") != text:
        sys.exit("not as transformers makes them now")


if __name__ == "__main__":
    main()
