"""Each stored type against ggml's own `to_float`, out of the library that llama.cpp computes with."""

from __future__ import annotations

import ctypes
from pathlib import Path

import llama_cpp
import numpy as np
import numpy.typing as npt
import pytest

from edge_models.dequantize import READ, dequantize
from edge_models.gguf_header import TYPES

ByteArray = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float32]
LIBRARIES = Path(llama_cpp.__file__).parent / "lib"


class Traits(ctypes.Structure):
    """`struct ggml_type_traits`."""

    _fields_ = (
        ("type_name", ctypes.c_char_p),
        ("block", ctypes.c_int64),
        ("interleaved", ctypes.c_int64),
        ("size", ctypes.c_size_t),
        ("is_quantized", ctypes.c_bool),
        ("to_float", ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)),
    )


@pytest.fixture(scope="module")
def ggml() -> ctypes.CDLL:
    names = ("libggml-base.so", "libggml-base.dylib", "ggml-base.dll")
    library = ctypes.CDLL(str(next(LIBRARIES / name for name in names if (LIBRARIES / name).exists())))
    library.ggml_get_type_traits.restype = ctypes.POINTER(Traits)
    library.ggml_quantize_chunk.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_int64] * 3]
    library.ggml_quantize_chunk.argtypes += [ctypes.c_void_p]
    library.ggml_quantize_chunk.restype = ctypes.c_size_t
    return library


def to_float(ggml: ctypes.CDLL, number: int, stored: ByteArray, count: int) -> FloatArray:
    traits = ggml.ggml_get_type_traits(number).contents
    out = np.empty(count, dtype=np.float32)
    traits.to_float(stored.ctypes.data, out.ctypes.data, count)
    return out


QUANTIZED = sorted((name, number) for number, (name, _, _) in TYPES.items() if name in READ - {"F32"})


@pytest.mark.parametrize(("name", "number"), QUANTIZED, ids=str)
def test_every_pattern_of_bits_is_ggmls_number(ggml: ctypes.CDLL, name: str, number: int) -> None:
    _, values, size = TYPES[number]
    blocks = 40_000 // values
    stored = np.random.default_rng(4).integers(0, 256, blocks * size, dtype=np.uint8)
    with np.errstate(invalid="ignore", over="ignore"):
        found = dequantize(stored, name)
    expected = to_float(ggml, number, stored, blocks * values)
    assert found.dtype == np.float32
    assert np.isfinite(expected).mean() > 0.9
    finite = np.isfinite(expected)
    assert (np.isfinite(found) == finite).all()
    # The K types add a product to a product, which a compiler may round once instead of twice.
    tolerance = 2e-7 if name.endswith("_K") else 0
    np.testing.assert_allclose(found[finite], expected[finite], rtol=tolerance, atol=0)


@pytest.mark.parametrize(("name", "number"), QUANTIZED, ids=str)
def test_what_ggml_quantized_comes_back(ggml: ctypes.CDLL, name: str, number: int) -> None:
    weights = np.random.default_rng(5).standard_normal((24, 512)).astype(np.float32)
    _, values, size = TYPES[number]
    stored = np.zeros(weights.size // values * size, dtype=np.uint8)
    written = ggml.ggml_quantize_chunk(number, weights.ctypes.data, stored.ctypes.data, 0, 24, 512, None)
    assert written == len(stored)
    found = dequantize(stored, name)
    expected = to_float(ggml, number, stored, weights.size)
    assert np.abs(found - expected).max() <= (1e-6 if name.endswith("_K") else 0)
    assert np.square(found - weights.reshape(-1)).mean() < 0.15
