"""What capture notices of a labelled set of prompts: precision and recall by statements, on both halves; `--json`.

The set is `tests/memory/capture_set.py`. `--show` names each miss and each false alarm of a half.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from edge_seal.memory.capture import noticed  # noqa: E402  # run by path, from any directory
from tests.memory.capture_set import HELD_OUT, TUNED_ON, Labelled  # noqa: E402

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Figures:
    """Statements of one half: `found` of `statements`, beside `false_alarms`; `wrong` says which, for people."""

    half: str
    prompts: int
    statements: int
    found: int
    false_alarms: int
    milliseconds_a_prompt: float
    wrong: tuple[str, ...]

    @property
    def precision(self) -> float:
        return self.found / (self.found + self.false_alarms) if self.found + self.false_alarms else 1.0

    @property
    def recall(self) -> float:
        return self.found / self.statements


def measure(name: str, half: tuple[Labelled, ...]) -> Figures:
    """Each statement counts once; a notice without a statement of its own is a false alarm."""
    found = false_alarms = 0
    wrong: list[str] = []
    started = time.perf_counter()
    for prompt, keys in half:
        texts = [item.text for item in noticed(prompt, NOW)]
        met = [key for key in keys if any(key.lower() in text.lower() for text in texts)]
        without = [text for text in texts if not any(key.lower() in text.lower() for key in keys)]
        found += len(met)
        false_alarms += len(without)
        wrong += [f"missed {key!r} in {prompt!r}" for key in keys if key not in met]
        wrong += [f"false alarm {text!r} in {prompt!r}" for text in without]
    took = (time.perf_counter() - started) * 1000 / len(half)
    statements = sum(len(keys) for _, keys in half)
    return Figures(name, len(half), statements, found, false_alarms, took, tuple(wrong))


def main() -> int:
    """Prints the figures of both halves."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--show", choices=("tuned on", "held out"))
    options = parser.parse_args()
    halves = (measure("tuned on", TUNED_ON), measure("held out", HELD_OUT))
    if options.json:
        figures = [
            {**asdict(half), "precision": half.precision, "recall": half.recall, "wrong": list(half.wrong)}
            for half in halves
        ]
        print(json.dumps({"machine": platform.platform(), "halves": figures}, indent=2))
        return 0
    print("half        prompts  statements  found  false alarms  precision  recall     ms")
    for half in halves:
        print(
            f"{half.half:<10} {half.prompts:>8} {half.statements:>11} {half.found:>6} {half.false_alarms:>13} "
            f"{half.precision:>10.3f} {half.recall:>7.3f} {half.milliseconds_a_prompt:>6.2f}"
        )
        if half.half == options.show:
            print(*(f"  {line}" for line in half.wrong), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
