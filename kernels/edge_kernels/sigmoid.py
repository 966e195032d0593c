"""The logistic function and its logarithm, at every size of their argument."""

from __future__ import annotations

import numpy as np

from edge_kernels.arrays import FloatArray


def log_sigmoid(x: FloatArray) -> FloatArray:
    """`log(1 / (1 + exp(-x)))`, without overflow."""
    return -np.logaddexp(0.0, -x)


def sigmoid(x: FloatArray) -> FloatArray:
    """`1 / (1 + exp(-x))`, without overflow."""
    return np.exp(log_sigmoid(x))
