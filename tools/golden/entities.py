"""Random tag sequences and the entities that seqeval reads in them, as the goldens of `bert-ner-text`.

    pip install seqeval==1.2.2
    python tools/golden/entities.py > crates/text/tests/data/seqeval-entities.tsv

Each line: the tags, separated by spaces; a tab; the entities as type:first:last, separated by spaces.
Most sequences are impossible in every scheme: how those are read is the point.
"""

import random

from seqeval.metrics.sequence_labeling import get_entities

random.seed(20)
PREFIXES = ["BI", "BI", "BIES", "BIES", "I", "IE", "BS"]
for _ in range(600):
    prefixes = random.choice(PREFIXES)
    types = ["PER", "LOC", "GEO-POL"][: random.randint(1, 3)]
    tags = [
        "O" if random.random() < 0.3 else f"{random.choice(prefixes)}-{random.choice(types)}"
        for _ in range(random.randint(0, 9))
    ]
    entities = [f"{label}:{first}:{last}" for label, first, last in get_entities(tags)]
    print(" ".join(tags), " ".join(entities), sep="\t")
