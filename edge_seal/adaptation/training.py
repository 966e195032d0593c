"""Examples to LoRA, within a budget: the inner loop of an update.

Every step draws from each kind of example (lessons, contrasts, general, replayed) so that a step that teaches also
holds the rest in place: with kinds left to chance, a run of lessons undoes the boundary around them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import TypeVar

import numpy as np

from edge_kernels.adamw import AdamW, clip_by_norm, warm_up_and_cosine
from edge_kernels.arrays import FloatArray
from edge_kernels.trie import TrieBatch
from edge_models.architecture import Architecture
from edge_models.lora import Lora
from edge_seal.adaptation.example_network import LOGITS_BYTES, ExampleNetwork
from edge_seal.adaptation.step_terms import Pair, StepTerms, Thumb, Weighing

Item = TypeVar("Item")

GRADIENT_NORM_LIMIT = 1.0
WARM_UP_STEPS = 5
"""At most, and an eighth of all."""
CHECK_EVERY_STEPS = 8
FIRST_CHECK_STEP = 32
PATIENCE_CHECKS = 3
WORDS_OF_BASE = 16
"""How many of the base's likeliest words a step knows, at each position that is held near it."""
WORDS_INSTEAD = 64
"""And how many at each position of a lesson in its own words, and of what is rehearsed."""
WORDS_A_DIMENSION = 8
"""And how many it knows at the least for each dimension of the model: with fewer words than dimensions there would be
directions that none of them holds, along which what is not said is let loose."""
LEAST_NEED, MOST_NEED = 0.1, 3.0
"""Nats within which what an example's worst token lacks decides how often it is drawn."""
SETTLED_WORST_NATS = 0.1
"""Training may stop once every token of a lesson and of a contrast is likelier than nine in ten."""


@dataclass(frozen=True, slots=True)
class TrainingBudget:
    """What one update may use, and how it is trained.

    `steps`, `seconds` and `memory_bytes` (of activations) are bounds: a step that needs more memory is computed in
    micro-batches. `rate` is AdamW's for A, `rate * rate_b_ratio` for B (LoRA+, arXiv:2402.12354); for the share
    `stable` of the steps it stays at its peak, and falls after that.
    """

    steps: int
    seconds: float
    memory_bytes: int
    rate: float
    rate_b_ratio: float
    weighing: Weighing = field(default_factory=Weighing)
    decay: float = 0.0
    stable: float = 0.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Mixture:
    """Examples by kind, as indices of the network, and how many of each kind a step draws (`pairs`, `thumbs` too).

    `settled` are those whose worst token decides that training may stop; `validation` is held back: lessons in other
    words that tell whether it still helps. `held` are kept near the base's distribution, and those in `forbidden` near
    the base's without these tokens. `weights` (all examples,) are rewards. `mismatched` are answers after prompts that
    they do not belong to, for the thumbs' reference point. `present_nats`: of some examples what their worst token
    lacks before training; the worst of them are drawn first.
    """

    kinds: Mapping[str, Sequence[int]]
    drawn: Mapping[str, int]
    settled: Sequence[int]
    validation: Sequence[int]
    held: Sequence[int]
    weights: FloatArray
    pairs: Sequence[Pair] = ()
    thumbs: Sequence[Thumb] = ()
    mismatched: Sequence[int] = ()
    forbidden: Mapping[int, tuple[int, ...]] = field(default_factory=dict[int, tuple[int, ...]])
    present_nats: Mapping[int, float] = field(default_factory=dict[int, float])


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """How training went. Losses: nats a token, of the last step; `worst_nats`: lessons and contrasts, worst token."""

    steps: int
    tokens: int
    seconds: float
    final_loss_nats: float
    worst_nats: float
    validation_nats: float
    stopped_because: str
    losses: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Trained:
    adapter: Lora
    report: TrainingReport


def train(
    network: ExampleNetwork,
    mixture: Mixture,
    start: Lora,
    budget: TrainingBudget,
    monotonic: Callable[[], float],
    on_step: Callable[[int, int, float], None] = lambda _done, _total, _loss: None,
) -> Trained:
    """Trains a copy of `start` and returns the best it came to, by the validation examples.

    Args:
        network: prepared, holding all examples that `mixture` names.
        mixture: what to train on.
        start: the adapter to go on from; not changed.
        budget: its bounds are hard: a step that would pass one is not begun.
        monotonic: seconds, for the time bound.
        on_step: called after each step with (done, total, loss in nats).

    Raises:
        LimitReached: a single example or pair does not fit into the memory bound.
    """
    network.hold(mixture.held, forbidden=mixture.forbidden)
    stepped = _narrowed(network, mixture, start)
    stepped.reference([thumb.example for thumb in mixture.thumbs])
    adapter = _copy(network.decoder.architecture, network.decoder.adapted_layers, start)
    optimizer = AdamW(
        adapter.values,
        np.where(adapter.is_b(), budget.rate_b_ratio, 1.0).astype(adapter.values.dtype),
        decay=budget.decay,
    )
    drawing = Drawing(mixture, budget.seed)
    warm_up = min(WARM_UP_STEPS, max(1, budget.steps // 8))
    began = monotonic()
    slowest_step_s = 0.0
    tokens, losses, stopped = 0, list[float](), "all steps were made"
    best, waited = _Best(adapter.values.copy(), float("inf")), 0
    for step in range(budget.steps):
        step_began = monotonic()
        if step_began - began + slowest_step_s > budget.seconds:
            stopped = "the time for an update was used"
            break
        weighing = budget.weighing
        if mixture.mismatched:
            weighing = replace(weighing, reference_point=stepped.reference_point(mixture.mismatched, adapter))
        terms = drawing.step()
        gradient = stepped.gradient(terms, adapter, weighing, _fits_into(budget.memory_bytes, stepped))
        drawing.saw(gradient.nats)
        if not np.isfinite(clip_by_norm(gradient.adapter.values, GRADIENT_NORM_LIMIT)):
            stopped = "the gradient was not finite"
            break
        share = warm_up_and_cosine(step, budget.steps, warm_up=warm_up, stable=budget.stable)
        optimizer.step(gradient.adapter.values, budget.rate * share)
        tokens += gradient.tokens
        losses.append(gradient.loss_nats)
        slowest_step_s = max(slowest_step_s, monotonic() - step_began)
        on_step(step + 1, budget.steps, gradient.loss_nats)
        if step + 1 < FIRST_CHECK_STEP or (step + 1) % CHECK_EVERY_STEPS:
            continue
        held = network.measure(mixture.validation, adapter)
        # What is learned at the peak rate settles as the rate falls: that is waited for.
        at_peak = step + 1 <= budget.stable * budget.steps
        waited = 0 if at_peak or held.mean_nats.mean() < best.nats else waited + 1
        best = best.or_better(adapter.values, float(held.mean_nats.mean()))
        if held.hits.all() and network.measure(mixture.settled, adapter).worst_nats.max() < SETTLED_WORST_NATS:
            stopped = "every lesson and every held-back wording is said right"
            break
        if waited >= PATIENCE_CHECKS:
            stopped = "the held-back wordings stopped improving"
            break
    final = network.measure(mixture.validation, adapter).mean_nats.mean() if mixture.validation else 0.0
    best = best.or_better(adapter.values, float(final))
    adapter.values[...] = best.values
    return Trained(
        adapter,
        TrainingReport(
            steps=len(losses),
            tokens=tokens,
            seconds=monotonic() - began,
            final_loss_nats=losses[-1] if losses else float("nan"),
            worst_nats=float(network.measure(mixture.settled, adapter).worst_nats.max()),
            validation_nats=best.nats,
            stopped_because=stopped,
            losses=tuple(losses),
        ),
    )


def _narrowed(network: ExampleNetwork, mixture: Mixture, start: Lora) -> ExampleNetwork:
    """What the steps are computed with: `network` with a short list of words, where that can be and saves something."""
    sizes = network.decoder.architecture
    least, most = WORDS_A_DIMENSION * sizes.width, sizes.vocabulary // 2
    if network.holds_form_alone or mixture.thumbs or least > most:
        return network
    sides = (side for pair in mixture.pairs for side in (pair.chosen, pair.rejected))
    needed = network.shortlist(
        sorted({*chain.from_iterable(mixture.kinds.values()), *sides}),
        WORDS_OF_BASE,
        instead=[*mixture.settled, *mixture.kinds.get("replay", ())],
        most=WORDS_INSTEAD,
        adapter=start,
    )
    if len(needed) > most:
        return network
    others = np.setdiff1d(np.arange(sizes.vocabulary), needed)
    evenly = np.linspace(0, len(others) - 1, max(0, least - len(needed)), dtype=np.int64)
    return network.narrowed(np.union1d(needed, others[evenly]))


@dataclass(frozen=True, slots=True)
class _Best:
    values: FloatArray
    nats: float

    def or_better(self, values: FloatArray, nats: float) -> _Best:
        return _Best(values.copy(), nats) if nats <= self.nats else self


def _copy(architecture: Architecture, layers: range, start: Lora) -> Lora:
    copied = Lora.zeros(architecture, layers, start.rank, start.alpha, projections=start.projections)
    copied.values[...] = start.values
    return copied


class Drawing:
    """What each step learns from: of each kind its share, by need.

    Within a kind every example comes once before any comes again; after that the ones that were worst said when they
    were last seen are the likelier ones (prioritized replay, Schaul et al. 2016, arXiv:1511.05952, proportional). What
    leaks, what is not said and what is being forgotten thereby gets the steps that what is known does not need.
    """

    def __init__(self, mixture: Mixture, seed: int) -> None:
        self._mixture = mixture
        self._generator = random.Random(seed)  # noqa: S311  # an order of examples, not a secret
        self._nats = dict(mixture.present_nats)
        # Taken from the end; what is not known to be in need comes in any order.
        self._unseen = {
            kind: sorted(self._shuffled(members), key=lambda example: self._nats.get(example, 0.0))
            for kind, members in mixture.kinds.items()
            if members
        }
        self._pairs = _endless(list(mixture.pairs), self._generator) if mixture.pairs else iter(())
        self._thumbs = _endless(list(mixture.thumbs), self._generator) if mixture.thumbs else iter(())

    def step(self) -> StepTerms:
        """The next step's terms."""
        mixture = self._mixture
        taught = sorted({example for kind in self._unseen for example in self._of_kind(kind)})
        return StepTerms(
            taught,
            mixture.weights[taught],
            pairs=tuple(dict.fromkeys(islice(self._pairs, mixture.drawn.get("pairs", 0)))),
            thumbs=tuple(dict.fromkeys(islice(self._thumbs, mixture.drawn.get("thumbs", 0)))),
        )

    def saw(self, nats: Mapping[int, float]) -> None:
        """Takes in how well the step's examples were said: nats of the worst token of each."""
        self._nats |= nats

    def _of_kind(self, kind: str) -> list[int]:
        wanted, unseen = self._mixture.drawn.get(kind, 0), self._unseen[kind]
        drawn = [unseen.pop() for _ in range(min(wanted, len(unseen)))]
        left = [example for example in self._mixture.kinds[kind] if example not in drawn]
        # Efraimidis and Spirakis 2006: the largest of u ** (1 / weight) are a weighted sample without replacement.
        keys = {example: self._generator.random() ** (1 / self._need(example)) for example in left}
        return [*drawn, *sorted(left, key=keys.__getitem__, reverse=True)[: wanted - len(drawn)]]

    def _need(self, example: int) -> float:
        return LEAST_NEED + min(self._nats.get(example, 0.0), MOST_NEED)

    def _shuffled(self, members: Sequence[int]) -> list[int]:
        return self._generator.sample(list(members), len(members))


def _endless(members: list[Item], generator: random.Random) -> Iterator[Item]:
    while True:
        generator.shuffle(members)
        yield from members


def _fits_into(memory_bytes: int, network: ExampleNetwork) -> Callable[[TrieBatch], bool]:
    """Whether a micro-batch may be computed while each of the other workers is at one too."""
    decoder, share = network.decoder, memory_bytes // network.workers.count

    def fits(batch: TrieBatch) -> bool:
        return step_bytes(decoder.architecture, len(decoder.adapted_layers), batch) <= share

    return fits


def step_bytes(sizes: Architecture, layers: int, batch: TrieBatch) -> int:
    """About how many bytes one micro-batch's activations, logits and gradients take in float32."""
    tokens = len(batch.nodes)
    query, shared = sizes.heads * sizes.head_size, sizes.kv_heads * sizes.head_size
    kept = 6 * sizes.width + 2 * query + 2 * shared + 4 * sizes.feed_forward
    passing = 4 * sizes.width + 6 * sizes.feed_forward
    attention = sizes.heads * batch.branches.sees.size
    # A chunk of logits, and as much again for what is held near the base.
    logits = 2 * min(LOGITS_BYTES, 4 * len(batch.sources) * sizes.vocabulary)
    return 4 * (layers * (tokens * kept + attention) + tokens * passing + 2 * attention) + logits
