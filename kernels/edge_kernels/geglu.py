"""The gated activation GeGLU (Shazeer 2020, arXiv:2002.05202, eq. 6): `gelu(gate) * up`, GELU in its tanh form.

`gelu(x) = x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))` (Hendrycks and Gimpel 2016, arXiv:1606.08415, sec. 2).
"""

from __future__ import annotations

import math

import numpy as np

from edge_kernels.arrays import FloatArray
from edge_kernels.blocks import row_blocks

_SLOPE = math.sqrt(2 / math.pi)
_CUBIC = 0.044715


def geglu(gate_up: FloatArray, product: FloatArray) -> FloatArray:
    """`gelu(gate) * up`.

    Args:
        gate_up: (N, 2 F): the gates, then the ups.
        product: (N, F), filled with the result.

    Returns:
        the tanh inside it (N, F), which the backward needs.
    """
    half = product.shape[1]
    tanh = np.empty((len(gate_up), half), dtype=gate_up.dtype)
    for rows in row_blocks(tanh):
        gate, own, out = gate_up[rows, :half], tanh[rows], product[rows]
        np.multiply(gate, gate, out=own)
        own *= _CUBIC * _SLOPE
        own += _SLOPE
        own *= gate
        np.tanh(own, out=own)
        np.add(own, 1, out=out)
        out *= gate
        out *= gate_up[rows, half:]
        out *= 0.5
    return tanh


def geglu_backward(d_out: FloatArray, gate_up: FloatArray, tanh: FloatArray, d_gate_up: FloatArray) -> None:
    """Fills `d_gate_up` (N, 2 F or wider) with the gradients to the gates and to the ups.

    Args:
        d_out: (N, F), the loss's gradient to the product.
        gate_up, tanh: as given to and by `geglu`; not changed.
    """
    half = tanh.shape[1]
    for rows in row_blocks(tanh):
        gate, own, d_product = gate_up[rows, :half], tanh[rows], d_out[rows]
        d_gate, d_up = d_gate_up[rows, :half], d_gate_up[rows, half : 2 * half]
        # d gelu / d gate = (1 + t) / 2 + gate / 2 * (1 - t^2) * sqrt(2 / pi) * (1 + 3 * 0.044715 gate^2)
        np.multiply(gate, gate, out=d_gate)
        d_gate *= 3 * _CUBIC * _SLOPE
        d_gate += _SLOPE
        d_gate *= 0.5 * gate
        d_gate *= 1 - own * own
        np.add(own, 1, out=d_up)
        d_up *= 0.5
        d_gate += d_up
        d_gate *= gate_up[rows, half:]
        d_gate *= d_product
        d_up *= gate
        d_up *= d_product
