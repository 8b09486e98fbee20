#!/usr/bin/env python3
"""Goldens for `crates/score`: what seqeval and the Perl conlleval say of random tag sequences.

    python tools/golden/score_goldens.py PATH/TO/conlleval crates/score/tests/golden

Needs seqeval==1.2.2 (numpy, scikit-learn), perl, and conlleval in its version of 2004-01-26 by Erik Tjong Kim Sang, which
is not part of this project. Seeded: the same versions write the same bytes.

`corpora.jsonl` has one corpus a line: `gold` and `predicted` are sentences of tags joined by spaces; `default` is seqeval's
default mode; `strict` its strict mode by scheme, or "error" where seqeval raises; `accuracy` is seqeval's; `report` is its
classification report; `conlleval`, `latex` and `raw` are what the Perl script prints with no option, `-l` and `-r`.
`files.jsonl` holds whole files with the script's answer to each. `bootstrap.json` holds intervals by numpy's quantile.
"""

import json
import os
import random
import subprocess
import sys
import warnings

import numpy as np
from seqeval.metrics import accuracy_score, classification_report
from seqeval.metrics.sequence_labeling import precision_recall_fscore_support as default_scores
from seqeval.metrics.v1 import precision_recall_fscore_support as strict_scores
from seqeval.metrics.sequence_labeling import get_entities
from seqeval.scheme import BILOU, IOB1, IOB2, IOBES, IOE1, IOE2, Entities

warnings.filterwarnings("ignore")

SCHEMES = {"iob1": IOB1, "iob2": IOB2, "ioe1": IOE1, "ioe2": IOE2, "bioes": IOBES, "bilou": BILOU}
PREFIXES = {"iob1": "IB", "iob2": "IB", "ioe1": "IE", "ioe2": "IE", "bioes": "BIES", "bilou": "BILU"}
LABEL_SETS = [
    ["PER"],
    ["PER", "LOC", "ORG", "MISC"],
    ["LOC", "geo-loc", "B-B"],
    ["人", "地名", "événement"],
    ["a-very-long-type-name-indeed", "x"],
]
MANY_LABELS = [f"T{i:02}" for i in range(12)]


def spell(entities, length, scheme):
    """Tags of sorted, disjoint (start, end, label) entities."""
    tags = ["O"] * length
    previous = None
    following = {start: label for start, _, label in entities}
    for start, end, label in entities:
        inner = ["I"] * (end - start)
        if scheme in ("iob2", "bioes", "bilou") or (scheme == "iob1" and previous == (start, label)):
            inner[0] = "B"
        if scheme == "ioe2" or (scheme == "ioe1" and following.get(end) == label):
            inner[-1] = "E"
        if scheme in ("bioes", "bilou"):
            last, single = ("E", "S") if scheme == "bioes" else ("L", "U")
            inner[-1] = last
            if end - start == 1:
                inner[0] = single
        tags[start:end] = [f"{prefix}-{label}" for prefix in inner]
        previous = (end, label)
    return tags


def random_entities(rng, length, labels):
    entities, position = [], 0
    while position < length:
        if rng.random() < 0.4:
            end = min(length, position + rng.choice([1, 1, 2, 3]))
            entities.append((position, end, rng.choice(labels)))
            position = end
        else:
            position += 1
    return entities


def perturbed(rng, entities, length, labels):
    """What a tagger that errs now and then would find."""
    kept = []
    for start, end, label in entities:
        fate = rng.random()
        if fate < 0.15:
            continue
        if fate < 0.30:
            label = rng.choice(labels)
        elif fate < 0.40 and end - start > 1:
            end -= 1
        kept.append((start, end, label))
    taken = {word for start, end, _ in kept for word in range(start, end)}
    for word in range(length):
        if word not in taken and rng.random() < 0.05:
            kept.append((word, word + 1, rng.choice(labels)))
    return sorted(kept)


def valid_corpus(rng, scheme, labels):
    gold, predicted = [], []
    for _ in range(rng.choice([1, 3, 6, 10])):
        length = rng.randint(1, 12)
        entities = random_entities(rng, length, labels)
        gold.append(spell(entities, length, scheme))
        predicted.append(spell(perturbed(rng, entities, length, labels), length, scheme))
    return gold, predicted


def noisy(rng, tags, vocabulary, share):
    return [rng.choice(vocabulary) if rng.random() < share else tag for tag in tags]


def random_corpus(rng, vocabulary, share=0.3):
    gold, predicted = [], []
    for _ in range(rng.choice([1, 4, 8])):
        tags = [rng.choice(vocabulary) for _ in range(rng.randint(0, 9))]
        gold.append(tags)
        predicted.append(noisy(rng, tags, vocabulary, share))
    return gold, predicted


def corpora(rng):
    for scheme in SCHEMES:
        for _ in range(32):
            yield f"valid {scheme}", *valid_corpus(rng, scheme, rng.choice(LABEL_SETS))
        for _ in range(32):
            labels = rng.choice(LABEL_SETS)[:3]
            vocabulary = ["O"] + [f"{prefix}-{label}" for prefix in PREFIXES[scheme] for label in labels]
            yield f"impossible {scheme}", *random_corpus(rng, vocabulary)
        yield f"many types {scheme}", *valid_corpus(rng, scheme, MANY_LABELS)
    all_prefixes = ["O"] * 3 + [f"{prefix}-{label}" for prefix in "BIOESLU" for label in ("X", "Y")]
    for _ in range(40):
        yield "mixed prefixes", *random_corpus(rng, all_prefixes)
    odd = ["O", "B", "I", "E", "S", "L", "U", "X", "PER", "LOC", "P", "O-X", "B-", "I-", "B--X", "I-X-", "B-X-Y", "I-X-Y",
           "BX-Y", ".-X", "I-X", "[-X", "]-X", "B-X", "B-0", "I-0", "B-_", "I-_", "-X", "-", "é-X", "I-人", "L-X", "0"]
    for _ in range(120):
        yield "odd tags", *random_corpus(rng, rng.sample(odd, rng.randint(2, 7)))
    for plain in (["O", "PER", "LOC"], ["O", "P", "L"], ["O", "A-B", "C"]):
        for _ in range(6):
            yield "plain types", *random_corpus(rng, plain)
    yield "nothing annotated", [["O", "O"], ["O"]], [["O", "O"], ["O"]]
    yield "nothing predicted", [["B-X", "O"], ["O"]], [["O", "O"], ["O"]]
    yield "nothing gold", [["O", "O"], ["O"]], [["O", "B-X"], ["O"]]
    yield "one word", [["B-X"]], [["B-X"]]
    yield "empty sentences", [[], ["B-X"], []], [[], ["I-X"], []]
    for denominator in (8, 16, 32, 64, 96):  # percentages that end in 5 after two decimals
        gold = [["B-X"] for _ in range(denominator)]
        for correct in (1, 3, 5):
            yield "halves", gold, [["B-X"] if i < correct else ["B-Y"] for i in range(denominator)]
    yield "many types", *valid_corpus(rng, "iob2", MANY_LABELS)


def numbers(values):
    return [float(value) for value in values]


def scores(gold, predicted, score, names):
    """[micro, macro, weighted] as [precision, recall, f1], then {type: [precision, recall, f1, support]}."""
    out = [numbers(score(gold, predicted, average=average)[:3]) for average in ("micro", "macro", "weighted")]
    if not names:
        out[1] = None  # numpy's mean of nothing: not a number
    by_type = zip(names, *score(gold, predicted, average=None))
    return out + [{name: [float(p), float(r), float(f), int(s)] for name, p, r, f, s in by_type}]


def default_mode(gold, predicted):
    names = {name for name, _, _ in get_entities(gold)} | {name for name, _, _ in get_entities(predicted)}
    return scores(gold, predicted, default_scores, sorted(names))


def strict_mode(gold, predicted, scheme):
    try:
        names = sorted(Entities(gold, scheme).unique_tags | Entities(predicted, scheme).unique_tags)
    except (KeyError, ValueError):
        return "error"
    return scores(gold, predicted, lambda g, p, average: strict_scores(g, p, average=average, scheme=scheme), names)


def perl(script, text, *options):
    done = subprocess.run(["perl", script, *options], input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert done.returncode == 0, text
    return done.stdout.decode()


def conll(gold, predicted):
    return "".join("".join(f"w {g} {p}\n" for g, p in zip(*sentence)) + "\n" for sentence in zip(gold, predicted))


def case(index, kind, gold, predicted, script):
    line = {"kind": kind, "gold": [" ".join(tags) for tags in gold], "predicted": [" ".join(tags) for tags in predicted]}
    line["accuracy"] = accuracy_score(gold, predicted) if sum(map(len, gold)) else None
    line["default"] = default_mode(gold, predicted)
    line["strict"] = {name: strict_mode(gold, predicted, scheme) for name, scheme in SCHEMES.items()}
    text = conll(gold, predicted)
    line["conlleval"] = perl(script, text)
    if index % 8 == 0 or kind == "halves":
        line["latex"] = perl(script, text, "-l")
        if line["default"][3]:
            line["report"] = classification_report(gold, predicted, digits=3)
    if kind == "plain types":
        line["raw"] = perl(script, text, "-r")
    return line


FILES = [
    "EU NNP B-ORG B-ORG\nrejects VBZ O O\nGerman JJ B-MISC I-MISC\n\nPeter NNP B-PER B-PER\nBlackburn NNP I-PER I-PER\n\n",
    "-DOCSTART- -X- O O\n\nEU NNP I-ORG I-ORG\n\n-DOCSTART- -X- O B-ORG\n\nPeter NNP I-PER O\n",
    "a B-X B-X\n-X- O O\nb I-X I-X\n",
    "a B-X B-X\n-X- I-X I-X\nb I-X I-X\n\n",
    "\n\na B-X B-X\n\n\n   \nb I-X I-X \n\n",
    "B-X B-X\nI-X O\n\nO B-X\n\n",
    "\n\n",
    "",
    "# B-X B-X\n-DOCSTART- O O\nI-X I-X I-X\n\n",
]


def split_mix(state):
    """SplitMix64 (Steele, Lea and Flood 2014), the generator of the bootstrap."""
    mask = (1 << 64) - 1
    while True:
        state = (state + 0x9E3779B97F4A7C15) & mask
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        yield z ^ (z >> 31)


def bootstrap(rng):
    """Sentences as [correct, predicted, gold], and the percentile interval of each measure."""
    sentences = []
    for _ in range(40):
        gold = rng.randint(0, 4)
        correct = rng.randint(0, gold)
        sentences.append([correct, correct + rng.randint(0, 2), gold])
    table, draws, samples = np.array(sentences), split_mix(7), []
    for _ in range(500):
        correct, predicted, gold = table[[(next(draws) * len(table)) >> 64 for _ in table]].sum(axis=0)
        precision, recall = correct / predicted, correct / gold
        samples.append([precision, recall, 2 * precision * recall / (precision + recall)])
    intervals = np.quantile(np.array(samples), [0.05, 0.95], axis=0).T.tolist()
    return {"seed": 7, "resamples": 500, "level": 0.9, "sentences": sentences, "intervals": intervals}


def main():
    script, folder = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    rng = random.Random(20240229)
    dump = {"ensure_ascii": False, "separators": (",", ":")}
    with open(os.path.join(folder, "corpora.jsonl"), "w", encoding="utf-8") as out:
        for index, corpus in enumerate(corpora(rng)):
            out.write(json.dumps(case(index, *corpus, script), **dump) + "\n")
    with open(os.path.join(folder, "files.jsonl"), "w", encoding="utf-8") as out:
        for text in FILES:
            out.write(json.dumps({"file": text, "conlleval": perl(script, text)}, **dump) + "\n")
    with open(os.path.join(folder, "bootstrap.json"), "w", encoding="utf-8") as out:
        out.write(json.dumps(bootstrap(rng), **dump) + "\n")


if __name__ == "__main__":
    main()
