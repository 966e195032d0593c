"""Weighted cross-entropy where one row may have several targets, as the nodes of a trie do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge_kernels.arrays import FloatArray, IntArray
from edge_kernels.blocks import row_blocks


@dataclass(frozen=True, slots=True)
class CrossEntropy:
    """`loss` is the weighted sum of `nats`; `nats` (E,) and `is_argmax` (E,) are per edge; `d_logits` (R, V)."""

    loss: float
    nats: FloatArray
    is_argmax: FloatArray
    d_logits: FloatArray


def cross_entropy(logits: FloatArray, rows: IntArray, targets: IntArray, weights: FloatArray) -> CrossEntropy:
    """The loss `sum_e weights[e] * -log softmax(logits[rows[e]])[targets[e]]` and its gradient.

    The gradient of row r is `(sum of its weights) * softmax(logits[r]) - sum of weights at their targets`.

    Args:
        logits: (R, V); overwritten, its memory becomes `d_logits`.
        rows: (E,), the row that each edge starts from.
        targets: (E,), the token it leads to.
        weights: (E,); what is to become less likely has a negative one.
    """
    row_weights = np.bincount(rows, weights=weights, minlength=len(logits)).astype(logits.dtype)
    order = np.argsort(rows, kind="stable")
    nats, best = np.empty(len(rows), dtype=logits.dtype), np.empty(len(logits), dtype=np.int64)
    for block in row_blocks(logits):
        part = logits[block]
        own = order[np.searchsorted(rows, block.start, sorter=order) : np.searchsorted(rows, block.stop, sorter=order)]
        best[block] = part.argmax(axis=1)
        part -= np.take_along_axis(part, best[block, None], axis=1)
        wanted = part[rows[own] - block.start, targets[own]]
        np.exp(part, out=part)
        totals = part.sum(axis=1)
        nats[own] = np.log(totals)[rows[own] - block.start] - wanted
        part *= (row_weights[block] / totals)[:, None]
    np.subtract.at(logits, (rows, targets), weights.astype(logits.dtype))
    return CrossEntropy(
        loss=float(np.dot(nats.astype(np.float64), weights)),
        nats=nats,
        is_argmax=best[rows] == targets,
        d_logits=logits,
    )
