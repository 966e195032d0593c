"""Root-mean-square normalization (Zhang and Sennrich 2019, arXiv:1910.07467, eq. 4)."""

from __future__ import annotations

import numpy as np

from edge_kernels.arrays import FloatArray


def rms_norm(
    x: FloatArray, gain: FloatArray, epsilon: float, out: FloatArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """`x * gain / sqrt(mean(x^2) + epsilon)` over the last axis.

    Args:
        x: (N, D).
        gain: (D,).
        epsilon: added to the mean square.
        out: (N, D), filled with the result; a new array if None.

    Returns:
        the normalized rows (N, D) and each row's inverse root mean square (N, 1), which the backward needs.
    """
    mean_square = np.einsum("nd,nd->n", x, x)[:, None] / x.dtype.type(x.shape[1])
    inverse = 1.0 / np.sqrt(mean_square + x.dtype.type(epsilon))
    out = np.multiply(x, inverse, out=out)
    out *= gain
    return out, inverse


def rms_norm_backward(d_out: FloatArray, x: FloatArray, gain: FloatArray, inverse: FloatArray) -> FloatArray:
    """The gradient to `x` (N, D); the gain is frozen and gets none.

    Args:
        d_out: the loss's gradient to the output, (N, D).
        x, gain, inverse: as given to and by `rms_norm`.
    """
    d_x = d_out * gain
    projection = np.einsum("nd,nd->n", d_x, x)[:, None] / x.dtype.type(x.shape[1])
    d_x *= inverse
    d_x -= x * (inverse**3 * projection)
    return d_x
