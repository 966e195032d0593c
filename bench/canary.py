"""How often a canary takes back what is worse, promotes what is better, and does either to what is equal.

    python -m bench.canary [--runs 2000] [--json FILE]

The last table has conversations of which only a share comes to what the candidate learned; elsewhere both arms are
answered by the same. It compares the rule, which counts those conversations alone, with counting all of them.

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
from edge_seal.updates.canary import PATIENCE, drawn_share
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
ELSEWHERE = User(bad=0.15, good=0.15)


def simulated(
    candidate: User,
    incumbent: User,
    *,
    runs: int,
    settings: CanarySettings,
    seed: int,
    touching: float = 1.0,
    by_scope: bool = True,
) -> Rates:
    """`runs` canaries of `candidate` beside `incumbent`.

    A share `touching` of the conversations come to what the candidate learned; the others go as `ELSEWHERE` on either
    arm. `by_scope` counts the former alone, as the program does, and so it goes on until so many of them have been had,
    or three times as many of all.
    """
    test = SequentialTest(settings.false_rollback, settings.false_promotion, settings.minimum_pairs)
    finding = lru_cache(maxsize=None)(test.finding)
    ends: list[tuple[Finding, int]] = []
    for run in range(runs):
        generator = random.Random(f"{seed}/{run}")  # noqa: S311  # a simulation
        key = generator.randbytes(32)
        arms: tuple[list[int], list[int]] = ([], [])
        worse = better = equal = 0
        says, place, counted = Finding.OPEN, 0, 0
        most = settings.maximum_conversations
        while says is Finding.OPEN and counted < most and place < PATIENCE * most:
            is_candidate = drawn_share(key, place) < settings.share
            place += 1
            touches = touching >= 1.0 or generator.random() < touching
            if by_scope and not touches:
                continue
            counted += 1
            mine, other = (arms[0], arms[1]) if is_candidate else (arms[1], arms[0])
            user = (candidate if is_candidate else incumbent) if touches else ELSEWHERE
            mine.append(user.conversation(generator))
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


TOUCHED = tuple(scene for scene in SCENES if scene[0] in {"equal, few complaints", "worse", "broken", "better"})


def main() -> None:
    parser = argparse.ArgumentParser(description="Error rates of the canary's test.")
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--maximum", type=int, nargs="*", default=[60, 100, 200], help="maximum_conversations")
    parser.add_argument("--touching", type=float, nargs="*", default=[0.5, 0.33], help="shares of conversations")
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
    print(f"\n{'share of conversations that touch it':<38}{'counted':>10}", end="")
    print(f"{'rolled back':>18}{'promoted':>18}{'open':>8}{'median of all':>15}")
    for touching in given.touching:
        for name, candidate, incumbent in TOUCHED:
            for by_scope in (True, False):
                # The same number of conversations gone by for both rules.
                most = base.maximum_conversations if by_scope else PATIENCE * base.maximum_conversations
                settings = base.model_copy(update={"maximum_conversations": most})
                rates = simulated(
                    candidate, incumbent, runs=given.runs, settings=settings, seed=given.seed, touching=touching,
                    by_scope=by_scope,
                )  # fmt: skip
                print(
                    f"{f'{touching:g}, {name}':<38}{'touching' if by_scope else 'all':>10}"
                    f"{_with_width(rates.rolled_back, rates.runs):>18}{_with_width(rates.promoted, rates.runs):>18}"
                    f"{rates.open:>8.3f}{rates.conversations:>15.0f}"
                )
                told.append({"candidate": name, "touching": touching, "by_scope": by_scope, **asdict(rates)})
    print(f"\n{time.process_time() - began:.0f} s of processor time")
    if given.json is not None:
        given.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def _with_width(share: float, runs: int) -> str:
    return f"{share:.3f} ± {1.96 * (share * (1 - share) / runs) ** 0.5:.3f}"


if __name__ == "__main__":
    main()
