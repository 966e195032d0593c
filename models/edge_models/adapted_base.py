"""What an adapter's file refers to: the base model's matrices, by their GGUF names and by those of other programs.

llama.cpp computes the llama family with interleaved RoPE: neighbouring rows of a head turn together. The rows of Q and
K that other programs keep as two halves of a head are therefore stored permuted in a GGUF, and so are the rows of an
adapter's B for them. Families that llama.cpp computes with RoPE on halves are stored as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from edge_models.adapter import LoraTensors
from edge_models.errors import UnsupportedModel
from edge_models.families import FAMILIES
from edge_models.gguf_file import GgufFile

FloatArray = npt.NDArray[np.float32]
Pair = tuple[FloatArray, FloatArray]

MODULES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "attn_q": "self_attn.q_proj",
        "attn_k": "self_attn.k_proj",
        "attn_v": "self_attn.v_proj",
        "attn_output": "self_attn.o_proj",
        "ffn_gate": "mlp.gate_proj",
        "ffn_up": "mlp.up_proj",
        "ffn_down": "mlp.down_proj",
    }
)
"""A layer's linear maps: GGUF's names and those of transformers and mlx-lm, the same in every family known here."""

_HEAD: Final = ("output.weight", "lm_head")
_STORED: Final = re.compile(r"blk\.(0|[1-9][0-9]{0,4})\.([a-z_]+)\.weight")
_MODULE: Final = re.compile(r"model\.(?:language_model\.)?layers\.(0|[1-9][0-9]{0,4})\.([a-z_.]+)")
_STORED_NAMES: Final = {module: stored for stored, module in MODULES.items()}


@dataclass(frozen=True, slots=True)
class AdaptedBase:
    """The model that an adapter belongs to.

    Attributes:
        interleaved: whether RoPE turns neighbouring rows, so that Q and K are stored permuted.
        shapes: (out, in) of each matrix that can be adapted, by its GGUF name.
    """

    architecture: str
    interleaved: bool
    layers: int
    heads: int
    kv_heads: int
    shapes: Mapping[str, tuple[int, int]]

    def require_fit(self, lora: LoraTensors) -> None:
        """Returns if every tensor of `lora` is for a matrix of this model.

        Raises:
            UnsupportedModel: another architecture, a matrix that is not there, or one of another shape.
        """
        if lora.architecture != self.architecture:
            raise UnsupportedModel(f"the adapter is for {lora.architecture}, the model is {self.architecture}")
        for name, (a, b) in lora.tensors.items():
            shape = self.shapes.get(name)
            if shape is None:
                raise UnsupportedModel(f"the model has no matrix {name} that could be adapted")
            if (b.shape[0], a.shape[1]) != shape:
                raise UnsupportedModel(f"{name} is {shape} in the model, the adapter is for {b.shape[0], a.shape[1]}")

    def module_of(self, name: str) -> str:
        """What other programs call the matrix: `blk.3.attn_q.weight` -> `model.layers.3.self_attn.q_proj`.

        Raises:
            UnsupportedModel: it has no name there.
        """
        if name == _HEAD[0]:
            return _HEAD[1]
        parts = _STORED.fullmatch(name)
        if parts is None or parts[2] not in MODULES:
            raise UnsupportedModel(f"{name} has no name outside of GGUF files")
        return f"model.layers.{parts[1]}.{MODULES[parts[2]]}"

    def name_of(self, module: str) -> str:
        """The GGUF name of another program's module.

        Raises:
            UnsupportedModel: there is none.
        """
        if module == _HEAD[1]:
            return _HEAD[0]
        parts = _MODULE.fullmatch(module)
        if parts is None or parts[2] not in _STORED_NAMES:
            raise UnsupportedModel(f"{module[:120]!r} is no linear map of a layer that can be adapted")
        return f"blk.{parts[1]}.{_STORED_NAMES[parts[2]]}.weight"

    def to_halves(self, name: str, b: FloatArray) -> FloatArray:
        """The rows of B (out, r) in the order of other programs."""
        heads = self._permuted_heads(name)
        if not heads:
            return b
        return np.ascontiguousarray(b.reshape(heads, -1, 2, b.shape[1]).swapaxes(1, 2).reshape(b.shape))

    def to_interleaved(self, name: str, b: FloatArray) -> FloatArray:
        """The rows of B (out, r) in the order of the GGUF file: what `to_halves` undid."""
        heads = self._permuted_heads(name)
        if not heads:
            return b
        return np.ascontiguousarray(b.reshape(heads, 2, -1, b.shape[1]).swapaxes(1, 2).reshape(b.shape))

    def _permuted_heads(self, name: str) -> int:
        """How many heads the matrix's rows are; 0 where they are stored as they are computed elsewhere."""
        if not self.interleaved:
            return 0
        return {"attn_q": self.heads, "attn_k": self.kv_heads}.get(name.split(".")[-2], 0)


def read_base(file: GgufFile) -> AdaptedBase:
    """What adapters for the model in `file` have to fit.

    Raises:
        UnsupportedModel: a family that is not known, or head counts that differ from layer to layer or do not divide
            the rows of Q and K.
        DamagedFile: a size is not a number that a size can be.
    """
    architecture = file.text("general.architecture")
    family = FAMILIES.get(architecture)
    if family is None:
        raise UnsupportedModel(f"adapters are converted for {', '.join(FAMILIES)}; this file is {architecture}")
    heads = _size(file, f"{architecture}.attention.head_count")
    base = AdaptedBase(
        architecture=architecture,
        interleaved=family.rope == "interleaved",
        layers=_size(file, f"{architecture}.block_count"),
        heads=heads,
        kv_heads=_size(file, f"{architecture}.attention.head_count_kv", heads),
        shapes=MappingProxyType(
            {
                name: (info.shape[0], info.shape[1])
                for name, info in file.tensors.items()
                if len(info.shape) == 2 and _can_be_adapted(name)
            }
        ),
    )
    for name, (rows, _) in base.shapes.items():
        heads = {"attn_q": base.heads, "attn_k": base.kv_heads}.get(name.split(".")[-2], 0)
        if heads and rows % (2 * heads):
            raise UnsupportedModel(f"{file.path}: the heads do not divide the rows of {name}")
    return base


def _can_be_adapted(name: str) -> bool:
    parts = _STORED.fullmatch(name)
    return name == _HEAD[0] or (parts is not None and parts[2] in MODULES)


def _size(file: GgufFile, key: str, default: int | None = None) -> int:
    if isinstance(file.metadata.get(key), tuple):
        raise UnsupportedModel(f"adapters are not converted for a {key} that differs from layer to layer")
    return file.integer(key, default, minimum=1)
