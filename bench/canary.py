"""How often a canary takes back what is worse, promotes what is better, and does either to what is equal.

    python -m bench.canary [--runs 2000] [--json FILE]

Each run is a canary of its own: conversations are given to arms by the same draw as in the program, each goes badly,
well or without a word with the shares of its arm, and the test is asked after each. What is printed are shares of runs,
with the half width of their 95% interval, and how many conversations it took.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import statistics
import time
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from edge_seal.config import CanarySettings
from edge_seal.updates.canary import drawn_share
from edge_seal.updates.sequential import Finding, Pairs, SequentialTest


@dataclass(frozen=True, slots=True)
class User:
    """How conversations with one arm go: the shares that go badly, and that get a thumb up."""

    bad: float
    good: float

    def conversation(self, generator: random.Random) -> int:
        """The score of one: -1, 0 or +1."""
        drawn = generator.random()
        return -1 if drawn < self.bad else int(drawn < self.bad + self.good)


@dataclass(frozen=True, slots=True)
class Rates:
    """The shares of runs that ended in each way, and the median of the conversations until then."""

    rolled_back: float
    promoted: float
    open: float
    conversations: float
    runs: int


EQUAL = User(bad=0.15, good=0.15)


def simulated(candidate: User, incumbent: User, *, runs: int, settings: CanarySettings, seed: int) -> Rates:
    """`runs` canaries of `candidate` beside `incumbent`."""
    test = SequentialTest(settings.false_rollback, settings.false_promotion, settings.minimum_pairs)
    finding = lru_cache(maxsize=None)(test.finding)
    ends: list[tuple[Finding, int]] = []
    for run in range(runs):
        generator = random.Random(f"{seed}/{run}")  # noqa: S311  # a simulation
        key = generator.randbytes(32)
        arms: tuple[list[int], list[int]] = ([], [])
        worse = better = equal = 0
        says, place = Finding.OPEN, 0
        while says is Finding.OPEN and place < settings.maximum_conversations:
            is_candidate = drawn_share(key, place) < settings.share
            place += 1
            mine, other = (arms[0], arms[1]) if is_candidate else (arms[1], arms[0])
            mine.append((candidate if is_candidate else incumbent).conversation(generator))
            if len(mine) > len(other):
                continue
            pair = arms[0][len(mine) - 1] - arms[1][len(mine) - 1]
            worse, better, equal = worse + (pair < 0), better + (pair > 0), equal + (pair == 0)
            says = finding(Pairs(worse, better, equal))
        ends.append((says, place))
    return Rates(
        rolled_back=sum(end is Finding.WORSE for end, _ in ends) / runs,
        promoted=sum(end is Finding.BETTER for end, _ in ends) / runs,
        open=sum(end is Finding.OPEN for end, _ in ends) / runs,
        conversations=statistics.median(place for _, place in ends),
        runs=runs,
    )


SCENES: tuple[tuple[str, User, User], ...] = (
    ("equal, few complaints", EQUAL, EQUAL),
    ("equal, many complaints", User(0.4, 0.2), User(0.4, 0.2)),
    ("equal, hardly any feedback", User(0.03, 0.03), User(0.03, 0.03)),
    ("a little worse", User(0.30, 0.10), EQUAL),
    ("worse", User(0.50, 0.05), EQUAL),
    ("broken", User(0.85, 0.01), EQUAL),
    ("a little better", User(0.15, 0.20), User(0.30, 0.15)),
    ("better", EQUAL, User(0.50, 0.05)),
)


def main() -> None:
    parser = argparse.ArgumentParser(description="Error rates of the canary's test.")
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--maximum", type=int, nargs="*", default=[60, 100, 200], help="maximum_conversations")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    base = CanarySettings()
    print(
        f"{given.runs} runs each, seed {given.seed}, share {base.share:g}, taken back without reason at most"
        f" {base.false_rollback:g}, promoted {base.false_promotion:g}; {platform.platform()}"
    )
    began = time.process_time()
    told: list[dict[str, object]] = []
    for most in given.maximum:
        settings = base.model_copy(update={"maximum_conversations": most})
        print(f"\nat most {most} conversations")
        heading = ("bad/good", 12), ("beside", 12), ("rolled back", 18), ("promoted", 18), ("open", 8), ("median", 8)
        print(f"{'candidate':<28}" + "".join(f"{word:>{width}}" for word, width in heading))
        for name, candidate, incumbent in SCENES:
            rates = simulated(candidate, incumbent, runs=given.runs, settings=settings, seed=given.seed)
            shares = (f"{candidate.bad:.2f}/{candidate.good:.2f}", f"{incumbent.bad:.2f}/{incumbent.good:.2f}")
            print(
                f"{name:<28}{shares[0]:>12}{shares[1]:>12}{_with_width(rates.rolled_back, rates.runs):>18}"
                f"{_with_width(rates.promoted, rates.runs):>18}{rates.open:>8.3f}{rates.conversations:>8.0f}"
            )
            told.append({"candidate": name, "maximum_conversations": most, **asdict(rates)})
    print(f"\n{time.process_time() - began:.0f} s of processor time")
    if given.json is not None:
        given.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def _with_width(share: float, runs: int) -> str:
    return f"{share:.3f} ± {1.96 * (share * (1 - share) / runs) ** 0.5:.3f}"


if __name__ == "__main__":
    main()
