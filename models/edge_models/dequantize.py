"""Stored tensor values as float32, exactly as ggml's own `to_float` gives them.

The types that whole models are made of are read here, in pieces that stay in the processor's cache; the rest is the
`gguf` package's, which takes three times as long. Block layouts: ggml-common.h (`block_q4_0` and so on).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias, cast

import numpy as np

from edge_models.gguf_header import TYPES

if TYPE_CHECKING:
    import numpy.typing as npt

    ByteArray: TypeAlias = npt.NDArray[np.uint8]
    FloatArray: TypeAlias = npt.NDArray[np.float32]

BLOCKS_AT_ONCE = 2048
READ: frozenset[str] = frozenset(
    {"F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"}
    | {"Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS"}
)
"""The types that are proven against ggml. Others are refused."""


def dequantize(stored: ByteArray, type_name: str) -> FloatArray:
    """The values (elements,) of a tensor whose bytes are `stored`, whole blocks of one of the types in `READ`."""
    if type_name == "F32":
        return stored.view("<f4").astype(np.float32, copy=False)
    if type_name == "F16":
        return stored.view("<f2").astype(np.float32)
    if type_name == "BF16":
        return (stored.view("<u2").astype(np.uint32) << 16).view(np.float32)
    _, values, size = next(entry for entry in TYPES.values() if entry[0] == type_name)
    fill = _FILLS.get(type_name)
    if fill is None:
        return _by_gguf(stored, type_name)
    blocks = stored.reshape(-1, size)
    out = np.empty((len(blocks), values), dtype=np.float32)
    for start in range(0, len(blocks), BLOCKS_AT_ONCE):
        fill(blocks[start : start + BLOCKS_AT_ONCE], out[start : start + BLOCKS_AT_ONCE])
    return out.reshape(-1)


def _by_gguf(stored: ByteArray, type_name: str) -> FloatArray:
    import gguf  # late: the types above need none of it

    blocks = len(stored) // next(entry[2] for entry in TYPES.values() if entry[0] == type_name)
    # A few long rows dequantize faster than many short ones.
    rows = stored.reshape(math.gcd(blocks, 16), -1)
    values = cast("Callable[..., FloatArray]", gguf.quants.dequantize)(rows, gguf.GGMLQuantizationType[type_name])
    return np.ascontiguousarray(values, dtype=np.float32).reshape(-1)


def _halves(blocks: ByteArray, count: int) -> FloatArray:
    """The first `count` half-precision numbers of each block, (B, count)."""
    return blocks[:, : 2 * count].copy().view("<f2").astype(np.float32)


def _fill_nibbles(nibbles: ByteArray, out: FloatArray) -> None:
    half = nibbles.shape[1]
    np.bitwise_and(nibbles, 15, out=out[:, :half], casting="unsafe")
    np.right_shift(nibbles, 4, out=out[:, half:], casting="unsafe")


def _fill_q4_0(blocks: ByteArray, out: FloatArray) -> None:
    _fill_nibbles(blocks[:, 2:], out)
    out -= 8
    out *= _halves(blocks, 1)


def _fill_q4_1(blocks: ByteArray, out: FloatArray) -> None:
    scales = _halves(blocks, 2)
    _fill_nibbles(blocks[:, 4:], out)
    out *= scales[:, :1]
    out += scales[:, 1:]


def _fill_q8_0(blocks: ByteArray, out: FloatArray) -> None:
    out[...] = blocks[:, 2:].view(np.int8)
    out *= _halves(blocks, 1)


_FILLS: Mapping[str, Callable[[ByteArray, FloatArray], None]] = MappingProxyType(
    {"Q4_0": _fill_q4_0, "Q4_1": _fill_q4_1, "Q8_0": _fill_q8_0}
)
