"""Adapters and losses of tiny networks, as tests of the decoder need them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge_kernels.arrays import FloatArray
from edge_kernels.cross_entropy import cross_entropy
from edge_kernels.trie import TokenSequence, TokenTrie, TrieBatch, edge_weights
from edge_models.architecture import Architecture
from edge_models.lora import Lora
from edge_models.network import Network


def random_adapter(
    architecture: Architecture,
    layers: Sequence[int],
    *,
    rank: int = 2,
    alpha: float = 3.0,
    seed: int = 5,
    dtype: type[np.floating] = np.float64,
) -> Lora:
    """Both factors far from zero: with B zero, as training begins, A has no gradient that a test could look at."""
    adapter = Lora.zeros(architecture, layers, rank, alpha, dtype)
    adapter.values[...] = 0.2 * np.random.default_rng(seed).standard_normal(len(adapter.values))
    return adapter


@dataclass(frozen=True, slots=True)
class Loss:
    nats: float
    gradient: Lora


def weighted_loss(decoder: Network, hidden: FloatArray, batch: TrieBatch, weights: FloatArray, adapter: Lora) -> Loss:
    """The loss of a batch and its gradient, `hidden` (n, D) being what its adapted layers start from."""
    done = decoder.forward(hidden, batch, adapter)
    logits, inverse = decoder.logits(done.hidden)
    entropy = cross_entropy(logits, batch.rows, batch.targets, weights)
    d_hidden = decoder.logits_backward(entropy.d_logits, done.hidden, inverse)
    return Loss(entropy.loss, decoder.backward(done, d_hidden, adapter))


def frozen_output(decoder: Network, trie: TokenTrie, *, chunk_tokens: int = 1024) -> FloatArray:
    """What the frozen layers make of every node (N, D)."""
    *_, (layers, hidden) = decoder.frozen(trie, chunk_tokens=chunk_tokens)
    assert layers == decoder.first_adapted
    return hidden


def trie_loss(
    decoder: Network,
    examples: Sequence[TokenSequence],
    example_weights: FloatArray,
    adapter: Lora,
    *,
    first_token: float = 1.0,
    chunk_tokens: int = 1024,
) -> Loss:
    """All examples at once, as a trie."""
    trie = TokenTrie(examples)
    batch = trie.batch(range(len(examples)))
    hidden = frozen_output(decoder, trie, chunk_tokens=chunk_tokens)[batch.nodes]
    return weighted_loss(decoder, hidden, batch, edge_weights(batch, example_weights, first_token=first_token), adapter)


def all_logits(decoder: Network, tokens: Sequence[int], adapter: Lora | None = None) -> FloatArray:
    """The logits (tokens, V) after each of `tokens`."""
    # A last token that nobody looks at, so that each of `tokens` has one after it to predict.
    trie = TokenTrie([TokenSequence((*tokens, 0), 1)])
    batch = trie.batch([0])
    return decoder.logits(decoder.forward(frozen_output(decoder, trie), batch, adapter).hidden)[0]
