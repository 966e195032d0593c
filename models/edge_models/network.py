"""What training asks of a network: `decoder.Decoder` computes it in numpy, `mlx_decoder.MlxDecoder` on MLX."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar

from edge_kernels.arrays import FloatArray, IntArray
from edge_kernels.backend import Backend
from edge_kernels.trie import TokenTrie, TrieBatch
from edge_models.architecture import Architecture
from edge_models.gguf_file import GgufFile
from edge_models.lora import Lora

Part = TypeVar("Part")
Result = TypeVar("Result")


class Each(Protocol):
    """`map`, or something that computes its parts at the same time."""

    def __call__(self, function: Callable[[Part], Result], parts: Iterable[Part], /) -> Iterator[Result]: ...


@dataclass(slots=True)
class ForwardPass:
    """One forward pass: `hidden` (S, D) before the last norm at the batch's sources."""

    hidden: FloatArray
    batch: TrieBatch


class Network(Protocol):
    """See `decoder.Decoder`, which says what each of these means."""

    first_adapted: int

    @property
    def architecture(self) -> Architecture: ...

    @property
    def adapted_layers(self) -> range: ...

    def frozen(
        self, trie: TokenTrie, *, chunk_tokens: int = 512, each: Each = map
    ) -> Iterator[tuple[int, FloatArray]]: ...

    def forward(
        self, hidden: FloatArray, batch: TrieBatch, adapter: Lora | None, *, for_backward: bool = True
    ) -> ForwardPass: ...

    def logits(self, hidden: FloatArray) -> tuple[FloatArray, FloatArray]: ...

    def logits_backward(self, d_logits: FloatArray, hidden: FloatArray, inverse: FloatArray) -> FloatArray: ...

    def backward(self, done: ForwardPass, d_hidden: FloatArray, adapter: Lora) -> Lora: ...

    def narrowed(self, words: IntArray) -> Self: ...


def open_network(file: GgufFile, adapted_layers: int, backend: Backend, *, keep_bytes: int = 0) -> Network:
    """The network of `file` on `backend`; stays usable as long as the file is open.

    `keep_bytes`: see `decoder.Decoder`; MLX streams the frozen layers in any case.

    Raises:
        UnsupportedModel: see `architecture.read_architecture`.
        ValueError: `adapted_layers` is below 0.
        ImportError: MLX is asked for, and cannot be loaded.
    """
    if backend == "mlx":
        from edge_models.mlx_decoder import MlxDecoder

        return MlxDecoder(file, adapted_layers)
    from edge_models.decoder import Decoder

    return Decoder(file, adapted_layers, keep_bytes=keep_bytes)
