"""Control limits: when does a figure say that something has changed, and how often is that a false alarm.

Pure functions, counts in and a verdict out. For shares (thumbs up, answers that were corrected) the limits are exact
quantiles of what another batch would show if nothing had changed, the uncertainty of the baseline included: a
beta-binomial under Jeffreys' prior, which is a p-chart (Shewhart 1931) without the normal approximation that fails at
few observations. For figures (seconds, nats) they are a Student prediction interval, a chart of individual values.
An exponentially weighted average (Roberts 1959) notices small shifts that last.

`false_alarm` is the share of looks that cry although nothing changed, one-sided: 0.00135 is the classic three sigma.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

THREE_SIGMA: Final = 0.00135
_PRIOR: Final = 0.5  # Jeffreys: as much as one observation, half of it each way
LEAST_BASELINE: Final = 20
LEAST_FIGURES: Final = 8
EWMA_WEIGHT: Final = 0.2
EWMA_WIDTH: Final = 2.962
"""In standard deviations of the average: two-sided, a false alarm in 500 values (Lucas and Saccucci 1990, table 1)."""

Worse = Literal["higher", "lower"]


class Standing(StrEnum):
    """Where a figure stands. `too_few`: there is too little to compare with, or nothing to compare."""

    WITHIN = "within"
    WORSE = "worse"
    BETTER = "better"
    TOO_FEW = "too_few"


@dataclass(frozen=True, slots=True)
class Counts:
    """`hits` of `n`."""

    hits: int
    n: int

    def __post_init__(self) -> None:
        if not 0 <= self.hits <= self.n:
            raise ValueError(f"{self.hits} of {self.n} is no count")

    @property
    def share(self) -> float:
        return self.hits / self.n if self.n else 0.0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.hits + other.hits, self.n + other.n)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Between `lower` and `upper`, both included, is within the limits; `usual` is the baseline's own figure."""

    lower: float
    usual: float
    upper: float


@dataclass(frozen=True, slots=True)
class ControlVerdict:
    """`value` of `n` observations against the bounds.

    `chance` is how often something as bad as this, or worse, comes about where nothing has changed.
    """

    standing: Standing
    value: float
    n: int
    bounds: Bounds
    chance: float

    @property
    def left_its_limits(self) -> bool:
        """Whether it has become worse than chance explains."""
        return self.standing is Standing.WORSE


def judge_share(
    baseline: Counts, recent: Counts, *, worse: Worse, false_alarm: float = THREE_SIGMA, least: int = LEAST_BASELINE
) -> ControlVerdict:
    """Whether the share of `recent` is still that of `baseline`; `worse` says which side is bad.

    Without a change a look comes out worse with at most the chance `false_alarm` where the baseline's share is drawn
    from the prior; for a fixed share the mean over baselines is near it (tests/updates/test_control_limits.py). With
    fewer than `least` in the baseline, or none in `recent`, it is too few.
    """
    bounds = share_bounds(baseline, recent.n, false_alarm)
    if baseline.n < least or recent.n == 0:
        return ControlVerdict(Standing.TOO_FEW, recent.share, recent.n, bounds, 1.0)
    at_most = _at_most(baseline, recent.n)
    below = at_most[recent.hits]
    above = 1.0 - (at_most[recent.hits - 1] if recent.hits else 0.0)
    chance_worse, chance_better = (above, below) if worse == "higher" else (below, above)
    standing = Standing.WITHIN
    if chance_worse <= false_alarm:
        standing = Standing.WORSE
    elif chance_better <= false_alarm:
        standing = Standing.BETTER
    return ControlVerdict(standing, recent.share, recent.n, bounds, chance_worse)


def share_bounds(baseline: Counts, n: int, false_alarm: float = THREE_SIGMA) -> Bounds:
    """The shares of `n` that are within the limits. For `n` of 0: all of them."""
    if n == 0:
        return Bounds(0.0, baseline.share, 1.0)
    at_most = _at_most(baseline, n)
    lower = next(hits for hits in range(n + 1) if at_most[hits] > false_alarm)
    upper = next(hits for hits in range(n, -1, -1) if 1.0 - (at_most[hits - 1] if hits else 0.0) > false_alarm)
    return Bounds(lower / n, baseline.share, upper / n)


def _at_most(baseline: Counts, n: int) -> list[float]:
    """The chance of at most 0, 1, … `n` hits among `n` more, after `baseline`: beta-binomial."""
    a, b = baseline.hits + _PRIOR, baseline.n - baseline.hits + _PRIOR
    log_all = _log_beta(a, b)
    found, total = list[float](), 0.0
    for hits in range(n + 1):
        log_ways = math.lgamma(n + 1) - math.lgamma(hits + 1) - math.lgamma(n - hits + 1)
        total += math.exp(log_ways + _log_beta(a + hits, b + n - hits) - log_all)
        found.append(min(1.0, total))
    return found


def judge_figure(
    baseline: Sequence[float], recent: Sequence[float], *, worse: Worse, false_alarm: float = THREE_SIGMA
) -> ControlVerdict:
    """Whether the mean of `recent` is one that `baseline` leads to expect, if both are draws of one normal variable.

    Seconds are skewed: give their logarithms. With fewer than eight in the baseline it is too few.
    """
    bounds = figure_bounds(baseline, len(recent), false_alarm)
    value = _mean(recent)
    if len(baseline) < LEAST_FIGURES or not recent:
        return ControlVerdict(Standing.TOO_FEW, value, len(recent), bounds, 1.0)
    spread = _spread(baseline) * math.sqrt(1 / len(baseline) + 1 / len(recent))
    distance = value - bounds.usual if worse == "higher" else bounds.usual - value
    if spread == 0.0:
        # A baseline without any spread: whatever differs from it is beyond it.
        chance = 0.5 if distance == 0 else (0.0 if distance > 0 else 1.0)
    else:
        chance = _student_above(distance / spread, len(baseline) - 1)
    standing = Standing.WITHIN
    if chance <= false_alarm:
        standing = Standing.WORSE
    elif 1.0 - chance <= false_alarm:
        standing = Standing.BETTER
    return ControlVerdict(standing, value, len(recent), bounds, chance)


def figure_bounds(baseline: Sequence[float], n: int, false_alarm: float = THREE_SIGMA) -> Bounds:
    """The means of `n` values that are within the limits; without bounds where there is too little to tell."""
    usual = _mean(baseline)
    if len(baseline) < LEAST_FIGURES or n == 0:
        return Bounds(-math.inf, usual, math.inf)
    width = _student_quantile(false_alarm, len(baseline) - 1) * _spread(baseline) * math.sqrt(1 / len(baseline) + 1 / n)
    return Bounds(usual - width, usual, usual + width)


@dataclass(frozen=True, slots=True)
class Average:
    """An exponentially weighted average after each value, its bounds then, and the first value after which it left."""

    path: tuple[float, ...]
    bounds: tuple[Bounds, ...]
    left_at: int | None


def weighted_average(
    values: Sequence[float],
    mean: float,
    deviation: float,
    *,
    weight: float = EWMA_WEIGHT,
    width: float = EWMA_WIDTH,
) -> Average:
    """Roberts' average over `values` that have `mean` and standard deviation `deviation` while nothing changes.

    With the default weight and width it leaves its bounds by chance once in about 500 normal values. For hits and
    misses the deviation is sqrt(p (1 - p)); where p is near 0 or 1 false alarms are more frequent than that.
    """
    average, path, bounds, left_at = mean, list[float](), list[Bounds](), None
    for place, value in enumerate(values):
        average = weight * value + (1 - weight) * average
        # Exact for the start too: the first averages vary less than the later ones.
        variance = weight / (2 - weight) * (1 - (1 - weight) ** (2 * (place + 1)))
        reach = width * deviation * math.sqrt(variance)
        path.append(average)
        bounds.append(Bounds(mean - reach, mean, mean + reach))
        if left_at is None and abs(average - mean) > reach:
            left_at = place
    return Average(tuple(path), tuple(bounds), left_at)


# Distributions ------------------------------------------------------------------------------------------------


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _student_above(t: float, degrees: int) -> float:
    """The chance that Student's t with `degrees` of freedom exceeds `t`."""
    tail = 0.5 * _incomplete_beta(degrees / (degrees + t * t), degrees / 2, 0.5)
    return tail if t >= 0 else 1.0 - tail


@functools.cache
def _student_quantile(above: float, degrees: int) -> float:
    """What Student's t exceeds with the chance `above`, by bisection."""
    low, high = 0.0, 1.0
    while _student_above(high, degrees) > above:
        low, high = high, 2 * high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _student_above(middle, degrees) > above else (low, middle)
    return (low + high) / 2


def _incomplete_beta(x: float, a: float, b: float) -> float:
    """The regularized incomplete beta function, by its continued fraction (DLMF 8.17.22), evaluated backwards."""
    if x <= 0.0 or x >= 1.0:
        return 0.0 if x <= 0.0 else 1.0
    if x > (a + 1) / (a + b + 2):
        # There the fraction converges slowly; its mirror image does not.
        return 1.0 - _incomplete_beta(1.0 - x, b, a)
    fraction = 1.0
    for m in range(100, 0, -1):
        odd = -(a + m - 1) * (a + b + m - 1) * x / ((a + 2 * m - 2) * (a + 2 * m - 1))
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        fraction = 1.0 + odd / (1.0 + even / fraction)
    return math.exp(a * math.log(x) + b * math.log1p(-x) - _log_beta(a, b)) / a / fraction


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else 0.0


def _spread(values: Sequence[float]) -> float:
    """The standard deviation of what `values` were drawn from."""
    mean = _mean(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
