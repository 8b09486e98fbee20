#!/usr/bin/env python3
"""Makes a BERT folder with random weights, to measure speed at a shape whose weights are not at hand.

The weights are transformers' own initialisation of that configuration, the tokenizer is copied from another folder.

usage: random_bert.py --tokenizer DIR --output DIR [--shape bert-base] [--seed 42]
"""

import argparse
import os
import shutil
from pathlib import Path

SHAPES = {
    "bert-base": {},  # the defaults of BertConfig: 12 layers, hidden size 768, 12 heads, vocabulary 30522
    "bert-large": {"num_hidden_layers": 24, "hidden_size": 1024, "num_attention_heads": 16, "intermediate_size": 4096},
}


def configuration(shape: str):
    from transformers import BertConfig

    return BertConfig(vocab_size=30522, **SHAPES[shape])


def write(tokenizer: Path, output: Path, shape: str, seed: int) -> None:
    from transformers import AutoTokenizer, BertModel, set_seed

    set_seed(seed)
    # Under another name until it is whole: 440 MB take a while.
    parts = output.with_name(f"{output.name}.part{os.getpid()}")
    try:
        BertModel(configuration(shape)).save_pretrained(parts)
        AutoTokenizer.from_pretrained(tokenizer).save_pretrained(parts)
        os.rename(parts, output)
    finally:
        shutil.rmtree(parts, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--shape", choices=SHAPES, default="bert-base")
    parser.add_argument("--seed", type=int, default=42)
    options = parser.parse_args()
    write(options.tokenizer, options.output, options.shape, options.seed)


if __name__ == "__main__":
    main()
