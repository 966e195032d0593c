"""A frozen linear map with a low-rank update (Hu et al. 2021, arXiv:2106.09685, eq. 3): `y = x W^T + s (x A^T) B^T`."""

from __future__ import annotations

from edge_kernels.arrays import FloatArray


def lora(x: FloatArray, a: FloatArray, b: FloatArray, scale: float) -> tuple[FloatArray, FloatArray]:
    """The low-rank part alone, to be added to `x W^T`.

    Args:
        x: (N, in).
        a: (r, in).
        b: (out, r).
        scale: alpha / r.

    Returns:
        `scale (x A^T) B^T` (N, out) and `x A^T` (N, r), which the backward needs.
    """
    down = x @ a.T
    return (down * down.dtype.type(scale)) @ b.T, down


def lora_backward(
    d_out: FloatArray, x: FloatArray, down: FloatArray, a: FloatArray, b: FloatArray, scale: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The gradients to x (the low-rank part's share, (N, in)), A (r, in) and B (out, r)."""
    d_down = d_out @ b
    d_down *= d_down.dtype.type(scale)
    d_b = d_out.T @ down
    d_b *= d_b.dtype.type(scale)
    return d_down @ a, d_down.T @ x, d_b
