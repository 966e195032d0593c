"""Exact statistics for the few answers a gate can afford to ask for.

Exact, because with six or sixty answers a normal approximation is wrong where it matters, near 0 and 1. Paired, because
the same questions are asked before and after: what stayed the same says nothing of the change (McNemar).
"""

from __future__ import annotations

from math import comb, sqrt

ONE_SIDED_90 = 1.2816
"""The normal quantile of a one-sided bound at 90%."""


def at_most(successes: int, trials: int, probability: float) -> float:
    """How likely so few `successes` or fewer are of `trials` with this `probability` each (binomial, exact)."""
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} of {trials}")
    return sum(
        comb(trials, count) * probability**count * (1 - probability) ** (trials - count)
        for count in range(successes + 1)
    )


def sign_test(lost: int, gained: int) -> float:
    """How likely so many or more of the pairs that changed would have been lost if either were as likely.

    McNemar's test in its exact, one-sided form: the pairs that did not change are left out. 1 where none changed.
    """
    changed = lost + gained
    return at_most(gained, changed, 0.5) if changed else 1.0


def wilson(successes: int, trials: int, z: float = ONE_SIDED_90) -> tuple[float, float]:
    """The lower and the upper bound of a share by Wilson's score; (0, 1) of no trials. Two-sided at 1 - 2 P(> z)."""
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} of {trials}")
    if not trials:
        return 0.0, 1.0
    share, squared = successes / trials, z * z
    middle = (share + squared / (2 * trials)) / (1 + squared / trials)
    spread = z * sqrt(share * (1 - share) / trials + squared / (4 * trials * trials)) / (1 + squared / trials)
    return max(0.0, middle - spread), min(1.0, middle + spread)
