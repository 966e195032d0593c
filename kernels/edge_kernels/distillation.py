"""Staying near a teacher's distribution (Hinton et al. 2015, arXiv:1503.02531, at temperature 1)."""

from __future__ import annotations

import numpy as np

from edge_kernels.arrays import FloatArray


def distillation(logits: FloatArray, teacher: FloatArray, weights: FloatArray) -> tuple[float, FloatArray]:
    """The loss `sum_t weights[t] * KL(teacher[t] || softmax(logits[t]))` and its gradient.

    Args:
        logits: (T, V); overwritten, its memory becomes the gradient `weights * (softmax(logits) - teacher)`.
        teacher: (T, V) probabilities, rows adding to 1.
        weights: (T,), not negative.

    Returns:
        the loss in weighted nats, and the gradient to the logits (T, V).
    """
    logits -= logits.max(axis=1, keepdims=True)
    cross = -np.einsum("tv,tv->t", teacher, logits, dtype=np.float64)
    np.exp(logits, out=logits)
    totals = logits.sum(axis=1)
    # The teacher's probabilities add to 1, so the logarithm of the total counts once.
    cross += np.log(totals)
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -np.where(teacher > 0, teacher * np.log(teacher), 0).sum(axis=1, dtype=np.float64)
    logits /= totals[:, None]
    logits -= teacher
    logits *= weights.astype(logits.dtype)[:, None]
    return float(np.dot(cross - entropy, weights)), logits
