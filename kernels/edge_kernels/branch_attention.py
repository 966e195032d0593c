"""Attention over a token trie, branch by branch: the cost follows the pairs that see each other, not N x N.

The same function as `attention` with a trie's `sees` (which is what it is tested against). A branch is some rows that
stand one after the other on one path, with the whole path up to the last of them as keys; every row of the batch is in
exactly one branch, and a row's key is in every branch that passes through it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edge_kernels.arrays import BoolArray, FloatArray, IntArray
from edge_kernels.soft_cap import soft_cap, soft_cap_backward

_PLAIN_EXPONENTS = 60.0
"""Scores of this size need no row's maximum subtracted: float32 holds their exponentials and sums of millions of them,
and no row, which always sees one key at least, comes to 0."""
BRANCH_ROWS = 32
"""The most rows a branch has: longer ones are cut, so that padding to the longest stays small."""


@dataclass(frozen=True, slots=True)
class Branches:
    """B branches, padded to Q rows and L keys.

    Attributes:
        rows: (n,) the batch's rows in the order of the branches.
        at: (n,) where each of them stands in a flattened (B, Q).
        queries: (B, Q) rows of the batch; padding repeats row 0.
        keys: (B, L) rows of the batch; padding repeats row 0.
        sees: (B, Q, L) true where a query's path holds the key; a padded query sees its first key.
        lengths: how many keys each branch really has.
    """

    rows: IntArray
    at: IntArray
    queries: IntArray
    keys: IntArray
    sees: BoolArray
    lengths: tuple[int, ...]


def branches_of(paths: Sequence[IntArray], count: int) -> Branches:
    """The branches of `count` rows.

    Args:
        paths: for each example the rows it passes through, root first; together they hold every row.
        count: how many rows there are.
    """
    taken = np.zeros(count, dtype=np.bool_)
    parts: list[tuple[IntArray, IntArray, int]] = []
    for path in paths:
        first = int(np.count_nonzero(taken[path]))
        # What an earlier path has taken is a prefix of this one: nodes of a trie part once and for all.
        taken[path] = True
        for start in range(first, len(path), BRANCH_ROWS):
            end = min(start + BRANCH_ROWS, len(path))
            parts.append((path[start:end], path[:end], start))
    widest = max(len(own) for own, _, _ in parts)
    longest = max(len(keys) for _, keys, _ in parts)
    queries = np.zeros((len(parts), widest), dtype=np.int64)
    keys = np.zeros((len(parts), longest), dtype=np.int64)
    reach = np.zeros((len(parts), widest), dtype=np.int64)
    for index, (own, path, start) in enumerate(parts):
        queries[index, : len(own)] = own
        keys[index, : len(path)] = path
        reach[index, : len(own)] = np.arange(start, start + len(own))
    return Branches(
        rows=np.concatenate([own for own, _, _ in parts]),
        at=np.concatenate([index * widest + np.arange(len(own)) for index, (own, _, _) in enumerate(parts)]),
        queries=queries,
        keys=keys,
        sees=np.arange(longest)[None, None, :] <= reach[:, :, None],
        lengths=tuple(len(path) for _, path, _ in parts),
    )


def within(branches: Branches, window: int) -> Branches:
    """`branches` in which a row sees no more than the last `window` (at least 1) rows of its path, itself counted."""
    oldest: IntArray = branches.sees.sum(axis=2) - window
    recent = np.arange(max(branches.lengths))[None, None, :] >= oldest[:, :, None]
    return replace(branches, sees=branches.sees & recent)


def branch_attention(
    query: FloatArray, key: FloatArray, value: FloatArray, branches: Branches, *, cap: float = 0.0
) -> tuple[FloatArray, FloatArray]:
    """`softmax(Q K^T / sqrt(d)) V` for each branch.

    Args:
        query: (n, H, d).
        key, value: (n, K, d); H is a multiple of K.
        branches: of these n rows.
        cap: of the scores, see `soft_cap`; 0: none.

    Returns:
        the mixed values (n, H, d) and the attention weights (B, K, H / K * Q, L) for the backward.
    """
    grouped = _by_group(query, branches, key.shape[1])
    keys = key[branches.keys].transpose(0, 2, 3, 1)
    scores = np.matmul(grouped, keys)
    scores *= query.dtype.type(query.shape[2] ** -0.5)
    if cap:
        soft_cap(scores, cap)
    _softmax(scores, np.tile(branches.sees, (1, query.shape[1] // key.shape[1], 1))[:, None])
    mixed = np.matmul(scores, value[branches.keys].transpose(0, 2, 1, 3))
    return _by_row(mixed, branches, query.shape), scores


def _softmax(scores: FloatArray, sees: BoolArray) -> None:
    """Makes `scores` (B, K, R, L) into weights, in place, 0 where `sees` (B, 1, R, L) is false."""
    if scores.min() > -_PLAIN_EXPONENTS and scores.max() < _PLAIN_EXPONENTS:
        np.exp(scores, out=scores)
        scores *= sees
    else:
        np.copyto(scores, scores.dtype.type(-np.inf), where=~sees)
        scores -= scores.max(axis=-1, keepdims=True)
        np.exp(scores, out=scores)
    # A product with ones: summing many short rows is slower.
    scores /= np.matmul(scores, np.ones((scores.shape[-1], 1), dtype=scores.dtype))


def branch_attention_backward(
    d_out: FloatArray,
    query: FloatArray,
    key: FloatArray,
    value: FloatArray,
    weights: FloatArray,
    branches: Branches,
    *,
    cap: float = 0.0,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The gradients to query (n, H, d), key and value (n, K, d).

    Args:
        d_out: the loss's gradient to the mixed values, (n, H, d).
        query, key, value, branches, cap: as given to `branch_attention`.
        weights: as given by it; not changed.
    """
    groups = key.shape[1]
    d_mixed = _by_group(d_out, branches, groups)
    # A padded query stands for row 0: what it would add is not part of the loss.
    padded = np.ones(branches.queries.size, dtype=np.bool_)
    padded[branches.at] = False
    d_mixed[
        np.tile(padded.reshape(branches.queries.shape), (1, query.shape[1] // groups))[:, None].repeat(groups, 1)
    ] = 0
    grouped = _by_group(query, branches, groups)
    keys, values = key[branches.keys].transpose(0, 2, 1, 3), value[branches.keys].transpose(0, 2, 1, 3)
    d_value = np.matmul(weights.swapaxes(-1, -2), d_mixed)
    d_scores = np.matmul(d_mixed, values.swapaxes(-1, -2))
    d_scores -= np.einsum("bkql,bkql->bkq", d_scores, weights)[..., None]
    d_scores *= weights
    if cap:
        # Computed again: the weights do not tell them, and few models have a cap.
        scores = np.matmul(grouped, keys.swapaxes(-1, -2))
        scores *= query.dtype.type(query.shape[2] ** -0.5)
        d_scores = soft_cap_backward(d_scores, soft_cap(scores, cap), cap)
    d_scores *= query.dtype.type(query.shape[2] ** -0.5)
    d_query = _by_row(np.matmul(d_scores, keys), branches, query.shape)
    d_key = np.matmul(d_scores.swapaxes(-1, -2), grouped)
    return d_query, _summed(d_key, branches, key), _summed(d_value, branches, value)


def _by_group(x: FloatArray, branches: Branches, groups: int) -> FloatArray:
    """(n, H, d) -> (B, K, H / K * Q, d)."""
    count, rows = branches.queries.shape
    _, heads, size = x.shape
    split = x[branches.queries].reshape(count, rows, groups, heads // groups, size)
    return split.transpose(0, 2, 3, 1, 4).reshape(count, groups, heads // groups * rows, size)


def _by_row(x: FloatArray, branches: Branches, shape: tuple[int, ...]) -> FloatArray:
    """(B, K, H / K * Q, d) -> (n, H, d), the inverse of `_by_group`."""
    count, groups, _, size = x.shape
    rows, heads = branches.queries.shape[1], shape[1]
    split = x.reshape(count, groups, heads // groups, rows, size).transpose(0, 3, 1, 2, 4)
    flat = split.reshape(count * rows, heads, size)
    out = np.empty(shape, dtype=x.dtype)
    out[branches.rows] = flat[branches.at]
    return out


def _summed(x: FloatArray, branches: Branches, like: FloatArray) -> FloatArray:
    """(B, K, L, d) -> (n, K, d): a row's gradient is the sum over the branches that pass through it."""
    out = np.zeros_like(like)
    for index, length in enumerate(branches.lengths):
        # The rows of one path are distinct, so this adds each of them once.
        out[branches.keys[index, :length]] += x[index, :, :length].transpose(1, 0, 2)
    return out
