"""The decoder over one cycle's examples: what training, scoring and the gate's figures are computed with.

All examples of a cycle, trained and held back, stand in one token trie; the frozen layers are computed once for it.
Examples are named by their index in the order they were given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from edge_kernels.arrays import FloatArray
from edge_kernels.cross_entropy import cross_entropy
from edge_kernels.distillation import distillation
from edge_kernels.trie import TokenSequence, TokenTrie, TrieBatch, edge_weights
from edge_models.decoder import Decoder, Lora
from edge_seal.engines.engine import Engine, Message
from edge_seal.errors import EngineError
from edge_seal.records import Example

MEASURED_TOGETHER = 24
"""Examples a forward pass that needs no gradient takes at once; bounds its memory."""


def encode(example: Example, engine: Engine) -> TokenSequence:
    """The example as the engine would see it: the rendered prompt, then the answer and, if it is closed, the end.

    Raises:
        EngineError: it is longer than the context.
    """
    prompt = engine.render([Message("user", example.prompt)])
    # What ends an assistant's message in the model's own template is what must be learned as the end of an answer.
    answer = engine.tokenize(example.answer)
    end = (min(engine.end_tokens, key=lambda token: (token not in prompt, token)),) if example.closed else ()
    tokens = (*prompt, *answer, *end)
    if len(tokens) == len(prompt):
        raise EngineError(f"the answer to {example.prompt!r} has no tokens to learn")
    if len(tokens) > engine.context_tokens:
        raise EngineError(
            f"an example of {len(tokens)} tokens is longer than the context of {engine.context_tokens}",
            next_step="teach it in a shorter form",
        )
    return TokenSequence(tokens, len(prompt))


@dataclass(frozen=True, slots=True)
class Gradient:
    """One step's loss (nats a token, weighted), its gradient, and how many tokens were computed."""

    loss_nats: float
    adapter: Lora
    tokens: int


@dataclass(frozen=True, slots=True)
class Measurement:
    """Per example: mean and worst nats of its supervised tokens, and whether greedy decoding says exactly them."""

    mean_nats: FloatArray
    worst_nats: FloatArray
    hits: FloatArray


class ExampleNetwork:
    """The examples' trie and its frozen activations; `prepare` comes before everything else."""

    def __init__(self, decoder: Decoder, sequences: Sequence[TokenSequence]) -> None:
        self.decoder = decoder
        self._trie = TokenTrie(sequences)
        self._hidden: FloatArray | None = None
        self._teachers: dict[int, FloatArray] = {}

    @property
    def tokens(self) -> int:
        """How many tokens the whole trie has."""
        return len(self._trie)

    def prepare(self, on_layer: Callable[[int, int], None] = lambda _done, _total: None) -> None:
        """Computes the frozen layers; `on_layer(done, total)` is called after each."""
        for done, hidden in self.decoder.frozen(self._trie):
            self._hidden = hidden
            on_layer(done, self.decoder.first_adapted)

    def batch(self, examples: Sequence[int]) -> TrieBatch:
        return self._trie.batch(examples)

    def hold(self, examples: Sequence[int]) -> None:
        """From now on `gradient` holds `examples` to the base's whole distribution, not to their tokens.

        Their tokens are the base's own, so nothing pulls at first, and what training moves there is pulled back.
        """
        for example in examples:
            logits = self.answer_logits(example, None)
            np.exp(logits - logits.max(axis=1, keepdims=True), out=logits)
            self._teachers[example] = logits / logits.sum(axis=1, keepdims=True)

    def gradient(
        self,
        examples: Sequence[int],
        batch: TrieBatch,
        weights: FloatArray,
        adapter: Lora,
        *,
        first_token_weight: float,
    ) -> Gradient:
        """The weighted masked loss of `examples` and its gradient to the adapter.

        Args:
            examples: what to train on.
            batch: of these examples, from `batch`.
            weights: (number of examples,).
            adapter: what is trained.
            first_token_weight: how many times an ordinary token the first one of an answer counts.
        """
        decoder = self.decoder
        done = decoder.forward(self._rows(batch), batch, adapter)
        logits, inverse = decoder.logits(done.hidden)
        shares = edge_weights(batch, weights, first_token=first_token_weight)
        held = np.isin(batch.examples, [i for i, example in enumerate(examples) if example in self._teachers])
        kept = logits[batch.rows[held]]
        entropy = cross_entropy(logits, batch.rows[~held], batch.targets[~held], shares[~held])
        loss = entropy.loss
        if len(kept):
            # In the order of the examples, as the edges are.
            teacher = np.concatenate([self._teachers[example] for example in examples if example in self._teachers])
            pull, d_kept = distillation(kept, teacher, shares[held])
            loss += pull
            np.add.at(entropy.d_logits, batch.rows[held], d_kept)
        d_hidden = decoder.logits_backward(entropy.d_logits, done.hidden, inverse)
        return Gradient(loss, decoder.backward(done, d_hidden, adapter), len(batch.nodes))

    def measure(self, examples: Sequence[int], adapter: Lora | None) -> Measurement:
        """How likely `examples` are under `adapter` (None: the base)."""
        means: list[float] = []
        worst: list[float] = []
        hits: list[bool] = []
        for batch, count in self._batches(examples):
            logits = self._logits(batch, adapter)
            entropy = cross_entropy(logits, batch.rows, batch.targets, np.ones(len(batch.rows)))
            for index in range(count):
                own = batch.examples == index
                means.append(float(entropy.nats[own].mean()))
                worst.append(float(entropy.nats[own].max()))
                hits.append(bool(entropy.is_argmax[own].all()))
        return Measurement(np.asarray(means), np.asarray(worst), np.asarray(hits))

    def drift_nats(self, examples: Sequence[int], before: Lora | None, after: Lora | None) -> float:
        """Mean Kullback-Leibler divergence of `after` from `before` over the supervised positions, nats a token.

        A position that several examples share counts once.
        """
        total, positions = 0.0, 0
        for batch, _ in self._batches(examples):
            old = _log_softmax(self._logits(batch, before))
            new = _log_softmax(self._logits(batch, after))
            total += float(np.einsum("sv,sv->", np.exp(old), old - new, dtype=np.float64))
            positions += len(old)
        return total / positions

    def answer_logits(self, example: int, adapter: Lora | None) -> FloatArray:
        """The logits (answer tokens, V) that predict the supervised tokens of one example."""
        batch = self._trie.batch([example])
        return self._logits(batch, adapter)[batch.rows]

    def sequence(self, example: int) -> TokenSequence:
        return self._trie.sequences[example]

    def _rows(self, batch: TrieBatch) -> FloatArray:
        if self._hidden is None:
            raise EngineError("the network was not prepared")
        return self._hidden[batch.nodes]

    def _logits(self, batch: TrieBatch, adapter: Lora | None) -> FloatArray:
        done = self.decoder.forward(self._rows(batch), batch, adapter, for_backward=False)
        return self.decoder.logits(done.hidden)[0]

    def _batches(self, examples: Sequence[int]) -> Iterator[tuple[TrieBatch, int]]:
        for start in range(0, len(examples), MEASURED_TOGETHER):
            part = examples[start : start + MEASURED_TOGETHER]
            yield self._trie.batch(part), len(part)


def _log_softmax(logits: FloatArray) -> FloatArray:
    logits = logits - logits.max(axis=1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
