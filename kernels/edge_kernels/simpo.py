"""Preference by mean log-probability, with a margin (SimPO, Meng et al. 2024, arXiv:2405.14734, equation 6).

    L = -log sigmoid(beta * (m(chosen) - m(rejected)) - gamma),   m(y) = 1/|y| * sum_t log p(y_t | x, y_<t)

Needs neither a reference model nor a cross-entropy beside it.
"""

from __future__ import annotations

import numpy as np

from edge_kernels.arrays import FloatArray
from edge_kernels.sigmoid import log_sigmoid, sigmoid

BETA = 2.0
GAMMA = 1.0
"""The paper finds beta of 2 to 2.5 and a margin of half of it to be good for instruction-tuned models."""


def simpo(
    chosen: FloatArray, rejected: FloatArray, *, beta: float = BETA, gamma: float = GAMMA
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The loss of each pair, and its gradients.

    Args:
        chosen, rejected: (P,) mean log-probabilities of the answers' tokens, in nats.
        beta: how much a nat counts.
        gamma: the margin that is aimed at.

    Returns:
        the losses (P,), and their gradients to `chosen` (P,) and to `rejected` (P,).
    """
    margin = beta * (chosen.astype(np.float64) - rejected) - gamma
    slope = beta * sigmoid(-margin)
    return -log_sigmoid(margin), -slope, slope
