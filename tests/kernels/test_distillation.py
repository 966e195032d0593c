"""The pull to a teacher's distribution: its gradient by differences, and nothing where there is nothing to pull."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_kernels.arrays import FloatArray
from edge_kernels.distillation import distillation
from tests.kernels.differences import assert_close, by_differences


def softmax(logits: FloatArray) -> FloatArray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def divergence(logits: FloatArray, teacher: FloatArray, weights: FloatArray) -> float:
    """As the equation says it, one entry at a time; 0 log 0 is 0."""
    probabilities, total = softmax(logits), 0.0
    for row, column in np.ndindex(logits.shape):
        p = float(teacher[row, column])
        if p > 0:
            total += float(weights[row]) * p * (np.log(p) - np.log(probabilities[row, column]))
    return total


@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(1, 4), columns=st.integers(1, 6))
@settings(max_examples=40, deadline=None)
def test_loss_is_the_weighted_divergence_and_the_gradient_its_slope(seed: int, rows: int, columns: int) -> None:
    generator = np.random.default_rng(seed)
    logits, teacher = generator.normal(size=(rows, columns)), softmax(generator.normal(size=(rows, columns)))
    weights = generator.uniform(size=rows)
    loss, gradient = distillation(logits.copy(), teacher, weights)
    assert loss == pytest.approx(divergence(logits, teacher, weights), rel=1e-9, abs=1e-12)
    slopes = by_differences(lambda: distillation(logits.copy(), teacher, weights)[0], logits)
    assert gradient.shape == logits.shape
    np.testing.assert_allclose(gradient, slopes, rtol=0, atol=1e-9)


def test_gradient_has_eight_digits() -> None:
    generator = np.random.default_rng(7)
    logits, teacher = 2 * generator.normal(size=(5, 9)), softmax(2 * generator.normal(size=(5, 9)))
    weights = np.array([0.0, 0.1, 0.4, 2.0, 1.0])
    _, gradient = distillation(logits.copy(), teacher, weights)
    assert_close(gradient, by_differences(lambda: distillation(logits.copy(), teacher, weights)[0], logits))
    assert not gradient[0].any()


def test_nothing_pulls_at_the_teacher_itself() -> None:
    logits = np.random.default_rng(1).normal(size=(3, 8))
    loss, gradient = distillation(logits + 5.0, softmax(logits), np.ones(3))
    assert loss == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(gradient, 0, atol=1e-12)


def test_a_step_along_the_gradient_comes_nearer() -> None:
    generator = np.random.default_rng(2)
    logits, teacher = generator.normal(size=(2, 6)), softmax(generator.normal(size=(2, 6)))
    far, gradient = distillation(logits.copy(), teacher, np.ones(2))
    near, _ = distillation(logits - 0.5 * gradient, teacher, np.ones(2))
    assert 0 < near < far


@pytest.mark.filterwarnings("error")
def test_a_teacher_that_is_sure_costs_no_not_a_number() -> None:
    """Probabilities of exactly zero are what float32 makes of a large distance between logits."""
    teacher = np.array([[1.0, 0.0, 0.0]], np.float32)
    loss, gradient = distillation(np.array([[0.0, 3.0, -200.0]], np.float32), teacher, np.ones(1))
    assert loss == pytest.approx(np.log(1 + np.exp(3.0)), rel=1e-6)
    assert np.isfinite(gradient).all()
    loss, gradient = distillation(np.array([[400.0, 3.0, -200.0]], np.float32), teacher, np.ones(1))
    assert (loss, gradient.tolist()) == (0.0, [[0.0, 0.0, 0.0]])


def test_float32_is_float64_rounded_and_the_logits_memory_is_the_gradients() -> None:
    generator = np.random.default_rng(3)
    logits, teacher = generator.normal(size=(4, 50)), softmax(generator.normal(size=(4, 50)))
    weights = generator.uniform(size=4)
    exact_loss, exact = distillation(logits.copy(), teacher, weights)
    narrow = logits.astype(np.float32)
    loss, gradient = distillation(narrow, teacher.astype(np.float32), weights)
    assert gradient is narrow
    assert gradient.dtype == np.float32
    assert loss == pytest.approx(exact_loss, rel=1e-5)
    np.testing.assert_allclose(gradient, exact, atol=1e-6)
