#!/usr/bin/env python3
"""What transformers computes for real sentences with MiniLM and a random head: the oracle of `compare_logits.py`.

Writes into the output folder
    model/          MiniLM with a classifier of nine labels from a seeded generator: a folder to load
    logits.jsonl    a line a sentence: {"sentence": 0, "logits": [[9 numbers] a word]}, first pieces only

The sentences come from a CoNLL file that may not be passed on, so nothing of this is committed.

usage: minilm_logits.py --model DIR --data FILE --output DIR [--sentences 100] [--seed 42] [--dtype float32]
"""

import argparse
import json
import sys
from pathlib import Path

import torch
from transformers import AutoModelForTokenClassification, AutoTokenizer
from transformers.utils import logging

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers"))
import conll  # noqa: E402

LABELS = ["O", *(f"{prefix}-{kind}" for kind in ("LOC", "MISC", "ORG", "PER") for prefix in "BI")]


def with_head(model: Path, seed: int):
    names = {"id2label": dict(enumerate(LABELS)), "label2id": {label: i for i, label in enumerate(LABELS)}}
    loaded = AutoModelForTokenClassification.from_pretrained(model, **names).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        # Larger than a new head's 0.02, about what finetuning leaves: differences are not scaled away.
        for parameter in loaded.classifier.parameters():
            parameter.copy_(0.05 * torch.randn(parameter.shape, generator=generator))
    return loaded


def word_logits(model, tokenizer, words: list[str]) -> list[list[float]]:
    """The logits of the first piece of every word."""
    encoded = tokenizer(words, is_split_into_words=True, return_tensors="pt")
    ids = encoded.word_ids()
    first = [ids.index(word) for word in range(len(words))]
    with torch.no_grad():
        return model(**encoded).logits[0, first].tolist()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--sentences", type=int, default=100)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32")
    options = parser.parse_args()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    model = with_head(options.model, options.seed)
    model.save_pretrained(options.output / "model")
    tokenizer.save_pretrained(options.output / "model")
    model.to(getattr(torch, options.dtype))
    with open(options.output / "logits.jsonl", "w", encoding="utf-8") as lines:
        for i, sentence in enumerate(conll.read(options.data, options.sentences)):
            logits = word_logits(model, tokenizer, sentence.words)
            print(json.dumps({"sentence": i, "logits": logits}), file=lines)


if __name__ == "__main__":
    main()
