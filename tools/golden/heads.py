#!/usr/bin/env python3
"""Goldens of the recurrent network and the CRF, from PyTorch and pytorch-crf.

Writes, beside the tiny BERT of `tiny_bert.py` whose encoder and batches it takes:

    rnn.safetensors      per kind and number of layers (`bigru-2`): input x [T, I], the weights under torch's names, output
                         [T, D N], its gradient, and the gradients of x and of every weight, over ragged sequences
    crf.safetensors      per case: emissions [W, K], tags, bounds, the three weights, the gradient of all four
    crf.json             per case: the summed loss, the mean per word and the decoded tags
    heads/NAME.safetensors  per model (`bigru-crf` ...): the head's weights as they stand in model.safetensors, and the gradient of every
                         parameter of BERT + head under `gradient.` names
    heads.json           per model: its head, the loss (a CRF's summed over the batch; else the mean) and logits [W, K]

All is computed in float64 from weights rounded to float32.

usage: heads.py [--output DIR] [--check]     --check compares with what lies in DIR and writes nothing there
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torchcrf import CRF

import command
from tiny_bert import IGNORED, LABELS, loaded, padded

SEED = 2021
LENGTHS = [4, 1, 9, 6]
MODELS = {
    "crf": {"head": "crf"},
    "gru": {"head": "linear", "rnn": {"kind": "gru", "hidden": 10, "layers": 1}},
    "bilstm": {"head": "linear", "rnn": {"kind": "bilstm", "hidden": 18, "layers": 2}},
    "bigru-crf": {"head": "crf", "rnn": {"kind": "bigru", "hidden": 20, "layers": 1}},
}


def network(kind: str, inputs: int, hidden: int, layers: int) -> torch.nn.Module:
    cell = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[kind.removeprefix("bi")]
    return cell(inputs, hidden, num_layers=layers, bidirectional=kind.startswith("bi"), batch_first=True)


def fill(module: torch.nn.Module, generator: torch.Generator, scale: float) -> None:
    """Weights of a size that matters, representable in float32, then widened."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(scale * torch.randn(parameter.shape, generator=generator))
    module.double()


def run_packed(rnn: torch.nn.Module, x: torch.Tensor, lengths: list[int]) -> torch.Tensor:
    """The network over sequences of these lengths, [S, longest, I] to [S, longest, D N]."""
    packed = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    return torch.nn.utils.rnn.pad_packed_sequence(rnn(packed)[0], batch_first=True, total_length=x.shape[1])[0]


def rnn_goldens(generator: torch.Generator) -> dict[str, torch.Tensor]:
    tensors = {}
    for kind in ["gru", "bigru", "lstm", "bilstm"]:
        for layers in [1, 2]:
            rnn = network(kind, 7, 17, layers)
            fill(rnn, generator, 0.4)
            parts = [torch.randn(n, 7, generator=generator).double() for n in LENGTHS]
            x = torch.nn.utils.rnn.pad_sequence(parts, batch_first=True).requires_grad_()
            mask = torch.arange(max(LENGTHS))[None] < torch.tensor(LENGTHS)[:, None]
            output = run_packed(rnn, x, LENGTHS)[mask]
            doutput = torch.randn(output.shape, generator=generator).double()
            output.backward(doutput)
            found = {"x": x.detach()[mask], "output": output, "doutput": doutput, "dx": x.grad[mask]}
            for name, parameter in rnn.named_parameters():
                found[name] = parameter
                found["gradient." + name] = parameter.grad
            tensors |= {f"{kind}-{layers}.{name}": tensor for name, tensor in found.items()}
    return tensors


def padded_rows(rows: torch.Tensor, lengths: list[int]) -> torch.Tensor:
    return torch.nn.utils.rnn.pad_sequence(rows.split(lengths), batch_first=True)


def crf_loss(crf: CRF, emissions: torch.Tensor, tags: torch.Tensor, lengths: list[int], reduction: str) -> torch.Tensor:
    mask = torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]
    return -crf(padded_rows(emissions, lengths), padded_rows(tags, lengths), mask=mask, reduction=reduction)


def crf_goldens(generator: torch.Generator) -> tuple[dict[str, torch.Tensor], dict]:
    tensors, expected = {}, {}
    for name, tags_count, lengths in [("ragged", 5, LENGTHS), ("words", 3, [1, 1]), ("large", 31, [12, 3, 25])]:
        crf = CRF(tags_count, batch_first=True)
        fill(crf, generator, 0.7)
        words = sum(lengths)
        emissions = (2 * torch.randn(words, tags_count, generator=generator)).double().requires_grad_()
        tags = torch.randint(tags_count, (words,), generator=generator)
        loss = crf_loss(crf, emissions, tags, lengths, "sum")
        loss.backward()
        mask = torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]
        decoded = crf.decode(padded_rows(emissions, lengths), mask=mask)
        expected[name] = {
            "tags": tags.tolist(),
            "bounds": torch.tensor([0, *lengths]).cumsum(0).tolist(),
            "loss_sum": loss.item(),
            "loss_token_mean": crf_loss(crf, emissions, tags, lengths, "token_mean").item(),
            "decoded": [tag for sequence in decoded for tag in sequence],
        }
        found = {"emissions": emissions, "gradient.emissions": emissions.grad}
        for parameter_name, parameter in crf.named_parameters():
            # A batch of single words uses no transition.
            gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            found |= {parameter_name: parameter, "gradient." + parameter_name: gradient}
        tensors |= {f"{name}.{key}": tensor for key, tensor in found.items()}
    return tensors, expected


def sequences_of(batch: dict) -> list[dict]:
    """Undoes tiny_bert's packing."""
    sequences = []
    for start, end in zip(batch["bounds"], batch["bounds"][1:]):
        inside = [i for i, row in enumerate(batch["rows"]) if start <= row < end]
        rows = [batch["rows"][i] - start for i in inside]
        sequences.append({"ids": batch["ids"][start:end], "rows": rows, "tags": [batch["tags"][i] for i in inside]})
    return sequences


def model_golden(folder: Path, settings: dict, sequences: list[dict], generator: torch.Generator):
    bert = loaded(folder, "gelu", torch.float64)
    inputs = padded(sequences)
    lengths = [len(sequence["ids"]) for sequence in sequences]
    hidden = bert.bert(inputs["input_ids"], attention_mask=inputs["attention_mask"]).last_hidden_state
    modules = {}
    if rnn := settings.get("rnn"):
        modules["rnn"] = network(rnn["kind"], hidden.shape[-1], rnn["hidden"], rnn["layers"])
        fill(modules["rnn"], generator, 0.3)
        hidden = run_packed(modules["rnn"], hidden, lengths)
    modules["classifier"] = torch.nn.Linear(hidden.shape[-1], len(LABELS))
    fill(modules["classifier"], generator, 0.4)
    logits = modules["classifier"](hidden)[inputs["labels"] != IGNORED]
    tags = inputs["labels"][inputs["labels"] != IGNORED]
    if settings["head"] == "crf":
        modules["crf"] = CRF(len(LABELS), batch_first=True)
        fill(modules["crf"], generator, 0.5)
        words = [len(sequence["rows"]) for sequence in sequences]
        loss = crf_loss(modules["crf"], logits, tags, words, "sum")
    else:
        loss = torch.nn.functional.cross_entropy(logits, tags)
    loss.backward()
    tensors = {}
    for part, module in modules.items():
        for name, parameter in module.named_parameters():
            tensors[f"{part}.{name}"] = parameter
            tensors[f"gradient.{part}.{name}"] = parameter.grad
    for name, parameter in bert.bert.named_parameters():
        if "pooler" not in name:
            tensors[f"gradient.bert.{name}"] = parameter.grad
    return tensors, {"head": settings, "loss": loss.item(), "logits": logits.tolist()}


def save(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.detach().float().contiguous() for name, tensor in tensors.items()}, path)


def write(output: Path, source: Path) -> None:
    generator = torch.Generator().manual_seed(SEED)
    save(output / "rnn.safetensors", rnn_goldens(generator))
    tensors, expected = crf_goldens(generator)
    save(output / "crf.safetensors", tensors)
    (output / "crf.json").write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")
    sequences = sequences_of(json.loads((source / "batch.json").read_text(encoding="utf-8")))
    models = {}
    for name, settings in MODELS.items():
        tensors, models[name] = model_golden(source / "tiny-bert", settings, sequences, generator)
        save(output / "heads" / f"{name}.safetensors", tensors)
    (output / "heads.json").write_text(json.dumps(models, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(command.run(__doc__, write))
