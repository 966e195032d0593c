"""Gradients by central finite differences, in float64: what every backward is measured by."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edge_kernels.arrays import FloatArray

STEP = 1e-5
TOLERANCE = 1e-8
"""Of a gradient's largest value. The formula's own error is of order STEP^2 = 1e-10 times the third derivative, and
the rounding of a loss of order one, divided by the step, is 1e-11."""


def by_differences(loss: Callable[[], float], values: FloatArray) -> FloatArray:
    """The loss's slope along each of `values`, by moving it in place (and back)."""
    found = np.empty_like(values)
    for index in np.ndindex(values.shape):
        kept = values[index]
        values[index] = kept + STEP
        above = loss()
        values[index] = kept - STEP
        below = loss()
        values[index] = kept
        found[index] = (above - below) / (2 * STEP)
    return found


def along(loss: Callable[[], float], values: FloatArray, direction: FloatArray) -> float:
    """The slope of the loss when `values` move along `direction` (in place, and back)."""
    kept = values.copy()
    values[...] = kept + STEP * direction
    above = loss()
    values[...] = kept - STEP * direction
    below = loss()
    values[...] = kept
    return (above - below) / (2 * STEP)


def assert_close(found: FloatArray, expected: FloatArray, tolerance: float = TOLERANCE) -> None:
    """`found` differs from `expected` nowhere by more than `tolerance` of the largest expected value."""
    assert found.shape == expected.shape
    largest = float(np.abs(expected).max(initial=0.0))
    assert np.isfinite(found).all()
    assert float(np.abs(found - expected).max(initial=0.0)) <= tolerance * largest, (found, expected)
