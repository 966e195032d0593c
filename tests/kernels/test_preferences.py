"""ORPO, SimPO and KTO: their equations one entry at a time, their gradients by differences, and which way they push."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_kernels.arrays import FloatArray
from edge_kernels.kto import kto, kto_reference_point
from edge_kernels.orpo import orpo
from edge_kernels.simpo import simpo
from tests.kernels.differences import assert_close, by_differences

plainly = settings(max_examples=40, deadline=None)
nats = st.lists(st.tuples(st.floats(-9, -0.01), st.floats(-9, -0.01)), min_size=1, max_size=5)


def logistic(x: float) -> float:
    return 1.0 / (1.0 + float(np.exp(-x)))


def odds_ratio_loss(chosen: float, rejected: float) -> float:
    odds = [np.exp(mean) / (1 - np.exp(mean)) for mean in (chosen, rejected)]
    return -float(np.log(logistic(float(np.log(odds[0] / odds[1])))))


def margin_loss(chosen: float, rejected: float) -> float:
    return -float(np.log(logistic(2.5 * (chosen - rejected) - 0.75)))


def simpo_there(chosen: FloatArray, rejected: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    return simpo(chosen, rejected, beta=2.5, gamma=0.75)


PAIRWISE = [
    pytest.param(orpo, odds_ratio_loss, id="orpo"),
    pytest.param(simpo_there, margin_loss, id="simpo"),
]


@pytest.mark.parametrize(("objective", "equation"), PAIRWISE)
@given(pairs=nats)
@plainly
def test_a_pairs_loss_is_its_equation_and_the_gradients_are_its_slopes(
    objective: Callable[[FloatArray, FloatArray], tuple[FloatArray, FloatArray, FloatArray]],
    equation: Callable[[float, float], float],
    pairs: list[tuple[float, float]],
) -> None:
    chosen, rejected = (np.array(side) for side in zip(*pairs, strict=True))
    losses, d_chosen, d_rejected = objective(chosen, rejected)
    assert losses == pytest.approx([equation(*pair) for pair in pairs], rel=1e-9)

    def loss() -> float:
        return float(objective(chosen, rejected)[0].sum())

    # Near probability one the curvature of the odds is what differences are off by.
    for found, values in ((d_chosen, chosen), (d_rejected, rejected)):
        np.testing.assert_allclose(found, by_differences(loss, values), rtol=1e-5, atol=1e-9)
    assert (d_chosen < 0).all()
    assert (d_rejected > 0).all()


@pytest.mark.parametrize(("objective", "equation"), PAIRWISE)
def test_pairs_have_eight_digits(objective: Callable[..., tuple[FloatArray, ...]], equation: object) -> None:
    del equation
    chosen, rejected = np.array([-2.0, -0.7, -4.0]), np.array([-1.0, -3.0, -0.5])
    _, d_chosen, d_rejected = objective(chosen, rejected)
    assert_close(d_chosen, by_differences(lambda: float(objective(chosen, rejected)[0].sum()), chosen))
    assert_close(d_rejected, by_differences(lambda: float(objective(chosen, rejected)[0].sum()), rejected))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("mean", [0.0, -1e-12, -1e-7, -700.0])
def test_certain_and_impossible_answers_keep_numbers_finite(mean: float) -> None:
    for chosen, rejected in ((mean, -1.0), (-1.0, mean), (mean, mean)):
        for objective in (orpo, simpo):
            for values in objective(np.array([chosen], np.float32), np.array([rejected], np.float32)):
                assert np.isfinite(values).all()


def test_the_margin_is_what_simpo_aims_at() -> None:
    reached, _, _ = simpo(np.array([-1.0]), np.array([-1.5]), beta=2.0, gamma=1.0)
    assert reached[0] == pytest.approx(np.log(2))


answers = st.lists(st.tuples(st.floats(-60, 0), st.floats(-60, 0), st.booleans()), min_size=1, max_size=5)


@given(answers=answers, reference_point=st.floats(0, 20))
@plainly
def test_ktos_loss_is_its_equation_and_the_gradient_its_slope(
    answers: list[tuple[float, float, bool]], reference_point: float
) -> None:
    policy, base, liked = (np.array(column) for column in zip(*answers, strict=True))

    def objective() -> tuple[FloatArray, FloatArray]:
        return kto(
            policy, base, liked, reference_point=reference_point, beta=0.3, desirable=1.3, undesirable=0.8
        )  # fmt: skip

    losses, gradient = objective()
    for (log_p, log_base, good), loss in zip(answers, losses, strict=True):
        ahead = log_p - log_base - reference_point
        value = 1.3 * logistic(0.3 * ahead) if good else 0.8 * logistic(-0.3 * ahead)
        assert loss == pytest.approx((1.3 if good else 0.8) - value, rel=1e-9, abs=1e-12)
    slopes = by_differences(lambda: float(objective()[0].sum()), policy)
    np.testing.assert_allclose(gradient, slopes, rtol=0, atol=1e-9)


def test_what_was_liked_is_pushed_up_and_what_was_not_down_most_where_nothing_is_decided() -> None:
    policy, base = np.array([-5.0, -5.0, -65.0, 55.0]), np.array([-5.0] * 4)
    _, gradient = kto(policy, base, np.array([True, False, True, True]))
    assert gradient[0] < 0 < gradient[1]
    assert gradient[0] < 20 * gradient[2]
    assert gradient[0] < 20 * gradient[3]


def test_the_reference_point_is_the_mean_of_mismatched_answers_and_never_negative() -> None:
    assert kto_reference_point(np.array([-1.0, -2.0]), np.array([-2.0, -5.0])) == 2.0
    assert kto_reference_point(np.array([-9.0]), np.array([-2.0])) == 0.0
    assert kto_reference_point(np.array([]), np.array([])) == 0.0
