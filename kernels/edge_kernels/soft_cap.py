"""A soft bound for logits (Bello et al. 2017, arXiv:1611.09940, sec. 5.3): `cap * tanh(x / cap)`."""

from __future__ import annotations

import numpy as np

from edge_kernels.arrays import FloatArray


def soft_cap(x: FloatArray, cap: float) -> FloatArray:
    """`x` held within +-`cap`; its memory is overwritten and given back."""
    x *= x.dtype.type(1 / cap)
    np.tanh(x, out=x)
    x *= x.dtype.type(cap)
    return x


def soft_cap_backward(d_out: FloatArray, capped: FloatArray, cap: float) -> FloatArray:
    """The gradient to `x`, of which `capped` is what `soft_cap` gave: `d_out * (1 - (capped / cap)^2)`."""
    slope = capped * capped.dtype.type(1 / cap)
    slope *= slope
    return d_out - d_out * slope
