#!/usr/bin/env python3
"""The peer for whole texts: transformers' Trainer as its example `run_classification.py` runs it, full or with PEFT's LoRA.

Texts are tokenized and cut before the clock starts, batches are padded to their longest text, everything that is no option is the
Trainer's default: AdamW, linear schedule. Dev is scored after training. Prints, and writes with --json, samples a second as the
Trainer reports them and accuracy, macro F1 and weighted F1 by scikit-learn.

usage: classify.py --model DIR --train FILE --dev FILE [options]     FILE: JSON lines with `text` and `label`
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from arguments import training_arguments


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="a Hugging Face BERT folder")
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--dev", type=Path, required=True)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--epochs", type=float, default=3.0)
    parser.add_argument("--learning-rate", type=float, default=5e-5)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--max-train-samples", type=int)
    parser.add_argument("--max-eval-samples", type=int)
    parser.add_argument("--lora-rank", type=int, help="train PEFT's LoRA instead of the whole model")
    parser.add_argument("--lora-alpha", type=float, default=8.0)
    parser.add_argument("--lora-dropout", type=float, default=0.0)
    parser.add_argument("--lora-targets", default="query,value")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--output", type=Path, help="save the finetuned model or adapter here")
    parser.add_argument("--json", type=Path, help="write the report here")
    return parser.parse_args()


def rows(path: Path, limit: int | None) -> list[dict]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file][:limit]


def load_model(chosen: argparse.Namespace, labels: list):
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForSequenceClassification

    names = {i: str(label) for i, label in enumerate(labels)}
    model = AutoModelForSequenceClassification.from_pretrained(
        chosen.model, id2label=names, label2id={name: i for i, name in names.items()}
    )
    if chosen.lora_rank is None:
        return model
    lora = LoraConfig(
        task_type="SEQ_CLS",
        r=chosen.lora_rank,
        lora_alpha=chosen.lora_alpha,
        lora_dropout=chosen.lora_dropout,
        target_modules=chosen.lora_targets.split(","),
    )
    return get_peft_model(model, lora)


def metrics(outcome) -> dict[str, float]:
    from sklearn.metrics import accuracy_score, f1_score

    found, gold = outcome.predictions.argmax(axis=-1), outcome.label_ids
    return {
        "accuracy": float(accuracy_score(gold, found)),
        "macro_f1": float(f1_score(gold, found, average="macro")),
        "weighted_f1": float(f1_score(gold, found, average="weighted")),
    }


def build_trainer(chosen: argparse.Namespace, scratch: str):
    from transformers import (
        AutoTokenizer,
        DataCollatorWithPadding,
        PrinterCallback,
        Trainer,
        set_seed,
    )

    set_seed(chosen.seed)
    train, dev = rows(chosen.train, chosen.max_train_samples), rows(chosen.dev, chosen.max_eval_samples)
    labels = sorted({row["label"] for row in train + dev})
    tokenizer = AutoTokenizer.from_pretrained(chosen.model)

    def encoded(part: list[dict]) -> list[dict]:
        texts = [row["text"] for row in part]
        batch = tokenizer(texts, truncation=True, max_length=chosen.max_length, padding=False)
        return [{key: batch[key][i] for key in batch} | {"labels": labels.index(row["label"])} for i, row in enumerate(part)]

    trainer = Trainer(
        model=load_model(chosen, labels),
        args=training_arguments(
            chosen, scratch, per_device_eval_batch_size=chosen.batch_size, disable_tqdm=True, logging_steps=100
        ),
        train_dataset=encoded(train),
        eval_dataset=encoded(dev),
        data_collator=DataCollatorWithPadding(tokenizer),
        compute_metrics=metrics,
    )
    trainer.remove_callback(PrinterCallback)
    return trainer, tokenizer


def main() -> int:
    chosen = options()
    os.environ["OMP_NUM_THREADS"] = str(chosen.threads)
    import torch

    torch.set_num_threads(chosen.threads)
    with tempfile.TemporaryDirectory() as scratch:
        trainer, tokenizer = build_trainer(chosen, scratch)
        trained = trainer.train()
        scored = trainer.evaluate()
    parameters = trainer.model.parameters()
    report = {
        "trained_parameters": sum(parameter.numel() for parameter in parameters if parameter.requires_grad),
        "train_seconds": trained.metrics["train_runtime"],
        "samples_per_second": trained.metrics["train_samples_per_second"],
        **{name: scored[f"eval_{name}"] for name in ["loss", "accuracy", "macro_f1", "weighted_f1"]},
    }
    if chosen.output:
        trainer.model.save_pretrained(chosen.output)
        trainer.model.config.save_pretrained(chosen.output)
        tokenizer.save_pretrained(chosen.output)
    text = json.dumps(report, indent=2)
    print(text)
    if chosen.json:
        chosen.json.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
