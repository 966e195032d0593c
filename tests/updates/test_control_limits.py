"""Control limits against their promise: how often they cry where nothing changed, and whether they cry where it did."""

from __future__ import annotations

import itertools
import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_seal.updates.control_limits import (
    Counts,
    Standing,
    figure_bounds,
    judge_figure,
    judge_share,
    share_bounds,
    weighted_average,
)


def drawn(source: random.Random, share: float, n: int) -> Counts:
    return Counts(sum(source.random() < share for _ in range(n)), n)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(1, 40), st.sampled_from([0.05, 0.01, 0.00135]))
def test_no_more_than_the_stated_share_of_batches_lies_outside(
    hits: int, misses: int, n: int, false_alarm: float
) -> None:
    """Exact: by the very distribution of another batch, each side holds at most `false_alarm`."""
    baseline = Counts(hits, hits + misses)
    verdicts = [
        judge_share(baseline, Counts(k, n), worse="lower", false_alarm=false_alarm, least=0) for k in range(n + 1)
    ]
    chances = [verdict.chance for verdict in verdicts]
    assert chances == sorted(chances), "the fewer hits, the less likely anything as bad"
    assert chances[-1] == pytest.approx(1.0)
    probability = [chances[0], *(after - before for before, after in itertools.pairwise(chances))]
    worse = sum(p for p, verdict in zip(probability, verdicts, strict=True) if verdict.left_its_limits)
    assert worse <= false_alarm
    bounds = share_bounds(baseline, n, false_alarm)
    for verdict in verdicts:
        within = bounds.lower <= verdict.value <= bounds.upper
        assert within is (verdict.standing is Standing.WITHIN)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.8])
def test_a_share_that_stays_cries_as_rarely_as_stated(share: float) -> None:
    source, looks, asked = random.Random(1), 3000, 0.02
    cries = sum(
        judge_share(
            drawn(source, share, 100), drawn(source, share, 20), worse="lower" if share > 0.5 else "higher",
            false_alarm=asked,
        ).left_its_limits
        for _ in range(looks)
    )  # fmt: skip
    assert cries / looks < 1.3 * asked


def test_a_share_that_halves_is_noticed_mostly_within_two_batches() -> None:
    source = random.Random(2)
    noticed = sum(
        any(
            judge_share(drawn(source, 0.85, 100), drawn(source, 0.4, 20), worse="lower").left_its_limits
            for _ in range(2)
        )
        for _ in range(300)
    )
    assert noticed / 300 > 0.8


def test_better_is_told_apart_from_worse() -> None:
    assert judge_share(Counts(50, 100), Counts(19, 20), worse="lower").standing is Standing.BETTER
    assert judge_share(Counts(50, 100), Counts(19, 20), worse="higher").standing is Standing.WORSE
    assert judge_share(Counts(50, 100), Counts(10, 20), worse="higher").standing is Standing.WITHIN


def test_too_little_to_compare_with_says_so() -> None:
    assert judge_share(Counts(10, 10), Counts(0, 20), worse="lower").standing is Standing.TOO_FEW
    assert judge_share(Counts(50, 100), Counts(0, 0), worse="lower").standing is Standing.TOO_FEW
    assert judge_figure([1.0] * 3, [9.0], worse="higher").standing is Standing.TOO_FEW
    assert math.isinf(figure_bounds([1.0], 1).upper)


def test_a_count_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="3 of 2"):
        Counts(3, 2)


@pytest.mark.parametrize(("n", "recent"), [(8, 1), (30, 1), (30, 10)])
def test_a_figure_that_stays_cries_as_often_as_stated(n: int, recent: int) -> None:
    source, looks, asked = random.Random(3), 3000, 0.05
    cries = sum(
        judge_figure(
            [source.gauss(5, 2) for _ in range(n)], [source.gauss(5, 2) for _ in range(recent)], worse="higher",
            false_alarm=asked,
        ).left_its_limits
        for _ in range(looks)
    )  # fmt: skip
    assert 0.7 * asked < cries / looks < 1.3 * asked


def test_a_baseline_without_any_spread_is_left_by_any_change() -> None:
    assert judge_figure([1.0] * 10, [1.0], worse="higher").standing is Standing.WITHIN
    assert judge_figure([1.0] * 10, [1.1], worse="higher").standing is Standing.WORSE
    assert judge_figure([1.0] * 10, [0.9], worse="higher").standing is Standing.BETTER


def test_the_average_cries_once_in_about_five_hundred_values_by_chance() -> None:
    source, lengths = random.Random(4), list[int]()
    for _ in range(150):
        run = weighted_average([source.gauss(0, 1) for _ in range(3000)], 0.0, 1.0)
        lengths.append(3000 if run.left_at is None else run.left_at + 1)
    assert 400 < statistics.mean(lengths) < 600


def test_the_average_notices_a_small_shift_that_lasts_long_before_a_single_value_would() -> None:
    source, lengths = random.Random(5), list[int]()
    for _ in range(200):
        run = weighted_average([source.gauss(1, 1) for _ in range(400)], 0.0, 1.0)
        assert run.left_at is not None
        lengths.append(run.left_at + 1)
    assert statistics.mean(lengths) < 15  # three sigma on single values: 44
