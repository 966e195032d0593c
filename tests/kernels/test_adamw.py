"""AdamW against the paper's algorithm line by line; the rate over the steps; the clipped gradient."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_kernels.adamw import AdamW, clip_by_norm, warm_up_and_cosine
from edge_kernels.arrays import FloatArray


def textbook(
    parameters: FloatArray, gradients: Sequence[FloatArray], rates: list[float], relative: FloatArray, decay: float
) -> FloatArray:
    """Loshchilov and Hutter 2019, algorithm 2, a parameter at a time, with both moments corrected as they stand."""
    moved = parameters.copy()
    for index in range(len(parameters)):
        mean = square = 0.0
        for step, (gradient, rate) in enumerate(zip(gradients, rates, strict=True), start=1):
            mean = 0.9 * mean + 0.1 * gradient[index]
            square = 0.99 * square + 0.01 * gradient[index] ** 2
            direction = (mean / (1 - 0.9**step)) / (math.sqrt(square / (1 - 0.99**step)) + 1e-3)
            moved[index] -= rate * relative[index] * (direction + decay * moved[index])
    return moved


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_steps_are_the_papers(decay: float) -> None:
    generator = np.random.default_rng(3)
    parameters, relative = generator.normal(size=7), np.array([1.0, 1.0, 16.0, 1.0, 0.5, 1.0, 1.0])
    # Epsilon is large enough here, and some gradients small enough, that its place in the formula matters.
    gradients = [generator.normal(size=7) * np.array([1, 1e-3, 1, 10, 1, 1e-4, 0]) for _ in range(12)]
    rates = [0.01 * (step + 1) for step in range(12)]
    expected = textbook(parameters, gradients, rates, relative, decay)
    kept = [gradient.copy() for gradient in gradients]
    optimizer = AdamW(parameters, relative, decay=decay, epsilon=1e-3)
    for gradient, rate in zip(gradients, rates, strict=True):
        optimizer.step(gradient, rate)
    np.testing.assert_allclose(parameters, expected, rtol=1e-12)
    assert all((given == before).all() for given, before in zip(gradients, kept, strict=True))


def test_the_first_step_is_as_long_as_the_rate_whatever_the_gradient() -> None:
    """Without the correction of the moments it would be 0.1 / sqrt(0.01) of it only by chance of the betas."""
    parameters = np.zeros(3)
    AdamW(parameters, np.ones(3), beta1=0.9, beta2=0.999).step(np.array([1e-3, -5.0, 1e4]), 0.01)
    np.testing.assert_allclose(parameters, [-0.01, 0.01, -0.01], rtol=1e-4)


def test_parameters_move_in_place_and_keep_their_type() -> None:
    whole = np.ones(4, np.float32)
    part = whole[1:3]
    AdamW(part, np.ones(2, np.float32)).step(np.ones(2, np.float32), 0.5)
    assert whole.tolist() == [1.0, 0.5, 0.5, 1.0]
    assert part.dtype == np.float32


def test_without_a_gradient_only_decay_moves() -> None:
    parameters = np.array([2.0, -4.0])
    AdamW(parameters, np.array([1.0, 2.0]), decay=0.1).step(np.zeros(2), 0.5)
    np.testing.assert_allclose(parameters, [2.0 * 0.95, -4.0 * 0.9], rtol=1e-15)


def test_the_rate_warms_up_to_its_peak_and_falls_to_the_floor() -> None:
    shares = [warm_up_and_cosine(step, 100, warm_up=5, floor=0.1) for step in range(101)]
    assert shares[:6] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 1.0])
    assert all(later < earlier for earlier, later in pairwise(shares[5:]))
    # Half-way down the cosine is half-way between the peak and the floor.
    assert warm_up_and_cosine(5 + 48, 5 + 96, warm_up=5, floor=0.2) == pytest.approx(0.6)
    assert shares[100] == pytest.approx(0.1)


def test_a_stable_rate_stays_at_its_peak_before_it_falls() -> None:
    shares = [warm_up_and_cosine(step, 40, warm_up=4, stable=0.5, floor=0.1) for step in range(41)]
    assert shares[3:21] == [1.0] * 18
    assert all(later < earlier for earlier, later in pairwise(shares[20:]))
    assert shares[30] == pytest.approx(0.55)
    assert shares[40] == pytest.approx(0.1)


@given(
    step=st.integers(0, 500),
    total=st.integers(1, 300),
    warm_up=st.integers(0, 20),
    stable=st.floats(0.0, 1.0),
    floor=st.floats(0.0, 1.0),
)
@settings(deadline=None, max_examples=50)
def test_the_rate_stays_between_nothing_and_its_peak(
    step: int, total: int, warm_up: int, stable: float, floor: float
) -> None:
    """Even with more warm-up than steps, and for steps past the last."""
    share = warm_up_and_cosine(step, total, warm_up=warm_up, stable=stable, floor=floor)
    assert 0.0 <= share <= 1.0 + 1e-12
    if step >= warm_up:
        assert share >= floor - 1e-12


def test_a_long_gradient_is_shortened_and_keeps_its_direction() -> None:
    gradient = np.array([3.0, -4.0], np.float32)
    assert clip_by_norm(gradient, 1.0) == pytest.approx(5.0)
    np.testing.assert_allclose(gradient, [0.6, -0.8], rtol=1e-6)


@pytest.mark.parametrize("values", [[0.3, -0.4], [0.6, -0.8], [0.0, 0.0]])
def test_a_short_gradient_is_left_as_it_is(values: list[float]) -> None:
    gradient = np.array(values)
    assert clip_by_norm(gradient, 1.0) == pytest.approx(math.hypot(*values))
    assert gradient.tolist() == values
