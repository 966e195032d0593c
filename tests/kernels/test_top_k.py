"""Distributions as top k and a rest: a lower bound that is exact where it should be, and its gradient."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_kernels.arrays import FloatArray
from edge_kernels.distillation import distillation
from edge_kernels.top_k import TopK, joined, top_k, top_k_distillation, top_k_divergence
from tests.kernels.differences import assert_close, by_differences


def softmax(logits: FloatArray) -> FloatArray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def lumped(logits: FloatArray, teacher: TopK) -> FloatArray:
    """The divergence as the equation says it, a row and a bucket at a time."""
    found = np.zeros(len(logits))
    for row, q in enumerate(softmax(logits)):
        buckets = [(p, q[token]) for token, p in zip(teacher.tokens[row], teacher.probabilities[row], strict=True)]
        outside = np.setdiff1d(np.arange(len(q)), teacher.tokens[row])
        buckets.append((teacher.rest[row], q[outside].sum()))
        found[row] = sum(p * np.log(p / other) for p, other in buckets if p > 0)
    return found


@given(seed=st.integers(0, 2**32 - 1), columns=st.integers(2, 9), k=st.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_it_is_its_equation_and_below_the_whole_divergence(seed: int, columns: int, k: int) -> None:
    generator = np.random.default_rng(seed)
    base, student = 2 * generator.normal(size=(3, columns)), 2 * generator.normal(size=(3, columns))
    teacher = top_k(base.copy(), k)
    found = top_k_divergence(student.copy(), teacher)
    np.testing.assert_allclose(found, lumped(student, teacher), rtol=1e-9, atol=1e-12)
    for row in range(3):
        whole, _ = distillation(student[row : row + 1].copy(), softmax(base[row : row + 1]), np.ones(1))
        assert found[row] <= whole + 1e-9
        # All tokens, or all but one, are all there is to know.
        if k >= columns - 1:
            assert found[row] == pytest.approx(whole, abs=1e-9)
    weights = generator.uniform(size=3)
    loss, gradient = top_k_distillation(student.copy(), teacher, weights)
    assert loss == pytest.approx(float(found @ weights))
    slopes = by_differences(lambda: top_k_distillation(student.copy(), teacher, weights)[0], student)
    np.testing.assert_allclose(gradient, slopes, rtol=0, atol=1e-9)


def test_gradient_has_eight_digits() -> None:
    generator = np.random.default_rng(7)
    logits, teacher = 2 * generator.normal(size=(4, 30)), top_k(2 * generator.normal(size=(4, 30)), 8)
    weights = np.array([0.0, 0.1, 2.0, 1.0])
    _, gradient = top_k_distillation(logits.copy(), teacher, weights)
    assert_close(gradient, by_differences(lambda: top_k_distillation(logits.copy(), teacher, weights)[0], logits))
    assert not gradient[0].any()


def test_the_likeliest_are_kept_with_what_is_left() -> None:
    probabilities = np.array([[0.05, 0.5, 0.15, 0.3], [0.7, 0.1, 0.15, 0.05]])
    kept = top_k(np.log(probabilities), 2)
    assert [set(row) for row in kept.tokens.tolist()] == [{1, 3}, {0, 2}]
    np.testing.assert_allclose(kept.probabilities, np.take_along_axis(probabilities, kept.tokens, axis=1))
    np.testing.assert_allclose(kept.rest, [0.2, 0.15])
    assert len(kept) == 2
    assert kept[np.array([1])].rest.tolist() == [kept.rest[1]]
    np.testing.assert_array_equal(joined([kept[1:], kept[:1]]).tokens, kept.tokens[::-1])


def test_nothing_pulls_at_the_teacher_itself() -> None:
    logits = np.random.default_rng(1).normal(size=(3, 40))
    loss, gradient = top_k_distillation(logits + 5.0, top_k(logits.copy(), 6), np.ones(3))
    assert loss == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(gradient, 0, atol=1e-12)


@pytest.mark.filterwarnings("error")
def test_a_sure_teacher_and_a_student_who_thinks_otherwise_cost_no_not_a_number() -> None:
    sure = top_k(np.array([[400.0, 3.0, -200.0]], np.float32), 1)
    assert (sure.probabilities.tolist(), sure.rest.tolist()) == ([[1.0]], [0.0])
    for logits in ([[0.0, 300.0, -2.0]], [[300.0, 0.0, -2.0]]):
        loss, gradient = top_k_distillation(np.array(logits, np.float32), sure, np.ones(1))
        assert loss == pytest.approx(max(0.0, logits[0][1] - logits[0][0]))
        assert np.isfinite(gradient).all()
    unsure = top_k(np.array([[1.0, 1.0, 1.0]], np.float32), 1)
    loss, gradient = top_k_distillation(np.array([[900.0, 0.0, 0.0]], np.float32), unsure, np.ones(1))
    assert 10 < loss < 1000
    assert np.isfinite(gradient).all()


def test_float32_is_float64_rounded_and_the_logits_memory_is_the_gradients() -> None:
    generator = np.random.default_rng(3)
    logits, base = generator.normal(size=(4, 90)), generator.normal(size=(4, 90))
    exact_loss, exact = top_k_distillation(logits.copy(), top_k(base.copy(), 9), np.ones(4))
    narrow = logits.astype(np.float32)
    loss, gradient = top_k_distillation(narrow, top_k(base.astype(np.float32), 9), np.ones(4))
    assert gradient is narrow
    assert loss == pytest.approx(exact_loss, rel=1e-5)
    np.testing.assert_allclose(gradient, exact, atol=1e-6)
