"""Every kernel against its equation written plainly, and its backward against finite differences, in float64."""

from __future__ import annotations

import numpy as np
import pytest

from edge_kernels.arrays import FloatArray
from edge_kernels.attention import attention, attention_backward
from edge_kernels.cross_entropy import cross_entropy
from edge_kernels.linear_lora import lora, lora_backward
from edge_kernels.rms_norm import rms_norm, rms_norm_backward
from edge_kernels.rope import Rope, rope, rope_frequencies, rope_halves, rope_table, yarn_frequencies
from edge_kernels.soft_cap import soft_cap, soft_cap_backward
from tests.kernels.differences import assert_close, by_differences
from tests.kernels.forests import random_forest
from tests.kernels.gates import geglu_gradients, geglu_of, swiglu_gradients, swiglu_of

HEADS = [(1, 1), (4, 4), (6, 2), (5, 1)]
HEAD_NAMES = ["one head", "a key for each head", "three heads a key", "one key for all"]


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(20_240_607)


def keep(*arrays: FloatArray) -> list[bytes]:
    return [array.tobytes() for array in arrays]


class TestRmsNorm:
    def test_rows_have_the_gain_as_their_size(self, generator: np.random.Generator) -> None:
        x, gain = generator.normal(size=(5, 8)), generator.normal(size=8)
        expected = [[v * g / np.sqrt(sum(row**2) / 8 + 1e-5) for v, g in zip(row, gain, strict=True)] for row in x]
        assert_close(rms_norm(x, gain, 1e-5)[0], np.array(expected), 1e-14)

    @pytest.mark.parametrize("size", [1.0, 3e-3, 1e3], ids=["ordinary", "as small as epsilon", "large"])
    def test_backward(self, generator: np.random.Generator, size: float) -> None:
        # The step of a difference has to fit the size of what is moved: the norm is taken of `size * x`.
        x, gain, d_out = generator.normal(size=(4, 6)), generator.normal(size=6), generator.normal(size=(4, 6))

        def loss() -> float:
            return float((rms_norm(size * x, gain, 1e-5)[0] * d_out).sum())

        inverse = rms_norm(size * x, gain, 1e-5)[1]
        before = keep(x, gain, d_out)
        found = size * rms_norm_backward(d_out, size * x, gain, inverse)
        assert keep(x, gain, d_out) == before
        assert_close(found, by_differences(loss, x))

    def test_a_row_of_zeros_stays_finite(self) -> None:
        x, gain = np.zeros((2, 4), np.float32), np.ones(4, np.float32)
        out, inverse = rms_norm(x, gain, 1e-5)
        assert not out.any()
        assert np.isfinite(rms_norm_backward(np.ones_like(x), x, gain, inverse)).all()


class TestRope:
    def test_a_pair_is_a_complex_number_turned(self, generator: np.random.Generator) -> None:
        positions = np.array([0, 1, 7, 1])
        x = generator.normal(size=(4, 3, 6))
        pairs = x[..., 0::2] + 1j * x[..., 1::2]
        speeds = np.array([1.0, 100.0 ** (-1 / 3), 100.0 ** (-2 / 3)])
        turned = pairs * np.exp(1j * positions[:, None, None] * speeds)
        found = rope(x, *rope_table(positions, Rope.unscaled(6, 100.0)))
        assert_close(found[..., 0::2], turned.real, 1e-14)
        assert_close(found[..., 1::2], turned.imag, 1e-14)

    def test_backward_is_the_turn_back(self, generator: np.random.Generator) -> None:
        cosines, sines = rope_table(np.array([0, 3, 11]), Rope(Rope.unscaled(4, 50.0).frequencies, gain=1.3))
        x, d_out = generator.normal(size=(3, 2, 4)), generator.normal(size=(3, 2, 4))
        before = keep(x, d_out)
        found = rope(d_out, cosines, -sines)
        assert_close(found, by_differences(lambda: float((rope(x, cosines, sines) * d_out).sum()), x))
        assert_close(rope(rope(x, cosines, sines), cosines, -sines), 1.3**2 * x, 1e-14)
        assert keep(x, d_out) == before

    def test_halves_are_the_same_turn_of_dimensions_in_another_order(self, generator: np.random.Generator) -> None:
        cosines, sines = rope_table(np.array([0, 3, 11]), Rope.unscaled(6, 50.0))
        x = generator.normal(size=(3, 2, 6))
        order = [0, 3, 1, 4, 2, 5]
        assert_close(rope_halves(x, cosines, sines)[..., order], rope(x[..., order], cosines, sines), 1e-15)

    def test_yarn_keeps_fast_pairs_and_slows_slow_ones(self) -> None:
        plain = rope_frequencies(64, 10_000.0)
        scaled, gain = yarn_frequencies(plain, 10_000.0, 4.0, 2048, (32.0, 1.0))
        turns = 2048 * plain / (2 * np.pi)
        assert (scaled[turns > 40] == plain[turns > 40]).all()
        assert_close(scaled[turns < 0.7], plain[turns < 0.7] / 4, 1e-15)
        assert (np.diff(scaled / plain) <= 0).all()
        assert gain == pytest.approx(0.1 * np.log(4) + 1)

    def test_only_the_distance_of_two_positions_matters(self, generator: np.random.Generator) -> None:
        query, key = generator.normal(size=(1, 1, 8)), generator.normal(size=(1, 1, 8))
        plain = Rope.unscaled(8, 10_000.0)

        def score(at: int, of: int) -> float:
            turned_query = rope(query, *rope_table(np.array([at]), plain))
            return float((turned_query * rope(key, *rope_table(np.array([of]), plain))).sum())

        # Angles of 8,000 radians keep 16 - 4 digits.
        assert score(8_005, 8_001) == pytest.approx(score(4, 0), abs=1e-10)


class TestAttention:
    @pytest.mark.parametrize(("heads", "groups"), HEADS, ids=HEAD_NAMES)
    def test_a_token_mixes_the_values_of_its_ancestors(
        self, generator: np.random.Generator, heads: int, groups: int
    ) -> None:
        _, sees = random_forest(generator, 7)
        query = generator.normal(size=(7, heads, 4))
        key, value = generator.normal(size=(7, groups, 4)), generator.normal(size=(7, groups, 4))
        found, weights = attention(query, key, value, sees)
        for row in range(7):
            seen = np.flatnonzero(sees[row])
            for head in range(heads):
                group = head // (heads // groups)
                likes = np.exp([query[row, head] @ key[other, group] / 2 for other in seen])
                expected = sum(
                    like * value[other, group] / likes.sum() for like, other in zip(likes, seen, strict=True)
                )
                assert found[row, head] == pytest.approx(expected, rel=1e-12)
        assert not weights[:, :, ~sees].any()

    @pytest.mark.parametrize(("heads", "groups"), HEADS, ids=HEAD_NAMES)
    def test_backward(self, generator: np.random.Generator, heads: int, groups: int) -> None:
        _, sees = random_forest(generator, 6)
        query, d_out = generator.normal(size=(6, heads, 4)), generator.normal(size=(6, heads, 4))
        key, value = generator.normal(size=(6, groups, 4)), generator.normal(size=(6, groups, 4))

        def loss() -> float:
            return float((attention(query, key, value, sees)[0] * d_out).sum())

        weights = attention(query, key, value, sees)[1]
        before = keep(query, key, value, d_out, weights)
        found = attention_backward(d_out, query, key, value, weights)
        assert keep(query, key, value, d_out, weights) == before
        for gradient, moved in zip(found, (query, key, value), strict=True):
            assert_close(gradient, by_differences(loss, moved))

    def test_one_token_sees_itself(self, generator: np.random.Generator) -> None:
        query, key, value = (generator.normal(size=(1, 2, 4)) for _ in range(3))
        mixed, weights = attention(query, key, value, np.ones((1, 1), dtype=np.bool_))
        assert_close(mixed, value, 1e-15)
        d_query, d_key, d_value = attention_backward(np.ones_like(mixed), query, key, value, weights)
        assert not d_query.any()
        assert not d_key.any()
        assert (d_value == 1).all()

    def test_scores_beyond_what_exp_can_hold_choose_the_best(self) -> None:
        query = np.full((2, 1, 2), 1e4, np.float32)
        key = np.array([[[1.0, 1.0]], [[-1.0, -1.0]]], np.float32) * np.float32(1e4)
        value = np.array([[[1.0, 2.0]], [[3.0, 4.0]]], np.float32)
        mixed, weights = attention(query, key, value, np.tri(2, dtype=np.bool_))
        assert mixed.tolist() == [[[1.0, 2.0]], [[1.0, 2.0]]]
        for gradient in attention_backward(np.ones_like(mixed), query, key, value, weights):
            assert np.isfinite(gradient).all()


class TestSwiglu:
    def test_backward(self, generator: np.random.Generator) -> None:
        gate, up, d_out = (generator.normal(size=(4, 5)) for _ in range(3))
        gate[0] = [-30.0, -8.0, 0.0, 8.0, 30.0]

        def loss() -> float:
            return float((swiglu_of(gate, up)[0] * d_out).sum())

        product, sigmoid = swiglu_of(gate, up)
        assert_close(product, gate / (1 + np.exp(-gate)) * up, 1e-14)
        before = keep(gate, up, d_out, sigmoid)
        found = swiglu_gradients(d_out, gate, up, sigmoid)
        assert keep(gate, up, d_out, sigmoid) == before
        for gradient, moved in zip(found, (gate, up), strict=True):
            assert_close(gradient, by_differences(loss, moved))

    @pytest.mark.parametrize("extreme", [89.0, 1e4, 1e30])
    def test_gates_beyond_what_exp_can_hold_are_open_or_closed(self, extreme: float) -> None:
        """No warning either: the test run turns each into an error."""
        gate, up = np.array([[extreme, -extreme]], np.float32), np.full((1, 2), 3.0, np.float32)
        product, sigmoid = swiglu_of(gate, up)
        assert product[0, 0] == np.float32(extreme) * 3
        assert abs(product[0, 1]) < 1e-36
        d_gate, d_up = swiglu_gradients(np.ones_like(gate), gate, up, sigmoid)
        assert d_gate[0] == pytest.approx([3.0, 0.0], abs=1e-35)
        assert d_up[0] == pytest.approx([extreme, 0.0], rel=1e-6, abs=1e-36)


def test_lora_backward(generator: np.random.Generator) -> None:
    x, a, b = generator.normal(size=(4, 5)), generator.normal(size=(2, 5)), generator.normal(size=(3, 2))
    d_out = generator.normal(size=(4, 3))

    def loss() -> float:
        return float((lora(x, a, b, 1.7)[0] * d_out).sum())

    out, down = lora(x, a, b, 1.7)
    assert_close(out, x @ (1.7 * b @ a).T, 1e-14)
    before = keep(x, a, b, d_out, down)
    found = lora_backward(d_out, x, down, a, b, 1.7)
    assert keep(x, a, b, d_out, down) == before
    for gradient, moved in zip(found, (x, a, b), strict=True):
        assert_close(gradient, by_differences(loss, moved))


class TestCrossEntropy:
    ROWS = np.array([0, 0, 2, 0, 3, 3])
    TARGETS = np.array([1, 4, 0, 1, 2, 2])
    WEIGHTS = np.array([0.1, 0.3, 0.2, 0.25, 0.0, 0.15])
    """Several edges a row, the same edge twice, a row without edges, an edge without weight."""

    def test_loss_and_backward(self, generator: np.random.Generator) -> None:
        logits = 3 * generator.normal(size=(4, 5))

        def loss() -> float:
            return cross_entropy(logits.copy(), self.ROWS, self.TARGETS, self.WEIGHTS).loss

        found = cross_entropy(logits.copy(), self.ROWS, self.TARGETS, self.WEIGHTS)
        likely = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        nats = -np.log(likely[self.ROWS, self.TARGETS])
        assert_close(found.nats, nats, 1e-13)
        assert found.loss == pytest.approx(float((nats * self.WEIGHTS).sum()), rel=1e-13)
        assert_close(found.d_logits, by_differences(loss, logits))
        assert not found.d_logits[1].any()

    def test_says_which_edges_greedy_decoding_would_take(self) -> None:
        logits = np.array([[0.0, 5.0, 1.0], [7.0, 0.0, 0.0]])
        found = cross_entropy(logits, np.array([0, 0, 1]), np.array([1, 2, 0]), np.ones(3))
        assert found.is_argmax.tolist() == [True, False, True]

    def test_keeps_the_type_and_writes_into_what_it_was_given(self) -> None:
        logits = np.zeros((2, 3), np.float32)
        found = cross_entropy(logits, np.array([0, 1]), np.array([0, 1]), np.array([0.5, 0.5]))
        assert found.d_logits.dtype == np.float32
        assert np.shares_memory(found.d_logits, logits)

    def test_logits_far_apart_neither_overflow_nor_lose_the_loss(self) -> None:
        logits = np.array([[3e4, -3e4, 0.0]], np.float32)
        found = cross_entropy(logits, np.array([0]), np.array([1]), np.ones(1))
        assert found.loss == pytest.approx(6e4)
        assert found.d_logits.tolist() == [[1.0, -1.0, 0.0]]

    def test_no_edges_is_no_loss(self) -> None:
        none = np.array([], dtype=np.int64)
        found = cross_entropy(np.ones((0, 5)), none, none, np.array([]))
        assert found.loss == 0.0
        assert found.d_logits.shape == (0, 5)


class TestGeglu:
    def test_is_the_tanh_gelu_of_the_gate_times_up(self, generator: np.random.Generator) -> None:
        gate, up = 3 * generator.normal(size=(4, 5)), generator.normal(size=(4, 5))
        before = keep(gate, up)
        inner = np.sqrt(2 / np.pi) * (gate + 0.044715 * gate**3)
        assert_close(geglu_of(gate, up)[0], gate * (1 + np.tanh(inner)) / 2 * up, 1e-14)
        assert keep(gate, up) == before

    def test_backward(self, generator: np.random.Generator) -> None:
        gate, up, d_out = (2 * generator.normal(size=(3, 4)) for _ in range(3))
        tanh = geglu_of(gate, up)[1]
        before = keep(gate, up, d_out, tanh)
        d_gate, d_up = geglu_gradients(d_out, gate, up, tanh)
        assert keep(gate, up, d_out, tanh) == before

        def loss() -> float:
            return float((geglu_of(gate, up)[0] * d_out).sum())

        assert_close(d_gate, by_differences(loss, gate))
        assert_close(d_up, by_differences(loss, up))

    def test_float32_stays_float32(self) -> None:
        gate = np.array([[-50.0, 0.0, 50.0]], dtype=np.float32)
        product, tanh = geglu_of(gate, np.ones_like(gate))
        assert product.dtype == np.float32
        assert product.tolist() == [[0.0, 0.0, 50.0]]
        assert all(g.dtype == np.float32 for g in geglu_gradients(np.ones_like(gate), gate, np.ones_like(gate), tanh))


def test_a_soft_cap_bounds_and_its_backward_is_the_slope(generator: np.random.Generator) -> None:
    x, d_out = 4 * generator.normal(size=(3, 5)), generator.normal(size=(3, 5))
    capped = soft_cap(x.copy(), 3.0)
    assert_close(capped, 3 * np.tanh(x / 3), 1e-14)
    found = soft_cap_backward(d_out, capped, 3.0)
    assert_close(found, by_differences(lambda: float((soft_cap(x.copy(), 3.0) * d_out).sum()), x))
