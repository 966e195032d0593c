"""LoRA tensors as a GGUF adapter that llama.cpp loads, and back.

For a base tensor W of shape (out, in) the adapted weight is W + alpha / r * B @ A. Both factors are stored as they are
applied, row-major: `<name>.lora_a` (r, in) and `<name>.lora_b` (out, r). Q and K stay in the file's own row order
(permuted for interleaved RoPE in llama models), as they were trained on the stored weights. The same tensors give the
same bytes, so an adapter's hash names its content.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import gguf
import numpy as np
import numpy.typing as npt

from edge_models import durable
from edge_models.errors import DamagedFile, UnsupportedModel
from edge_models.gguf_file import GgufFile
from edge_models.gguf_header import MAX_TENSOR_NAME_BYTES

FloatArray = npt.NDArray[np.float32]

MAX_RANK = 1024
_A, _B = ".lora_a", ".lora_b"
_TENSOR_NAME = re.compile(r"[A-Za-z0-9_.]+\.weight")


@dataclass(frozen=True, slots=True, eq=False)
class LoraTensors:
    """An adapter: base tensor name -> (A (r, in), B (out, r)), float32, one rank for all.

    Raises:
        UnsupportedModel: ranks differ, a shape does not fit, a value is not finite, or a name cannot be adapted.
    """

    architecture: str
    rank: int
    alpha: float
    """As float32, which is what the file holds."""
    tensors: Mapping[str, tuple[FloatArray, FloatArray]]

    def __post_init__(self) -> None:
        if not 1 <= self.rank <= MAX_RANK:
            raise UnsupportedModel(f"an adapter's rank is from 1 to {MAX_RANK}, not {self.rank}")
        alpha = float(np.float32(self.alpha))
        if not np.isfinite(alpha) or alpha <= 0:
            # llama.cpp takes 0 for "no alpha" and then scales by 1 instead of alpha / r.
            raise UnsupportedModel(f"an adapter's alpha is a number above 0, not {self.alpha}")
        if not self.tensors:
            raise UnsupportedModel("an adapter without tensors changes nothing")
        for name, (a, b) in self.tensors.items():
            _check_pair(name, a, b, self.rank)
        object.__setattr__(self, "alpha", alpha)
        object.__setattr__(
            self, "tensors", MappingProxyType({name: self.tensors[name] for name in sorted(self.tensors)})
        )

    @property
    def scale(self) -> float:
        """What B @ A is multiplied by when it is added: alpha / rank."""
        return self.alpha / self.rank


def write_gguf_adapter(path: Path, lora: LoraTensors) -> Path:
    """Writes the adapter for llama.cpp, whole or not at all, mode 0600. Returns `path`.

    Raises:
        ModelError: the disk does not take it.
    """
    staged = durable.temporary_path(path.parent, path.name)
    with durable.explained(f"cannot write the adapter {path}"):
        try:
            staged.touch(mode=durable.FILE_MODE)
            writer = gguf.GGUFWriter(staged, lora.architecture)
            try:
                writer.add_type("adapter")
                writer.add_string("adapter.type", "lora")
                writer.add_float32("adapter.lora.alpha", lora.alpha)
                for name, (a, b) in lora.tensors.items():
                    writer.add_tensor(name + _A, np.ascontiguousarray(a))
                    writer.add_tensor(name + _B, np.ascontiguousarray(b))
                writer.write_header_to_file()
                writer.write_kv_data_to_file()
                writer.write_tensors_to_file()
            finally:
                writer.close()
            durable.publish(staged, path)
        finally:
            staged.unlink(missing_ok=True)
    return path


def read_gguf_adapter(path: Path) -> LoraTensors:
    """The adapter in the file, every value as it was written.

    Raises:
        DamagedFile: the structure is damaged, a factor is missing, shapes disagree, or a value is not finite.
        UnsupportedModel: a sound GGUF that is not a LoRA adapter of one rank.
        ModelError: the file cannot be opened.
    """
    with GgufFile.open(path) as file:
        kind = (file.text("general.type", ""), file.text("adapter.type", ""))
        if kind != ("adapter", "lora"):
            raise UnsupportedModel(f"{path} is not a LoRA adapter")
        factors: dict[str, dict[str, FloatArray]] = {}
        for name in file.tensors:
            base, suffix = name[: -len(_A)], name[-len(_A) :]
            if suffix not in (_A, _B):
                raise UnsupportedModel(f"{path}: {name} is neither a {_A} nor a {_B} tensor")
            factors.setdefault(base, {})[suffix] = file.tensor(name)
        pairs: dict[str, tuple[FloatArray, FloatArray]] = {}
        for base, found in factors.items():
            if len(found) != 2:
                raise DamagedFile(f"{path} is damaged: {base} has one factor of two")
            pairs[base] = (found[_A], found[_B])
        architecture, alpha = file.text("general.architecture"), file.number("adapter.lora.alpha")
    rank = next((a.shape[0] for a, _ in pairs.values()), 0)
    try:
        return LoraTensors(architecture, rank, alpha, pairs)
    except UnsupportedModel as error:
        raise DamagedFile(f"{path} is damaged: {error.message}") from error


def _check_pair(name: str, a: FloatArray, b: FloatArray, rank: int) -> None:
    if not _TENSOR_NAME.fullmatch(name) or len(name) + len(_A) > MAX_TENSOR_NAME_BYTES:
        raise UnsupportedModel(f"{name!r} is not the name of a weight that can be adapted")
    if name == "token_embd.weight":
        # llama.cpp looks rows of it up and wants the factors the other way round.
        raise UnsupportedModel("token embeddings are not adapted")
    if a.dtype != np.float32 or b.dtype != np.float32:
        raise UnsupportedModel(f"{name}: the factors are {a.dtype} and {b.dtype}, not float32")
    if a.ndim != 2 or b.ndim != 2 or a.shape[0] != rank or b.shape[1] != rank:
        raise UnsupportedModel(f"{name}: the factors {a.shape} and {b.shape} do not have rank {rank}")
    if a.shape[1] == 0 or b.shape[0] == 0:
        raise UnsupportedModel(f"{name}: an empty factor")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise UnsupportedModel(f"{name}: a value is not finite")
