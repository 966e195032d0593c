"""The gated activation GeGLU (Shazeer 2020, arXiv:2002.05202, eq. 6): `gelu(gate) * up`, GELU in its tanh form.

`gelu(x) = x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))` (Hendrycks and Gimpel 2016, arXiv:1606.08415, sec. 2).
"""

from __future__ import annotations

import math

import numpy as np

from edge_kernels.arrays import FloatArray

_SLOPE = math.sqrt(2 / math.pi)
_CUBIC = 0.044715


def geglu(gate: FloatArray, up: FloatArray) -> tuple[FloatArray, FloatArray]:
    """`gelu(gate) * up`, all (N, F).

    Returns:
        the product and the tanh inside it, which the backward needs.
    """
    tanh = gate * gate
    tanh *= _CUBIC * _SLOPE
    tanh += _SLOPE
    tanh *= gate
    np.tanh(tanh, out=tanh)
    product = tanh + 1
    product *= gate
    product *= up
    product *= 0.5
    return product, tanh


def geglu_backward(
    d_out: FloatArray, gate: FloatArray, up: FloatArray, tanh: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The gradients to gate and up, both (N, F); nothing that is given is changed."""
    half = 0.5 * (1 + tanh)
    # d gelu / d gate = (1 + t) / 2 + gate / 2 * (1 - t^2) * sqrt(2 / pi) * (1 + 3 * 0.044715 gate^2)
    d_gate = gate * gate
    d_gate *= 3 * _CUBIC * _SLOPE
    d_gate += _SLOPE
    d_gate *= 0.5 * gate
    d_gate *= 1 - tanh * tanh
    d_gate += half
    d_gate *= up
    d_gate *= d_out
    half *= gate
    half *= d_out
    return d_gate, half
