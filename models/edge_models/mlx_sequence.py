"""One sequence through the network on MLX, a chunk after the other, with what it has seen kept as keys and values.

Invariant: the caches hold the first `length` tokens; what lies beyond them is never read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from edge_kernels import mlx_kernels as kernels
from edge_kernels.mlx_kernels import Array
from edge_kernels.rope import rope_table
from edge_models.adapter import LoraTensors
from edge_models.architecture import Architecture
from edge_models.errors import UnsupportedModel
from edge_models.families import PROJECTIONS
from edge_models.gguf_file import GgufFile
from edge_models.mlx_network import NO_FACTORS, Factors, MlxNetwork, View

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray: TypeAlias = NDArray[np.float32]

_GROWTH_TOKENS = 256


class MlxSequence:
    """The whole network of one GGUF file in MLX's memory, and one sequence of at most `context_tokens` in it.

    Raises:
        UnsupportedModel: see `read_architecture`.
    """

    def __init__(self, file: GgufFile, context_tokens: int) -> None:
        self._network = MlxNetwork(file)
        self._layers = [self._network.load(layer) for layer in range(self.architecture.layers)]
        self._context_tokens = context_tokens
        self._factors = NO_FACTORS
        self._caches: list[_Cache] = []
        self.length = 0
        self.empty()

    @property
    def architecture(self) -> Architecture:
        return self._network.architecture

    def empty(self) -> None:
        """Forgets everything, values that were no numbers included."""
        self.length = 0
        self._caches = [_Cache(self.architecture) for _ in self._layers]

    def drop_beyond(self, length: int) -> None:
        """Keeps the first `length` tokens."""
        self.length = min(length, self.length)

    def use(self, adapter: LoraTensors | None, scale: float = 1.0) -> None:
        """The base's weights with `adapter` at `scale`, or alone, from the next token on; the caller empties.

        Raises:
            UnsupportedModel: it names a weight that this model does not have, or has in another shape.
        """
        if adapter is None:
            self._factors = NO_FACTORS
            return
        shapes = {
            f"blk.{layer}.{name}.weight": self.architecture.shape(name)
            for layer in range(self.architecture.layers)
            for name in PROJECTIONS
        }
        for name, (a, b) in adapter.tensors.items():
            if name not in shapes:
                raise UnsupportedModel(f"it adapts {name}, which is none of this model's projections")
            if (b.shape[0], a.shape[1]) != shapes[name]:
                raise UnsupportedModel(f"its {name} has an incorrect shape: {(b.shape[0], a.shape[1])}")
        pairs = {name: (kernels.array(a), kernels.array(b)) for name, (a, b) in adapter.tensors.items()}
        kernels.evaluate(*(factor for pair in pairs.values() for factor in pair))
        self._factors = Factors(pairs, adapter.scale * scale)

    def compute(self, tokens: Sequence[int], wanted: Sequence[int]) -> FloatArray:
        """Adds `tokens`; the logits (len(wanted), vocabulary) after each of the places `wanted` in them."""
        start, count = self.length, len(tokens)
        x = self._network.embed(kernels.array(np.asarray(tokens, dtype=np.int64)))
        places = kernels.array(np.asarray(wanted or [count - 1], dtype=np.int64))
        for layer, cache in zip(self._layers, self._caches, strict=True):
            cache.grow(start, start + count, self._context_tokens)
            view = self._view(self.architecture.windows[layer.index], start, count, cache)
            x = self._network.forward(layer, x, view, self._factors, places if layer is self._layers[-1] else None)
        logits = self._network.logits(x) if wanted else x
        kernels.evaluate(logits, *(array for cache in self._caches for array in cache.arrays()))
        self.length = start + count
        return kernels.numpy(logits) if wanted else np.empty((0, self.architecture.vocabulary), np.float32)

    def _view(self, window: int, start: int, count: int, cache: _Cache) -> View:
        positions = np.arange(start, start + count)
        cosines, sines = rope_table(positions, self.architecture.local_rope if window else self.architecture.rope)
        sees: Array | None = None
        if count > 1 or window:
            distance = positions[:, None] - np.arange(start + count)[None, :]
            sees = kernels.array((distance >= 0) & (distance < window) if window else distance >= 0)

        def attend(query: Array, key: Array, value: Array) -> Array:
            keys, values = cache.add(start, key, value)
            mixed = kernels.attention(
                query.swapaxes(0, 1)[None],
                keys,
                values,
                sees,
                scale=self.architecture.attention_scale,
                cap=self.architecture.attention_cap,
            )
            return kernels.reshape(mixed[0].swapaxes(0, 1), count, -1)

        return View(kernels.array(cosines), kernels.array(sines), attend)


class _Cache:
    """One layer's keys and values, (1, K, room, d)."""

    def __init__(self, architecture: Architecture) -> None:
        self._heads, self._size = architecture.kv_heads, architecture.head_size
        self._keys = self._values = self._zeros(0)

    def _zeros(self, tokens: int) -> Array:
        return kernels.zeros(1, self._heads, tokens, self._size)

    def arrays(self) -> tuple[Array, Array]:
        return self._keys, self._values

    def grow(self, kept: int, needed: int, most: int) -> None:
        """Room for `needed` tokens, of which `kept` are here."""
        if needed <= self._keys.shape[2]:
            return
        room = min(most, -(-needed // _GROWTH_TOKENS) * _GROWTH_TOKENS)
        more = self._zeros(room - kept)
        self._keys = kernels.joined(self._keys[:, :, :kept], more, axis=2)
        self._values = kernels.joined(self._values[:, :, :kept], more, axis=2)

    def add(self, start: int, key: Array, value: Array) -> tuple[Array, Array]:
        """Keeps key and value (n, K, d) from `start` on; all keys and values up to them, (1, K, start + n, d)."""
        end = start + key.shape[0]
        self._keys[:, :, start:end] = key.swapaxes(0, 1)[None]
        self._values[:, :, start:end] = value.swapaxes(0, 1)[None]
        return self._keys[:, :, :end], self._values[:, :, :end]
