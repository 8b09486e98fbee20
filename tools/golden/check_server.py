#!/usr/bin/env python3
"""Checks a running `bert-ner serve` against transformers' pipeline on the same model folder and the first sentences of a CoNLL file,
joined by spaces: every aggregation strategy, same entities, same offsets, scores within the tolerance. Then asks it with
huggingface_hub's InferenceClient. Nothing is written: the texts may not be passed on.

usage: check_server.py --url http://127.0.0.1:8080 --model DIR --data FILE [--count 300] [--stride 0 64]
"""

import argparse
import json
import sys
import urllib.request
from pathlib import Path

from huggingface_hub import InferenceClient
from transformers import pipeline

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers"))
import conll

STRATEGIES = ["none", "simple", "first", "average", "max"]


def ask(url, texts, parameters):
    body = json.dumps({"inputs": texts, "parameters": parameters}).encode()
    request = urllib.request.Request(f"{url}/predict", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def compare(texts, expected, found):
    """Entities compared, the largest difference of scores, and the first that differ in anything else."""
    count, largest, faults = 0, 0.0, []
    for text, wanted, given in zip(texts, expected, found, strict=True):
        plain = lambda mentions: [{key: value for key, value in mention.items() if key != "score"} for mention in mentions]
        if plain(wanted) != plain(given):
            faults.append((text, wanted, given))
            continue
        count += len(wanted)
        largest = max([largest, *(abs(float(a["score"]) - b["score"]) for a, b in zip(wanted, given))])
    return count, largest, faults


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--stride", type=int, nargs="*", default=[0, 64])
    parser.add_argument("--tolerance", type=float, default=1e-3)
    options = parser.parse_args()
    texts = conll.texts(options.data, options.count)
    ner = pipeline("token-classification", model=options.model, device="cpu")
    long = [" ".join(texts)]
    cases = [(texts, strategy, None) for strategy in STRATEGIES]
    cases += [(long, strategy, stride) for stride in options.stride for strategy in STRATEGIES[1:]]
    good = True
    for inputs, strategy, stride in cases:
        strided = {} if stride is None else {"stride": stride}
        for ignored in (["O"], []):
            parameters = {"aggregation_strategy": strategy, "ignore_labels": ignored, **strided}
            expected = [ner(text, **parameters) for text in inputs]
            found = [row for start in range(0, len(inputs), 100) for row in ask(options.url, inputs[start : start + 100], parameters)]
            count, largest, faults = compare(inputs, expected, found)
            fine = not faults and largest <= options.tolerance
            good &= fine
            print(f"{'same' if fine else 'DIFFERENT'}: {len(inputs)} texts, {parameters}: {count} mentions, scores within {largest:.1e}")
            for text, wanted, given in faults[:1]:
                differing = [pair for pair in zip(wanted, given) if {**pair[0], "score": 0} != {**pair[1], "score": 0}]
                print(f"  {len(faults)} texts differ, first: {text[:100]!r} {differing[:1]} {len(wanted)} {len(given)}")
    client = InferenceClient(model=options.url)
    answer = client.token_classification(texts[0], aggregation_strategy="simple")
    expected = ner(texts[0], aggregation_strategy="simple")
    same = [(e.entity_group, e.word, e.start, e.end) for e in answer] == [
        (e["entity_group"], e["word"], e["start"], e["end"]) for e in expected
    ]
    good &= same
    print(f"{'same' if same else 'DIFFERENT'}: InferenceClient, {len(answer)} entities")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
