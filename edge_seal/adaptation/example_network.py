"""The decoder over one cycle's examples: what training, scoring and the gate's figures are computed with.

All examples of a cycle, trained and held back, stand in one token trie; the frozen layers are computed once for it.
Examples are named by their index in the order they were given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace

import numpy as np

from edge_kernels.arrays import BoolArray, FloatArray, IntArray
from edge_kernels.cross_entropy import cross_entropy
from edge_kernels.kto import kto_reference_point
from edge_kernels.log_likelihood import edge_nats
from edge_kernels.top_k import TopK, bucket_entropy, joined, top_k, top_k_comparison, top_k_distillation
from edge_kernels.trie import TokenSequence, TokenTrie, TrieBatch, edge_weights
from edge_models.lora import Lora
from edge_models.network import Network
from edge_seal.adaptation.step_terms import AnswerTerms, StepTerms, Weighing, answer_terms
from edge_seal.adaptation.workers import Workers
from edge_seal.engines.engine import Engine, Message
from edge_seal.errors import EngineError, LimitReached
from edge_seal.records import Example

MEASURED_TOGETHER = 24
"""Examples a forward pass that needs no gradient takes at once; bounds its memory."""
LEAST_MEASURED = 4
"""Examples that a worker takes at the least."""
FROZEN_TOGETHER = 512
"""About how many tokens go through a frozen layer at once."""
PART_TOKENS = 640
"""About how many tokens are computed at once: what a layer does to them stays in the caches."""
LEAST_PART_TOKENS = 48
"""Below so many tokens a part's products are too small for it to be worth a thread of its own."""
LOGITS_BYTES = 1 << 26
"""How many bytes of logits are computed at once; a head of 49,152 words gives 340 rows then."""
BASE_TOKENS = 64
"""How many of the base's likeliest tokens are kept at a position that is held near it."""


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
    """One step's loss (nats a token, weighted), its gradient, and how many tokens were computed.

    `nats`: of each example the worst token's, those that are held near the base apart.
    """

    loss_nats: float
    adapter: Lora
    tokens: int
    nats: Mapping[int, float] = field(default_factory=dict[int, float])


@dataclass(frozen=True, slots=True)
class Measurement:
    """Per example: mean and worst nats of its supervised tokens, and whether greedy decoding says exactly them."""

    mean_nats: FloatArray
    worst_nats: FloatArray
    hits: BoolArray


@dataclass(frozen=True, slots=True)
class KeptBase:
    """What the base says after some nodes of the trie, (T,) different ones: its likeliest tokens and the rest.

    `hidden` (T, width) is what the head makes that of.
    """

    nodes: IntArray
    distributions: TopK
    hidden: FloatArray

    def __getitem__(self, rows: IntArray) -> KeptBase:
        return KeptBase(self.nodes[rows], self.distributions[rows], self.hidden[rows])


@dataclass(frozen=True, slots=True)
class Departure:
    """How an adapter differs from the base where examples are held, means over positions, in nats.

    Entropies are over the base's likeliest tokens and the rest as one, see `top_k_comparison`.
    """

    divergence_nats: float
    entropy_nats: float
    base_entropy_nats: float


class ExampleNetwork:
    """The examples' trie and its frozen activations; `prepare` comes before everything else."""

    def __init__(self, decoder: Network, sequences: Sequence[TokenSequence], workers: Workers | None = None) -> None:
        self.decoder = decoder
        self.workers = workers or Workers()
        self._trie = TokenTrie(sequences)
        self._hidden: FloatArray | None = None
        self._held: frozenset[int] = frozenset()
        self._forbids = False
        self._base: KeptBase | None = None
        self._known_base: KeptBase | None = None
        # For each node its row in what is kept; the base says the same after a node, whoever passes there.
        self._teacher_row: IntArray = np.full(len(self._trie), -1, dtype=np.int64)
        self._base_nats: dict[int, float] = {}
        self._foreseen_base: KeptBase | None = None
        # Edges, each as a node and a token in one number, in order.
        self._foreseen: IntArray = np.zeros(0, dtype=np.int64)

    @property
    def tokens(self) -> int:
        """How many tokens the whole trie has."""
        return len(self._trie)

    @property
    def examples(self) -> int:
        """How many examples there are."""
        return len(self._trie.sequences)

    def prepare(
        self,
        on_layer: Callable[[int, int], None] = lambda _done, _total: None,
        *,
        known: FloatArray | None = None,
        ready: ExampleNetwork | None = None,
    ) -> None:
        """Computes the frozen layers, or takes their `known` output; `on_layer(done, total)` is called after each.

        Args:
            on_layer: called with the layers that are done, and how many there are.
            known: (tokens, width), what this computed for the same examples before.
            ready: a prepared network of the same decoder. What stands in it too is taken from there: activations, and
                what the base says where its examples are held.

        Raises:
            ValueError: `known` is not (tokens, width).
        """
        if known is not None:
            if known.shape != (self.tokens, self.decoder.architecture.width):
                raise ValueError(f"activations {known.shape} are not of these {self.tokens} tokens")
            self._hidden = known
        elif ready is not None:
            self._hidden = self._prepared_beside(ready, on_layer)
            self._known_base = self._kept_in(ready)
        else:
            self._hidden = self._frozen(self._trie, on_layer)

    def _frozen(self, trie: TokenTrie, on_layer: Callable[[int, int], None]) -> FloatArray:
        """(nodes of `trie`, width)."""
        hidden = np.empty((len(trie), self.decoder.architecture.width), np.float32)
        # What the chunks begin with stands in each of them, and must not make one more chunk.
        chunk_tokens = LEAST_PART_TOKENS + len(trie) // self._parts(len(trie), FROZEN_TOGETHER)
        for done, computed in self.decoder.frozen(trie, chunk_tokens=chunk_tokens, each=self.workers.each):
            hidden = computed
            on_layer(done, self.decoder.first_adapted)
        return hidden

    def _prepared_beside(self, ready: ExampleNetwork, on_layer: Callable[[int, int], None]) -> FloatArray:
        """The frozen output of all nodes, computed for those examples alone that do not stand in `ready`."""
        there = self._trie.found_in(ready._trie)
        sequences = self._trie.sequences
        left = [one for place, one in enumerate(sequences) if (there[self._trie.path(place)] < 0).any()]
        hidden = np.empty((self.tokens, self.decoder.architecture.width), ready.frozen_activations.dtype)
        if left:
            rest = TokenTrie(left)
            computed = self._trie.found_in(rest)
            hidden[computed >= 0] = self._frozen(rest, on_layer)[computed[computed >= 0]]
        # Also what examples of both begin with, so that it is the same bits whatever stands beside them.
        hidden[there >= 0] = ready.frozen_activations[there[there >= 0]]
        return hidden

    def _kept_in(self, ready: ExampleNetwork) -> KeptBase | None:
        """What is known in `ready` of what the base says, at the nodes of this trie."""
        if ready._base is None:
            return None
        here = ready._trie.found_in(self._trie)[ready._base.nodes]
        order = np.argsort(here)[int((here < 0).sum()) :]
        return replace(ready._base[order], nodes=here[order])

    @property
    def frozen_activations(self) -> FloatArray:
        """(tokens, width), the input of the lowest adapted layer: a constant of the base and the examples.

        Raises:
            EngineError: it was not prepared.
        """
        if self._hidden is None:
            raise EngineError("the network was not prepared")
        return self._hidden

    def batch(self, examples: Sequence[int]) -> TrieBatch:
        return self._trie.batch(examples)

    def hold(
        self,
        examples: Sequence[int],
        *,
        known: KeptBase | None = None,
        forbidden: Mapping[int, tuple[int, ...]] | None = None,
    ) -> KeptBase | None:
        """From now on `gradient` holds `examples` to the base's distribution, not to their tokens.

        Their tokens are the base's own, so nothing pulls at first, and what training moves there is pulled back. The
        base's distribution is kept as its likeliest tokens and the rest, see `top_k`.

        Args:
            examples: to be held; those before are let go.
            known: what this gave for the same examples before; None: it is computed.
            forbidden: examples that are held too, each to the base's distribution without these tokens. Where one
                passes a node of `examples`, theirs counts.

        Returns:
            what the base says there; None where there is nothing to be held.
        """
        forbidden = forbidden or {}
        self._forbids = bool(forbidden)
        self._held = frozenset((*examples, *forbidden))
        parts = [
            known if known is not None else self._base_after(examples),
            *(
                self._base_after([one for one, theirs in forbidden.items() if theirs == tokens], tokens)
                for tokens in dict.fromkeys(forbidden.values())
            ),
            self._foreseen_base,
        ]
        self._base = _kept_together([part for part in parts if part is not None])
        self._teacher_row[:] = -1
        if self._base is not None:
            self._teacher_row[self._base.nodes] = np.arange(len(self._base.nodes))
        return self._base

    def _base_after(self, examples: Sequence[int], forbidden: tuple[int, ...] = ()) -> KeptBase | None:
        def allowed(logits: FloatArray) -> FloatArray:
            logits[:, list(forbidden)] = -np.inf
            return logits

        def kept(part: tuple[TrieBatch, int]) -> KeptBase:
            batch, _ = part
            hidden = self._hidden_after(batch, None)
            parts = [top_k(allowed(logits), BASE_TOKENS) for _, logits, _ in self._logit_chunks(hidden)]
            return KeptBase(batch.nodes[batch.sources], joined(parts), hidden)

        batches = list(self._batches(examples))
        if not batches:
            return None
        if self._known_base is not None and not forbidden:
            asked = np.unique(np.concatenate([batch.nodes[batch.sources] for batch, _ in batches]))
            known = np.isin(self._known_base.nodes, asked)
            if int(known.sum()) == len(asked):
                return self._known_base[np.flatnonzero(known)]
        return _kept_together(list(self.workers.each(kept, batches)))

    def foresee(self, examples: Sequence[int]) -> None:
        """From now on the tokens of `examples` that the base would say anyway are held to what it says there.

        For answers that are the base's own but for their form: of forty tokens one comma's absence is the lesson, and
        what is no lesson is to stay as it is. `hold` takes it in.
        """

        def seen(part: tuple[TrieBatch, int]) -> tuple[IntArray, KeptBase]:
            batch, _ = part
            is_argmax, kept = np.empty(len(batch.rows), dtype=np.bool_), list[TopK]()
            hidden = self._hidden_after(batch, None)
            for at, logits, _ in self._logit_chunks(hidden):
                edges = np.flatnonzero((batch.rows >= at.start) & (batch.rows < at.stop))
                is_argmax[edges] = logits.argmax(axis=1)[batch.rows[edges] - at.start] == batch.targets[edges]
                kept.append(top_k(logits, BASE_TOKENS))
            return self._edge_keys(batch)[is_argmax], KeptBase(batch.nodes[batch.sources], joined(kept), hidden)

        found = list(self.workers.each(seen, list(self._batches(examples))))
        self._foreseen = np.unique(np.concatenate([keys for keys, _ in found])) if found else self._foreseen[:0]
        self._foreseen_base = _kept_together([base for _, base in found])

    @property
    def holds_form_alone(self) -> bool:
        """Whether something is held that is not the base's own answer to the letter; see `foresee` and `hold`."""
        return bool(len(self._foreseen)) or self._forbids

    def shortlist(
        self, examples: Sequence[int], of_base: int, *, instead: Sequence[int], most: int, adapter: Lora | None
    ) -> IntArray:
        """The words that `narrowed` needs: what `examples` should say, and what might be said instead.

        Args:
            examples: what is to be learned.
            of_base: how many of the base's likeliest words at each position that is held.
            instead: examples before whose words others may be likelier: what a step does not know it cannot unlearn.
            most: how many of the likeliest words at each position of these.
            adapter: under which they are so at present; None: the base.

        Returns:
            ascending.
        """
        said = [np.asarray(one.tokens[one.supervised_from :], np.int64) for one in map(self.sequence, examples)]
        if self._base is not None:
            kept = self._base.distributions
            order = np.argsort(-kept.probabilities, axis=1)[:, :of_base]
            said.append(np.take_along_axis(kept.tokens, order, axis=1).ravel())

        def likeliest(part: tuple[TrieBatch, int]) -> IntArray:
            parts = [top_k(logits, most).tokens.ravel() for _, logits, _ in self._logits(part[0], adapter)]
            return np.concatenate(parts)

        said += self.workers.each(likeliest, list(self._batches(instead)))
        return np.unique(np.concatenate(said))

    def narrowed(self, words: IntArray) -> ExampleNetwork:
        """This network for `gradient` with a vocabulary of `words` alone; what is held is held to the base among them.

        The loss on a shortlist instead of the whole vocabulary (Jean et al. 2015, arXiv:1412.2007, section 3.2, where a
        part of the corpus has its own): most of 49,152 words are likely nowhere in an update, and the head's products
        are a quarter of a step. What is measured is to be measured with all words.

        Args:
            words: ascending; see `shortlist`.

        Raises:
            ValueError: with `holds_form_alone`.
        """
        if self.holds_form_alone:
            raise ValueError("where a form alone is taught, what is held needs all words")
        narrow: ExampleNetwork = copy(self)
        narrow.decoder, narrow._trie = self.decoder.narrowed(words), self._trie.saying(words)
        narrow._known_base, narrow._base_nats = None, {}
        if self._base is not None:
            parts = [top_k(logits, BASE_TOKENS) for _, logits, _ in narrow._logit_chunks(self._base.hidden)]
            narrow._base = replace(self._base, distributions=joined(parts))
        return narrow

    def _edge_keys(self, batch: TrieBatch) -> IntArray:
        """(E,), different for different edges of the trie."""
        sources = batch.nodes[batch.sources][batch.rows].astype(np.int64)
        return sources * self.decoder.architecture.vocabulary + batch.targets

    def reference(self, thumbs: Sequence[int]) -> None:
        """Computes the base's log-probabilities of the answers that were liked or not, once for all steps."""
        self._base_nats |= dict(zip(thumbs, self._answer_nats(thumbs, None), strict=True))

    def reference_point(self, mismatched: Sequence[int], adapter: Lora) -> float:
        """KTO's reference point from `mismatched` answers, whose base is computed once; see `kto`."""
        self.reference([example for example in mismatched if example not in self._base_nats])
        policy = -np.array(self._answer_nats(mismatched, adapter))
        return kto_reference_point(policy, -np.array([self._base_nats[example] for example in mismatched]))

    def gradient(
        self,
        terms: StepTerms,
        adapter: Lora,
        weighing: Weighing,
        fits: Callable[[TrieBatch], bool] = lambda _batch: True,
    ) -> Gradient:
        """A step's loss and its gradient to the adapter, added up over micro-batches that each `fits`.

        What is cut changes nothing but the order of additions. Thumbs need `reference` first.

        Args:
            terms: what to learn from.
            adapter: what is trained.
            weighing: how the terms are weighed.
            fits: whether a batch may be computed at once.

        Raises:
            LimitReached: a single example, or what pairs join, does not fit.
            ValueError: no taught example has a weight, and there is nothing else to learn from.
        """
        weights = dict(zip(terms.taught, terms.weights.tolist(), strict=True))
        total = sum(weight for example, weight in weights.items() if self._speaks(example))
        if not total > 0 and not terms.pairs and not terms.thumbs:
            raise ValueError("no supervised token has a weight: there is nothing to learn")

        def micro_gradient(part: tuple[list[int], TrieBatch]) -> Gradient:
            examples, batch = part
            shares = edge_weights(
                batch,
                np.array([weights.get(example, 0.0) for example in examples]),
                first_token=weighing.first_token,
                total=total or 1.0,
            )
            return self._micro_gradient(terms, examples, batch, shares, adapter, weighing)

        loss, tokens, gradients, nats = 0.0, 0, list[Lora](), dict[int, float]()
        # In the order of the parts, so that the same step gives the same bits whichever of them was done first.
        for part in self.workers.each(micro_gradient, list(self._micro_batches(terms.units(), fits))):
            loss, tokens, nats = loss + part.loss_nats, tokens + part.tokens, nats | dict(part.nats)
            if gradients:
                gradients[0].values[...] += part.adapter.values
            else:
                gradients.append(part.adapter)
        return Gradient(loss, gradients[0], tokens, nats)

    def _micro_batches(
        self, units: Sequence[Sequence[int]], fits: Callable[[TrieBatch], bool]
    ) -> Iterator[tuple[list[int], TrieBatch]]:
        """`units` in parts for the workers, none larger than `PART_TOKENS` where that can be, and each `fits`."""
        nodes = self._trie.nodes([example for unit in units for example in unit])
        for group in self._trie.shared_out(units, self._parts(nodes, PART_TOKENS)):
            for examples, batch in self._trie.packed(group, fits):
                if not fits(batch):
                    raise LimitReached(
                        f"one example of {len(batch.nodes)} tokens needs more memory than an update may use",
                        next_step="edge-seal limits set memory_mib_per_update …, or teach it in a shorter form",
                    )
                yield examples, batch

    def _parts(self, size: int, most: int, least: int = LEAST_PART_TOKENS) -> int:
        """In how many parts of at most `most` and at least `least` the workers do something of this size."""
        count = self.workers.count
        parts = max(-(-size // most), min(count, size // least), 1)
        # Every worker gets as many as the others, or the last ones would be waited for.
        return -(-parts // count) * count if parts > 1 else parts

    def measure(self, examples: Sequence[int], adapter: Lora | None) -> Measurement:
        """How likely `examples` are under `adapter` (None: the base)."""
        means: list[float] = []
        worst: list[float] = []
        hits: list[bool] = []
        batches = list(self._batches(examples))
        edges = self.workers.each(lambda part: self._edges(part[0], adapter), batches)
        for (batch, count), (nats, is_argmax) in zip(batches, edges, strict=True):
            for index in range(count):
                own = batch.examples == index
                means.append(float(nats[own].mean()))
                worst.append(float(nats[own].max()))
                hits.append(bool(is_argmax[own].all()))
        return Measurement(np.asarray(means), np.asarray(worst), np.asarray(hits, dtype=np.bool_))

    def base_hits(self) -> BoolArray:
        """Of all examples, which must be held, whether greedy decoding of the base says exactly them."""
        if self._base is None:
            return np.zeros(0, dtype=np.bool_)
        batch = self._trie.batch(range(self.examples))
        said = self._likeliest()[self._teacher_row[batch.nodes[batch.sources]]][batch.rows] == batch.targets
        return np.bincount(batch.examples, weights=~said, minlength=self.examples) == 0

    def _likeliest(self) -> IntArray:
        """The base's likeliest token in each row of what is kept."""
        if self._base is None:
            return np.zeros(0, dtype=np.int64)
        kept = self._base.distributions
        return np.take_along_axis(kept.tokens, kept.probabilities.argmax(axis=1)[:, None], axis=1)[:, 0]

    def drift_nats(self, examples: Sequence[int], before: Lora | None, after: Lora | None) -> float:
        """Mean Kullback-Leibler divergence of `after` from `before` over the supervised positions, nats a token.

        A position that several examples share counts once.
        """
        total, positions = 0.0, 0
        for batch, _ in self._batches(examples):
            pairs = zip(self._logits(batch, before), self._logits(batch, after), strict=True)
            for (_, old, _), (_, new, _) in pairs:
                old_logs, new_logs = _log_softmax(old), _log_softmax(new)
                total += float(np.einsum("sv,sv->", np.exp(old_logs), old_logs - new_logs, dtype=np.float64))
                positions += len(old)
        return total / positions

    def departure_from_base(self, adapter: Lora, *, said_anyway: bool = False) -> Departure:
        """How `adapter` differs from the base where examples are held; nothing where none is.

        A position that several examples share counts once for each batch that it is in. With `said_anyway` only those
        count after which an example goes on as the base would.
        """
        if self._base is None:
            return Departure(0.0, 0.0, 0.0)
        base, likeliest = self._base.distributions, self._likeliest()

        def compared(part: tuple[TrieBatch, int]) -> tuple[float, float, float, int]:
            batch, _ = part
            rows = self._teacher_row[batch.nodes[batch.sources]]
            counted = np.ones(len(rows))
            if said_anyway:
                goes_on = batch.rows[likeliest[rows[batch.rows]] == batch.targets]
                counted = np.isin(np.arange(len(rows)), goes_on).astype(np.float64)
            divergence = entropy = 0.0
            for at, logits, _ in self._logits(batch, adapter):
                nats, own = top_k_comparison(logits, base[rows[at]])
                divergence, entropy = divergence + float(nats @ counted[at]), entropy + float(own @ counted[at])
            known = bucket_entropy(base.probabilities[rows], base.rest[rows])
            return divergence, entropy, float(known @ counted), int(counted.sum())

        parts = list(self.workers.each(compared, list(self._batches(sorted(self._held)))))
        positions = max(1, sum(count for *_, count in parts))
        divergence, entropy, known = (sum(part[place] for part in parts) / positions for place in range(3))
        return Departure(divergence, entropy, known)

    def answer_logits(self, example: int, adapter: Lora | None) -> FloatArray:
        """The logits (answer tokens, V) that predict the supervised tokens of one example."""
        batch = self._trie.batch([example])
        return np.concatenate([logits for _, logits, _ in self._logits(batch, adapter)])[batch.rows]

    def sequence(self, example: int) -> TokenSequence:
        return self._trie.sequences[example]

    def _micro_gradient(
        self,
        terms: StepTerms,
        examples: Sequence[int],
        batch: TrieBatch,
        shares: FloatArray,
        adapter: Lora,
        weighing: Weighing,
    ) -> Gradient:
        decoder = self.decoder
        done = decoder.forward(self._rows(batch), batch, adapter)
        held = np.isin(batch.examples, [place for place, example in enumerate(examples) if example in self._held])
        held |= np.isin(self._edge_keys(batch), self._foreseen)
        slopes, answers_loss = self._slopes(terms, examples, batch, done.hidden, weighing)
        # A token's likelihood is pulled by its share of the cross-entropy and by what its whole answer is worth.
        pulls = np.where(held, 0.0, shares) - slopes
        held_rows = np.zeros(len(batch.sources))
        np.add.at(held_rows, batch.rows[held], shares[held])
        teacher_rows = self._teacher_row[batch.nodes[batch.sources]]
        loss, d_hidden, worst = answers_loss, np.empty_like(done.hidden), np.zeros(len(examples))
        for at, logits, inverse in self._logit_chunks(done.hidden):
            edges = np.flatnonzero((batch.rows >= at.start) & (batch.rows < at.stop))
            kept_rows = np.flatnonzero(held_rows[at] > 0)
            kept = logits[kept_rows]
            entropy = cross_entropy(logits, batch.rows[edges] - at.start, batch.targets[edges], pulls[edges])
            loss += float(np.dot(entropy.nats.astype(np.float64), np.where(held, 0.0, shares)[edges]))
            np.maximum.at(worst, batch.examples[edges], entropy.nats)
            if self._base is not None and len(kept_rows):
                pull, d_kept = top_k_distillation(
                    kept, self._base.distributions[teacher_rows[at][kept_rows]], held_rows[at][kept_rows]
                )
                loss += pull
                entropy.d_logits[kept_rows] += d_kept
            d_hidden[at] = decoder.logits_backward(entropy.d_logits, done.hidden[at], inverse)
        nats = {
            example: float(nats) for example, nats in zip(examples, worst, strict=True) if example not in self._held
        }
        return Gradient(loss, decoder.backward(done, d_hidden, adapter), len(batch.nodes), nats)

    def _slopes(
        self, terms: StepTerms, examples: Sequence[int], batch: TrieBatch, hidden: FloatArray, weighing: Weighing
    ) -> tuple[FloatArray, float]:
        """The pairs' and thumbs' slope along each edge's log-probability (E,), and their loss."""
        asked = {side for pair in terms.pairs for side in (pair.chosen, pair.rejected)}
        asked |= {thumb.example for thumb in terms.thumbs}
        places = {example: place for place, example in enumerate(examples) if example in asked}
        if not places:
            return np.zeros(len(batch.rows)), 0.0
        own = np.flatnonzero(np.isin(batch.examples, list(places.values())))
        rows, rows_of = np.unique(batch.rows[own], return_inverse=True)
        nats = np.empty(len(own))
        for at, logits, _ in self._logit_chunks(hidden[rows]):
            edges = np.flatnonzero((rows_of >= at.start) & (rows_of < at.stop))
            nats[edges], _ = edge_nats(logits, rows_of[edges] - at.start, batch.targets[own[edges]])
        answers = {
            example: (-float(nats[batch.examples[own] == place].sum()), int((batch.examples[own] == place).sum()))
            for example, place in places.items()
        }
        base = {example: -self._base_nats[example] for example in places if example in self._base_nats}
        found: AnswerTerms = answer_terms(terms, examples, answers, base, weighing)
        by_place = np.zeros(len(examples))
        for example, place in places.items():
            by_place[place] = found.slopes[example]
        return by_place[batch.examples], found.loss

    def _answer_nats(self, examples: Sequence[int], adapter: Lora | None) -> list[float]:
        return [
            float(nats)
            for batch, count in self._batches(examples)
            for nats in np.bincount(batch.examples, weights=self._edges(batch, adapter)[0], minlength=count)
        ]

    def _edges(self, batch: TrieBatch, adapter: Lora | None) -> tuple[FloatArray, BoolArray]:
        """Nats of each edge (E,), and whether it leads to the likeliest token."""
        nats, is_argmax = np.empty(len(batch.rows)), np.empty(len(batch.rows), dtype=np.bool_)
        for at, logits, _ in self._logits(batch, adapter):
            edges = np.flatnonzero((batch.rows >= at.start) & (batch.rows < at.stop))
            nats[edges], is_argmax[edges] = edge_nats(logits, batch.rows[edges] - at.start, batch.targets[edges])
        return nats, is_argmax

    def _speaks(self, example: int) -> bool:
        sequence = self._trie.sequences[example]
        return len(sequence.tokens) > sequence.supervised_from

    def _rows(self, batch: TrieBatch) -> FloatArray:
        return self.frozen_activations[batch.nodes]

    def _logits(self, batch: TrieBatch, adapter: Lora | None) -> Iterator[tuple[slice, FloatArray, FloatArray]]:
        """The batch's logits in chunks, see `_logit_chunks`."""
        return self._logit_chunks(self._hidden_after(batch, adapter))

    def _hidden_after(self, batch: TrieBatch, adapter: Lora | None) -> FloatArray:
        """(S, width), what the last layer gives at the batch's sources."""
        return self.decoder.forward(self._rows(batch), batch, adapter, for_backward=False).hidden

    def _logit_chunks(self, hidden: FloatArray) -> Iterator[tuple[slice, FloatArray, FloatArray]]:
        """Logits of `hidden` (S, D) a part at a time: which rows, their logits (C, V), and the last norm's inverse."""
        rows = max(1, LOGITS_BYTES // (4 * self.decoder.architecture.vocabulary))
        for start in range(0, len(hidden), rows):
            at = slice(start, min(start + rows, len(hidden)))
            logits, inverse = self.decoder.logits(hidden[at])
            yield at, logits, inverse

    def _batches(self, examples: Sequence[int]) -> Iterator[tuple[TrieBatch, int]]:
        parts = self._parts(len(examples), MEASURED_TOGETHER, LEAST_MEASURED)
        together = max(1, -(-len(examples) // parts))
        for start in range(0, len(examples), together):
            part = examples[start : start + together]
            yield self._trie.batch(part), len(part)


def _kept_together(parts: Sequence[KeptBase]) -> KeptBase | None:
    """What is kept in any of the parts; of a node that stands in several, what the first says."""
    if not parts:
        return None
    nodes, first = np.unique(np.concatenate([part.nodes for part in parts]), return_index=True)
    hidden = np.concatenate([part.hidden for part in parts])[first]
    return KeptBase(nodes, joined([part.distributions for part in parts])[first], hidden)


def _log_softmax(logits: FloatArray) -> FloatArray:
    logits = logits - logits.max(axis=1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
