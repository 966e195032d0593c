"""Learning from single answers that were liked or not (KTO, Ethayarajh et al. 2024, arXiv:2402.01306, equation 8).

With `r = log pi(y|x) - log pi_base(y|x)` over whole answers and a reference point `z >= 0`:

    v = lambda_D * sigmoid(beta * (r - z))      where y is desirable
    v = lambda_U * sigmoid(beta * (z - r))      where it is not
    L = lambda_y - v

`z` stands for KL(pi || pi_base). The paper estimates it without gradient, from answers y' that belong to other prompts
x of the batch: `z = max(0, mean(log pi(y'|x) - log pi_base(y'|x)))`; with none at hand it is taken to be 0, which is
its value where training begins.
"""

from __future__ import annotations

import numpy as np

from edge_kernels.arrays import BoolArray, FloatArray
from edge_kernels.sigmoid import sigmoid

BETA = 0.1


def kto_reference_point(policy: FloatArray, base: FloatArray) -> float:
    """The reference point z, from (M,) log-probabilities of mismatched answers; 0 where there are none."""
    return max(0.0, float(np.mean(policy - base))) if len(policy) else 0.0


def kto(
    policy: FloatArray,
    base: FloatArray,
    liked: BoolArray,
    *,
    reference_point: float = 0.0,
    beta: float = BETA,
    desirable: float = 1.0,
    undesirable: float = 1.0,
) -> tuple[FloatArray, FloatArray]:
    """The loss of each answer, and its gradient.

    Args:
        policy, base: (U,) log-probabilities of whole answers, in nats, under what is trained and under the base.
        liked: (U,).
        reference_point: z, from `kto_reference_point`.
        beta: how soon a difference from the base saturates.
        desirable, undesirable: lambda_D and lambda_U; the paper keeps `lambda_D * n_D / (lambda_U * n_U)` in 1 to 4/3.

    Returns:
        the losses (U,), and their gradients to `policy` (U,).
    """
    sign = np.where(liked, 1.0, -1.0)
    weight = np.where(liked, desirable, undesirable)
    value = sigmoid(sign * beta * (policy.astype(np.float64) - base - reference_point))
    return weight * (1.0 - value), -weight * sign * beta * value * (1.0 - value)
