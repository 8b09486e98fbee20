#!/usr/bin/env python3
"""Classifiers of texts go both ways between bert-ner and transformers or PEFT: the same labels and probabilities.

Each folder is asked by `bert-ner predict` and in Python: a whole model by AutoModelForSequenceClassification, called with the text, and
by pipeline("text-classification"); an adapter (`adapter_config.json`) by PEFT on its base model. Whose folder it is makes no difference:
`bert-ner train --task classify`, with and without `--lora-rank`, and `classify.py --output`, likewise, write both kinds. A text whose two
best labels lie closer than 1e-4 may go either way. Exits non-zero when any other label differs, or a probability by more than is allowed.

usage: classify_interop.py --data FILE FOLDER... [options]     FILE: JSON lines with `text`
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer, pipeline

ROOT = Path(__file__).resolve().parents[2]
# `predict` writes four digits.
ALLOWED = 1e-4


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--texts", type=int, default=500, help="texts to compare")
    parser.add_argument("--max-length", type=int, default=128, help="must be that of the training")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--bert-ner", type=Path, default=ROOT / "target" / "release" / "bert-ner")
    return parser.parse_args()


def predicted(binary: Path, folder: Path, texts: list[str]) -> list[dict[str, float]]:
    """The probability of every label, as `bert-ner predict` says."""
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch) / "texts.jsonl"
        data.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
        command = [binary, "predict", "--model", folder, data, "--input-format", "jsonl", "--output-format", "jsonl"]
        ended = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, encoding="utf-8")
    return [json.loads(line)["probabilities"] for line in ended.stdout.splitlines()]


def opened(folder: Path) -> torch.nn.Module:
    if not (folder / "adapter_config.json").is_file():
        model, loading = AutoModelForSequenceClassification.from_pretrained(folder, output_loading_info=True)
        wrong = {key: value for key, value in loading.items() if value}
        assert not wrong, f"{folder}: {wrong}"
        return model.eval()
    from peft import PeftConfig, PeftModel

    base = PeftConfig.from_pretrained(folder).base_model_name_or_path
    model = AutoModelForSequenceClassification.from_pretrained(base, config=AutoConfig.from_pretrained(folder))
    return PeftModel.from_pretrained(model, folder).eval()


def asked(model: torch.nn.Module, tokenizer, texts: list[str], max_length: int) -> list[dict[str, float]]:
    found = []
    for text in texts:
        with torch.no_grad():
            logits = model(**tokenizer(text, truncation=True, max_length=max_length, return_tensors="pt")).logits[0]
        found.append({model.config.id2label[i]: p for i, p in enumerate(logits.softmax(-1).tolist())})
    return found


def piped(model: torch.nn.Module, tokenizer, texts: list[str], max_length: int) -> list[dict[str, float]]:
    pipe = pipeline("text-classification", model=model, tokenizer=tokenizer, top_k=None)
    answers = pipe(texts, truncation=True, max_length=max_length)
    return [{one["label"]: one["score"] for one in answer} for answer in answers]


def compare(found: list[dict[str, float]], oracle: list[dict[str, float]]) -> tuple[int, float]:
    """Texts with another label, near ties apart, and the largest difference of a probability."""
    assert len(found) == len(oracle)
    different, largest = 0, 0.0
    for ours, theirs in zip(found, oracle):
        assert ours.keys() == theirs.keys(), f"labels {list(ours)} and {list(theirs)}"
        first, second = sorted(theirs.values(), reverse=True)[:2]
        if max(ours, key=ours.get) != max(theirs, key=theirs.get) and first - second > ALLOWED:
            different += 1
        largest = max(largest, *(abs(ours[label] - theirs[label]) for label in ours))
    return different, largest


def main() -> int:
    chosen = options()
    torch.set_num_threads(chosen.threads)
    with chosen.data.open(encoding="utf-8") as file:
        texts = [json.loads(line)["text"] for line in file][: chosen.texts]
    failed = False
    for folder in chosen.folders:
        found = predicted(chosen.bert_ner.resolve(), folder, texts)
        model, tokenizer = opened(folder), AutoTokenizer.from_pretrained(folder)
        oracles = {type(model).__name__: asked(model, tokenizer, texts, chosen.max_length)}
        if not (folder / "adapter_config.json").is_file():
            oracles["pipeline"] = piped(model, tokenizer, texts, chosen.max_length)
        for name, oracle in oracles.items():
            different, largest = compare(found, oracle)
            print(f"{folder}: {name}: {len(texts)} texts, {different} other labels, largest difference of a probability {largest:.2g}")
            failed |= different > 0 or largest > ALLOWED
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
