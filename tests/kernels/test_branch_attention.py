"""Attention branch by branch is attention with the trie's mask: same values, same gradients."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_kernels.attention import attention, attention_backward
from edge_kernels.branch_attention import BRANCH_ROWS, Branches, branch_attention, branch_attention_backward, within
from edge_kernels.trie import TokenSequence, TokenTrie
from tests.kernels.differences import assert_close, by_differences

HEADS = [(1, 1), (4, 4), (6, 2)]
LONG = 2 * BRANCH_ROWS + 3
SHAPES = {
    "one token": [(1,)],
    "one sequence": [(1, 2, 3, 4)],
    "the same twice": [(1, 2, 3), (1, 2, 3)],
    "one ends where another goes on": [(1, 2, 3, 4), (1, 2), (1, 2, 3, 4, 5)],
    "nothing shared": [(1, 2, 3), (4, 5), (6,)],
    "parts at different depths": [(1, 2, 3, 4), (1, 2, 5), (1, 6, 7, 8, 9), (1, 2, 3, 7)],
    "longer than a branch": [tuple(range(LONG)), (*range(LONG - 5), 99, 98), (*range(10), 97)],
    "as long as a branch": [tuple(range(BRANCH_ROWS)), tuple(range(1, BRANCH_ROWS + 2))],
}


def trie_of(paths: list[tuple[int, ...]]) -> tuple[Branches, np.ndarray]:
    """The branches and the mask of a trie of `paths`."""
    trie = TokenTrie([TokenSequence(path, 1) for path in paths])
    batch = trie.batch(range(len(paths)))
    return batch.branches, trie.sees(batch)


def assert_same(paths: list[tuple[int, ...]], heads: int, groups: int, seed: int) -> None:
    branches, sees = trie_of(paths)
    generator, rows = np.random.default_rng(seed), len(sees)
    query, d_out = generator.normal(size=(rows, heads, 4)), generator.normal(size=(rows, heads, 4))
    key, value = generator.normal(size=(rows, groups, 4)), generator.normal(size=(rows, groups, 4))
    expected, weights = attention(query, key, value, sees)
    found, own_weights = branch_attention(query, key, value, branches)
    assert_close(found, expected, 1e-13)
    given = [array.tobytes() for array in (query, key, value, d_out, own_weights)]
    gradients = branch_attention_backward(d_out, query, key, value, own_weights, branches)
    assert [array.tobytes() for array in (query, key, value, d_out, own_weights)] == given
    for gradient, reference in zip(gradients, attention_backward(d_out, query, key, value, weights), strict=True):
        # One token's query has no gradient at all: what rounding leaves there is measured by the values' size.
        assert np.abs(gradient - reference).max() <= 1e-12


@pytest.mark.parametrize(("heads", "groups"), HEADS, ids=["one head", "a key for each head", "three heads a key"])
@pytest.mark.parametrize("shape", SHAPES)
def test_is_attention_with_the_tries_mask(shape: str, heads: int, groups: int) -> None:
    assert_same(SHAPES[shape], heads, groups, 3)


@pytest.mark.parametrize("size", [1.0, 30.0, 3000.0], ids=["small", "at the bound", "beyond what exp can hold"])
def test_scores_of_any_size_give_weights(size: float) -> None:
    """In float32, and without a warning: the test run turns each into an error."""
    branches, sees = trie_of(SHAPES["parts at different depths"])
    generator, rows = np.random.default_rng(2), len(sees)
    query = (size * generator.normal(size=(rows, 2, 4))).astype(np.float32)
    key, value = (generator.normal(size=(rows, 1, 4)).astype(np.float32) for _ in range(2))
    expected, _ = attention(query.astype(np.float64), key.astype(np.float64), value.astype(np.float64), sees)
    found, _ = branch_attention(query, key, value, branches)
    assert np.abs(found - expected).max() < 1e-6 * max(1.0, size)


@given(
    paths=st.lists(st.lists(st.integers(1, 3), min_size=1, max_size=7).map(tuple), min_size=1, max_size=6),
    seed=st.integers(0, 9),
)
@settings(deadline=None, max_examples=50)
def test_is_attention_for_any_trie(paths: list[tuple[int, ...]], seed: int) -> None:
    assert_same(paths, 4, 2, seed)


@pytest.mark.parametrize("cap", [0.0, 0.7])
def test_backward(cap: float) -> None:
    branches, sees = trie_of(SHAPES["parts at different depths"])
    generator, rows = np.random.default_rng(11), len(sees)
    query, d_out = generator.normal(size=(rows, 4, 2)), generator.normal(size=(rows, 4, 2))
    key, value = generator.normal(size=(rows, 2, 2)), generator.normal(size=(rows, 2, 2))

    def loss() -> float:
        return float((branch_attention(query, key, value, branches, cap=cap)[0] * d_out).sum())

    weights = branch_attention(query, key, value, branches, cap=cap)[1]
    found = branch_attention_backward(d_out, query, key, value, weights, branches, cap=cap)
    for gradient, moved in zip(found, (query, key, value), strict=True):
        assert_close(gradient, by_differences(loss, moved))


@pytest.mark.parametrize("shape", SHAPES)
def test_every_row_is_in_exactly_one_branch(shape: str) -> None:
    branches, sees = trie_of(SHAPES[shape])
    assert sorted(branches.rows.tolist()) == list(range(len(sees)))
    assert len(set(branches.at.tolist())) == len(sees)
    assert (branches.queries.ravel()[branches.at] == branches.rows).all()
    assert branches.queries.shape[1] <= BRANCH_ROWS


def test_float32_stays_float32() -> None:
    branches, sees = trie_of(SHAPES["parts at different depths"])
    query = key = value = np.ones((len(sees), 2, 4), np.float32)
    mixed, weights = branch_attention(query, key, value, branches)
    gradients = branch_attention_backward(mixed, query, key, value, weights, branches)
    assert {array.dtype for array in (mixed, weights, *gradients)} == {np.dtype(np.float32)}


@pytest.mark.parametrize("window", [1, 2, 5, 40, 1000])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_window_hides_what_lies_too_far_back(shape: str, window: int) -> None:
    trie = TokenTrie([TokenSequence(path, 1) for path in SHAPES[shape]])
    batch = trie.batch(range(len(SHAPES[shape])))
    near = batch.positions[None, :] > batch.positions[:, None] - window
    generator, rows = np.random.default_rng(5), len(batch.nodes)
    query, d_out = generator.normal(size=(rows, 4, 4)), generator.normal(size=(rows, 4, 4))
    key, value = generator.normal(size=(rows, 2, 4)), generator.normal(size=(rows, 2, 4))
    expected, weights = attention(query, key, value, trie.sees(batch) & near)
    branches = within(batch.branches, window)
    found, own_weights = branch_attention(query, key, value, branches)
    assert_close(found, expected, 1e-13)
    gradients = branch_attention_backward(d_out, query, key, value, own_weights, branches)
    for gradient, reference in zip(gradients, attention_backward(d_out, query, key, value, weights), strict=True):
        assert np.abs(gradient - reference).max() <= 1e-12
