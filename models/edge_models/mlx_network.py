"""The decoder that `decoder.Decoder` is, written on MLX's arrays: what its training and its answering have in common.

It reads the same records (`Architecture`, `Family`), so it knows the same models and refuses the same ones. Weights
stay quantized where MLX has the GGUF's own numbers, see `edge_kernels.mlx_kernels`; the others are float32.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeAlias

from edge_kernels import mlx_kernels as kernels
from edge_kernels.arrays import IntArray
from edge_kernels.mlx_kernels import Array, Matrix
from edge_models.architecture import read_architecture
from edge_models.families import PROJECTIONS
from edge_models.gguf_file import GgufFile

Attend: TypeAlias = Callable[[Array, Array, Array], Array]
"""Query (n, H, d), key and value (n, K, d) of the rows at hand, to their mixed values (n, H * d)."""

_NORMS = ("attn_norm", "attn_q_norm", "attn_k_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm")
_GATES: Mapping[str, Callable[[Array], Array]] = MappingProxyType({"silu": kernels.silu, "gelu": kernels.gelu})


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer's weights by their GGUF names; biases and norms that the model does not have are not there."""

    index: int
    matrices: Mapping[str, Matrix]
    biases: Mapping[str, Array]
    gains: Mapping[str, Array]

    def arrays(self) -> list[Array]:
        """Everything it holds, for evaluating it at once."""
        held = [array for matrix in self.matrices.values() for array in matrix.arrays()]
        return [*held, *self.biases.values(), *self.gains.values()]


@dataclass(frozen=True, slots=True)
class View:
    """What a layer sees: how its rows are turned (cosines and sines (n, d / 2)), and what attends to what."""

    cosines: Array
    sines: Array
    attend: Attend


@dataclass(frozen=True, slots=True)
class Factors:
    """LoRA factors by base tensor name: A (r, in) and B (out, r); their product counts `scale` times."""

    pairs: Mapping[str, tuple[Array, Array]]
    scale: float

    def add(self, name: str, given: Array, out: Array) -> Array:
        """`out` with what the adapter adds to the product of `given` and the weight `name`."""
        pair = self.pairs.get(name)
        return out if pair is None else out + (given @ pair[0].T * self.scale) @ pair[1].T


NO_FACTORS = Factors({}, 1.0)


class MlxNetwork:
    """The layers of one GGUF file, each loaded when it is asked for.

    Args:
        file: checked; stays open as long as layers are loaded.

    Raises:
        UnsupportedModel: see `read_architecture`.
    """

    def __init__(self, file: GgufFile) -> None:
        self.architecture = read_architecture(file)
        self._file = file
        self._gate = _GATES[self.architecture.family.gate]
        self._embedding = self._matrix("token_embd.weight")
        tied = "output.weight" not in file.tensors
        self._head = self._embedding if tied else self._matrix("output.weight")
        self._final_gain = kernels.array(file.tensor("output_norm.weight"))
        kernels.evaluate(*self._embedding.arrays(), *self._head.arrays(), self._final_gain)

    def _matrix(self, name: str) -> Matrix:
        info = self._file.tensors[name]
        if info.type_name in kernels.PACKED_TYPES:
            return kernels.packed(self._file.stored(name), info.type_name, (info.shape[0], info.shape[1]))
        return kernels.dense(self._file.tensor(name))

    def load(self, index: int) -> Layer:
        """The weights of one layer, in memory when this returns."""
        block, there = f"blk.{index}.", self._file.tensors
        layer = Layer(
            index,
            {name: self._matrix(f"{block}{name}.weight") for name in PROJECTIONS},
            {
                name: kernels.array(self._file.tensor(f"{block}{name}.bias"))
                for name in PROJECTIONS
                if f"{block}{name}.bias" in there
            },
            {
                name: kernels.array(self._file.tensor(f"{block}{name}.weight"))
                for name in _NORMS
                if f"{block}{name}.weight" in there
            },
        )
        kernels.evaluate(*layer.arrays())
        return layer

    def embed(self, tokens: Array) -> Array:
        """The input (n, D) of the first layer."""
        return self._embedding.rows(tokens) * self.architecture.embedding_scale

    def forward(
        self, layer: Layer, x: Array, view: View, factors: Factors = NO_FACTORS, wanted: Array | None = None
    ) -> Array:
        """One layer's output (n, D), or of the rows `wanted` (s,) alone: the others are keys and values."""
        sizes, rows = self.architecture, x.shape[0]

        def linear(name: str, given: Array) -> Array:
            out = layer.matrices[name].apply(given)
            if name in layer.biases:
                out = out + layer.biases[name]
            return factors.add(f"blk.{layer.index}.{name}.weight", given, out)

        def norm(name: str, given: Array) -> Array:
            gain = layer.gains.get(name)
            return given if gain is None else kernels.rms_norm(given, gain, sizes.rms_epsilon)

        def turned(name: str, heads: int) -> Array:
            given = kernels.reshape(linear(name, normed), rows, heads, sizes.head_size)
            return kernels.turn(norm(f"{name}_norm", given), view.cosines, view.sines, interleaved=interleaved)

        interleaved = sizes.family.rope == "interleaved"
        normed = norm("attn_norm", x)
        value = kernels.reshape(linear("attn_v", normed), rows, sizes.kv_heads, sizes.head_size)
        mixed = view.attend(turned("attn_q", sizes.heads), turned("attn_k", sizes.kv_heads), value)
        if wanted is not None:
            mixed, x = mixed[wanted], x[wanted]
        middle = norm("post_attention_norm", linear("attn_output", mixed)) + x
        normed = norm("ffn_norm", middle)
        product = self._gate(linear("ffn_gate", normed)) * linear("ffn_up", normed)
        return norm("post_ffw_norm", linear("ffn_down", product)) + middle

    def narrowed(self, words: IntArray) -> MlxNetwork:
        """This network with a vocabulary of `words` alone; all else is shared with it."""
        narrow: MlxNetwork = copy(self)
        narrow.architecture = replace(self.architecture, vocabulary=len(words))
        narrow._head = kernels.dense(kernels.numpy(self._head.rows(kernels.array(words))))
        return narrow

    def logits(self, hidden: Array) -> Array:
        """(s, V) for rows (s, D) of the last layer's output."""
        normed = kernels.rms_norm(hidden, self._final_gain, self.architecture.rms_epsilon)
        logits, cap = self._head.apply(normed), self.architecture.final_cap
        return kernels.soft_cap(logits, cap) if cap else logits
