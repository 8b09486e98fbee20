"""The command line that the generators of whole-model goldens share: write them, or say whether they are reproduced."""

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file


def run(description: str, write: Callable[[Path, Path], None]) -> int:
    """`write(output, data)` makes the goldens in `output` from the tiny BERT and the batch in `data`; gives the exit status."""
    data = Path(__file__).resolve().parents[2] / "crates" / "model" / "tests" / "data"
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=data)
    parser.add_argument("--check", action="store_true", help="compare with the goldens there instead of writing")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if not options.check:
        write(options.output, data)
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        write(Path(scratch), data)
        wrong = differences(options.output, Path(scratch))
    print("\n".join(wrong) if wrong else f"{options.output}: the goldens are reproduced")
    return 1 if wrong else 0


def differences(expected: Path, found: Path) -> list[str]:
    wrong = []
    for path in sorted(p.relative_to(found) for p in found.rglob("*") if p.is_file()):
        if path.suffix == ".json":
            left, right = (json.loads((root / path).read_text(encoding="utf-8")) for root in (expected, found))
            if not close(left, right):
                wrong.append(f"{path}: other values")
            continue
        left, right = load_file(expected / path), load_file(found / path)
        if left.keys() != right.keys() or any(not torch.allclose(left[k], right[k], atol=1e-6) for k in left):
            wrong.append(f"{path}: other tensors or values")
    return wrong


def close(left, right) -> bool:
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(close(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(close, left, right))
    return abs(left - right) < 1e-6 if isinstance(left, float) else left == right
