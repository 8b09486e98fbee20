#!/usr/bin/env python3
"""Goldens of LoRA, from PEFT.

Writes, on the tiny BERT of `tiny_bert.py` whose encoder and batch it takes, for each case:

    lora/NAME/                      the adapter as PEFT saves it
    lora/NAME-gradients.safetensors the gradient of every A, B and head weight of the mean cross-entropy, in the names of the adapter's file
    lora.json                       per case: the loss and the logits, [W, K] or of texts [S, K], without dropout

The cases of TEXTS are classifiers of whole texts: on the pooler and the labels of `classify.py`, but for `texts-new-pooler`, whose
pooler is one of PEFT's `modules_to_save`.

All is computed in float64 from weights rounded to float32.

usage: lora.py [--output DIR] [--check]     --check compares with what lies in DIR and writes nothing there
"""

import json
import sys
from functools import partial
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import BertForSequenceClassification

import command
from heads import sequences_of
from tiny_bert import IGNORED, LABELS, loaded, padded

SEED = 2022
CASES = {
    "attention": {"r": 3, "lora_alpha": 7, "lora_dropout": 0.25, "target_modules": ["query", "value"]},
    "all": {"r": 2, "lora_alpha": 8, "target_modules": ["query", "key", "value", "dense"]},
    "rank-stabilised": {"r": 4, "lora_alpha": 3, "target_modules": ["output.dense", "key"], "use_rslora": True},
}
# `dense` is the pooler's too.
TEXTS = {
    "texts": {"r": 2, "lora_alpha": 8, "target_modules": ["query", "dense"]},
    "texts-frozen-pooler": {"r": 3, "lora_alpha": 6, "target_modules": ["value"]},
    "texts-new-pooler": {"r": 2, "lora_alpha": 5, "target_modules": ["dense"], "modules_to_save": ["pooler"]},
}


def classifier_of_texts(source: Path) -> BertForSequenceClassification:
    model = BertForSequenceClassification.from_pretrained(
        source / "tiny-bert",
        num_labels=len(LABELS),
        attn_implementation="eager",
        dtype=torch.float32,
        ignore_mismatched_sizes=True,
    )
    weights = load_file(source / "classify.safetensors")
    model.load_state_dict({name: weights[name] for name in weights if name.startswith("bert.pooler.")}, strict=False)
    return model


def word_logits(model: torch.nn.Module, source: Path, sequences: list[dict]):
    inputs = padded(sequences)
    labels = inputs.pop("labels")
    return model(**inputs).logits[labels != IGNORED], labels[labels != IGNORED]


def text_logits(model: torch.nn.Module, source: Path, sequences: list[dict]):
    inputs = padded(sequences)
    labels = json.loads((source / "classify.json").read_text(encoding="utf-8"))["labels"]
    inputs.pop("labels")
    return model(**inputs).logits, torch.tensor(labels)


def case_golden(base: torch.nn.Module, config: LoraConfig, generator: torch.Generator, output: Path, logits_of):
    model = get_peft_model(base, config)
    with torch.no_grad():
        # B is zero at first: a LoRA that has learned something has another. At twice the size the attention of the case `all` is so sharp
        # that PyTorch's own float32 gradients are 3e-3 off.
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                parameter.copy_(0.15 * torch.randn(parameter.shape, generator=generator))
    model.peft_config["default"].base_model_name_or_path = "tiny-bert"
    model.save_pretrained(output)
    (output / "README.md").unlink()
    # A set, in whose order Python has no say.
    config = json.loads((output / "adapter_config.json").read_text(encoding="utf-8"))
    config = {**config, "target_modules": sorted(config["target_modules"]), "modules_to_save": sorted(set(config["modules_to_save"]))}
    (output / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")

    model.double().eval()
    logits, labels = logits_of(model)
    loss = torch.nn.functional.cross_entropy(logits, labels)
    loss.backward()
    trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    gradients = {
        name.replace(".default", "").replace(".modules_to_save", ""): parameter.grad.float().contiguous()
        for name, parameter in trained.items()
    }
    save_file(gradients, output.with_name(output.name + "-gradients.safetensors"))
    return {"loss": loss.item(), "logits": logits.tolist()}


def write(output: Path, source: Path) -> None:
    generator = torch.Generator().manual_seed(SEED)
    sequences = sequences_of(json.loads((source / "batch.json").read_text(encoding="utf-8")))
    expected = {}
    for name, settings in CASES.items():
        base = loaded(source / "tiny-bert", "gelu", torch.float32)
        config = LoraConfig(task_type="TOKEN_CLS", **settings)
        logits = partial(word_logits, source=source, sequences=sequences)
        expected[name] = case_golden(base, config, generator, output / "lora" / name, logits)
    for name, settings in TEXTS.items():
        config = LoraConfig(task_type="SEQ_CLS", **settings)
        logits = partial(text_logits, source=source, sequences=sequences)
        expected[name] = case_golden(classifier_of_texts(source), config, generator, output / "lora" / name, logits)
    (output / "lora.json").write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(command.run(__doc__, write))
