"""The header of a GGUF file, decoded with every claim compared to the bytes that are really there.

Nothing is allocated for a length that the file could not hold, and whatever is wrong becomes a `DamagedFile` that
names the part and the byte. Format: the GGUF specification, versions 2 and 3, little-endian.
"""

from __future__ import annotations

import math
import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias, cast

from edge_models.errors import DamagedFile

MetaValue: TypeAlias = (
    int | float | bool | str | tuple[int, ...] | tuple[float, ...] | tuple[bool, ...] | tuple[str, ...]
)

MAGIC = b"GGUF"
VERSIONS = (2, 3)
DEFAULT_ALIGNMENT = 32
# Far above any real model, far below what would hurt: a vocabulary has some 300,000 tokens.
MAX_ENTRIES = 65_536
MAX_TENSORS = 65_536
MAX_ARRAY = 1 << 22
MAX_KEY_BYTES = 1_024
MAX_STRING_BYTES = 1 << 24
MAX_ALIGNMENT = 1 << 20
MAX_DIMENSIONS = 4
MAX_TENSOR_NAME_BYTES = 63
"""GGML_MAX_NAME less the closing zero."""

TYPES: Mapping[int, tuple[str, int, int]] = MappingProxyType(
    {
        0: ("F32", 1, 4),
        1: ("F16", 1, 2),
        2: ("Q4_0", 32, 18),
        3: ("Q4_1", 32, 20),
        6: ("Q5_0", 32, 22),
        7: ("Q5_1", 32, 24),
        8: ("Q8_0", 32, 34),
        9: ("Q8_1", 32, 40),
        10: ("Q2_K", 256, 84),
        11: ("Q3_K", 256, 110),
        12: ("Q4_K", 256, 144),
        13: ("Q5_K", 256, 176),
        14: ("Q6_K", 256, 210),
        15: ("Q8_K", 256, 292),
        16: ("IQ2_XXS", 256, 66),
        17: ("IQ2_XS", 256, 74),
        18: ("IQ3_XXS", 256, 98),
        19: ("IQ1_S", 256, 50),
        20: ("IQ4_NL", 32, 18),
        21: ("IQ3_S", 256, 110),
        22: ("IQ2_S", 256, 82),
        23: ("IQ4_XS", 256, 136),
        24: ("I8", 1, 1),
        25: ("I16", 1, 2),
        26: ("I32", 1, 4),
        27: ("I64", 1, 8),
        28: ("F64", 1, 8),
        29: ("IQ1_M", 256, 56),
        30: ("BF16", 1, 2),
        34: ("TQ1_0", 256, 54),
        35: ("TQ2_0", 256, 66),
        39: ("MXFP4", 32, 17),
        40: ("NVFP4", 64, 36),
        41: ("Q1_0", 128, 18),
    }
)
"""Type number -> name, elements a block, bytes a block. Kept here so that opening a file needs no numpy."""

_SCALARS: Mapping[int, tuple[str, int]] = MappingProxyType(
    {0: ("B", 1), 1: ("b", 1), 2: ("H", 2), 3: ("h", 2), 4: ("I", 4), 5: ("i", 4)}
    | {6: ("f", 4), 7: ("B", 1), 10: ("Q", 8), 11: ("q", 8), 12: ("d", 8)}
)
_UINT32, _BOOL, _STRING, _ARRAY = 4, 7, 8, 9
_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """Where a tensor lies and what it is."""

    name: str
    shape: tuple[int, ...]
    """Row-major, as numpy has it: (out_features, in_features) for a matrix."""
    type_name: str
    offset: int
    """Bytes from the start of the file."""
    size: int
    """Bytes."""


class _Cursor:
    """Reads forward through the header and never past the end; each failure names what was being read."""

    def __init__(self, data: mmap.mmap, path: Path) -> None:
        self.data = data
        self.path = path
        self.at = 0
        self.end = len(data)

    def damaged(self, what: str) -> DamagedFile:
        return DamagedFile(
            f"{self.path} is damaged: {what} (byte {self.at})", next_step="fetch it again: edge-seal models pull"
        )

    def take(self, count: int, what: str) -> int:
        """The place of the next `count` bytes, and moves past them."""
        if count > self.end - self.at:
            raise self.damaged(f"the file ends inside {what}: {count} bytes are needed, {self.end - self.at} are left")
        start = self.at
        self.at = start + count
        return start

    def u32(self, what: str) -> int:
        return cast("int", _U32.unpack_from(self.data, self.take(4, what))[0])

    def u64(self, what: str) -> int:
        return cast("int", _U64.unpack_from(self.data, self.take(8, what))[0])

    def text(self, what: str, limit: int) -> str:
        length = self.u64(f"the length of {what}")
        if length > limit:
            raise self.damaged(f"{what} claims {length} bytes, more than {limit}")
        start = self.take(length, what)
        try:
            return self.data[start : start + length].decode("utf-8")
        except UnicodeDecodeError as error:
            raise self.damaged(f"{what} is not UTF-8") from error

    def name(self, what: str, limit: int) -> str:
        """A text that may be shown: not empty, printable ASCII."""
        name = self.text(what, limit)
        if not name or not name.isascii() or not name.isprintable():
            raise self.damaged(f"{what} is empty or not printable ASCII")
        return name

    def scalar(self, kind: int, what: str) -> int | float | bool:
        code, size = _SCALARS[kind]
        value = cast("int | float", struct.unpack_from("<" + code, self.data, self.take(size, what))[0])
        if kind == _BOOL:
            if value not in (0, 1):
                raise self.damaged(f"{what} is neither true nor false")
            return bool(value)
        return value

    def array(self, what: str) -> MetaValue:
        kind = self.u32(f"the element type of {what}")
        count = self.u64(f"the length of {what}")
        if count > MAX_ARRAY:
            raise self.damaged(f"{what} claims {count} elements, more than {MAX_ARRAY}")
        if kind == _STRING:
            return self.texts(count, what)
        if kind not in _SCALARS:
            raise self.damaged(f"{what} has elements of the unknown type {kind}")
        code, size = _SCALARS[kind]
        start = self.take(count * size, what)
        values = cast("tuple[int, ...] | tuple[float, ...]", struct.unpack_from(f"<{count}{code}", self.data, start))
        if kind == _BOOL:
            if not set(values) <= {0, 1}:
                raise self.damaged(f"an element of {what} is neither true nor false")
            return tuple(map(bool, values))
        return values

    def texts(self, count: int, what: str) -> tuple[str, ...]:
        # A vocabulary has 100,000 strings, so this loop keeps to local names and slices one copy of the bytes.
        if count * 8 > self.end - self.at:
            raise self.damaged(f"{what} claims {count} strings, more than the file can hold")
        data, at, end, length_of = self.data, self.at, self.end, _U64.unpack_from
        found: list[bytes] = []
        for index in range(count):
            start = at + 8
            if start > end:
                raise self.damaged(f"the file ends inside string {index} of {what}")
            at = start + length_of(data, at)[0]
            if at > end or at - start > MAX_STRING_BYTES:
                raise self.damaged(f"string {index} of {what} claims {at - start} bytes")
            found.append(data[start:at])
        self.at = at
        try:
            return tuple([text.decode("utf-8") for text in found])
        except UnicodeDecodeError as error:
            raise self.damaged(f"a string of {what} is not UTF-8") from error


def read_header(data: mmap.mmap, path: Path) -> tuple[dict[str, MetaValue], dict[str, TensorInfo]]:
    """Metadata and tensors of the mapped file `data`; `path` only names it.

    Raises:
        DamagedFile: a part contradicts the format, another part, or the file's length.
    """
    cursor = _Cursor(data, path)
    start = cursor.take(4, "the magic")
    if cursor.data[start : start + 4] != MAGIC:
        raise cursor.damaged("it does not begin with GGUF")
    version = cursor.u32("the version")
    if version not in VERSIONS:
        raise cursor.damaged(f"version {version} is not one of {', '.join(map(str, VERSIONS))}")
    tensor_count = cursor.u64("the number of tensors")
    entry_count = cursor.u64("the number of metadata entries")
    if tensor_count > MAX_TENSORS or entry_count > MAX_ENTRIES:
        raise cursor.damaged(f"it claims {tensor_count} tensors and {entry_count} metadata entries")
    metadata = _read_metadata(cursor, entry_count)
    alignment = metadata.get("general.alignment", DEFAULT_ALIGNMENT)
    # llama.cpp takes powers of two only; ggml computes with multiples of 8.
    if not isinstance(alignment, int) or not 8 <= alignment <= MAX_ALIGNMENT or alignment & (alignment - 1):
        raise cursor.damaged(f"the alignment {alignment} is not a power of two from 8 to {MAX_ALIGNMENT}")
    relative = _read_tensors(cursor, tensor_count)
    return metadata, _place_tensors(cursor, relative, alignment)


def _read_metadata(cursor: _Cursor, count: int) -> dict[str, MetaValue]:
    metadata: dict[str, MetaValue] = {}
    for index in range(count):
        key = cursor.name(f"metadata key {index}", MAX_KEY_BYTES)
        if key in metadata:
            raise cursor.damaged(f"the metadata key {key} is there twice")
        kind = cursor.u32(f"the type of {key}")
        if kind == _STRING:
            metadata[key] = cursor.text(key, MAX_STRING_BYTES)
        elif kind == _ARRAY:
            metadata[key] = cursor.array(key)
        elif kind in _SCALARS:
            if key == "general.alignment" and kind != _UINT32:
                raise cursor.damaged("general.alignment is not an unsigned 32-bit number")
            metadata[key] = cursor.scalar(kind, key)
        else:
            raise cursor.damaged(f"{key} has the unknown type {kind}")
    return metadata


def _read_tensors(cursor: _Cursor, count: int) -> dict[str, TensorInfo]:
    """The tensors with offsets as stored: from the start of the data."""
    tensors: dict[str, TensorInfo] = {}
    for index in range(count):
        name = cursor.name(f"the name of tensor {index}", MAX_TENSOR_NAME_BYTES)
        if name in tensors:
            raise cursor.damaged(f"the tensor {name} is there twice")
        dimension_count = cursor.u32(f"the dimensions of {name}")
        if not 1 <= dimension_count <= MAX_DIMENSIONS:
            raise cursor.damaged(f"{name} claims {dimension_count} dimensions")
        dimensions = [cursor.u64(f"the dimensions of {name}") for _ in range(dimension_count)]
        kind = cursor.u32(f"the type of {name}")
        if kind not in TYPES:
            raise cursor.damaged(f"{name} has the unknown type {kind}")
        type_name, block, block_bytes = TYPES[kind]
        elements = math.prod(dimensions)
        if elements == 0 or elements >= 1 << 62:
            raise cursor.damaged(f"{name} has the shape {dimensions}")
        if dimensions[0] % block:
            raise cursor.damaged(f"{name} has rows of {dimensions[0]}, not whole blocks of {type_name}")
        offset = cursor.u64(f"the offset of {name}")
        size = elements // block * block_bytes
        tensors[name] = TensorInfo(name, tuple(reversed(dimensions)), type_name, offset, size)
    return tensors


def _place_tensors(cursor: _Cursor, tensors: Mapping[str, TensorInfo], alignment: int) -> dict[str, TensorInfo]:
    """The tensors with offsets from the start of the file, each found to follow the one before."""
    if not tensors:
        if cursor.end not in (cursor.at, _padded(cursor.at, alignment)):
            raise cursor.damaged(f"{cursor.end - cursor.at} bytes follow the header of a file without tensors")
        return {}
    data_start = _padded(cursor.at, alignment)
    placed: dict[str, TensorInfo] = {}
    expected, end = 0, data_start
    for info in tensors.values():
        if info.offset != expected:
            raise cursor.damaged(f"{info.name} lies at offset {info.offset}, the one before it ends at {expected}")
        end = data_start + info.offset + info.size
        if end > cursor.end:
            raise cursor.damaged(f"the file ends inside {info.name}: {cursor.end} bytes, {end} are needed")
        placed[info.name] = TensorInfo(info.name, info.shape, info.type_name, data_start + info.offset, info.size)
        expected = _padded(info.offset + info.size, alignment)
    # Writers may or may not pad the last tensor.
    if cursor.end not in (end, data_start + expected):
        raise cursor.damaged(f"{cursor.end - end} bytes follow the last tensor")
    return placed


def _padded(size: int, alignment: int) -> int:
    return (size + alignment - 1) & -alignment
