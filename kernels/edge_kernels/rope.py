"""Rotary position embedding (Su et al. 2021, arXiv:2104.09864, eq. 34), in both layouts that GGUF files have.

Files of the llama family store Q and K permuted so that the dimensions of a pair are neighbours (2i, 2i + 1); others
keep them half a head apart (i, i + d / 2). All scaling changes the frequencies alone, and YaRN the length too, so one
record, `Rope`, says everything of a layer's turns.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edge_kernels.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Rope:
    """Pair i is turned by `position * frequencies[i]` radians and made `gain` times as long."""

    frequencies: tuple[float, ...]
    gain: float = 1.0

    @classmethod
    def unscaled(cls, head_size: int, base: float) -> Rope:
        """The paper's own turns."""
        return cls(tuple(rope_frequencies(head_size, base).tolist()))


def rope_frequencies(head_size: int, base: float) -> FloatArray:
    """(head_size / 2,) float64: `base^(-2i / head_size)` for pair i."""
    return base ** (-np.arange(0, head_size, 2, dtype=np.float64) / head_size)


def yarn_frequencies(
    frequencies: FloatArray,
    base: float,
    factor: float,
    trained_context: int,
    betas: tuple[float, float],
    log_share: float = 0.0,
) -> tuple[FloatArray, float]:
    """YaRN (Peng et al. 2023, arXiv:2309.00071, eq. 23 to 27) as llama.cpp computes it.

    Args:
        frequencies: (head_size / 2,), unscaled.
        base: the base they come from.
        factor: how many times the trained context the model is to reach.
        trained_context: tokens.
        betas: a pair that turns more often than the first within the trained context keeps its frequency, one that
            turns less often than the second is slowed by `factor`, and between them the two are mixed.
        log_share: `m` of DeepSeek's variant of the length, `(0.1 ln s + 1) / (0.1 m ln s + 1)`.

    Returns:
        the frequencies (head_size / 2,) and the gain.
    """
    size = 2 * len(frequencies)

    def pair_that_turns(times: float) -> float:
        return size * math.log(trained_context / (times * 2 * math.pi)) / (2 * math.log(base))

    low = max(0.0, math.floor(pair_that_turns(betas[0])))
    high = min(size - 1.0, math.ceil(pair_that_turns(betas[1])))
    ramp = (np.arange(len(frequencies)) - low) / max(0.001, high - low)
    kept = 1.0 - np.clip(ramp, 0.0, 1.0)
    growth = 0.1 * math.log(factor) if factor > 1 else 0.0
    return frequencies * (kept + (1.0 - kept) / factor), (growth + 1.0) / (log_share * growth + 1.0)


def rope_table(positions: IntArray, turns: Rope) -> tuple[FloatArray, FloatArray]:
    """Cosines and sines (N, head_size / 2), float64, both multiplied by the gain."""
    angles = positions.astype(np.float64)[:, None] * np.asarray(turns.frequencies)[None, :]
    return np.cos(angles) * turns.gain, np.sin(angles) * turns.gain


def rope(x: FloatArray, cosines: FloatArray, sines: FloatArray) -> FloatArray:
    """Turns each pair of neighbours of the last axis by its row's angle.

    Args:
        x: (N, H, head_size).
        cosines, sines: (N, head_size / 2), in x's floating type.

    Returns:
        (N, H, head_size). The backward is the same turn with `-sines`.
    """
    # A pair is a complex number and its turn a product: one pass over neighbours instead of six over every second.
    pair = np.complex64 if x.dtype == np.float32 else np.complex128
    turns = np.empty(cosines.shape, dtype=pair)
    turns.real, turns.imag = cosines, sines
    if x.strides[-1] != x.itemsize:
        x = np.ascontiguousarray(x)
    return (x.view(pair) * turns[:, None, :]).view(x.dtype)


def rope_halves(x: FloatArray, cosines: FloatArray, sines: FloatArray) -> FloatArray:
    """`rope` where a pair is dimension i and i + head_size / 2."""
    half = x.shape[-1] // 2
    first, second = x[..., :half], x[..., half:]
    cosine, sine = cosines[:, None, :], sines[:, None, :]
    turned = np.empty_like(x)
    turned[..., :half] = first * cosine - second * sine
    turned[..., half:] = first * sine + second * cosine
    return turned
