"""Exact statistics, against enumeration and known values."""

from __future__ import annotations

from itertools import product

import pytest

from edge_seal.adaptation.small_counts import at_most, sign_test, wilson


@pytest.mark.parametrize("trials", [1, 3, 6])
def test_the_sign_test_is_the_share_of_all_outcomes_at_least_as_bad(trials: int) -> None:
    outcomes = [sum(flips) for flips in product((0, 1), repeat=trials)]
    for lost in range(trials + 1):
        share = sum(outcome >= lost for outcome in outcomes) / len(outcomes)
        assert sign_test(lost, trials - lost) == pytest.approx(share)


def test_what_did_not_change_is_no_evidence() -> None:
    assert sign_test(0, 0) == 1.0
    assert sign_test(4, 0) == pytest.approx(1 / 16)
    assert sign_test(5, 0) == pytest.approx(1 / 32)
    assert at_most(0, 4, 0.9) == pytest.approx(1e-4)
    assert at_most(4, 4, 0.9) == 1.0


def test_wilson_holds_its_share_and_narrows_with_the_count() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    low, high = wilson(9, 10, z=1.96)
    assert (low, high) == (pytest.approx(0.5958, abs=1e-4), pytest.approx(0.9821, abs=1e-4))
    assert wilson(90, 100)[0] > wilson(9, 10)[0]
    assert wilson(0, 3)[0] == 0.0
    assert wilson(3, 3)[1] == 1.0


@pytest.mark.parametrize(("successes", "trials"), [(-1, 3), (4, 3)])
def test_more_than_all_is_an_error(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match="of 3"):
        wilson(successes, trials)
    with pytest.raises(ValueError, match="of 3"):
        at_most(successes, trials, 0.5)
