#!/usr/bin/env python3
"""Goldens of the model and of the optimizer, from PyTorch and transformers.

Writes a tiny random BERT for token classification (dropout off) and what transformers computes from it:

    tiny-bert/                  the model folder: config.json, model.safetensors, vocab.txt, tokenizer files
    batch.json                  six ragged sequences, packed: ids [T], bounds [S+1], rows [W], tags [W]
    expected.json               per hidden_act: loss (mean over the scored words) and logits [W, K]
    gradients[-ACT].safetensors the gradient of every parameter, under its Hugging Face name
    steps.json                  ten AdamW steps of the real Trainer, over three batches in turn: learning rates, losses,
                                gradient norms before clipping; also for other schedules
    steps-final.safetensors     every parameter after the ten steps of the run "linear"

transformers runs the batches padded, in float64 from the float32 weights that are saved; the truth is its result
rounded to float32. The error of PyTorch's own float32 run is recorded beside it ("torch_f32_error"), as a measure of
what a tolerance may be.

Two facts for who compares: the gradient of every `attention.self.key.bias` is zero (a shift of all keys adds the same
score to a whole softmax row), so a relative error means nothing there; and AdamW moves it by rounding noise alone.

usage: tiny_bert.py [--output DIR] [--check]     --check compares with what lies in DIR and writes nothing there
"""

import argparse
import json
import string
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch.utils.data import SequentialSampler
from transformers import (
    BertConfig,
    BertForTokenClassification,
    BertTokenizerFast,
    PrinterCallback,
    Trainer,
    TrainingArguments,
)
from transformers.utils import logging

SEED = 2003
IGNORED = -100
LABELS = ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
ACTIVATIONS = ["gelu", "gelu_new", "relu"]
# 61 pieces: the specials, every letter as a first and as a further piece, two digits and two marks.
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *string.ascii_lowercase, "0", "1", ".", ","]
VOCABULARY += ["##" + letter for letter in string.ascii_lowercase]
CLS, SEP = VOCABULARY.index("[CLS]"), VOCABULARY.index("[SEP]")
# Pieces of each sequence, [CLS] and [SEP] included, per batch: ragged, from the shortest possible on.
LENGTHS = [[5, 17, 3, 11, 8, 14], [9, 4, 16, 3, 12, 7], [13, 6, 10, 15, 3, 5]]
STEPS, WARMUP = 10, 3
# The norm limit lies between the gradient norms met on the way: some steps are clipped, some are not.
TRAINING = {"learning_rate": 2e-3, "weight_decay": 0.01, "max_grad_norm": 2.0, "max_steps": STEPS}
RUNS = {
    "linear": {"lr_scheduler_type": "linear", "warmup_steps": WARMUP},
    "cosine": {"lr_scheduler_type": "cosine", "warmup_steps": WARMUP},
    "constant": {"lr_scheduler_type": "constant", "warmup_steps": 0},
    "constant_with_warmup": {"lr_scheduler_type": "constant_with_warmup", "warmup_steps": WARMUP},
}


def configuration() -> BertConfig:
    # 6 numbers a head and 52 hidden units: no multiple of a vector register, so that the tails are tried too.
    return BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=24,
        num_attention_heads=4,
        intermediate_size=52,
        num_hidden_layers=3,
        max_position_embeddings=40,
        type_vocab_size=2,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        hidden_act="gelu",
        id2label=dict(enumerate(LABELS)),
        label2id={label: i for i, label in enumerate(LABELS)},
    )


def random_model(generator: torch.Generator) -> BertForTokenClassification:
    """Every parameter random and of a size that matters: a swapped bias or a forgotten gamma must show."""
    model = BertForTokenClassification(configuration())
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if "LayerNorm.weight" in name:
                parameter.copy_(1.0 + 0.25 * noise)
            elif name.endswith("bias"):
                parameter.copy_(0.15 * noise)
            elif "embeddings" in name:
                parameter.copy_(0.6 * noise)
            else:
                parameter.copy_(0.25 * noise)
    return model.eval()


def random_sequence(length: int, letters: str, generator: torch.Generator) -> dict:
    """Words of one to three pieces between [CLS] and [SEP]: `ids`, and `rows` and `tags` of the first pieces."""

    def below(limit: int) -> int:
        return int(torch.randint(limit, (1,), generator=generator))

    ids, rows = [CLS], []
    while len(ids) < length - 1:
        pieces = min(1 + below(3), length - 1 - len(ids))
        rows.append(len(ids))
        for k in range(pieces):
            ids.append(VOCABULARY.index("##" * (k > 0) + letters[below(len(letters))]))
    # As in a window over a long sentence: the first words are context that another window speaks for.
    if length > 15:
        rows = rows[2:]
    return {"ids": ids + [SEP], "rows": rows, "tags": [below(len(LABELS)) for _ in rows]}


def random_batches(generator: torch.Generator) -> list[list[dict]]:
    # Each batch writes with its own letters: embedding rows are touched by all batches, by some, by one or by none.
    alphabets = ["abcdefghijklmnop", "ijklmnopqrstuv", "efghpqrstuvwx"]
    return [
        [random_sequence(length, letters, generator) for length in lengths]
        for lengths, letters in zip(LENGTHS, alphabets)
    ]


def packed(sequences: list[dict]) -> dict:
    """The sequences laid end to end: ids [T], bounds [S+1], rows [W] of [T], tags [W]."""
    batch = {"ids": [], "bounds": [0], "rows": [], "tags": []}
    for sequence in sequences:
        start = len(batch["ids"])
        batch["ids"] += sequence["ids"]
        batch["rows"] += [start + row for row in sequence["rows"]]
        batch["tags"] += sequence["tags"]
        batch["bounds"].append(len(batch["ids"]))
    return batch


def padded(sequences: list[dict]) -> dict[str, torch.Tensor]:
    """The same sequences as transformers wants them."""
    longest = max(len(sequence["ids"]) for sequence in sequences)
    shape = (len(sequences), longest)
    ids, mask = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
    labels = torch.full(shape, IGNORED)
    for i, sequence in enumerate(sequences):
        length = len(sequence["ids"])
        ids[i, :length] = torch.tensor(sequence["ids"])
        mask[i, :length] = 1
        labels[i, sequence["rows"]] = torch.tensor(sequence["tags"])
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def loaded(folder: Path, activation: str, dtype: torch.dtype) -> BertForTokenClassification:
    # Eager attention: the textbook formula, without the approximations a fused kernel might allow itself.
    model = BertForTokenClassification.from_pretrained(
        folder, hidden_act=activation, attn_implementation="eager", dtype=torch.float32
    )
    return model.to(dtype).eval()


def backward(folder: Path, activation: str, sequences: list[dict], dtype: torch.dtype):
    """Loss, logits [W, K] of the scored words and the gradient of every parameter."""
    model = loaded(folder, activation, dtype)
    inputs = padded(sequences)
    output = model(**inputs)
    output.loss.backward()
    logits = output.logits.detach()[inputs["labels"] != IGNORED]
    return output.loss.item(), logits, {name: p.grad for name, p in model.named_parameters()}


class RecordingTrainer(Trainer):
    """The Trainer as it is, in the order of the data set, noting what each step saw."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.record = {"learning_rates": [], "losses": [], "gradient_norms": []}

    def _get_train_sampler(self, *_):
        return SequentialSampler(self.train_dataset)

    def training_step(self, *args, **kwargs):
        loss = super().training_step(*args, **kwargs)
        self.record["losses"].append(loss.item())
        return loss

    def _clip_grad_norm(self, model):
        norm = super()._clip_grad_norm(model)
        self.record["gradient_norms"].append(float(norm))
        self.record["learning_rates"].append(float(self.optimizer.param_groups[0]["lr"]))
        return norm


def train(folder: Path, batches: list[list[dict]], run: dict, dtype: torch.dtype) -> RecordingTrainer:
    with tempfile.TemporaryDirectory() as scratch:
        arguments = TrainingArguments(
            output_dir=scratch,
            per_device_train_batch_size=len(batches[0]),
            remove_unused_columns=False,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            logging_strategy="no",
            use_cpu=True,
            **TRAINING,
            **run,
        )
        trainer = RecordingTrainer(
            model=loaded(folder, "gelu", dtype),
            args=arguments,
            train_dataset=[sequence for batch in batches for sequence in batch],
            data_collator=padded,
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        return trainer


def rounded(value):
    """Nine significant digits: the same float32 when read back."""
    return [rounded(v) for v in value] if isinstance(value, list) else float(f"{value:.9g}")


def to_f32(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().to(torch.float32).contiguous() for name, tensor in tensors.items()}


def largest_difference(left: dict, right: dict) -> float:
    return max((left[name].double() - right[name].double()).abs().max().item() for name in left)


def write_json(path: Path, value: dict) -> None:
    """JSON with every list of numbers on one line: a diff of two goldens can be read."""

    def lines(item, depth):
        pad, end = "\n" + "  " * (depth + 1), "\n" + "  " * depth
        if isinstance(item, dict):
            entries = (f"{pad}{json.dumps(key)}: {lines(value, depth + 1)}" for key, value in item.items())
            return "{" + ",".join(entries) + end + "}"
        if isinstance(item, list) and item and not isinstance(item[0], (int, float)):
            return "[" + ",".join(pad + lines(value, depth + 1) for value in item) + end + "]"
        return json.dumps(item)

    path.write_text(lines(value, 0) + "\n", encoding="utf-8")


def write_model(folder: Path, generator: torch.Generator) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    random_model(generator).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
    tokenizer = BertTokenizerFast.from_pretrained(folder, do_lower_case=True, model_max_length=40)
    tokenizer.save_pretrained(folder)


def write_gradients(output: Path, sequences: list[dict]) -> None:
    expected = {}
    for activation in ACTIVATIONS:
        loss, logits, gradients = backward(output / "tiny-bert", activation, sequences, torch.float64)
        loss_f32, logits_f32, gradients_f32 = backward(output / "tiny-bert", activation, sequences, torch.float32)
        expected[activation] = {
            "loss": loss,
            "logits": rounded(logits.tolist()),
            "torch_f32_error": {
                "loss": abs(loss_f32 - loss),
                "logits": (logits_f32 - logits).abs().max().item(),
                "gradients": largest_difference(gradients_f32, gradients),
            },
        }
        suffix = "" if activation == "gelu" else f"-{activation}"
        save_file(to_f32(gradients), output / f"gradients{suffix}.safetensors")
    write_json(output / "expected.json", expected)


def f32_error(truth: RecordingTrainer, f32: RecordingTrainer) -> dict:
    """How far PyTorch's float32 run ends from the float64 one; key biases apart, which move by noise alone."""
    losses = zip(truth.record["losses"], f32.record["losses"])
    left, right = (
        {name: tensor for name, tensor in trainer.model.state_dict().items() if not name.endswith("key.bias")}
        for trainer in (truth, f32)
    )
    return {"loss": max(abs(a - b) for a, b in losses), "parameters": largest_difference(left, right)}


def write_steps(output: Path, batches: list[list[dict]]) -> None:
    runs = {}
    for name, run in RUNS.items():
        trainer = train(output / "tiny-bert", batches, run, torch.float64)
        f32 = train(output / "tiny-bert", batches, run, torch.float32)
        runs[name] = {**run, **trainer.record, "torch_f32_error": f32_error(trainer, f32)}
        if name == "linear":
            save_file(to_f32(trainer.model.state_dict()), output / "steps-final.safetensors")
            decayed = trainer.get_decay_parameter_names(trainer.model)
            arguments = trainer.args
    settings = {
        **TRAINING,
        "adam_beta1": arguments.adam_beta1,
        "adam_beta2": arguments.adam_beta2,
        "adam_epsilon": arguments.adam_epsilon,
        "optimizer": arguments.optim.value,
        "decayed": decayed,
    }
    steps = {"settings": settings, "batches": [packed(batch) for batch in batches], "runs": runs}
    write_json(output / "steps.json", steps)


def write(output: Path) -> None:
    generator = torch.Generator().manual_seed(SEED)
    write_model(output / "tiny-bert", generator)
    batches = random_batches(generator)
    write_json(output / "batch.json", packed(batches[0]))
    write_gradients(output, batches[0])
    write_steps(output, batches)


def differences(expected: Path, found: Path) -> list[str]:
    """What differs between two golden folders beyond the rounding of a last digit."""
    wrong = []
    for path in sorted(p.relative_to(expected) for p in expected.rglob("*") if p.is_file()):
        if not (found / path).exists():
            wrong.append(f"{path}: missing")
        elif path.suffix == ".safetensors":
            left, right = load_file(expected / path), load_file(found / path)
            if left.keys() != right.keys() or largest_difference(left, right) > 1e-6:
                wrong.append(f"{path}: other tensors or values")
        elif path.name == "batch.json" and (expected / path).read_bytes() != (found / path).read_bytes():
            wrong.append(f"{path}: other sequences")
        elif path.name in ("expected.json", "steps.json"):
            left, right = (json.loads((root / path).read_text()) for root in (expected, found))
            wrong += [f"{path}: {where}" for where in unequal(left, right)]
    return wrong


def unequal(left, right, where: str = "") -> list[str]:
    if "torch_f32_error" in where:
        return []
    if isinstance(left, dict) and isinstance(right, dict) and left.keys() == right.keys():
        return [bad for key in left for bad in unequal(left[key], right[key], f"{where}/{key}")]
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        return [bad for i, pair in enumerate(zip(left, right)) for bad in unequal(*pair, f"{where}[{i}]")]
    if isinstance(left, float) and isinstance(right, float):
        return [] if abs(left - right) < 1e-6 else [f"{where}: {left} is not {right}"]
    return [] if left == right else [f"{where}: {left} is not {right}"]


def main() -> int:
    root = Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=root / "crates" / "model" / "tests" / "data")
    parser.add_argument("--check", action="store_true", help="compare with the goldens there instead of writing")
    options = parser.parse_args()
    torch.set_num_threads(1)
    logging.disable_progress_bar()
    if not options.check:
        write(options.output)
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        write(Path(scratch))
        wrong = differences(Path(scratch), options.output)
    print("\n".join(wrong) if wrong else f"{options.output}: the goldens are reproduced")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
