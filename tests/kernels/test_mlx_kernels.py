"""The network's parts on MLX against the same parts in numpy, and GGUF's blocks against GGUF's own dequantizer."""

from __future__ import annotations

import gguf
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_kernels.arrays import BoolArray, FloatArray
from edge_kernels.rope import Rope, rope, rope_halves, rope_table
from tests.kernels.differences import assert_close

mx = pytest.importorskip("mlx.core", reason="MLX is not on this machine: install the extra `dev`")
kernels = pytest.importorskip("edge_kernels.mlx_kernels")

ROUNDING = 1e-6
SHAPE = (6, 512)


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(7)


def normal(generator: np.random.Generator, *shape: int) -> FloatArray:
    return generator.normal(size=shape).astype(np.float32)


def stored_in(type_name: str, generator: np.random.Generator) -> NDArray[np.uint8]:
    """Blocks as a file has them; those that gguf cannot write are drawn bit by bit, their scales aside."""
    if type_name != "Q4_K":
        quantized = gguf.quants.quantize(normal(generator, *SHAPE), gguf.GGMLQuantizationType[type_name])
        return quantized.view(np.uint8)
    blocks = generator.integers(0, 256, (SHAPE[0] * SHAPE[1] // 256, 144), dtype=np.uint8)
    blocks[:, :4] = generator.uniform(0, 1, (len(blocks), 2)).astype(np.float16).view(np.uint8)
    return blocks.reshape(SHAPE[0], -1)


@pytest.mark.parametrize("type_name", sorted(kernels.PACKED_TYPES))
def test_a_packed_matrix_is_the_files_matrix_number_for_number(type_name: str, generator: np.random.Generator) -> None:
    stored = stored_in(type_name, generator)
    expected = gguf.quants.dequantize(stored, gguf.GGMLQuantizationType[type_name])
    matrix = kernels.packed(stored.reshape(-1), type_name, SHAPE)
    np.testing.assert_array_equal(np.array(matrix.rows(mx.arange(SHAPE[0]))), expected)
    np.testing.assert_array_equal(np.array(matrix.rows(mx.array([4, 1]))), expected[[4, 1]])
    x, y = normal(generator, 3, SHAPE[1]), normal(generator, 3, SHAPE[0])
    assert_close(np.array(matrix.apply(mx.array(x))), x @ expected.T, 2 * ROUNDING)
    assert_close(np.array(matrix.transposed(mx.array(y))), y @ expected, 2 * ROUNDING)


@pytest.mark.parametrize("interleaved", [True, False], ids=["neighbours", "halves"])
def test_turns_are_those_of_numpy(interleaved: bool, generator: np.random.Generator) -> None:
    x = normal(generator, 5, 3, 16)
    table = rope_table(np.array([0, 1, 7, 100, 2000]), Rope.unscaled(16, 500.0))
    cosines, sines = (part.astype(np.float32) for part in table)
    expected = (rope if interleaved else rope_halves)(x, cosines, sines)
    turned = kernels.turn(mx.array(x), mx.array(cosines), mx.array(sines), interleaved=interleaved)
    assert_close(np.array(turned), expected, ROUNDING)


def by_definition(q: FloatArray, k: FloatArray, v: FloatArray, sees: BoolArray, scale: float, cap: float) -> FloatArray:
    shared = q.shape[1] // k.shape[1]
    scores = scale * np.einsum("bhqd,bhld->bhql", q, k.repeat(shared, 1))
    scores = cap * np.tanh(scores / cap) if cap else scores
    powers = np.where(sees, np.exp(scores), 0)
    return np.einsum("bhql,bhld->bhqd", powers / powers.sum(-1, keepdims=True), v.repeat(shared, 1))


@pytest.mark.parametrize("cap", [0.0, 0.7], ids=["plain", "capped"])
def test_attention_is_its_definition(cap: float, generator: np.random.Generator) -> None:
    q, k, v = normal(generator, 2, 4, 5, 8), normal(generator, 2, 2, 6, 8), normal(generator, 2, 2, 6, 8)
    sees = generator.uniform(size=(2, 1, 5, 6)) < 0.5
    sees[..., 0] = True
    found = kernels.attention(*(mx.array(x) for x in (q, k, v)), mx.array(sees), scale=0.3, cap=cap)
    assert_close(np.array(found), by_definition(q, k, v, sees, 0.3, cap), 2 * ROUNDING)
    everything = kernels.attention(*(mx.array(x) for x in (q, k, v)), None, scale=0.3, cap=cap)
    assert_close(np.array(everything), by_definition(q, k, v, np.ones_like(sees), 0.3, cap), 2 * ROUNDING)
