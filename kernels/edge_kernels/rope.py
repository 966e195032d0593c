"""Rotary position embedding (Su et al. 2021, arXiv:2104.09864, eq. 34), interleaved pairs.

GGUF files of the llama family store Q and K permuted so that dimension pairs are neighbours (2i, 2i + 1).
"""

from __future__ import annotations

import numpy as np

from edge_kernels.arrays import FloatArray, IntArray


def rope_table(positions: IntArray, head_size: int, base: float) -> tuple[FloatArray, FloatArray]:
    """Cosines and sines (N, head_size / 2), float64: angle `position * base^(-2i / head_size)` for pair i."""
    frequencies = base ** (-np.arange(0, head_size, 2, dtype=np.float64) / head_size)
    angles = positions.astype(np.float64)[:, None] * frequencies[None, :]
    return np.cos(angles), np.sin(angles)


def rope(x: FloatArray, cosines: FloatArray, sines: FloatArray) -> FloatArray:
    """Turns each pair of the last axis by its row's angle.

    Args:
        x: (N, H, head_size).
        cosines, sines: (N, head_size / 2), in x's floating type.

    Returns:
        (N, H, head_size). The backward is the same turn with `-sines`.
    """
    even, odd = x[..., 0::2], x[..., 1::2]
    cosine, sine = cosines[:, None, :], sines[:, None, :]
    turned = np.empty_like(x)
    turned[..., 0::2] = even * cosine - odd * sine
    turned[..., 1::2] = even * sine + odd * cosine
    return turned
