"""The door to MLX: its arrays, and the network's parts on them, forward only: MLX differentiates them by itself.

Everything is computed in float32, on MLX's default device (the GPU on Apple silicon, the CPU elsewhere). Matrices that
a GGUF stores as Q4_0, Q4_1, Q8_0 or Q4_K stay quantized: MLX's affine groups of 32 hold the same numbers, `scale * q +
bias`, so they are repacked and not rounded again.
"""

# MLX is typed in part only; what comes out of it is cast here, and others take its arrays and functions from here.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias, cast

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

from edge_kernels.arrays import BoolArray, FloatArray

Array: TypeAlias = mx.array

GROUP = 32
"""Values that share a scale and a bias: the block of GGUF's simple quantizations, and one of MLX's group sizes."""

PACKED_TYPES = frozenset({"Q4_0", "Q4_1", "Q8_0", "Q4_K"})
"""The GGUF types that `packed` takes."""

_Bytes: TypeAlias = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Dense:
    """A matrix (out, in) in float32."""

    weight: Array

    def apply(self, x: Array) -> Array:
        """`x W^T`: (…, in) to (…, out)."""
        return x @ self.weight.T

    def transposed(self, x: Array) -> Array:
        """`x W`: (…, out) to (…, in)."""
        return x @ self.weight

    def rows(self, indices: Array) -> Array:
        """(n, in): the rows that `indices` (n,) name."""
        return self.weight[indices]

    def arrays(self) -> list[Array]:
        return [self.weight]


@dataclass(frozen=True, slots=True)
class Packed:
    """A quantized matrix (out, in): each of the `GROUP` values q of a group stands for `scale * q + bias`.

    Attributes:
        codes: (out, in * bits / 32) uint32, the first value in the lowest bits.
        scales, biases: (out, in / GROUP) float32.
        bits: of a value.
    """

    codes: Array
    scales: Array
    biases: Array
    bits: int

    def apply(self, x: Array) -> Array:
        """`x W^T`: (…, in) to (…, out)."""
        return self._product(x, transpose=True)

    def transposed(self, x: Array) -> Array:
        """`x W`: (…, out) to (…, in)."""
        return self._product(x, transpose=False)

    def _product(self, x: Array, *, transpose: bool) -> Array:
        return mx.quantized_matmul(
            x, self.codes, self.scales, self.biases, transpose=transpose, group_size=GROUP, bits=self.bits
        )

    def rows(self, indices: Array) -> Array:
        """(n, in) float32: the rows that `indices` (n,) name."""
        return mx.dequantize(
            self.codes[indices], self.scales[indices], self.biases[indices], group_size=GROUP, bits=self.bits
        )

    def arrays(self) -> list[Array]:
        return [self.codes, self.scales, self.biases]


Matrix: TypeAlias = Dense | Packed


def dense(values: FloatArray) -> Dense:
    """A matrix (out, in) of MLX's in float32."""
    return Dense(mx.array(np.ascontiguousarray(values, dtype=np.float32)))


def packed(stored: _Bytes, type_name: str, shape: tuple[int, int]) -> Packed:
    """A matrix as a GGUF stores it.

    Args:
        stored: the tensor's bytes, row by row.
        type_name: one of `PACKED_TYPES`.
        shape: (out, in); `in` is a multiple of the type's block.
    """
    codes, scales, biases, bits = _UNPACK[type_name](stored)
    rows = shape[0]
    return Packed(
        mx.array(np.ascontiguousarray(codes).view(np.uint32).reshape(rows, -1)),
        mx.array(scales.reshape(rows, -1)),
        mx.array(biases.reshape(rows, -1)),
        bits,
    )


_Parts: TypeAlias = tuple[_Bytes, FloatArray, FloatArray, int]


def _floats(blocks: _Bytes, at: int) -> FloatArray:
    """The half-precision number at byte `at` of each block, (blocks,) float32."""
    return blocks[:, at : at + 2].copy().view("<f2")[:, 0].astype(np.float32)


def _nibbles(low_then_high: _Bytes) -> _Bytes:
    """(…, 16) with value i low and value i + 16 high, to (…, 16) with values 2i and 2i + 1 in byte i."""
    values: _Bytes = np.concatenate([low_then_high & np.uint8(15), low_then_high >> np.uint8(4)], axis=-1)
    return values[..., 0::2] | (values[..., 1::2] << np.uint8(4))


def _q4_0(stored: _Bytes) -> _Parts:
    blocks = stored.reshape(-1, 18)
    scales = _floats(blocks, 0)
    return _nibbles(blocks[:, 2:]), scales, -8 * scales, 4


def _q4_1(stored: _Bytes) -> _Parts:
    blocks = stored.reshape(-1, 20)
    return _nibbles(blocks[:, 4:]), _floats(blocks, 0), _floats(blocks, 2), 4


def _q8_0(stored: _Bytes) -> _Parts:
    blocks = stored.reshape(-1, 34)
    scales = _floats(blocks, 0)
    # Two's complement with the sign bit turned over counts from -128.
    return blocks[:, 2:] ^ np.uint8(128), scales, -128 * scales, 8


def _q4_k(stored: _Bytes) -> _Parts:
    """Eight groups of 32 a block; their scales and minima are six bits of the block's two."""
    blocks = stored.reshape(-1, 144)
    six = blocks[:, 4:16]
    low, high = six[:, :8] & 63, six[:, 8:]
    scales = np.concatenate([low[:, :4], (high & 15) | ((six[:, :4] >> 6) << 4)], axis=1)
    minima = np.concatenate([low[:, 4:], (high >> 4) | ((six[:, 4:8] >> 6) << 4)], axis=1)
    # 32 bytes hold one group in their low and the next in their high halves.
    pairs = blocks[:, 16:].reshape(-1, 4, 1, 32)
    values: _Bytes = np.concatenate([pairs & np.uint8(15), pairs >> np.uint8(4)], axis=2).reshape(-1, 32)
    return (
        values[:, 0::2] | (values[:, 1::2] << np.uint8(4)),
        _floats(blocks, 0)[:, None] * scales.astype(np.float32),
        -_floats(blocks, 2)[:, None] * minima.astype(np.float32),
        4,
    )


_UNPACK = {"Q4_0": _q4_0, "Q4_1": _q4_1, "Q8_0": _q8_0, "Q4_K": _q4_k}


def rms_norm(x: Array, gain: Array, epsilon: float) -> Array:
    """`x * gain / sqrt(mean(x^2) + epsilon)` over the last axis; see `edge_kernels.rms_norm`."""
    return mx.fast.rms_norm(x, gain, epsilon)


def turn(x: Array, cosines: Array, sines: Array, *, interleaved: bool) -> Array:
    """RoPE: each pair of the last axis turned by its row's angle; see `edge_kernels.rope`.

    Args:
        x: (N, H, d).
        cosines, sines: (N, d / 2).
        interleaved: whether the dimensions of a pair are neighbours, or half a head apart.
    """
    rows, heads, size = x.shape
    pairs = x.reshape(rows, heads, size // 2, 2) if interleaved else x.reshape(rows, heads, 2, size // 2)
    axis = 3 if interleaved else 2
    first, second = (pairs[..., 0], pairs[..., 1]) if interleaved else (pairs[:, :, 0], pairs[:, :, 1])
    cosine, sine = cosines[:, None], sines[:, None]
    turned = mx.stack([first * cosine - second * sine, first * sine + second * cosine], axis=axis)
    return reshape(turned, rows, heads, size)


def attention(query: Array, key: Array, value: Array, sees: Array | None, *, scale: float, cap: float = 0.0) -> Array:
    """`softmax(scale * Q K^T) V` where `sees` allows it.

    Args:
        query: (B, H, Q, d).
        key, value: (B, K, L, d); H is a multiple of K.
        sees: booleans that broadcast to (B, 1, Q, L); None: everything is seen.
        scale: of the products.
        cap: their soft cap; 0: none.

    Returns:
        (B, H, Q, d).
    """
    if not cap:
        return mx.fast.scaled_dot_product_attention(query, key, value, scale=scale, mask=sees)
    groups = key.shape[1]
    split = query.reshape(query.shape[0], groups, -1, *query.shape[2:])
    scores = (split * scale) @ key[:, :, None].swapaxes(-1, -2)
    scores = cap * mx.tanh(scores / cap)
    if sees is not None:
        by_head = scores.reshape(*query.shape[:3], -1)
        scores = mx.where(sees, by_head, -mx.inf).reshape(scores.shape)
    mixed = mx.softmax(scores, axis=-1, precise=True) @ value[:, :, None]
    return mixed.reshape(query.shape)


def silu(x: Array) -> Array:
    """`x * sigmoid(x)`."""
    return x * mx.sigmoid(x)


def gelu(x: Array) -> Array:
    """GELU in its tanh form; see `edge_kernels.geglu`."""
    return 0.5 * x * (1 + mx.tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))


def soft_cap(x: Array, cap: float) -> Array:
    """`cap * tanh(x / cap)`; see `edge_kernels.soft_cap`."""
    return cap * mx.tanh(x / cap)


# Arrays of MLX and of numpy ---------------------------------------------------------------------------------------


def array(values: FloatArray | BoolArray | NDArray[np.int64]) -> Array:
    """A copy on MLX's device; floating numbers in float32, whole ones in int32."""
    kind = np.bool_ if values.dtype == np.bool_ else np.int32 if values.dtype.kind == "i" else np.float32
    return mx.array(values.astype(kind))  # pyright: ignore[reportArgumentType]  # any array of numpy's is taken


def numpy(x: Array) -> NDArray[np.float32]:
    """The numbers of `x`, computed now, in memory of their own."""
    return cast("NDArray[np.float32]", np.array(x))


def evaluate(*arrays: Array) -> None:
    """Computes `arrays` now, together."""
    mx.eval(*arrays)


def zeros(*shape: int) -> Array:
    """Float32 zeros."""
    return mx.zeros(shape)


def reshape(x: Array, *shape: int) -> Array:
    """`x` in another shape, row-major; one size may be -1."""
    return mx.reshape(x, shape)


def joined(*parts: Array, axis: int) -> Array:
    """`parts` one after the other."""
    return mx.concatenate(list(parts), axis=axis)


def device() -> str:
    """Where MLX computes: `gpu` or `cpu`."""
    return "gpu" if mx.default_device().type == mx.DeviceType.gpu else "cpu"


# Gradients --------------------------------------------------------------------------------------------------------


def pulled_back(function: Callable[[Array], Array], x: Array, d_out: Array) -> Array:
    """The gradient to `x`, where `d_out` is the one to `function(x)`."""
    return mx.vjp(function, [x], [d_out])[1][0]


class DeferredGradients:
    """The output of a function now, and its gradients once someone has said the gradient to that output.

    MLX wants that gradient before it differentiates. So it differentiates `sum(output * slope)` with a `slope` that is
    filled in later: nothing reads it before the gradients are computed, and until then the graph keeps of the forward
    what the backward needs.
    """

    def __init__(
        self, function: Callable[[Mapping[str, Array]], Array], tensors: Mapping[str, Array], shape: tuple[int, int]
    ) -> None:
        """`function` takes arrays named like `tensors`; `shape` is that of its output."""
        self._slope = mx.zeros(shape)
        mx.eval(self._slope)

        def along(given: dict[str, Array]) -> tuple[Array, Array]:
            out = function(given)
            return (out * self._slope).sum(), out

        (_, self._output), self._gradients = cast(
            "tuple[tuple[Array, Array], dict[str, Array]]", mx.value_and_grad(along)(dict(tensors))
        )

    def output(self) -> NDArray[np.float32]:
        """Computes the forward, and nothing of the backward."""
        return numpy(self._output)

    def gradients(self, d_output: FloatArray) -> Mapping[str, NDArray[np.float32]]:
        """The gradients to the tensors, `d_output` being the one to the output. Once only: the graph is used up."""
        # The array's own memory, which the graph reads when it is computed.
        cast("FloatArray", np.array(self._slope, copy=False))[...] = d_output
        mx.eval(self._gradients)
        return {name: numpy(gradient) for name, gradient in self._gradients.items()}
