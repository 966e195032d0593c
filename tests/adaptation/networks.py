"""The tiny model as stages see it: sequences by hand, and a network over them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from edge_kernels.backend import Backend
from edge_kernels.trie import TokenSequence
from edge_models.decoder import Decoder
from edge_models.gguf_file import GgufFile
from edge_models.lora import Lora
from edge_models.network import Network, open_network
from edge_seal.adaptation.example_network import ExampleNetwork
from tests.support.tiny_gguf import TinyLlama, tiny_weights, write_tiny_gguf

TINY = TinyLlama(layers=2, width=32, heads=4, kv_heads=2, feed_forward=64, context=512, tied=False, seed=3)
LAYERS = 1
RANK = 4
ALPHA = 8.0


def write_tiny_model(path: Path) -> Path:
    """The tiny model with a head so steep that an answer can become sure; a random one's logits lie too close."""
    return write_tiny_gguf(path, TINY, weights={"output.weight": 4 * tiny_weights(TINY)["output.weight"]})


def sequence(prompt: Sequence[int], answer: Sequence[int]) -> TokenSequence:
    return TokenSequence((*prompt, *answer), len(prompt))


@contextmanager
def network_of(
    path: Path,
    sequences: Sequence[TokenSequence],
    *,
    layers: int = LAYERS,
    dtype: type[np.floating] = np.float32,
    backend: Backend = "numpy",
) -> Iterator[ExampleNetwork]:
    """A prepared network over `sequences` on the model at `path`; `dtype` is for numpy."""
    with GgufFile.open(path) as file:
        decoder: Network = Decoder(file, layers, dtype) if backend == "numpy" else open_network(file, layers, backend)
        network = ExampleNetwork(decoder, sequences)
        network.prepare()
        yield network


def fresh_adapter(network: ExampleNetwork, *, seed: int = 0) -> Lora:
    """What a first update starts from."""
    decoder = network.decoder
    return Lora.initial(decoder.architecture, decoder.adapted_layers, RANK, ALPHA, seed)
