"""Every kernel, in the float32 it trains with, against MLX's own operations and autograd on the CPU.

The oracle adds and multiplies in float64 from the same float32 numbers (its exponentials and roots keep float32's
digits, to 4e-7), so what is left between the two is the rounding of single operations and of the kernel's sums. A sum
of n products in float32 is off by about sqrt(n) * 6e-8 of the size of its terms; no sum here has more than 96 terms and
a backward chains at most four of them, which gives 4 * 10 * 6e-8 = 2.4e-6 of a gradient's largest value (measured:
below 4e-7). A term that is missing or wrong is off by a share of the order of one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edge_kernels.arrays import FloatArray
from edge_kernels.attention import attention, attention_backward
from edge_kernels.cross_entropy import cross_entropy
from edge_kernels.distillation import distillation
from edge_kernels.kto import kto
from edge_kernels.linear_lora import lora, lora_backward
from edge_kernels.orpo import orpo
from edge_kernels.rms_norm import rms_norm, rms_norm_backward
from edge_kernels.rope import Rope, rope, rope_table
from edge_kernels.simpo import simpo
from edge_kernels.top_k import top_k, top_k_distillation
from tests.kernels.differences import assert_close
from tests.kernels.forests import random_forest
from tests.kernels.gates import swiglu_gradients, swiglu_of

if TYPE_CHECKING:
    import mlx.core as mx
else:
    mx = pytest.importorskip("mlx.core", reason="the oracle MLX is not on this machine: install the extra `dev`")

ROUNDING = 2.4e-6


@pytest.fixture(autouse=True)
def on_the_cpu() -> None:
    mx.set_default_device(mx.cpu)  # float64 is for the CPU only


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(7)


def normal(generator: np.random.Generator, *shape: int) -> FloatArray:
    return generator.normal(size=shape).astype(np.float32)


def oracle(
    function: Callable[..., mx.array], *given: FloatArray, d_out: FloatArray
) -> tuple[FloatArray, list[FloatArray]]:
    """MLX's value of `function` and its gradients to each of `given`, for the output's gradient `d_out`."""
    outputs, gradients = mx.vjp(function, [wide(array) for array in given], [wide(d_out)])
    return np.array(outputs[0]), [np.array(gradient) for gradient in gradients]


def wide(array: FloatArray) -> mx.array:
    return mx.array(array.astype(np.float64), dtype=mx.float64)


def assert_all_close(found: tuple[FloatArray, ...], expected: list[FloatArray]) -> None:
    for gradient, reference in zip(found, expected, strict=True):
        assert gradient.dtype == np.float32
        assert_close(gradient, reference, ROUNDING)


@pytest.mark.parametrize("size", [1.0, 1e-3, 1e4])
def test_rms_norm(generator: np.random.Generator, size: float) -> None:
    x, gain = normal(generator, 9, 64) * np.float32(size), normal(generator, 64)
    d_out = normal(generator, 9, 64)
    out, inverse = rms_norm(x, gain, 1e-5)
    expected, (d_x, _) = oracle(lambda x, gain: mx.fast.rms_norm(x, gain, 1e-5), x, gain, d_out=d_out)
    assert_all_close((out, rms_norm_backward(d_out, x, gain, inverse)), [expected, d_x])


def test_rope(generator: np.random.Generator) -> None:
    positions = np.array([0, 1, 2, 2, 3, 17, 40])
    x, d_out = normal(generator, 7, 3, 16), normal(generator, 7, 3, 16)

    def turned(x: mx.array) -> mx.array:
        # A batch entry a token: MLX then takes a position for each.
        by_token = x[:, :, None]
        offset = mx.array(positions)
        return mx.fast.rope(by_token, 16, traditional=True, base=10_000.0, scale=1.0, offset=offset)[:, :, 0]

    expected, (d_x,) = oracle(turned, x, d_out=d_out)
    cosines, sines = (table.astype(np.float32) for table in rope_table(positions, Rope.unscaled(16, 10_000.0)))
    # MLX makes its angles in float32 whatever the input; at position 40 they are off by 40 * 6e-8 = 2.4e-6 radians.
    assert_all_close((rope(x, cosines, sines), rope(d_out, cosines, -sines)), [expected, d_x])


@pytest.mark.parametrize(("heads", "groups"), [(4, 4), (9, 3)], ids=["a key for each head", "three heads a key"])
def test_attention(generator: np.random.Generator, heads: int, groups: int) -> None:
    _, sees = random_forest(generator, 24)
    query, d_out = normal(generator, 24, heads, 16), normal(generator, 24, heads, 16)
    key, value = normal(generator, 24, groups, 16), normal(generator, 24, groups, 16)

    def mixed(*given: mx.array) -> mx.array:
        query, key, value = (array.transpose(1, 0, 2)[None] for array in given)
        found = mx.fast.scaled_dot_product_attention(query, key, value, scale=0.25, mask=mx.array(sees.tolist()))
        return found[0].transpose(1, 0, 2)

    expected, gradients = oracle(mixed, query, key, value, d_out=d_out)
    out, weights = attention(query, key, value, sees)
    assert_all_close((out, *attention_backward(d_out, query, key, value, weights)), [expected, *gradients])


def test_swiglu(generator: np.random.Generator) -> None:
    gate, up, d_out = 10 * normal(generator, 9, 96), normal(generator, 9, 96), normal(generator, 9, 96)
    gate[0, :4] = [-100.0, -88.0, 88.0, 100.0]
    expected, gradients = oracle(lambda gate, up: gate * mx.sigmoid(gate) * up, gate, up, d_out=d_out)
    product, sigmoid = swiglu_of(gate, up)
    assert_all_close((product, *swiglu_gradients(d_out, gate, up, sigmoid)), [expected, *gradients])


def test_lora(generator: np.random.Generator) -> None:
    x, a, b = normal(generator, 9, 64), normal(generator, 4, 64), normal(generator, 96, 4)
    d_out = normal(generator, 9, 96)
    expected, gradients = oracle(lambda x, a, b: 2.5 * (x @ a.T) @ b.T, x, a, b, d_out=d_out)
    out, down = lora(x, a, b, 2.5)
    assert_all_close((out, *lora_backward(d_out, x, down, a, b, 2.5)), [expected, *gradients])


def test_cross_entropy(generator: np.random.Generator) -> None:
    logits = 4 * normal(generator, 6, 90)
    rows, targets = generator.integers(0, 5, 12), generator.integers(0, 90, 12)
    weights = generator.uniform(size=12)

    def loss(logits: mx.array) -> mx.array:
        picked = logits[mx.array(rows)]
        nats = mx.logsumexp(picked, axis=1) - mx.take_along_axis(picked, mx.array(targets)[:, None], axis=1)[:, 0]
        return (nats * mx.array(weights, dtype=mx.float64)).sum()

    expected, (d_logits,) = oracle(loss, logits, d_out=np.ones((), np.float32))
    found = cross_entropy(logits.copy(), rows, targets, weights)
    assert found.loss == pytest.approx(float(expected), rel=ROUNDING)
    assert_all_close((found.d_logits,), [d_logits])


def test_distillation(generator: np.random.Generator) -> None:
    logits, weights = 3 * normal(generator, 5, 90), generator.uniform(size=5)
    teacher = np.exp(3 * normal(generator, 5, 90))
    teacher /= teacher.sum(axis=1, keepdims=True)

    def loss(logits: mx.array) -> mx.array:
        log_probabilities = logits - mx.logsumexp(logits, axis=1, keepdims=True)
        divergence = (wide(teacher) * (mx.log(wide(teacher)) - log_probabilities)).sum(axis=1)
        return (divergence * mx.array(weights, dtype=mx.float64)).sum()

    expected, (d_logits,) = oracle(loss, logits, d_out=np.ones((), np.float32))
    found, gradient = distillation(logits.copy(), teacher, weights)
    assert found == pytest.approx(float(expected), rel=1e-5)
    # A gradient is the difference of two probabilities: it is as exact as they are, not as it is large.
    assert np.abs(gradient - d_logits).max() < 2 * ROUNDING * weights.max()


def test_top_k_distillation(generator: np.random.Generator) -> None:
    logits, weights = 3 * normal(generator, 5, 90), generator.uniform(size=5)
    teacher = top_k(3 * normal(generator, 5, 90), 8)
    in_top = np.zeros((5, 90), np.float32)
    np.put_along_axis(in_top, teacher.tokens, 1, axis=1)

    def loss(logits: mx.array) -> mx.array:
        student = mx.softmax(logits, axis=1)
        own = mx.take_along_axis(student, mx.array(teacher.tokens), axis=1)
        rest, left = (student * (1 - wide(in_top))).sum(axis=1), wide(teacher.rest)
        kept = wide(teacher.probabilities)
        divergence = (kept * (mx.log(kept) - mx.log(own))).sum(axis=1) + left * (mx.log(left) - mx.log(rest))
        return (divergence * mx.array(weights, dtype=mx.float64)).sum()

    expected, (d_logits,) = oracle(loss, logits, d_out=np.ones((), np.float32))
    found, gradient = top_k_distillation(logits.copy(), teacher, weights)
    assert found == pytest.approx(float(expected), rel=1e-5)
    assert np.abs(gradient - d_logits).max() < 2 * ROUNDING * weights.max()


def test_preferences(generator: np.random.Generator) -> None:
    chosen, rejected = -np.abs(normal(generator, 7)) - np.float32(0.1), -np.abs(normal(generator, 7)) - np.float32(0.1)

    def log_sigmoid(x: mx.array) -> mx.array:
        return -mx.logaddexp(mx.zeros_like(x), -x)

    def odds_ratio(chosen: mx.array, rejected: mx.array) -> mx.array:
        log_odds = [mean - mx.log(1 - mx.exp(mean)) for mean in (chosen, rejected)]
        return -log_sigmoid(log_odds[0] - log_odds[1]).sum()

    def margin(chosen: mx.array, rejected: mx.array) -> mx.array:
        return -log_sigmoid(2 * (chosen - rejected) - 1).sum()

    one = np.ones((), np.float32)
    for ours, theirs in ((orpo, odds_ratio), (simpo, margin)):
        expected, gradients = oracle(theirs, chosen, rejected, d_out=one)
        losses, *found = ours(chosen, rejected)
        assert losses.sum() == pytest.approx(float(expected), rel=4 * ROUNDING)
        for gradient, reference in zip(found, gradients, strict=True):
            assert_close(gradient, reference, 4 * ROUNDING)

    liked = np.array([True, False, True, True, False, False, True])

    def unpaired(policy: mx.array) -> mx.array:
        ahead = 0.1 * (policy - wide(rejected) - 0.5)
        return (1 - mx.sigmoid(mx.where(mx.array(liked.tolist()), ahead, -ahead))).sum()

    expected, (gradient,) = oracle(unpaired, chosen, d_out=one)
    losses, found = kto(chosen, rejected, liked, reference_point=0.5)
    assert losses.sum() == pytest.approx(float(expected), rel=4 * ROUNDING)
    assert_close(found, gradient, 4 * ROUNDING)
