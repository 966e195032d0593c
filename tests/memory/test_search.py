"""Reciprocal rank fusion by its formula."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_seal.memory.search import FUSION_K, fused

RANKINGS = st.lists(st.lists(st.integers(1, 50), unique=True, max_size=20), max_size=4)


def test_scores_follow_the_published_formula() -> None:
    assert fused([((7, 3), 1.0), ((3,), 0.5)], k=60) == pytest.approx({7: 1 / 61, 3: 1 / 62 + 0.5 / 61})


@given(RANKINGS)
def test_first_in_every_ranking_is_first(rankings: list[list[int]]) -> None:
    winner = 99
    scores = fused([([winner, *ranking], 1.0) for ranking in rankings] or [([winner], 1.0)])
    assert max(scores, key=scores.__getitem__) == winner


@given(RANKINGS)
def test_every_number_is_scored_and_no_other(rankings: list[list[int]]) -> None:
    scores = fused([(ranking, 1.0) for ranking in rankings])
    assert scores.keys() == {number for ranking in rankings for number in ranking}
    assert all(0 < score <= len(rankings) / (FUSION_K + 1) for score in scores.values())
