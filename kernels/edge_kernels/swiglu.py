"""The gated activation SwiGLU (Shazeer 2020, arXiv:2002.05202, eq. 6): `silu(gate) * up`."""

from __future__ import annotations

import numpy as np

from edge_kernels.arrays import FloatArray


def swiglu(gate: FloatArray, up: FloatArray) -> tuple[FloatArray, FloatArray]:
    """`gate * sigmoid(gate) * up`, all (N, F).

    Returns:
        the product and `sigmoid(gate)`, which the backward needs.
    """
    # exp overflows to inf for very negative gates, and 1 / (1 + inf) is the right 0.
    with np.errstate(over="ignore"):
        sigmoid = np.negative(gate)
        np.exp(sigmoid, out=sigmoid)
    sigmoid += 1
    np.reciprocal(sigmoid, out=sigmoid)
    product = gate * sigmoid
    product *= up
    return product, sigmoid


def swiglu_backward(
    d_out: FloatArray, gate: FloatArray, up: FloatArray, sigmoid: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The gradients to gate and up, both (N, F); nothing that is given is changed."""
    silu = gate * sigmoid
    d_up = d_out * silu
    # d silu / d gate = sigmoid * (1 + gate * (1 - sigmoid)) = sigmoid + silu * (1 - sigmoid)
    d_gate = 1 - sigmoid
    d_gate *= silu
    d_gate += sigmoid
    d_gate *= up
    d_gate *= d_out
    return d_gate, d_up
