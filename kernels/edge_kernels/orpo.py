"""Odds ratio of a chosen over a rejected answer (ORPO, Hong et al. 2024, arXiv:2403.07691, equations 6 and 7).

With `P(y|x) = exp(1/|y| * sum_t log p(y_t | x, y_<t))` and `odds(y|x) = P / (1 - P)`:

    L_OR = -log sigmoid(log(odds(chosen) / odds(rejected)))

The paper adds `lambda * L_OR` (0.1 to 0.25 there) to the cross-entropy of the chosen answer; needs no reference model.
"""

from __future__ import annotations

import numpy as np

from edge_kernels.arrays import FloatArray
from edge_kernels.sigmoid import log_sigmoid, sigmoid

SUREST = -1e-6
"""The odds of a certain answer are infinite: a mean log-probability counts as at most this."""


def orpo(chosen: FloatArray, rejected: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The loss of each pair, and its gradients.

    Args:
        chosen, rejected: (P,) mean log-probabilities of the answers' tokens, in nats, at most 0.

    Returns:
        the losses (P,), and their gradients to `chosen` (P,) and to `rejected` (P,).
    """
    chosen = np.minimum(chosen.astype(np.float64), SUREST)
    rejected = np.minimum(rejected.astype(np.float64), SUREST)
    ratio = _log_odds(chosen) - _log_odds(rejected)
    missing = sigmoid(-ratio)
    # d log odds / d log P = 1 / (1 - P)
    return -log_sigmoid(ratio), missing / np.expm1(chosen), -missing / np.expm1(rejected)


def _log_odds(log_probability: FloatArray) -> FloatArray:
    return log_probability - np.log(-np.expm1(log_probability))
