#!/usr/bin/env python3
"""Goldens of the tokenizer, from transformers.

Writes a small vocabulary in the forms in which folders carry it, and what transformers makes of awkward words:

    uncased/vocab.txt                        a bare vocabulary: BERT's defaults, lower-casing
    cased/{vocab.txt,tokenizer_config.json}  the same vocabulary, do_lower_case false
    saved/{tokenizer.json,tokenizer_config.json}  uncased as save_pretrained writes it, with truncation and padding stored
    expected.json                            the sentences, and per folder their ids and word ids

usage: tokenizer.py [--output DIR] [--check]     --check compares with what lies in DIR and writes nothing there
"""

import argparse
import filecmp
import json
import shutil
import string
import sys
import tempfile
from pathlib import Path

from transformers import BertTokenizerFast

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = string.ascii_lowercase + string.ascii_uppercase + string.digits
WHOLE = [
    "the", "The", "cafe", "café", "un", "##aff", "##able", "##ing", "##s", "angstrom", "##ström", "strasse", "stra", "##ße",
    "北", "京", "##京", "市", "日", "本", "語", "я", "##я", "й", "ё", "е", "##е", "ﬁ", "fi", "é", "e", "ı", "i", "ß", "ss",
    "ก", "##ก", "##ำ", "अ", "##अ", "ا", "##ا", "한", "##한", "ᄒ", "##ᅡ", "##ᆫ", "…", "—", "’", "“", "€", "$", "°", "™", "🙂", "##🙂",
    "👩", "##👩", "🔬", "##🔬", "​", "　", "x y",
]  # fmt: skip
SENTENCES = [
    ["The", "unaffable", "cafés", "—", "U.S.A.", "O'Neil's", "3.5%", "foo-bar_baz", "..."],
    ["café", "cafe\u0301", "CAFÉ", "Ångström", "A\u030angstro\u0308m", "e\u0301\u0302", "\u0301", "a\u0301", "naïve"],
    ["北京市", "北", "京", "日本語text", "text日本", "𠀀", "豈", "カタカナ", "한국어", "\u1112\u1161\u11ab"],
    ["🙂", "a🙂b", "👩\u200d🔬", "👩🏽", "❤\ufe0f", "🇩🇪", "1\ufe0f\u20e3"],
    ["a\u200bb", "\u200b", "\u200d", "\ufeff", "\u00ad", "soft\u00adhyphen", "\u2060x", "x\u200e", "\u202eabc"],
    ["\x00", "a\x00b", "\x07bell", "\x7f", "\x85", "\ufffd", "a\ufffdb", "\ue000", "\U0010fffd", "\u0378"],
    ["", " ", "a b", "\t", "a\tb", "\n", "x\u00a0y", "\u3000", "x\u3000y", "\u2028"],
    ["STRASSE", "Straße", "İstanbul", "ı", "ﬁne", "Ǆ", "ΑΣ", "ΣΑΣ", "Ё", "Й", "и\u0306", "ЙОД"],
    ["[UNK]", "[SEP]", "a[SEP]b", "[cls]", "[CLS", "##ing", "#", "##", "[MASK]s", "[ SEP ]"],
    ["a" * 100, "a" * 101, "ab" * 60, "é" * 100, "!" * 130, "aé" * 50],
    ["กำ", "अक्षर", "ا\u064e", "ﷺ", "½", "x²", "№5", "™", "€5", "$5", "°C", "a\u0345", "ﾊﾝｶｸ", "Ａ"],
    ["^_^", "`", "~", "<a>", "a=b", "a+b", "|", "©", "§", "¿Qué?", "«a»", "‘’“”", "、。", "・", "ー", "〜"],
]


def vocabulary():
    entries = SPECIAL + list(LETTERS) + ["##" + letter for letter in LETTERS] + list(string.punctuation) + WHOLE
    return list(dict.fromkeys(entries))


def encode(folder):
    tokenizer = BertTokenizerFast.from_pretrained(folder)
    encoded = [tokenizer(words, is_split_into_words=True, add_special_tokens=False, truncation=False) for words in SENTENCES]
    return [{"ids": one["input_ids"], "words": one.word_ids()} for one in encoded]


def write(output):
    for name in ("uncased", "cased"):
        (output / name).mkdir(parents=True, exist_ok=True)
        (output / name / "vocab.txt").write_text("".join(piece + "\n" for piece in vocabulary()), encoding="utf-8")
    (output / "cased/tokenizer_config.json").write_text('{"do_lower_case": false}\n')
    tokenizer = BertTokenizerFast.from_pretrained(output / "uncased", model_max_length=40)
    tokenizer("x", truncation=True, max_length=8, padding="max_length")
    tokenizer.save_pretrained(output / "saved")
    stored = json.loads((output / "saved/tokenizer.json").read_text())
    assert stored["truncation"] and stored["padding"]
    expected = {"sentences": SENTENCES, **{name: encode(output / name) for name in ("uncased", "cased", "saved")}}
    (output / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = Path(__file__).resolve().parents[2] / "crates/tokenize/tests/data"
    parser.add_argument("--output", type=Path, default=data)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    if not options.check:
        shutil.rmtree(options.output, ignore_errors=True)
        write(options.output)
        return
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder)
        write(fresh)
        names = [path.relative_to(fresh) for path in fresh.rglob("*") if path.is_file()]
        _, differ, missing = filecmp.cmpfiles(fresh, options.output, names, shallow=False)
        if differ or missing:
            sys.exit(f"not as transformers makes them now: {differ + missing}")


if __name__ == "__main__":
    main()
