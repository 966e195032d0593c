"""The gated activation SwiGLU (Shazeer 2020, arXiv:2002.05202, eq. 6): `silu(gate) * up`."""

from __future__ import annotations

import numpy as np

from edge_kernels.arrays import FloatArray
from edge_kernels.blocks import row_blocks


def swiglu(gate_up: FloatArray, product: FloatArray) -> FloatArray:
    """`gate * sigmoid(gate) * up`.

    Args:
        gate_up: (N, 2 F): the gates, then the ups.
        product: (N, F), filled with the result.

    Returns:
        `sigmoid(gate)` (N, F), which the backward needs.
    """
    half = product.shape[1]
    sigmoid = np.empty((len(gate_up), half), dtype=gate_up.dtype)
    one_half = gate_up.dtype.type(0.5)
    for rows in row_blocks(sigmoid):
        gate, own, out = gate_up[rows, :half], sigmoid[rows], product[rows]
        # sigmoid(x) = (1 + tanh(x / 2)) / 2: no overflow, and one fast function instead of exp and a division.
        np.multiply(gate, one_half, out=own)
        np.tanh(own, out=own)
        own += 1
        own *= one_half
        np.multiply(gate, own, out=out)
        out *= gate_up[rows, half:]
    return sigmoid


def swiglu_backward(d_out: FloatArray, gate_up: FloatArray, sigmoid: FloatArray, d_gate_up: FloatArray) -> None:
    """Fills `d_gate_up` (N, 2 F or wider) with the gradients to the gates and to the ups.

    Args:
        d_out: (N, F), the loss's gradient to the product.
        gate_up, sigmoid: as given to and by `swiglu`; not changed.
    """
    half = sigmoid.shape[1]
    for rows in row_blocks(sigmoid):
        own, d_product = sigmoid[rows], d_out[rows]
        d_gate, d_up = d_gate_up[rows, :half], d_gate_up[rows, half : 2 * half]
        silu = gate_up[rows, :half] * own
        np.multiply(d_product, silu, out=d_up)
        # d silu / d gate = sigmoid * (1 + gate * (1 - sigmoid)) = sigmoid + silu * (1 - sigmoid)
        np.subtract(1, own, out=d_gate)
        d_gate *= silu
        d_gate += own
        d_gate *= gate_up[rows, half:]
        d_gate *= d_product
