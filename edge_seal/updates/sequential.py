"""The canary's test: is the candidate worse than the incumbent, or better? Looked at after every conversation.

The i-th conversation of one arm is compared with the i-th of the other; what is equal says nothing. If the arms are
alike, a pair that differs is as often for the one as for the other, whatever share of answers the user complains about:
the sign test, Wald's way of comparing two shares one observation each at a time (Sequential Analysis, 1947, ch. 6).
Evidence against "not worse" is a mixture of likelihood ratios over every way to be worse,

    e = integral over t from 1/2 to 1 of (2 t)^worse (2 (1 - t))^better, uniformly weighted,

which is a supermartingale from 1 while the candidate is not worse (Robbins, Ann. Math. Stat. 41, 1970). So by Ville's
inequality it ever reaches 1 / alpha with a chance of at most alpha, however often it is looked at and whenever one
stops. The same with the arms exchanged is the evidence against "not better".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

LARGEST_LOG: Final = 700.0


class Finding(StrEnum):
    """What the test says."""

    WORSE = "worse"
    BETTER = "better"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Pairs:
    """How many compared pairs were for the incumbent (`worse`), for the candidate (`better`), and for neither."""

    worse: int = 0
    better: int = 0
    equal: int = 0

    @property
    def compared(self) -> int:
        return self.worse + self.better + self.equal


@dataclass(frozen=True, slots=True)
class SequentialTest:
    """The two error rates, each over a whole canary.

    Attributes:
        false_rollback: the chance at most that a candidate that is not worse is found worse.
        false_promotion: the chance at most that a candidate that is not better is found better.
        least_pairs: before so many compared pairs nothing is found; it makes both rarer.
    """

    false_rollback: float
    false_promotion: float
    least_pairs: int = 0

    def finding(self, pairs: Pairs) -> Finding:
        """What `pairs` show by now; at most one of the two evidences can be large."""
        if pairs.compared < self.least_pairs:
            return Finding.OPEN
        if evidence(pairs.worse, pairs.better) >= 1 / self.false_rollback:
            return Finding.WORSE
        if evidence(pairs.better, pairs.worse) >= 1 / self.false_promotion:
            return Finding.BETTER
        return Finding.OPEN


def evidence(hits: int, misses: int) -> float:
    """The mixture `e` above for `hits` pairs one way and `misses` the other; 1 where nothing was compared.

    In closed form: 2^(n+1) B(hits+1, misses+1) P(a fair coin falls heads at most `hits` times in n+1).
    """
    n = hits + misses
    log_beta = math.lgamma(hits + 1) + math.lgamma(misses + 1) - math.lgamma(n + 2)
    log_e = (n + 1) * math.log(2) + log_beta + _log_fair_at_most(hits, n + 1)
    return math.exp(max(-LARGEST_LOG, min(log_e, LARGEST_LOG)))


def _log_fair_at_most(heads: int, tosses: int) -> float:
    """The logarithm of the chance of at most `heads` heads in `tosses` of a fair coin, exact to rounding."""
    ways = [math.lgamma(tosses + 1) - math.lgamma(k + 1) - math.lgamma(tosses - k + 1) for k in range(heads + 1)]
    most = max(ways)
    return most + math.log(math.fsum(math.exp(way - most) for way in ways)) - tosses * math.log(2)


def paired(candidate: list[int], incumbent: list[int]) -> Pairs:
    """The pairs of two arms' scores in the order of their conversations; a higher score is the better one."""
    worse = better = equal = 0
    for mine, theirs in zip(candidate, incumbent, strict=False):
        worse += mine < theirs
        better += mine > theirs
        equal += mine == theirs
    return Pairs(worse, better, equal)
