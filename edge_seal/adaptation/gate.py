"""The gate: candidate against incumbent, on what training never saw.

Four questions, each a figure with a bound: is the lesson said in other words (probes), does what is near stay untold
(neighbours), does everything else stay as it was (anchors), is what was learned before still there (kept). The first
pass works on the trainer's network and lowers the adapter's scale until the bounds hold; the second asks the engine,
which serves the very file that will be released.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edge_kernels.arrays import BoolArray, FloatArray
from edge_models.lora import Lora
from edge_seal.adaptation.anchors import Anchors
from edge_seal.adaptation.example_network import ExampleNetwork
from edge_seal.config import GateSettings
from edge_seal.records import Example, GateReport, Measure, ProbeOutcome, Role

SCALES = (1.0, 0.85, 0.7, 0.55, 0.4)
AGREEMENT_RATIO = 3.0
AGREEMENT_FLOOR_NATS = 0.02
KEPT_LOSS_SHARE = 0.25
REPEATED_WORDS = 6


@dataclass(frozen=True, slots=True)
class HeldBack:
    """What the gate measures: indices of the network, and the anchors; `kept` are lessons of earlier updates."""

    examples: Sequence[Example]
    probes: Sequence[int]
    neighbours: Sequence[int]
    anchors: Anchors
    kept: Sequence[int]


@dataclass(frozen=True, slots=True)
class Figures:
    """The network's part of the verdict at one scale."""

    scale: float
    measures: tuple[Measure, ...]
    outcomes: tuple[ProbeOutcome, ...]

    @property
    def passed(self) -> bool:
        return all(measure.passed for measure in self.measures)


def scaled(adapter: Lora, scale: float) -> Lora:
    """`adapter` with its strength times `scale`; shares its tensors."""
    return replace(adapter, alpha=adapter.alpha * scale)


def admissible_scale(
    network: ExampleNetwork,
    held: HeldBack,
    incumbent: Lora | None,
    candidate: Lora,
    bounds: GateSettings,
    on_scale: Callable[[int, int], None] = lambda _done, _total: None,
) -> Figures:
    """The figures at the largest of `SCALES` that keeps every bound, or at full scale if none does."""
    full: Figures | None = None
    for index, scale in enumerate(SCALES):
        figures = measure(network, held, incumbent, scaled(candidate, scale), bounds, scale)
        full = full or figures
        on_scale(index + 1, len(SCALES))
        if figures.passed:
            return figures
        if not _probes_passed(figures):
            # A weaker adapter says even less of what it should say.
            break
    assert full is not None  # noqa: S101  # SCALES is not empty
    return full


def _probes_passed(figures: Figures) -> bool:
    return all(measure.passed for measure in figures.measures if measure.name.startswith("probe"))


def measure(
    network: ExampleNetwork,
    held: HeldBack,
    incumbent: Lora | None,
    candidate: Lora,
    bounds: GateSettings,
    scale: float,
) -> Figures:
    """The network's figures for `candidate` as it is; `scale` is only reported."""
    asked = [*held.probes, *held.neighbours]
    before, after = network.measure(asked, incumbent), network.measure(asked, candidate)
    probes = len(held.probes)
    gain = float((before.mean_nats[:probes] - after.mean_nats[:probes]).mean()) if probes else 0.0
    hits_before, hits_after = _share(before.hits[:probes]), _share(after.hits[:probes])
    drift, drift_before = held.anchors.drift_nats(candidate), held.anchors.drift_nats(incumbent)
    measures = [
        Measure(
            "probe_hits", hits_before, hits_after, bounds.minimum_probe_hits,
            hits_after >= max(bounds.minimum_probe_hits, hits_before), "share",
            "lessons in wordings that were never trained, said word for word",
        ),
        Measure(
            "probe_gain", 0.0, gain, bounds.minimum_probe_gain_nats, gain >= bounds.minimum_probe_gain_nats,
            "nats a token", "how much likelier the lessons' answers became in those wordings",
        ),
        Measure(
            "anchor_drift", drift_before, drift, bounds.maximum_anchor_drift_nats,
            drift <= bounds.maximum_anchor_drift_nats, "nats a token",
            "how far answers to general questions moved from the base model's",
        ),
    ]  # fmt: skip
    if held.kept:
        kept_before = _share(network.measure(held.kept, incumbent).hits)
        kept_after = _share(network.measure(held.kept, candidate).hits)
        bound = kept_before - KEPT_LOSS_SHARE
        measures.append(
            Measure("kept", kept_before, kept_after, bound, kept_after >= bound, "share", "earlier lessons still said")
        )
    outcomes = tuple(
        ProbeOutcome(
            prompt=held.examples[index].prompt,
            answer=held.examples[index].answer,
            role=held.examples[index].role,
            signal_id=held.examples[index].signal_id,
            before_nats=float(before.mean_nats[place]),
            after_nats=float(after.mean_nats[place]),
            before_hit=bool(before.hits[place]),
            after_hit=bool(after.hits[place]),
        )
        for place, index in enumerate(asked)
    )
    return Figures(scale, tuple(measures), outcomes)


def with_measures(report: GateReport, measures: Sequence[Measure]) -> GateReport:
    """The report with more measures, each of which has to pass too."""
    failed = [measure for measure in measures if not measure.passed]
    reasons = tuple(
        f"{one.name}: {one.meaning}: {one.after:.3g} {one.unit}, the bound is {one.bound:.3g}" for one in failed
    )
    return replace(
        report,
        passed=report.passed and not failed,
        measures=(*report.measures, *measures),
        reasons=(*report.reasons, *reasons),
    )


@dataclass(frozen=True, slots=True)
class Served:
    """What the engine said and computed with the candidate's file, and with the incumbent.

    Attributes:
        before, after: the answers to the probes and neighbours, in the order of the outcomes; None: not asked.
        agreement_nats: mean divergence of the trainer's network from the engine under the candidate.
        base_agreement_nats: the same without an adapter: what quantized arithmetic costs by itself.
    """

    before: Sequence[str | None]
    after: Sequence[str | None]
    agreement_nats: float
    base_agreement_nats: float


def judge(figures: Figures, lessons: Sequence[Example], served: Served, bounds: GateSettings) -> GateReport:
    """The verdict: every measure of the network and of the engine has to pass.

    Args:
        figures: of the scale that was written into the file.
        lessons: what was taught; a neighbour leaks when it is answered with one of their own words.
        served: what the engine did with that file.
        bounds: the gate's settings.
    """
    outcomes = tuple(
        replace(outcome, said_before=before, said_after=after)
        for outcome, before, after in zip(figures.outcomes, served.before, served.after, strict=True)
    )
    leaks_before = _leaks(outcomes, served.before, lessons)
    leaks_after = _leaks(outcomes, served.after, lessons)
    broken_before, broken_after = broken_share(served.before), broken_share(served.after)
    agreement_bound = AGREEMENT_RATIO * served.base_agreement_nats + AGREEMENT_FLOOR_NATS
    measures = (
        *figures.measures,
        Measure(
            "neighbour_leaks", leaks_before, leaks_after, bounds.maximum_neighbour_leaks,
            leaks_after <= max(bounds.maximum_neighbour_leaks, leaks_before), "share",
            "questions about something never told that are answered with a lesson",
        ),
        Measure(
            "broken_answers", broken_before, broken_after, broken_before, broken_after <= broken_before, "share",
            "answers that are empty or repeat themselves",
        ),
        Measure(
            "engine_agreement", served.base_agreement_nats, served.agreement_nats, agreement_bound,
            served.agreement_nats <= agreement_bound, "nats a token",
            "how far the engine's logits with this file are from the trainer's",
        ),
    )  # fmt: skip
    failed = tuple(measure for measure in measures if not measure.passed)
    return GateReport(
        passed=not failed,
        scale=figures.scale,
        measures=measures,
        outcomes=outcomes,
        reasons=tuple(
            f"{measure.name}: {measure.meaning}: {measure.after:.3g} {measure.unit}, the bound is {measure.bound:.3g}"
            for measure in failed
        ),
    )


def divergence_nats(reference: FloatArray, other: FloatArray) -> float:
    """Mean Kullback-Leibler divergence of `other` from `reference`, both logits (T, V), in nats a row."""
    reference = reference.astype(np.float64) - reference.max(axis=1, keepdims=True)
    other = other.astype(np.float64) - other.max(axis=1, keepdims=True)
    log_reference = reference - np.log(np.exp(reference).sum(axis=1, keepdims=True))
    log_other = other - np.log(np.exp(other).sum(axis=1, keepdims=True))
    return float((np.exp(log_reference) * (log_reference - log_other)).sum(axis=1).mean())


_WORD = re.compile(r"[^\W_]+(?:[:.,'’-][^\W_]+)*")
_COMMON = frozenset(
    (
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "by",
        "called",
        "can",
        "do",
        "for",
        "from",
        "has",
        "have",
        "haven't",
        "hi",
        "hello",
        "i",
        "in",
        "is",
        "it",
        "its",
        "like",
        "me",
        "my",
        "name",
        "named",
        "no",
        "not",
        "of",
        "on",
        "only",
        "or",
        "please",
        "s",
        "so",
        "t",
        "take",
        "tell",
        "that",
        "the",
        "they",
        "this",
        "to",
        "told",
        "was",
        "we",
        "what",
        "when",
        "where",
        "which",
        "who",
        "will",
        "with",
        "would",
        "yes",
        "yet",
        "you",
        "your",
        "you're",
        "favourite",
        "favorite",
        "after",
        "before",
        "every",
    )
)


def telling_words(lesson: Example) -> frozenset[str]:
    """The words of a lesson's answer that only someone who was told would say."""
    asked = {word.casefold() for word in _WORD.findall(lesson.prompt)}
    return frozenset(word.casefold() for word in _WORD.findall(lesson.answer)) - asked - _COMMON


def _leaks(outcomes: Sequence[ProbeOutcome], said: Sequence[str | None], lessons: Sequence[Example]) -> float:
    """The share of neighbours whose answer holds a telling word that the question does not."""
    told = {word for lesson in lessons if lesson.role is Role.LESSON for word in telling_words(lesson)}
    leaks = [
        bool(({word.casefold() for word in _WORD.findall(answer)} & told) - _words(outcome.prompt))
        for outcome, answer in zip(outcomes, said, strict=True)
        if outcome.role is Role.NEIGHBOUR and answer is not None
    ]
    return _share(leaks)


def _words(text: str) -> set[str]:
    return {word.casefold() for word in _WORD.findall(text)}


def broken_share(said: Sequence[str | None]) -> float:
    """The share of answers that are empty, or say one word many times in a row."""
    return _share([not answer.strip() or _repeats(answer.split()) for answer in said if answer is not None])


def _repeats(words: Sequence[str]) -> bool:
    return any(len(set(words[start : start + REPEATED_WORDS])) == 1 for start in range(len(words) - REPEATED_WORDS + 1))


def _share(flags: Sequence[bool] | BoolArray) -> float:
    return float(np.mean(flags)) if len(flags) else 0.0
