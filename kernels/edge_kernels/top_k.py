"""Distributions kept as their largest probabilities and one rest, and the divergence from them.

With the teacher p and the student q put into k + 1 buckets, one for each of the k tokens that p holds likeliest and one
for all others:

    D = sum_(i in top k) p_i log(p_i / q_i) + (1 - sum p_i) log((1 - sum p_i) / (1 - sum q_i))

By the log-sum inequality `D <= KL(p || q)` (Cover and Thomas, theorem 2.7.1): it is a lower bound of the forward
divergence, teacher first, and equal to it where p and q are proportional to each other over the rest. A student that
moves probability about among the unlikely tokens alone is not seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge_kernels.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class TopK:
    """T distributions. `tokens` (T, k): different ones; `probabilities` (T, k); `rest` (T,): what is left to 1."""

    tokens: IntArray
    probabilities: FloatArray
    rest: FloatArray

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, rows: slice | IntArray) -> TopK:
        return TopK(self.tokens[rows], self.probabilities[rows], self.rest[rows])


def top_k(logits: FloatArray, k: int) -> TopK:
    """What is kept of softmax(logits).

    Args:
        logits: (T, V); overwritten.
        k: fewer where V has not as many.
    """
    k = min(k, logits.shape[1])
    tokens = np.argpartition(logits, logits.shape[1] - k, axis=1)[:, logits.shape[1] - k :]
    logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    kept = np.take_along_axis(logits, tokens, axis=1).astype(np.float64)
    np.put_along_axis(logits, tokens, 0, axis=1)
    # Summed apart: 1 - sum of the kept would lose the digits of a small rest.
    others = logits.sum(axis=1, dtype=np.float64)
    totals = kept.sum(axis=1) + others
    return TopK(
        tokens.astype(np.int64), (kept / totals[:, None]).astype(logits.dtype), (others / totals).astype(logits.dtype)
    )


def joined(parts: list[TopK]) -> TopK:
    """The rows of all `parts` (at least one), in their order."""
    return TopK(
        np.concatenate([part.tokens for part in parts]),
        np.concatenate([part.probabilities for part in parts]),
        np.concatenate([part.rest for part in parts]),
    )


def top_k_divergence(logits: FloatArray, teacher: TopK) -> FloatArray:
    """D of each row (T,), in nats. `logits` (T, V) is overwritten."""
    return _compared(logits, teacher)[0]


def top_k_comparison(logits: FloatArray, teacher: TopK) -> tuple[FloatArray, FloatArray]:
    """D of each row (T,), and the student's entropy over the same k + 1 buckets (T,), both in nats.

    A student that is sure of a token outside the top k has an entropy near 0, like one that is sure of one inside.
    `logits` (T, V) is overwritten.
    """
    divergence, student, others, totals = _compared(logits, teacher)
    return divergence, bucket_entropy(student, others / totals)


def bucket_entropy(probabilities: FloatArray, rest: FloatArray) -> FloatArray:
    """The entropy (T,) in nats of distributions over k tokens (T, k) and their rest (T,)."""
    buckets = np.concatenate([probabilities, rest[:, None]], axis=1).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return -np.where(buckets > 0, buckets * np.log(buckets), 0.0).sum(axis=1)


def top_k_distillation(logits: FloatArray, teacher: TopK, weights: FloatArray) -> tuple[float, FloatArray]:
    """The loss `sum_t weights[t] * D(teacher[t], softmax(logits[t]))` and its gradient.

    The gradient to a token of the top k is `q - p`, to another one `q * (1 - p_rest / q_rest)`, times the weight.

    Args:
        logits: (T, V); overwritten, its memory becomes the gradient.
        teacher: T distributions.
        weights: (T,), not negative.
    """
    divergence, student, others, totals = _compared(logits, teacher)
    # What is in `logits` now are the others' exponentials, the top k zeroed.
    slope = weights * (1.0 / totals - teacher.rest / others)
    logits *= np.where(others > _LEAST, slope, 0.0).astype(logits.dtype)[:, None]
    np.put_along_axis(
        logits, teacher.tokens, ((student - teacher.probabilities) * weights[:, None]).astype(logits.dtype), axis=1
    )
    return float(np.dot(divergence, weights)), logits


_LEAST = float(np.finfo(np.float32).tiny)


def _compared(logits: FloatArray, teacher: TopK) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """The divergence (T,), the student's top-k probabilities, the others' sum and the total of exponentials.

    `logits` is left as the exponentials of the others.
    """
    logits -= logits.max(axis=1, keepdims=True)
    kept_logits = np.take_along_axis(logits, teacher.tokens, axis=1).astype(np.float64)
    np.exp(logits, out=logits)
    np.put_along_axis(logits, teacher.tokens, 0, axis=1)
    kept = np.exp(kept_logits)
    others = np.maximum(logits.sum(axis=1, dtype=np.float64), _LEAST)
    totals = kept.sum(axis=1) + others
    log_totals = np.log(totals)
    probabilities, rest = teacher.probabilities.astype(np.float64), teacher.rest.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        divergence = np.where(
            probabilities > 0, probabilities * (np.log(probabilities) - kept_logits + log_totals[:, None]), 0.0
        ).sum(axis=1)
        divergence += np.where(rest > 0, rest * (np.log(rest) - np.log(others) + log_totals), 0.0)
    return divergence, kept / totals[:, None], others, totals
