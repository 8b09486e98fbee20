#!/usr/bin/env python3
"""The peer: transformers' Trainer as its example `run_ner.py` runs it.

Words are tokenized with the fast tokenizer (`is_split_into_words`) before the clock starts, the first piece of a word
carries its tag, batches are padded to their longest sentence by DataCollatorForTokenClassification, and everything
else is the Trainer's default: AdamW, learning rate 5e-5, linear schedule, batches of 8, 3 epochs. Dev is scored after
training by seqeval. Prints, and writes with --json, samples a second as the Trainer reports them
(train_samples_per_second), the peak memory of the process (and what of it `import torch, transformers` takes: a build
of PyTorch for GPUs takes more) and the scores.

usage: trainer.py --model DIR --train FILE [--dev FILE] [options]
"""

import argparse
import json
import os
import resource
import sys
import tempfile
from pathlib import Path

import conll
import random_bert
from arguments import training_arguments


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="a Hugging Face BERT folder")
    parser.add_argument(
        "--random-config", choices=random_bert.SHAPES, help="random weights of this shape; --model gives the tokenizer"
    )
    parser.add_argument("--train", type=Path, required=True, help="CoNLL columns, word first, IOB1 or IOB2 tag last")
    parser.add_argument("--dev", type=Path)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--epochs", type=float, default=3.0)
    parser.add_argument("--learning-rate", type=float, default=5e-5)
    parser.add_argument("--max-length", type=int, default=512)
    parser.add_argument("--max-train-samples", type=int)
    parser.add_argument("--max-eval-samples", type=int)
    parser.add_argument("--max-steps", type=int, default=-1)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--output", type=Path, help="save the finetuned model folder here")
    parser.add_argument("--json", type=Path, help="write the report here")
    return parser.parse_args()


def encode(sentences: list[conll.Sentence], tokenizer, labels: list[str], max_length: int) -> list[dict]:
    """As run_ner's tokenize_and_align_labels: -100 on everything but first pieces."""
    index = {label: i for i, label in enumerate(labels)}
    encoded = tokenizer(
        [sentence.words for sentence in sentences],
        is_split_into_words=True,
        truncation=True,
        max_length=max_length,
        padding=False,
    )
    features = []
    for i, sentence in enumerate(sentences):
        words = encoded.word_ids(i)
        aligned = [
            -100 if word is None or word == before else index[sentence.tags[word]]
            for before, word in zip([None, *words], words)
        ]
        features.append({key: encoded[key][i] for key in encoded} | {"labels": aligned})
    return features


def load_model(chosen: argparse.Namespace, labels: list[str]):
    from transformers import AutoModelForTokenClassification, BertForTokenClassification

    names = {"id2label": dict(enumerate(labels)), "label2id": {label: i for i, label in enumerate(labels)}}
    if chosen.random_config:
        configuration = random_bert.configuration(chosen.random_config)
        configuration.update(names)
        return BertForTokenClassification(configuration)
    return AutoModelForTokenClassification.from_pretrained(chosen.model, **names)


def seqeval_metrics(labels: list[str]):
    """The Trainer's `compute_metrics`: seqeval's default mode over first pieces."""
    from seqeval.metrics import accuracy_score, f1_score, precision_score, recall_score

    def compute(outcome):
        chosen = outcome.predictions.argmax(axis=-1)
        pairs = [
            [(labels[t], labels[p]) for t, p in zip(gold, row) if t != -100]
            for gold, row in zip(outcome.label_ids, chosen)
        ]
        gold = [[t for t, _ in sentence] for sentence in pairs]
        found = [[p for _, p in sentence] for sentence in pairs]
        scores = {"precision": precision_score, "recall": recall_score, "f1": f1_score, "accuracy": accuracy_score}
        return {name: float(score(gold, found)) for name, score in scores.items()}

    return compute


def build_trainer(chosen: argparse.Namespace, scratch: str):
    from transformers import (
        AutoTokenizer,
        DataCollatorForTokenClassification,
        PrinterCallback,
        Trainer,
        set_seed,
    )

    set_seed(chosen.seed)
    train = conll.read(chosen.train, chosen.max_train_samples)
    dev = conll.read(chosen.dev, chosen.max_eval_samples) if chosen.dev else []
    labels = sorted({tag for sentence in train + dev for tag in sentence.tags})
    tokenizer = AutoTokenizer.from_pretrained(chosen.model)
    silent = not sys.stderr.isatty()
    trainer = Trainer(
        model=load_model(chosen, labels),
        args=training_arguments(
            chosen, scratch, per_device_eval_batch_size=8, max_steps=chosen.max_steps, disable_tqdm=silent
        ),
        train_dataset=encode(train, tokenizer, labels, chosen.max_length),
        eval_dataset=encode(dev, tokenizer, labels, chosen.max_length) if dev else None,
        data_collator=DataCollatorForTokenClassification(tokenizer),
        processing_class=tokenizer,
        compute_metrics=seqeval_metrics(labels),
    )
    # Standard output is the report's.
    trainer.remove_callback(PrinterCallback)
    return trainer


def peak_rss_mb() -> float:
    # Kibibytes on Linux; a megabyte is 10^6 bytes, as in training.json.
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6, 1)


def run(chosen: argparse.Namespace) -> dict:
    with tempfile.TemporaryDirectory() as scratch:
        trainer = build_trainer(chosen, scratch)
        metrics = trainer.train().metrics
        report = {
            "settings": {key: str(v) if isinstance(v, Path) else v for key, v in vars(chosen).items()},
            "train_samples": len(trainer.train_dataset),
            "train_steps": trainer.state.global_step,
            "train_seconds": metrics["train_runtime"],
            "train_samples_per_second": metrics["train_samples_per_second"],
            "train_loss": metrics["train_loss"],
            "train_peak_rss_mb": peak_rss_mb(),
        }
        if trainer.eval_dataset is not None:
            scores = trainer.evaluate()
            names = ("precision", "recall", "f1", "accuracy", "loss", "samples_per_second")
            report["dev"] = {name: scores[f"eval_{name}"] for name in names}
        if chosen.output:
            trainer.save_model(str(chosen.output))
        report["peak_rss_mb"] = peak_rss_mb()
        return report


def main() -> None:
    chosen = options()
    # Before torch is imported: OpenMP reads it once.
    os.environ["OMP_NUM_THREADS"] = str(chosen.threads)
    import torch
    import transformers

    torch.set_num_threads(chosen.threads)
    before = peak_rss_mb()
    report = run(chosen) | {
        "import_rss_mb": before,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }
    text = json.dumps(report, indent=2)
    print(text)
    if chosen.json:
        chosen.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
