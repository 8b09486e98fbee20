#!/usr/bin/env python3
"""Goldens of text classification and of the losses for unbalanced tags, from transformers and PyTorch.

Writes, beside the tiny BERT of `tiny_bert.py` whose encoder and batches it takes:

    classify.safetensors  pooler and classifier as they stand in model.safetensors, and the gradient of every parameter of
                          BertForSequenceClassification under `gradient.` names
    classify.json         labels of the sequences, the mean loss, logits [S, K]
    losses.json           per case: logits [W, K], tags, weights, label_smoothing, and torch's CrossEntropyLoss(weight,
                          label_smoothing) with its gradient, [W, K]

All is computed in float64 from weights rounded to float32.

usage: classify.py [--output DIR] [--check]     --check compares with what lies in DIR and writes nothing there
"""

import json
import sys
from pathlib import Path

import torch
from transformers import BertForSequenceClassification

import command
from heads import fill, save, sequences_of
from tiny_bert import LABELS, padded

SEED = 2022


def model_golden(folder: Path, sequences: list[dict], generator: torch.Generator):
    model = BertForSequenceClassification.from_pretrained(
        folder, num_labels=len(LABELS), attn_implementation="eager", dtype=torch.float32, ignore_mismatched_sizes=True
    )
    assert model.config.problem_type is None
    for module in [model.bert.pooler, model.classifier]:
        fill(module, generator, 0.3)
    model = model.double().eval()
    inputs = padded(sequences)
    labels = torch.randint(len(LABELS), (len(sequences),), generator=generator)
    output = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], labels=labels)
    assert model.config.problem_type == "single_label_classification"
    output.loss.backward()
    tensors = {}
    for name, parameter in model.named_parameters():
        if name.startswith(("bert.pooler.", "classifier.")):
            tensors[name] = parameter
        tensors["gradient." + name] = parameter.grad
    return tensors, {"labels": labels.tolist(), "loss": output.loss.item(), "logits": output.logits.tolist()}


def loss_goldens(generator: torch.Generator) -> dict:
    cases = {}
    for name, weighted, smoothing in [("plain", False, 0.0), ("weights", True, 0.0), ("smoothed", False, 0.1), ("both", True, 0.25)]:
        logits = (3 * torch.randn(9, 5, generator=generator)).double().requires_grad_()
        tags = torch.randint(5, (9,), generator=generator)
        weights = (0.1 + 2 * torch.rand(5, generator=generator)).double() if weighted else None
        loss = torch.nn.CrossEntropyLoss(weight=weights, label_smoothing=smoothing)(logits, tags)
        loss.backward()
        cases[name] = {
            "logits": logits.flatten().tolist(),
            "tags": tags.tolist(),
            "weights": [] if weights is None else weights.tolist(),
            "label_smoothing": smoothing,
            "loss": loss.item(),
            "gradient": logits.grad.flatten().tolist(),
        }
    return cases


def write(output: Path, source: Path) -> None:
    generator = torch.Generator().manual_seed(SEED)
    sequences = sequences_of(json.loads((source / "batch.json").read_text(encoding="utf-8")))
    tensors, expected = model_golden(source / "tiny-bert", sequences, generator)
    save(output / "classify.safetensors", tensors)
    (output / "classify.json").write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")
    (output / "losses.json").write_text(json.dumps(loss_goldens(generator), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(command.run(__doc__, write))
