"""A decoder assembled from kernels as its family's record says, with LoRA on its top layers.

The layers below the lowest adapted one never change, so their output for a token trie is a constant: `frozen` computes
it once, `forward` and `backward` start from it. Weights stay as the GGUF stores them, and adapters refer to them by
their GGUF names. Nothing here knows a family by its name: a layer has what `Architecture` and its weights say.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from copy import copy
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np

from edge_kernels.arrays import FloatArray, IntArray
from edge_kernels.branch_attention import within
from edge_kernels.rms_norm import rms_norm, rms_norm_backward
from edge_kernels.rope import rope_table
from edge_kernels.soft_cap import soft_cap, soft_cap_backward
from edge_kernels.trie import TokenTrie, TrieBatch
from edge_models.architecture import read_architecture
from edge_models.decoder_layer import DecoderLayer, Tape, View
from edge_models.gguf_file import GgufFile
from edge_models.lora import Lora
from edge_models.network import Each, ForwardPass

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(slots=True)
class Pass(ForwardPass):
    """A forward pass in numpy, with what `backward` needs of it."""

    tapes: list[Tape]
    views: Mapping[int, View]


@dataclass(slots=True)
class _Binding:
    """Which adapter stands in the layers; networks that share these share it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    adapter: Lora | None = None


class Decoder:
    """The network of one GGUF file. Layers from `first_adapted` on are kept dequantized, those below are streamed.

    Args:
        file: checked; stays open as long as the decoder is used.
        adapted_layers: how many of the top layers carry LoRA; all of them if there are fewer.
        dtype: float32; float64 for checks on tiny models.
        keep_bytes: the frozen layers are kept too where all of them take no more: reading them takes longer than
            computing them for few tokens.

    Raises:
        UnsupportedModel: see `read_architecture`.
        ValueError: `adapted_layers` is below 0.
    """

    def __init__(
        self, file: GgufFile, adapted_layers: int, dtype: np.dtype | type = np.float32, *, keep_bytes: int = 0
    ) -> None:
        if adapted_layers < 0:
            raise ValueError(f"{adapted_layers} layers cannot be adapted")
        self.architecture = read_architecture(file)
        self.first_adapted = max(0, self.architecture.layers - adapted_layers)
        self._file = file
        self._dtype = np.dtype(dtype)
        self._embedding = self._tensor("token_embd.weight")
        tied = "output.weight" not in file.tensors
        self._head = self._embedding if tied else self._tensor("output.weight")
        self._final_gain = self._tensor("output_norm.weight")
        self._layers = {layer: self._load(layer) for layer in self.adapted_layers}
        self._binding = _Binding()
        self._keeps_frozen = self._frozen_bytes() <= keep_bytes
        self._kept: dict[int, DecoderLayer] = {}

    @property
    def adapted_layers(self) -> range:
        return range(self.first_adapted, self.architecture.layers)

    def _tensor(self, name: str) -> FloatArray:
        return np.ascontiguousarray(self._file.tensor(name), dtype=self._dtype)

    def _load(self, layer: int) -> DecoderLayer:
        def read(name: str) -> FloatArray | None:
            return self._tensor(name) if name in self._file.tensors else None

        return DecoderLayer(self.architecture, layer, read)

    def _frozen_layer(self, layer: int) -> DecoderLayer:
        found = self._kept.get(layer)
        if found is None:
            found = self._load(layer)
            if self._keeps_frozen:
                self._kept[layer] = found
        return found

    def _frozen_bytes(self) -> int:
        blocks = tuple(f"blk.{layer}." for layer in range(self.first_adapted))
        sizes = (math.prod(info.shape) for name, info in self._file.tensors.items() if name.startswith(blocks))
        return self._dtype.itemsize * sum(sizes)

    def embed(self, tokens: IntArray) -> FloatArray:
        """The input (n, D) of the first layer."""
        rows = self._embedding[tokens]
        if self.architecture.embedding_scale != 1.0:
            rows *= self._dtype.type(self.architecture.embedding_scale)
        return rows

    def frozen(self, trie: TokenTrie, *, chunk_tokens: int = 512, each: Each = map) -> Iterator[tuple[int, FloatArray]]:
        """Computes the input of the lowest adapted layer for every node of `trie`.

        Yields (layers done, hidden) after each layer so that a caller can show progress or stop; the array (N, D) is
        the same one each time and is finished with the last yield. `each` does the chunks of a layer, whose weights are
        in memory, while those of the next layer are read.
        """
        hidden = self.embed(trie.tokens)
        chunks = [trie.batch(examples) for examples in trie.chunks(chunk_tokens)]
        views = [self._views(chunk, range(self.first_adapted)) for chunk in chunks]
        yield 0, hidden
        frozen = range(self.first_adapted)
        for layer, weights in zip(frozen, _one_ahead(self._frozen_layer, frozen), strict=True):
            window = self.architecture.windows[layer]

            def through(
                part: tuple[TrieBatch, Mapping[int, View]], weights: DecoderLayer = weights, window: int = window
            ) -> FloatArray:
                return weights.forward(hidden[part[0].nodes], part[1][window])[0]

            # A shared prefix stands in several chunks: all of them must read it as it was before this layer.
            done = np.empty_like(hidden)
            parts = list(zip(chunks, views, strict=True))
            for (chunk, _), rows in zip(parts, each(through, parts), strict=True):
                done[chunk.nodes] = rows
            hidden[...] = done
            yield layer + 1, hidden

    def forward(self, hidden: FloatArray, batch: TrieBatch, adapter: Lora | None, *, for_backward: bool = True) -> Pass:
        """The adapted layers on `hidden` (n, D), the frozen output at the batch's nodes.

        Threads may run passes at the same time if they do it with the same adapter.

        The last layer gives its output at the batch's sources only: its other rows are seen through their keys and
        values, and by nothing after it. Without `for_backward` nothing is kept that only the backward needs.

        Raises:
            ValueError: `adapter` also adapts layers that were frozen: without them it would say something else.
        """
        if adapter is not None and not set(adapter.layers) <= set(self.adapted_layers):
            raise ValueError(f"the adapter is for layers {adapter.layers}, layers {self.adapted_layers} are adapted")
        if adapter is not None:
            self._bind(adapter)
        views = self._views(batch, self.adapted_layers)
        tapes: list[Tape] = []
        for layer in self.adapted_layers:
            hidden, tape = self._layers[layer].forward(
                hidden,
                views[self.architecture.windows[layer]],
                batch.sources if layer == self.architecture.layers - 1 else None,
                adapted=adapter is not None,
            )
            if for_backward:
                tapes.append(tape)
        return Pass(hidden if self.adapted_layers else hidden[batch.sources], batch, tapes, views)

    def logits(self, hidden: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(S, V) logits of rows `hidden` (S, D), and the last norm's inverse for `logits_backward`."""
        normed, inverse = rms_norm(hidden, self._final_gain, self.architecture.rms_epsilon)
        logits = normed @ self._head.T
        cap = self.architecture.final_cap
        return soft_cap(logits, cap) if cap else logits, inverse

    def logits_backward(self, d_logits: FloatArray, hidden: FloatArray, inverse: FloatArray) -> FloatArray:
        """The gradient to the rows that `logits` was given, (S, D)."""
        cap = self.architecture.final_cap
        if cap:
            # Computed again: the caller has made the logits into their gradient, and few models have a cap.
            d_logits = soft_cap_backward(d_logits, self.logits(hidden)[0], cap)
        return rms_norm_backward(d_logits @ self._head, hidden, self._final_gain, inverse)

    def backward(self, done: ForwardPass, d_hidden: FloatArray, adapter: Lora) -> Lora:
        """The gradients of the adapter's tensors, in the adapter's own layout.

        Args:
            done: what `forward` gave for this adapter, which adapts each of the adapted layers.
            d_hidden: the loss's gradient to `done.hidden`, (S, D).
        """
        if not isinstance(done, Pass):
            raise TypeError("this pass was not computed by this network")
        gradients = Lora.zeros(
            self.architecture, self.adapted_layers, adapter.rank, adapter.alpha, self._dtype,
            projections=adapter.projections,
        )  # fmt: skip
        for layer, tape in zip(reversed(self.adapted_layers), reversed(done.tapes), strict=True):
            d_hidden = self._layers[layer].backward(
                tape,
                done.views[self.architecture.windows[layer]],
                d_hidden,
                gradients,
                lowest=layer == self.first_adapted,
            )
        return gradients

    def narrowed(self, words: IntArray) -> Decoder:
        """This network with a vocabulary of `words` alone, each by its place there; all else is shared with it.

        A softmax over them is the one over all words, given that one of these is said.
        """
        narrow: Decoder = copy(self)
        narrow.architecture = replace(self.architecture, vocabulary=len(words))
        narrow._head = self._head[words]
        return narrow

    def _views(self, batch: TrieBatch, layers: range) -> dict[int, View]:
        """By window, what the `layers` need to know of `batch`."""
        views: dict[int, View] = {}
        for window in {self.architecture.windows[layer] for layer in layers}:
            turns = self.architecture.local_rope if window else self.architecture.rope
            cosines, sines = rope_table(batch.positions, turns)
            branches = within(batch.branches, window) if window else batch.branches
            views[window] = View(branches, cosines.astype(self._dtype), sines.astype(self._dtype))
        return views

    def _bind(self, adapter: Lora) -> None:
        """Puts `adapter` into the layers, where it is not there already."""
        with self._binding.lock:
            bound = self._binding.adapter
            if (
                bound is not None
                and (bound.rank, bound.alpha, bound.a.keys()) == (adapter.rank, adapter.alpha, adapter.a.keys())
                and np.array_equal(bound.values, adapter.values)
            ):
                return
            self._binding.adapter = None
            for layer in self._layers.values():
                layer.bind(adapter)
            self._binding.adapter = replace(adapter, values=adapter.values.copy())


def _one_ahead(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """The results of `function`, each computed by a thread while the one before it is in use."""
    with ThreadPoolExecutor(1, thread_name_prefix="edge-models-ahead") as executor:
        waiting: Future[Result] | None = None
        for item in items:
            following = executor.submit(function, item)
            if waiting is not None:
                yield waiting.result()
            waiting = following
        if waiting is not None:
            yield waiting.result()
