#!/usr/bin/env python3
"""Model folders go both ways between bert-ner and transformers with the same predictions.

(a) A folder finetuned by `bert-ner train` opens in AutoModelForTokenClassification and in
    pipeline("token-classification").
(b) A folder finetuned by transformers (trainer.py) opens in `bert-ner predict`.

For each folder the first dev sentences are tagged by `bert-ner predict`, by the model called directly with the words,
and by the pipeline with the text, and all tags are compared word by word. A word whose two best logits lie closer than
1e-4 in transformers may go either way and is counted apart. Exits non-zero when any other tag differs.

usage: interop.py --model DIR --train FILE --dev FILE [options]        trains both folders, then compares
       interop.py --dev FILE --ours DIR --theirs DIR [options]         compares folders that are there
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import conll

ROOT = Path(__file__).resolve().parents[2]
NEAR_TIE = 1e-4


class Tagged(NamedTuple):
    tag: str
    probability: float | None


class Oracle(NamedTuple):
    tag: str
    probability: float
    gap: float  # best logit less second best


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dev", type=Path, required=True, help="CoNLL columns, IOB1 or IOB2")
    parser.add_argument("--ours", type=Path, help="a folder finetuned by bert-ner")
    parser.add_argument("--theirs", type=Path, help="a folder finetuned by transformers")
    parser.add_argument("--model", type=Path, default=ROOT / "models" / "minilm", help="what to finetune")
    parser.add_argument("--train", type=Path, help="what to finetune on")
    parser.add_argument("--max-train-samples", type=int, default=1000)
    parser.add_argument("--sentences", type=int, default=500, help="dev sentences to compare")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--bert-ner", type=Path, default=ROOT / "target" / "release" / "bert-ner")
    chosen = parser.parse_args()
    if not chosen.train and not (chosen.ours or chosen.theirs):
        parser.error("give --train to finetune, or --ours and --theirs")
    return chosen


def finetune(chosen: argparse.Namespace, scratch: Path) -> dict[str, Path]:
    """Both folders, each trained by its own program unless it was given."""
    arguments = ["--model", chosen.model, "--train", chosen.train, "--dev", chosen.dev, "--epochs", "1"]
    arguments += ["--max-train-samples", str(chosen.max_train_samples), "--max-eval-samples", str(chosen.sentences)]
    arguments += ["--threads", str(chosen.threads)]
    folders = {}
    if chosen.ours or chosen.train:
        folders["bert-ner"] = chosen.ours or scratch / "ours"
    if chosen.theirs or chosen.train:
        folders["transformers"] = chosen.theirs or scratch / "theirs"
    if not chosen.ours and chosen.train:
        subprocess.run([chosen.bert_ner, "train", *arguments, "--output", folders["bert-ner"]], check=True)
    if not chosen.theirs and chosen.train:
        script = [sys.executable, Path(__file__).with_name("trainer.py")]
        subprocess.run([*script, *arguments, "--output", folders["transformers"]], check=True)
    return folders


def predict(binary: Path, folder: Path, sentences: list[list[str]], scratch: Path) -> list[list[Tagged]]:
    """What `bert-ner predict` says, one tag a word."""
    words = scratch / "words.jsonl"
    words.write_text("".join(json.dumps({"tokens": sentence}) + "\n" for sentence in sentences), encoding="utf-8")
    command = [binary, "predict", "--model", folder, words, "--input-format", "jsonl", "--output-format", "jsonl"]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, encoding="utf-8").stdout
    tagged = []
    for line in output.splitlines():
        row = json.loads(line)
        tags = row["ner_tags"]
        tagged.append([Tagged(*pair) for pair in zip(tags, row.get("probabilities", [None] * len(tags)))])
    return tagged


class Transformers:
    """A folder as transformers opens it."""

    def __init__(self, folder: Path):
        from transformers import AutoModelForTokenClassification, AutoTokenizer, pipeline

        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModelForTokenClassification.from_pretrained(folder).eval()
        self.labels = self.model.config.id2label
        self.pipe = pipeline("token-classification", model=self.model, tokenizer=self.tokenizer, ignore_labels=[])

    def too_long(self, words: list[str]) -> bool:
        pieces = self.tokenizer(words, is_split_into_words=True)["input_ids"]
        return len(pieces) > self.model.config.max_position_embeddings

    def direct(self, words: list[str]) -> list[Oracle | None]:
        """The model called with the words: the first piece of each speaks; None for a word without a piece."""
        import torch

        encoded = self.tokenizer(words, is_split_into_words=True, return_tensors="pt")
        with torch.no_grad():
            logits = self.model(**encoded).logits[0]
        ids = encoded.word_ids()
        found = []
        for word in range(len(words)):
            if word not in ids:
                found.append(None)
                continue
            row = logits[ids.index(word)]
            best, second = row.topk(2).values.tolist()
            found.append(Oracle(self.labels[row.argmax().item()], row.softmax(-1).max().item(), best - second))
        return found

    def through_pipeline(self, words: list[str]) -> list[Tagged | None]:
        """The pipeline called with the text: the piece at the start of each word speaks."""
        starts, position = [], 0
        for word in words:
            starts.append(position)
            position += len(word) + 1
        pieces = {piece["start"]: piece for piece in self.pipe(" ".join(words))}
        found = (pieces.get(start) for start in starts)
        return [Tagged(piece["entity"], float(piece["score"])) if piece else None for piece in found]


class Tally:
    """The counts of one comparison."""

    def __init__(self) -> None:
        self.words = self.equal = self.ties = self.different = self.unspoken = 0
        self.largest: float | None = None
        self.examples: list[str] = []

    def add(self, sentence: int, words: list[str], found: list[Tagged], oracle: list, direct: list) -> None:
        for word, ours, theirs, logits in zip(words, found, oracle, direct):
            self.words += 1
            if theirs is None:
                self.unspoken += 1
            elif ours.tag == theirs.tag:
                self.equal += 1
                self.measure(ours.probability, theirs.probability)
            elif logits and logits.gap < NEAR_TIE:
                self.ties += 1
            else:
                self.different += 1
                self.examples.append(f"  sentence {sentence}, {word!r}: {ours.tag} here, {theirs.tag} in transformers")

    def measure(self, ours: float | None, theirs: float) -> None:
        if ours is not None:
            self.largest = max(self.largest or 0.0, abs(ours - theirs))

    def row(self, name: str) -> str:
        largest = "-" if self.largest is None else f"{self.largest:.2g}"
        return (
            f"{name:<38} {self.words:>7} {self.equal:>7} {self.ties:>9} {self.different:>9} {self.unspoken:>9}"
            f" {largest:>10}"
        )


def compare(name: str, folder: Path, chosen: argparse.Namespace, scratch: Path) -> list[Tally]:
    peer = Transformers(folder)
    sentences = [sentence.words for sentence in conll.read(chosen.dev, chosen.sentences)]
    kept = [words for words in sentences if not peer.too_long(words)]
    if len(kept) < len(sentences):
        print(f"{len(sentences) - len(kept)} sentences are too long for transformers and left out")
    found = predict(chosen.bert_ner, folder, kept, scratch)
    if [len(tags) for tags in found] != [len(words) for words in kept]:
        sys.exit("interop: bert-ner predict did not give one tag a word")
    called, piped = Tally(), Tally()
    for i, (words, tags) in enumerate(zip(kept, found)):
        direct = peer.direct(words)
        called.add(i, words, tags, direct, direct)
        piped.add(i, words, tags, peer.through_pipeline(words), direct)
    print(called.row(f"{name} | model"))
    print(piped.row(f"{name} | pipeline"), flush=True)
    for example in [*called.examples, *piped.examples][:20]:
        print(example)
    return [called, piped]


def main() -> int:
    chosen = parse_options()
    import torch
    from transformers.utils import logging

    torch.set_num_threads(chosen.threads)
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        folders = finetune(chosen, scratch)
        print(
            f"{'folder finetuned by | opened by':<38} {'words':>7} {'equal':>7} {'near tie':>9} {'different':>9}"
            f" {'no piece':>9} {'max |dp|':>10}"
        )
        tallies = [tally for name, path in folders.items() for tally in compare(name, path, chosen, scratch)]
    return 1 if any(tally.different for tally in tallies) else 0


if __name__ == "__main__":
    sys.exit(main())
