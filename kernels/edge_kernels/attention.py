"""Grouped-query attention over a token trie (Ainslie et al. 2023, arXiv:2305.13245): a token sees its ancestors."""

from __future__ import annotations

import numpy as np

from edge_kernels.arrays import BoolArray, FloatArray


def attention(query: FloatArray, key: FloatArray, value: FloatArray, sees: BoolArray) -> tuple[FloatArray, FloatArray]:
    """`softmax(Q K^T / sqrt(d)) V` where `sees` allows it.

    Args:
        query: (N, H, d).
        key, value: (N, K, d); H is a multiple of K, query head h reads group h // (H / K).
        sees: (N, N); row n is true at n and at its ancestors.

    Returns:
        the mixed values (N, H, d) and the attention weights (K, H / K, N, N) for the backward.
    """
    rows, heads, size = query.shape
    groups = key.shape[1]
    grouped = query.reshape(rows, groups, heads // groups, size).transpose(1, 2, 0, 3)
    scores = np.matmul(grouped, key.transpose(1, 2, 0)[:, None])
    scores *= query.dtype.type(size**-0.5)
    np.copyto(scores, query.dtype.type(-np.inf), where=~sees)
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=-1, keepdims=True)
    mixed = np.matmul(scores, value.transpose(1, 0, 2)[:, None])
    return mixed.transpose(2, 0, 1, 3).reshape(rows, heads, size), scores


def attention_backward(
    d_out: FloatArray, query: FloatArray, key: FloatArray, value: FloatArray, weights: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The gradients to query (N, H, d), key and value (N, K, d).

    Args:
        d_out: the loss's gradient to the mixed values, (N, H, d).
        query, key, value: as given to `attention`.
        weights: as given by it; not changed.
    """
    rows, heads, size = query.shape
    groups = key.shape[1]
    split = (rows, groups, heads // groups, size)
    d_mixed = d_out.reshape(split).transpose(1, 2, 0, 3)
    grouped = query.reshape(split).transpose(1, 2, 0, 3)
    d_value = np.matmul(weights.swapaxes(-1, -2), d_mixed).sum(axis=1)
    d_scores = np.matmul(d_mixed, value.transpose(1, 2, 0)[:, None])
    d_scores -= np.einsum("kgnm,kgnm->kgn", d_scores, weights)[..., None]
    d_scores *= weights
    d_scores *= query.dtype.type(size**-0.5)
    d_query = np.matmul(d_scores, key.transpose(1, 0, 2)[:, None])
    d_key = np.matmul(d_scores.swapaxes(-1, -2), grouped).sum(axis=1)
    return (
        d_query.transpose(2, 0, 1, 3).reshape(rows, heads, size),
        d_key.transpose(1, 0, 2),
        d_value.transpose(1, 0, 2),
    )
