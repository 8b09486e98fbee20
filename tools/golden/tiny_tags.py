#!/usr/bin/env python3
"""Goldens of prediction: what transformers says of sentences of words, with the tiny random BERT of `tiny_bert.py`.

Writes crates/infer/tests/data/expected.json: the sentences, and for every word the tag and its probability (softmax over the
first piece's logits, in float64), and the mean loss of made-up gold tags. A random model gives every word the same tag, so
its classifier is scaled and its bias replaced by one that levels the tags; both stand in the file and the test does the same.

usage: tiny_tags.py [--output FILE] [--check]     --check compares with FILE and writes nothing
"""

import argparse
import json
import random
import sys
from pathlib import Path

import torch
from transformers import AutoModelForTokenClassification, AutoTokenizer

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "crates/model/tests/data/tiny-bert"
SCALE = 4.0


def sentences():
    random.seed(11)
    letters = "abcdefghijklmnopqrstuvwxyz"
    word = lambda: "".join(random.choice(letters) for _ in range(random.randint(1, 4)))
    # At most 38 pieces: one window.
    made = [[word() for _ in range(random.randint(1, 9))] for _ in range(20)]
    return made + [["Añ", "北", ",", "."], ["x" * 38]]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=ROOT / "crates/infer/tests/data/expected.json")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    model = AutoModelForTokenClassification.from_pretrained(MODEL).double().eval()
    labels = model.config.id2label
    with torch.no_grad():
        model.classifier.weight *= SCALE
        model.classifier.bias.zero_()
        batches = [tokenizer(words, is_split_into_words=True, return_tensors="pt") for words in sentences()]
        mean = torch.cat([model(**encoded).logits[0, 1:-1] for encoded in batches]).mean(0)
        model.classifier.bias.copy_((-mean).float().double())
    rows, loss, count = [], 0.0, 0
    for index, words in enumerate(sentences()):
        encoded = tokenizer(words, is_split_into_words=True, return_tensors="pt")
        ids = encoded.word_ids()
        with torch.no_grad():
            logits = model(**encoded).logits[0, [ids.index(word) for word in range(len(words))]]
        best, tags = logits.softmax(-1).max(-1)
        gold = [(index + place) % len(labels) for place in range(len(words))]
        loss += torch.nn.functional.cross_entropy(logits, torch.tensor(gold), reduction="sum").item()
        count += len(words)
        rows.append({
            "words": words,
            "tags": [labels[tag] for tag in tags.tolist()],
            "probabilities": [round(p, 7) for p in best.tolist()],
            "gold": [labels[tag] for tag in gold],
        })  # fmt: skip
    text = json.dumps({"scale": SCALE, "bias": model.classifier.bias.tolist(), "sentences": rows, "loss": round(loss / count, 7)}, ensure_ascii=False, indent=1) + "\n"
    if not options.check:
        options.output.write_text(text, encoding="utf-8")
    elif options.output.read_text(encoding="utf-8") != text:
        sys.exit("not as transformers makes them now")


if __name__ == "__main__":
    main()
