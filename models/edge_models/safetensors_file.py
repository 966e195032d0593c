"""Files in the safetensors format, read with every claim compared to the bytes that are there.

Equal tensors are written as equal bytes. Format: eight bytes, little-endian, the length of a JSON header; the header,
tensor name -> dtype, shape, data_offsets; then the values, without holes or overlaps, to the end of the file. It holds
numbers and texts only: nothing in it runs.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import numpy as np
import numpy.typing as npt

from edge_models import durable
from edge_models.errors import DamagedFile, ModelError, UnsupportedModel

FloatArray = npt.NDArray[np.float32]

MAX_HEADER_BYTES: Final = 4 << 20
MAX_FILE_BYTES: Final = 1 << 30
MAX_TENSORS: Final = 65_536
MAX_DIMENSION: Final = 1 << 31
_BYTES: Final = {"F32": 4, "F16": 2, "BF16": 2}
_METADATA: Final = "__metadata__"


@dataclass(frozen=True, slots=True)
class _Entry:
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


def read_safetensors(path: Path, *, max_bytes: int = MAX_FILE_BYTES) -> dict[str, FloatArray]:
    """Every tensor as float32, in the order of the file; F16 and BF16 values are taken over exactly.

    Raises:
        DamagedFile: no safetensors, truncated, or a part contradicts another; the message names the part.
        UnsupportedModel: larger than `max_bytes`, or a tensor of another type.
        ModelError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror or error}") from error
    if len(data) > max_bytes:
        raise UnsupportedModel(f"{path} is larger than {max_bytes >> 20} MiB")
    if len(data) < 8:
        raise _damaged(path, "it ends before its header")
    (length,) = struct.unpack_from("<Q", data)
    if not 2 <= length <= min(MAX_HEADER_BYTES, len(data) - 8):
        raise _damaged(path, f"a header of {length} bytes is stated")
    entries = _entries(path, data[8 : 8 + length], len(data) - 8 - length)
    values = memoryview(data)[8 + length :]
    return {name: _values(values[entry.start : entry.end], entry) for name, entry in entries.items()}


def write_safetensors(path: Path, tensors: Mapping[str, FloatArray], metadata: Mapping[str, str]) -> Path:
    """Writes float32 tensors, sorted by name, whole or not at all, mode 0600. Returns `path`.

    Raises:
        ModelError: the disk does not take it.
    """
    header: dict[str, object] = {_METADATA: dict(sorted(metadata.items()))}
    parts: list[bytes] = []
    at = 0
    for name in sorted(tensors):
        values = np.ascontiguousarray(tensors[name], dtype="<f4").tobytes()
        header[name] = {
            "dtype": "F32",
            "shape": list(tensors[name].shape),
            "data_offsets": [at, at + len(values)],
        }
        parts.append(values)
        at += len(values)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # values begin aligned
    with durable.explained(f"cannot write {path}"):
        durable.write_durably(path, struct.pack("<Q", len(text)) + text + b"".join(parts))
    return path


def _entries(path: Path, header: bytes, available: int) -> dict[str, _Entry]:
    """The tensors that the header states, checked against `available` bytes of values."""
    if not header.startswith(b"{"):
        raise _damaged(path, "its header is no JSON object")
    try:
        found = cast("object", json.loads(header.decode("utf-8"), object_pairs_hook=_without_twins))
    except (ValueError, RecursionError) as error:
        raise _damaged(path, "its header is no JSON object") from error
    stated = cast("dict[str, object]", found)
    stated.pop(_METADATA, None)
    if len(stated) > MAX_TENSORS:
        raise _damaged(path, f"it states {len(stated)} tensors")
    entries = {name: _entry(path, name, value) for name, value in stated.items()}
    end = 0
    for name, entry in sorted(entries.items(), key=lambda item: (item[1].start, item[1].end)):
        if entry.start != end:
            raise _damaged(path, f"{name[:80]!r} does not begin where the tensor before it ends")
        end = entry.end
    if end != available:
        raise _damaged(path, f"its tensors have {end} bytes, {available} are there")
    return entries


def _entry(path: Path, name: str, value: object) -> _Entry:
    shown = repr(name[:80])
    fields = cast("dict[str, object]", value) if isinstance(value, dict) else {}
    dtype, shape, offsets = fields.get("dtype"), fields.get("shape"), fields.get("data_offsets")
    if set(fields) != {"dtype", "shape", "data_offsets"} or not isinstance(dtype, str):
        raise _damaged(path, f"{shown} is not described by dtype, shape and data_offsets")
    sizes, places = _whole_numbers(shape), _whole_numbers(offsets)
    if sizes is None or len(sizes) > 8 or places is None or len(places) != 2 or places[0] > places[1]:
        raise _damaged(path, f"{shown} has a shape or offsets that are none")
    if dtype not in _BYTES:
        raise UnsupportedModel(f"{path}: {shown} is of the type {dtype[:16]!r}; read are {', '.join(_BYTES)}")
    if math.prod(sizes) * _BYTES[dtype] != places[1] - places[0]:
        raise _damaged(path, f"{shown} has other bytes than its shape needs")
    return _Entry(dtype, sizes, places[0], places[1])


def _whole_numbers(value: object) -> tuple[int, ...] | None:
    if not isinstance(value, list):
        return None
    items = cast("list[object]", value)
    numbers = [item for item in items if type(item) is int and 0 <= item < MAX_DIMENSION]
    return tuple(numbers) if len(numbers) == len(items) else None


def _without_twins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands there twice")
    return found


def _values(data: memoryview, entry: _Entry) -> FloatArray:
    if entry.dtype == "F32":
        values = np.frombuffer(data, "<f4").astype(np.float32)
    elif entry.dtype == "F16":
        values = np.frombuffer(data, "<f2").astype(np.float32)
    else:  # BF16: the upper half of a float32
        values = (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
    return values.reshape(entry.shape)


def _damaged(path: Path, what: str) -> DamagedFile:
    return DamagedFile(f"{path} is damaged: {what}")
