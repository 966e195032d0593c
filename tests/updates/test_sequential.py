"""The stated error rates hold: exactly, by counting every way a canary can go, and as simulated from users."""

from __future__ import annotations

import math
import random
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.canary import EQUAL, User, simulated
from edge_seal.config import CanarySettings
from edge_seal.updates.sequential import Finding, Pairs, SequentialTest, evidence, paired

DEFAULTS = CanarySettings()
TEST = SequentialTest(DEFAULTS.false_rollback, DEFAULTS.false_promotion, DEFAULTS.minimum_pairs)


@pytest.mark.parametrize(("hits", "misses"), [(0, 0), (1, 0), (0, 1), (7, 0), (9, 4), (3, 30), (120, 80)])
def test_the_closed_form_is_the_integral(hits: int, misses: int) -> None:
    steps = 20_000
    middles = ((place + 0.5) / steps / 2 + 0.5 for place in range(steps))
    total = math.fsum((2 * t) ** hits * (2 * (1 - t)) ** misses for t in middles) / steps
    assert evidence(hits, misses) == pytest.approx(total, rel=1e-4)


@given(hits=st.integers(0, 900), misses=st.integers(0, 900))
def test_evidence_is_a_positive_number_that_grows_with_hits(hits: int, misses: int) -> None:
    found = evidence(hits, misses)
    assert found > 0
    assert math.isfinite(found)
    # At the far ends of what a float holds both are the same.
    assert evidence(hits + 1, misses) >= found >= evidence(hits, misses + 1)


@given(hits=st.integers(0, 400), misses=st.integers(0, 400))
def test_one_more_pair_of_equals_moves_it_by_nothing_on_average(hits: int, misses: int) -> None:
    """A martingale at the border of the null; a supermartingale inside it follows from the test above."""
    mean = (evidence(hits + 1, misses) + evidence(hits, misses + 1)) / 2
    assert mean == pytest.approx(evidence(hits, misses), rel=1e-6)


@cache
def says_of(worse: int, better: int) -> Finding:
    return TEST.finding(Pairs(worse, better))


def chances(worse_share: float, pairs: int = 120) -> dict[Finding, float]:
    """The exact chance of each finding within `pairs` pairs that differ, `worse_share` of them for the incumbent."""
    found = dict.fromkeys(Finding, 0.0)
    going = {(0, 0): 1.0}
    for _ in range(pairs):
        after: dict[tuple[int, int], float] = {}
        for (worse, better), chance in going.items():
            for state, share in (((worse + 1, better), worse_share), ((worse, better + 1), 1 - worse_share)):
                says = says_of(*state)
                if says is Finding.OPEN:
                    after[state] = after.get(state, 0.0) + chance * share
                else:
                    found[says] += chance * share
        going = after
    found[Finding.OPEN] = sum(going.values())
    return found


@pytest.mark.parametrize("worse_share", [0.5, 0.4, 0.25])
def test_a_candidate_that_is_not_worse_is_taken_back_no_oftener_than_stated(worse_share: float) -> None:
    assert chances(worse_share)[Finding.WORSE] <= TEST.false_rollback


@pytest.mark.parametrize("worse_share", [0.5, 0.6, 0.75])
def test_a_candidate_that_is_not_better_is_promoted_no_oftener_than_stated(worse_share: float) -> None:
    assert chances(worse_share)[Finding.BETTER] <= TEST.false_promotion


def test_what_is_clearly_worse_or_better_is_found_and_soon() -> None:
    assert chances(0.85, 60)[Finding.WORSE] > 0.95
    assert chances(0.15, 60)[Finding.BETTER] > 0.95


def test_nothing_is_found_before_the_least_pairs() -> None:
    patient = SequentialTest(0.1, 0.05, least_pairs=12)
    assert patient.finding(Pairs(worse=11)) is Finding.OPEN
    assert patient.finding(Pairs(worse=11, equal=1)) is Finding.WORSE
    assert patient.finding(Pairs(better=11, equal=1)) is Finding.BETTER


def test_pairs_are_made_in_order_and_the_longer_arm_waits() -> None:
    assert paired([1, -1, 0, 1], [0, 0, 0]) == Pairs(worse=1, better=1, equal=1)
    assert paired([], [1]) == Pairs()


def test_simulated_users_find_the_worse_and_the_better_and_seldom_an_equal() -> None:
    """The small form of `python -m bench.canary`."""
    worse = simulated(User(bad=0.6, good=0.05), EQUAL, runs=80, settings=DEFAULTS, seed=1)
    better = simulated(User(bad=0.05, good=0.3), User(bad=0.6, good=0.05), runs=80, settings=DEFAULTS, seed=2)
    equal = simulated(EQUAL, EQUAL, runs=80, settings=DEFAULTS, seed=3)
    assert worse.rolled_back > 0.85
    assert worse.promoted == 0
    assert better.promoted > 0.85
    assert better.rolled_back == 0
    assert equal.rolled_back <= 0.1
    assert equal.promoted <= 0.1


def test_a_users_conversations_have_the_shares_they_were_given() -> None:
    drawn = [User(bad=0.3, good=0.2).conversation(random.Random(seed)) for seed in range(2000)]
    assert drawn.count(-1) / 2000 == pytest.approx(0.3, abs=0.04)
    assert drawn.count(1) / 2000 == pytest.approx(0.2, abs=0.04)
