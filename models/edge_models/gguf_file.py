"""A GGUF file read and checked in Python before anything native opens it.

Invariants of an opened `GgufFile`: every length, count and offset was compared with the bytes that are really there
before it was used; tensors lie one after the other, aligned, inside the file, and the file ends with the last one.
What llama.cpp would refuse is refused here first, in words that name the place.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Self, TypeAlias, cast

from edge_models.errors import DamagedFile, ModelError, UnsupportedModel
from edge_models.gguf_header import MetaValue, TensorInfo, read_header

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    FloatArray: TypeAlias = npt.NDArray[np.float32]

__all__ = ["GgufFile", "MetaValue", "TensorInfo"]


class GgufFile:
    """A checked GGUF file, mapped read-only. Close it, or use it as a context manager."""

    def __init__(
        self,
        path: Path,
        data: mmap.mmap,
        metadata: Mapping[str, MetaValue],
        tensors: Mapping[str, TensorInfo],
    ) -> None:
        """Use `GgufFile.open`; the arguments are taken as checked."""
        self.path = path
        self.metadata = metadata
        self.tensors = tensors
        """By name, in the order of the file."""
        self._data = data

    @classmethod
    def open(cls, path: Path) -> GgufFile:
        """Reads and checks the whole structure of the file at `path`; tensor values are not read.

        Raises:
            DamagedFile: not a GGUF, truncated, or a part contradicts another; the message names the part.
            ModelError: the file cannot be opened.
        """
        try:
            with path.open("rb") as file:
                data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError as error:
            raise DamagedFile(f"{path} is damaged: it is empty", next_step="fetch it again") from error
        except OSError as error:
            raise ModelError(f"cannot open {path}: {error.strerror or error}") from error
        try:
            metadata, tensors = read_header(data, path)
        except BaseException:
            data.close()
            raise
        return cls(path, data, MappingProxyType(metadata), MappingProxyType(tensors))

    def close(self) -> None:
        self._data.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def text(self, key: str, default: str | None = None) -> str:
        """The text under `key`; where it is missing, `default`.

        Raises:
            UnsupportedModel: missing, without a default.
            DamagedFile: there, but not a text.
        """
        value = self._value(key, default)
        if not isinstance(value, str):
            raise self._wrong(key, "a text")
        return value

    def integer(self, key: str, default: int | None = None, *, minimum: int = 0, maximum: int = 2**31 - 1) -> int:
        """The whole number under `key`, within the bounds. Raises as `text` does."""
        value = self._value(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not minimum <= value <= maximum:
            raise self._wrong(key, f"a whole number from {minimum} to {maximum}")
        return value

    def number(self, key: str, default: float | None = None) -> float:
        """The finite number under `key`. Raises as `text` does."""
        value = self._value(key, default)
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            raise self._wrong(key, "a finite number")
        return float(value)

    def flag(self, key: str, *, default: bool | None = None) -> bool:
        """The truth value under `key`. Raises as `text` does."""
        value = self._value(key, default)
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """The list of texts under `key`. Raises as `text` does."""
        value = self._value(key, None)
        if not isinstance(value, tuple) or not all(isinstance(item, str) for item in value):
            raise self._wrong(key, "a list of texts")
        return cast("tuple[str, ...]", value)

    def integers(self, key: str) -> tuple[int, ...]:
        """The list of whole numbers under `key`. Raises as `text` does."""
        value = self._value(key, None)
        if not isinstance(value, tuple) or not all(type(item) is int for item in value):
            raise self._wrong(key, "a list of whole numbers")
        return cast("tuple[int, ...]", value)

    def stored(self, name: str) -> npt.NDArray[np.uint8]:
        """The tensor's bytes as the file has them, in memory of their own.

        Raises:
            UnsupportedModel: no tensor has this name.
        """
        import numpy as np

        info = self.tensors.get(name)
        if info is None:
            raise UnsupportedModel(f"{self.path} has no tensor {name}")
        return np.frombuffer(self._data, dtype=np.uint8, count=info.size, offset=info.offset).copy()

    def tensor(self, name: str) -> FloatArray:
        """The tensor dequantized to float32, row-major, in memory of its own.

        Raises:
            UnsupportedModel: no tensor has this name, or its type cannot be dequantized.
        """
        import numpy as np  # late: opening and checking a file needs no numpy

        from edge_models.dequantize import READ, dequantize

        info = self.tensors.get(name)
        if info is None:
            raise UnsupportedModel(f"{self.path} has no tensor {name}")
        if info.type_name not in READ:
            raise UnsupportedModel(f"{self.path}: {name} is {info.type_name}, which cannot be dequantized")
        stored = np.frombuffer(self._data, dtype=np.uint8, count=info.size, offset=info.offset)
        # A copy where the values are the stored bytes: the mapping ends with the file.
        return dequantize(stored.copy() if info.type_name == "F32" else stored, info.type_name).reshape(info.shape)

    def _value(self, key: str, default: MetaValue | None) -> MetaValue:
        value = self.metadata.get(key, default)
        if value is None:
            raise UnsupportedModel(f"{self.path} does not say {key}")
        return value

    def _wrong(self, key: str, expected: str) -> DamagedFile:
        return DamagedFile(f"{self.path} is damaged: {key} is not {expected}", next_step="fetch it again")
