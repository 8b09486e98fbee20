"""What both Trainer peers tell transformers' Trainer alike; everything else is its default."""

import argparse


def training_arguments(chosen: argparse.Namespace, scratch: str, **more):
    """`TrainingArguments` for a run on the CPU that saves and reports nothing by itself."""
    from transformers import TrainingArguments

    return TrainingArguments(
        output_dir=scratch,
        per_device_train_batch_size=chosen.batch_size,
        num_train_epochs=chosen.epochs,
        learning_rate=chosen.learning_rate,
        seed=chosen.seed,
        use_cpu=True,
        save_strategy="no",
        report_to=[],
        **more,
    )
