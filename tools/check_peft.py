#!/usr/bin/env python3
"""Shows that adapters go both ways between bert-ner and PEFT: the same logits for every word, and the same names in the files.

1. `ADAPTER`, written by `bert-ner train --lora-rank`, is loaded in PEFT on its base model; logits against those of bert-ner.
2. A new adapter, random and with a random head, is saved by PEFT on the same base model, with the labels beside it; logits against those
   of bert-ner's folding (`logits` opens a folder as `predict` and `eval` do).

usage: check_peft.py ADAPTER DATA [--sentences 50] [--logits target/release/examples/logits] [--tolerance 1e-3]
DATA holds a word a line, its tag last. Build the example first: cargo build --release -p bert-ner-infer --example logits
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForTokenClassification, AutoTokenizer

SEED = 7


def sentences(path: Path, limit: int) -> list[list[str]]:
    found = []
    for block in path.read_text(encoding="utf-8").split("\n\n"):
        words = [line.split()[0] for line in block.splitlines() if line.strip() and not line.startswith("-DOCSTART-")]
        if words:
            found.append(words)
    return found[:limit]


def plain(adapter: Path) -> tuple[torch.nn.Module, str]:
    """The base model of an adapter with a new head for its labels."""
    base = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))["base_model_name_or_path"]
    model = AutoModelForTokenClassification.from_pretrained(base, config=AutoConfig.from_pretrained(adapter))
    return model, base


def logits_of_peft(model: torch.nn.Module, tokenizer, texts: list[list[str]]) -> list[torch.Tensor]:
    model.eval()
    found = []
    for words in texts:
        encoded = tokenizer(words, is_split_into_words=True, return_tensors="pt", truncation=True)
        first = {word: i for i, word in reversed(list(enumerate(encoded.word_ids()))) if word is not None}
        with torch.no_grad():
            logits = model(**encoded).logits[0]
        found.append(logits[[first[word] for word in range(len(words))]])
    return found


def logits_of_bert_ner(program: Path, adapter: Path, texts: list[list[str]]) -> list[torch.Tensor]:
    with tempfile.NamedTemporaryFile("w", suffix=".conll", encoding="utf-8") as file:
        file.write("".join("".join(f"{word} O\n" for word in words) + "\n" for words in texts))
        file.flush()
        ended = subprocess.run([program, adapter, file.name], check=True, capture_output=True, text=True)
    return [torch.tensor(json.loads(line)["logits"]) for line in ended.stdout.splitlines()]


def largest_difference(left: list[torch.Tensor], right: list[torch.Tensor]) -> float:
    assert len(left) == len(right), f"{len(left)} sentences and {len(right)}"
    return max((a - b).abs().max().item() for a, b in zip(left, right))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("adapter", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--sentences", type=int, default=50)
    parser.add_argument("--logits", type=Path, default=Path("target/release/examples/logits"))
    parser.add_argument("--tolerance", type=float, default=1e-3)
    options = parser.parse_args()
    texts = sentences(options.data, options.sentences)
    tokenizer = AutoTokenizer.from_pretrained(options.adapter)
    torch.manual_seed(SEED)

    model, base = plain(options.adapter)
    ours = PeftModel.from_pretrained(model, options.adapter)
    found = logits_of_bert_ner(options.logits, options.adapter, texts)
    differences = {"of bert-ner in PEFT": largest_difference(found, logits_of_peft(ours, tokenizer, texts))}

    theirs = get_peft_model(plain(options.adapter)[0], LoraConfig(task_type="TOKEN_CLS", r=8, target_modules=["query", "dense"]))
    with torch.no_grad():
        for parameter in theirs.parameters():
            if parameter.requires_grad:
                parameter.copy_(0.02 * torch.randn(parameter.shape))
    with tempfile.TemporaryDirectory() as folder:
        theirs.peft_config["default"].base_model_name_or_path = base
        theirs.save_pretrained(folder)
        theirs.config.save_pretrained(folder)
        found = logits_of_bert_ner(options.logits, Path(folder), texts)
        differences["of PEFT in bert-ner"] = largest_difference(found, logits_of_peft(theirs, tokenizer, texts))

        # What PEFT makes of the same settings has the same names and shapes.
        settings = json.loads((options.adapter / "adapter_config.json").read_text(encoding="utf-8"))
        same = {key: settings[key] for key in ("r", "lora_alpha", "target_modules")}
        get_peft_model(plain(options.adapter)[0], LoraConfig(task_type="TOKEN_CLS", **same)).save_pretrained(folder)
        shapes = [
            {name: tuple(tensor.shape) for name, tensor in load_file(Path(where) / "adapter_model.safetensors").items()}
            for where in (options.adapter, folder)
        ]
    words = sum(map(len, texts))
    print(f"sentences {len(texts)}  words {words}  names and shapes {'equal' if shapes[0] == shapes[1] else 'DIFFER'}")
    for what, difference in differences.items():
        print(f"adapter {what}: largest difference of a logit {difference:.3g}, allowed {options.tolerance:g}")
    return 0 if shapes[0] == shapes[1] and max(differences.values()) <= options.tolerance else 1


if __name__ == "__main__":
    sys.exit(main())
