"""`decoder.Decoder` on MLX: numpy arrays in and out, so that what trains with one trains with the other.

The objectives stay where they are: they are given logits and give back the gradient to them. MLX's part is what is
between the adapter and the logits, and it differentiates that by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass

import numpy as np

from edge_kernels import mlx_kernels as kernels
from edge_kernels.arrays import FloatArray, IntArray
from edge_kernels.branch_attention import within
from edge_kernels.mlx_kernels import Array, DeferredGradients
from edge_kernels.rope import rope_table
from edge_kernels.trie import TokenTrie, TrieBatch
from edge_models.architecture import Architecture
from edge_models.gguf_file import GgufFile
from edge_models.lora import Lora
from edge_models.mlx_network import NO_FACTORS, Factors, MlxNetwork, View
from edge_models.network import Each, ForwardPass


@dataclass(slots=True)
class _Pass(ForwardPass):
    """With what `backward` needs: the gradients, once the objective has said the one to `hidden`."""

    deferred: DeferredGradients


class MlxDecoder:
    """See `decoder.Decoder`, whose arguments and errors are the same; float32.

    Weights stay quantized where MLX has the GGUF's own numbers; the frozen layers' are in memory one at a time.
    """

    def __init__(self, file: GgufFile, adapted_layers: int) -> None:
        if adapted_layers < 0:
            raise ValueError(f"{adapted_layers} layers cannot be adapted")
        self._network = MlxNetwork(file)
        self.first_adapted = max(0, self.architecture.layers - adapted_layers)
        self._layers = [self._network.load(layer) for layer in self.adapted_layers]

    @property
    def architecture(self) -> Architecture:
        return self._network.architecture

    @property
    def adapted_layers(self) -> range:
        return range(self.first_adapted, self.architecture.layers)

    def frozen(self, trie: TokenTrie, *, chunk_tokens: int = 512, each: Each = map) -> Iterator[tuple[int, FloatArray]]:
        """See `Decoder.frozen`. `each` is not asked: MLX computes one thing at a time, with its own threads."""
        _ = each
        hidden = kernels.numpy(self._network.embed(kernels.array(trie.tokens)))
        chunks = [trie.batch(examples) for examples in trie.chunks(chunk_tokens)]
        views = [self._views(chunk, range(self.first_adapted)) for chunk in chunks]
        yield 0, hidden
        for index in range(self.first_adapted):
            layer, window = self._network.load(index), self.architecture.windows[index]
            # A shared prefix stands in several chunks: all of them must read it as it was before this layer.
            done = np.empty_like(hidden)
            for chunk, view in zip(chunks, views, strict=True):
                out = self._network.forward(layer, kernels.array(hidden[chunk.nodes]), view[window])
                done[chunk.nodes] = kernels.numpy(out)
            hidden[...] = done
            yield index + 1, hidden

    def forward(
        self, hidden: FloatArray, batch: TrieBatch, adapter: Lora | None, *, for_backward: bool = True
    ) -> ForwardPass:
        """See `Decoder.forward`."""
        if adapter is not None and not set(adapter.layers) <= set(self.adapted_layers):
            raise ValueError(f"the adapter is for layers {adapter.layers}, layers {self.adapted_layers} are adapted")
        x, views = kernels.array(hidden), self._views(batch, self.adapted_layers)
        wanted = kernels.array(batch.sources)

        def computed(factors: Factors) -> Array:
            rows = x
            for layer in self._layers:
                last = layer.index == self.architecture.layers - 1
                view = views[self.architecture.windows[layer.index]]
                rows = self._network.forward(layer, rows, view, factors, wanted if last else None)
            return rows if self._layers else rows[wanted]

        if adapter is None:
            return ForwardPass(kernels.numpy(computed(NO_FACTORS)), batch)
        given = {f"{name}.a": kernels.array(a) for name, a in adapter.a.items()}
        given |= {f"{name}.b": kernels.array(b) for name, b in adapter.b.items()}

        def adapted(tensors: Mapping[str, Array]) -> Array:
            pairs = {name: (tensors[f"{name}.a"], tensors[f"{name}.b"]) for name in adapter.a}
            return computed(Factors(pairs, adapter.scale))

        if not for_backward:
            return ForwardPass(kernels.numpy(adapted(given)), batch)
        deferred = DeferredGradients(adapted, given, (len(batch.sources), self.architecture.width))
        return _Pass(deferred.output(), batch, deferred)

    def logits(self, hidden: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(S, V) logits of rows `hidden` (S, D); the second array is empty, `logits_backward` needs nothing."""
        return kernels.numpy(self._network.logits(kernels.array(hidden))), np.empty((len(hidden), 0), np.float32)

    def logits_backward(self, d_logits: FloatArray, hidden: FloatArray, inverse: FloatArray) -> FloatArray:
        """The gradient to the rows that `logits` was given, (S, D)."""
        _ = inverse
        d_hidden = kernels.pulled_back(self._network.logits, kernels.array(hidden), kernels.array(d_logits))
        return kernels.numpy(d_hidden)

    def backward(self, done: ForwardPass, d_hidden: FloatArray, adapter: Lora) -> Lora:
        """See `Decoder.backward`.

        Raises:
            TypeError: `done` was not computed for a backward.
        """
        if not isinstance(done, _Pass):
            raise TypeError("this pass was not computed for a backward")
        gradients = done.deferred.gradients(d_hidden)
        made = Lora.zeros(
            self.architecture, self.adapted_layers, adapter.rank, adapter.alpha, projections=adapter.projections
        )
        for name in adapter.a:
            made.a[name][...] = gradients[f"{name}.a"]
            made.b[name][...] = gradients[f"{name}.b"]
        return made

    def narrowed(self, words: IntArray) -> MlxDecoder:
        """See `Decoder.narrowed`."""
        narrow: MlxDecoder = copy(self)
        narrow._network = self._network.narrowed(words)
        return narrow

    def _views(self, batch: TrieBatch, layers: range) -> dict[int, View]:
        """By window, what the `layers` need to know of `batch`."""
        views: dict[int, View] = {}
        for window in {self.architecture.windows[layer] for layer in layers}:
            turns = self.architecture.local_rope if window else self.architecture.rope
            cosines, sines = rope_table(batch.positions, turns)
            views[window] = View(kernels.array(cosines), kernels.array(sines), self._attend(batch, window))
        return views

    def _attend(self, batch: TrieBatch, window: int) -> _BranchAttention:
        branches = within(batch.branches, window) if window else batch.branches
        place_of = np.empty(len(branches.rows), dtype=np.int64)
        place_of[branches.rows] = branches.at
        return _BranchAttention(
            kernels.array(branches.queries),
            kernels.array(branches.keys),
            kernels.array(branches.sees[:, None]),
            kernels.array(place_of),
            self.architecture.attention_scale,
            self.architecture.attention_cap,
        )


@dataclass(frozen=True, slots=True)
class _BranchAttention:
    """Attention over a token trie, branch by branch; see `edge_kernels.branch_attention`."""

    queries: Array
    keys: Array
    sees: Array
    place_of: Array
    scale: float
    cap: float

    def __call__(self, query: Array, key: Array, value: Array) -> Array:
        mixed = kernels.attention(
            query[self.queries].swapaxes(1, 2),
            key[self.keys].swapaxes(1, 2),
            value[self.keys].swapaxes(1, 2),
            self.sees,
            scale=self.scale,
            cap=self.cap,
        )
        by_place = kernels.reshape(mixed.swapaxes(1, 2), -1, query.shape[1] * query.shape[2])
        return by_place[self.place_of]
