"""The gate: candidate against incumbent, on what training never saw.

Each question is a figure with a bound and a reason in words. Of the lessons: are they said in other words
(probes), is a rule kept where it applies and nowhere else, does what is near stay untold (neighbours). Of all else: do
general answers stay where they were and as sure as they were (anchors), is what the base knows and what was learned
before still said (general facts, kept), are answers sound (health). Of the evidence itself: does each answer belong to
its question, does none overwrite what the base knows. The first pass works on the trainer's network and lowers the
adapter's scale until the bounds hold; the second asks the engine, which serves the very file that will be released.

Where the same few questions are asked before and after, what is judged is the change, by exact tests: one lost answer
in six is no proof of anything, six in six are (see `small_counts`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from edge_kernels.arrays import BoolArray, FloatArray
from edge_models.lora import Lora
from edge_seal.adaptation.anchors import Anchors
from edge_seal.adaptation.evidence import Evidence
from edge_seal.adaptation.example_network import ExampleNetwork, Measurement
from edge_seal.adaptation.small_counts import at_most, sign_test, wilson
from edge_seal.adaptation.verifiers import Verifier, verifier
from edge_seal.answer_health import is_broken, is_monotonous, median_words, refuses
from edge_seal.config import GateSettings
from edge_seal.records import Example, GateReport, Measure, ProbeOutcome, Role

SCALES = (1.0, 0.85, 0.7, 0.55, 0.4)
AGREEMENT_RATIO = 3.0
AGREEMENT_FLOOR_NATS = 0.02
KEPT_LOSS_SHARE = 0.25
THUMB_CHANCE = 0.05
FITTING_SHARE = 0.9
"""Of good answers at least so many fit their own question best."""
MOSTLY_SPENT = 0.8
"""From this share of the bound on drift on it is said what to do before it is reached."""
RULE_KEPT_SHARE = 0.75
RULE_ELSEWHERE_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class HeldBack:
    """What the gate measures: indices of the network, and the anchors; `kept` are lessons of earlier updates.

    `facts` are general facts whose right continuation is supervised; None: they are not asked. `rules` are the checks
    of the signals that state a rule: what is wanted of their probes is the rule, not the words. `liked` answers are to
    become likelier, `disliked` ones less likely. `anew`: it was trained from the base, on what the incumbent knows: its
    gain is over the base.
    """

    examples: Sequence[Example]
    probes: Sequence[int]
    neighbours: Sequence[int]
    anchors: Anchors
    kept: Sequence[int]
    facts: Anchors | None = None
    rules: Mapping[str, Verifier] = field(default_factory=dict[str, Verifier])
    liked: Sequence[int] = ()
    disliked: Sequence[int] = ()
    anew: bool = False

    def is_of_a_rule(self, index: int) -> bool:
        return self.examples[index].signal_id in self.rules


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
    before = _before(network, held, incumbent)
    for index, scale in enumerate(SCALES):
        figures = _measured(network, held, before, scaled(candidate, scale), bounds, scale)
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


def advice(measures: Sequence[Measure]) -> tuple[str, ...]:
    """What to do where updates upon updates have used up most of what general answers may move; else nothing."""
    drift = next((measure for measure in measures if measure.name == "anchor_drift"), None)
    if drift is None or drift.after < MOSTLY_SPENT * drift.bound or drift.before < drift.bound / 2:
        return ()
    moved = f"{drift.after:.2f} of {drift.bound:g} nats a token"
    told = f"updates on top of each other have moved general answers by {moved}:"
    return (f"{told} `edge-seal learn --consolidate` learns all that holds anew, from the base",)


@dataclass(frozen=True, slots=True)
class _Before:
    """What the incumbent says of what is held back: the same at every scale of the candidate.

    Attributes:
        asked: probes, then neighbours.
        gained_over: the probes, by what the gain is counted from.
        anchor_drift: nats a token.
        facts: of those facts that the base says right, which the incumbent does.
        right: which facts the base says right.
        kept: which earlier lessons are said.
        judged: mean nats of the answers under a thumb.
    """

    asked: Measurement
    gained_over: Measurement
    anchor_drift: float
    right: BoolArray
    facts: BoolArray
    kept: BoolArray
    judged: FloatArray


def _before(network: ExampleNetwork, held: HeldBack, incumbent: Lora | None) -> _Before:
    asked = network.measure([*held.probes, *held.neighbours], incumbent)
    right = facts = np.zeros(0, dtype=np.bool_)
    if held.facts is not None:
        right = held.facts.network.base_hits()
        facts = right[right] if incumbent is None else _still_said(held.facts.network, right, incumbent)
    return _Before(
        asked=asked,
        gained_over=network.measure(held.probes, None) if held.anew else asked,
        anchor_drift=held.anchors.drift_nats(incumbent),
        right=right,
        facts=facts,
        kept=network.measure(held.kept, incumbent).hits,
        judged=network.measure([*held.liked, *held.disliked], incumbent).mean_nats,
    )


def _still_said(network: ExampleNetwork, right: BoolArray, adapter: Lora) -> BoolArray:
    """Of the examples that are `right`, which `adapter` says."""
    return network.measure(np.flatnonzero(right).tolist(), adapter).hits


def measure(
    network: ExampleNetwork,
    held: HeldBack,
    incumbent: Lora | None,
    candidate: Lora,
    bounds: GateSettings,
    scale: float,
) -> Figures:
    """The network's figures for `candidate` as it is; `scale` is only reported."""
    return _measured(network, held, _before(network, held, incumbent), candidate, bounds, scale)


def _measured(
    network: ExampleNetwork, held: HeldBack, was: _Before, candidate: Lora, bounds: GateSettings, scale: float
) -> Figures:
    asked = [*held.probes, *held.neighbours]
    before, after = was.asked, network.measure(asked, candidate)
    measures = [
        *_probe_measures(held, before, after, was.gained_over, bounds),
        *_anchor_measures(held, was, candidate, bounds),
        *_kept_measures(network, held, was, candidate),
        *_thumb_measures(network, held, was, candidate),
    ]
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


def _probe_measures(
    held: HeldBack, before: Measurement, after: Measurement, gained_over: Measurement, bounds: GateSettings
) -> list[Measure]:
    # Of a rule's probes the form is wanted, not the words: `rule_kept` judges them.
    said = [place for place, index in enumerate(held.probes) if not held.is_of_a_rule(index)]
    if not said and (held.probes or held.liked or held.disliked):
        return []
    gain = float((gained_over.mean_nats[said] - after.mean_nats[said]).mean()) if said else 0.0
    was, now = before.hits[said], after.hits[said]
    hits_before, hits_after = _share(was), _share(now)
    lost = sign_test(int((was & ~now).sum()), int((~was & now).sum())) <= bounds.loss_chance
    return [
        Measure(
            "probe_hits", hits_before, hits_after, bounds.minimum_probe_hits,
            hits_after >= bounds.minimum_probe_hits and not lost, "share",
            "lessons in wordings that were never trained, said word for word",
        ),
        Measure(
            "probe_gain", 0.0, gain, bounds.minimum_probe_gain_nats, gain >= bounds.minimum_probe_gain_nats,
            "nats a token", "how much likelier the lessons' answers became in wordings that were never trained",
        ),
    ]  # fmt: skip


def _anchor_measures(held: HeldBack, was: _Before, candidate: Lora, bounds: GateSettings) -> list[Measure]:
    departure = held.anchors.departure(candidate)
    drift, base = departure.divergence_nats, departure.base_entropy_nats
    low, high = base / bounds.entropy_ratio, base * bounds.entropy_ratio
    entropy = departure.entropy_nats
    within = low <= entropy <= high
    measures = [
        Measure(
            "anchor_drift", was.anchor_drift, drift, bounds.maximum_anchor_drift_nats,
            drift <= bounds.maximum_anchor_drift_nats, "nats a token",
            "how far answers to general questions moved from the base model's",
        ),
        Measure(
            "output_entropy", base, entropy, low if entropy < base else high, within or base == 0.0, "nats a token",
            "how unsure the model is of its next word in general answers, against the base",
        ),
    ]  # fmt: skip
    if held.facts is not None:
        now = _still_said(held.facts.network, was.right, candidate)
        meaning = "plain facts that the base says right, still said"
        measures.append(_not_lost("general_facts", was.facts, now, bounds.loss_chance, meaning))
    return measures


def _kept_measures(network: ExampleNetwork, held: HeldBack, was: _Before, candidate: Lora) -> Iterator[Measure]:
    if held.kept:
        now = network.measure(held.kept, candidate).hits
        bound = _share(was.kept) - KEPT_LOSS_SHARE
        # Few lessons: one in three lost says little; what even the kind reading of the count rules out does not pass.
        _, at_best = wilson(int(now.sum()), len(now))
        passed = _share(now) >= bound or at_best >= bound
        yield Measure("kept", _share(was.kept), _share(now), bound, passed, "share", "earlier lessons still said")


def _thumb_measures(network: ExampleNetwork, held: HeldBack, was: _Before, candidate: Lora) -> Iterator[Measure]:
    asked = [*held.liked, *held.disliked]
    if asked:
        rose = network.measure(asked, candidate).mean_nats < was.judged
        right = np.concatenate([rose[: len(held.liked)], ~rose[len(held.liked) :]])
        wrong = int((~right).sum())
        # Half of them would move the right way by chance: there have to be more, and by more than chance.
        passed = sign_test(int(right.sum()), wrong) <= THUMB_CHANCE
        yield Measure(
            "thumbs", 0.5, _share(right), 0.5, passed, "share",
            "answers under a thumb that moved the way it points",
        )  # fmt: skip


def _not_lost(name: str, was: BoolArray, now: BoolArray, chance: float, meaning: str) -> Measure:
    """Paired: fails where more is lost than chance would take (McNemar's exact test)."""
    lost, gained = int((was & ~now).sum()), int((~was & now).sum())
    # The bound in words: the largest loss that the test still lets pass beside what was gained.
    tolerated = gained
    while tolerated < len(was) and sign_test(tolerated + 1, gained) > chance:
        tolerated += 1
    bound = (int(was.sum()) - tolerated + gained) / len(was) if len(was) else 0.0
    passed = sign_test(lost, gained) > chance
    return Measure(name, _share(was), _share(now), max(0.0, bound), passed, "share", meaning)


def judge_evidence(evidence: Evidence, bounds: GateSettings) -> GateReport:
    """The verdict on the lessons alone, before anything was trained on them."""
    return _report(0.0, evidence_measures(evidence, bounds), ())


def evidence_measures(evidence: Evidence, bounds: GateSettings) -> tuple[Measure, ...]:
    """What the base thinks of the lessons, before any training; see `Evidence`."""
    count, fitting = len(evidence.fits), sum(evidence.fits)
    if not count:
        return ()
    least = next(few for few in range(count + 1) if at_most(few, count, FITTING_SHARE) > bounds.minimum_fit_chance)
    worst = max(evidence.certainty, default=0.0)
    return (
        Measure(
            "answers_fit", 1.0, fitting / count, least / count, fitting >= least, "share",
            "lessons whose answer the base finds likelier after its own question than after others",
        ),
        Measure(
            "overwritten", 0.0, worst, bounds.maximum_overwritten_certainty,
            worst <= bounds.maximum_overwritten_certainty, "probability",
            "how sure the base is of something else where a lesson is about no person",
        ),
    )  # fmt: skip


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


NO_NUMBERS: Final = Measure(
    "computable", 1.0, 0.0, 1.0, False, "share", "prompts on which the engine computes numbers with this file"
)  # fmt: skip
"""Of a file whose weights are too large for the engine's arithmetic, though not for the trainer's."""


def judge_unservable(figures: Figures, evidence: Evidence | None, bounds: GateSettings) -> GateReport:
    """The verdict on a candidate that the engine cannot answer with: nothing it says can be measured."""
    asked = () if evidence is None else evidence_measures(evidence, bounds)
    return _report(figures.scale, (*asked, *figures.measures, NO_NUMBERS), figures.outcomes)


@dataclass(frozen=True, slots=True)
class Served:
    """What the engine said and computed with the candidate's file, and with the incumbent.

    Attributes:
        before, after: the answers to the probes and neighbours, in the order of the outcomes; None: not asked.
        general_before, general_after: the answers to a few general prompts, in `general_prompts`.
        agreement_nats: mean divergence of the trainer's network from the engine under the candidate.
        base_agreement_nats: the same without an adapter: what quantized arithmetic costs by itself.
    """

    before: Sequence[str | None]
    after: Sequence[str | None]
    agreement_nats: float
    base_agreement_nats: float
    general_prompts: Sequence[str] = ()
    general_before: Sequence[str] = ()
    general_after: Sequence[str] = ()


def judge(
    figures: Figures,
    lessons: Sequence[Example],
    served: Served,
    bounds: GateSettings,
    *,
    rules: Mapping[str, Verifier] | None = None,
    evidence: Evidence | None = None,
) -> GateReport:
    """The verdict: every measure of the network and of the engine has to pass.

    Args:
        figures: of the scale that was written into the file.
        lessons: what was taught; a neighbour leaks when it is answered with one of their own words.
        served: what the engine did with that file.
        bounds: the gate's settings.
        rules: by signal, the check of a rule that it states.
        evidence: what the base thinks of the lessons; None: it was not asked.
    """
    rules = rules or {}
    outcomes = tuple(
        replace(outcome, said_before=before, said_after=after)
        for outcome, before, after in zip(figures.outcomes, served.before, served.after, strict=True)
    )
    leaks_before = _leaks(outcomes, served.before, lessons, rules)
    leaks_after = _leaks(outcomes, served.after, lessons, rules)
    # What was nearly a loop before, cut short, tells nothing of the candidate when it is one now.
    sound = [place for place, said in enumerate(served.general_before) if not is_monotonous(said)]
    broken_before = broken_share([*served.before, *(served.general_before[place] for place in sound)])
    broken_after = broken_share([*served.after, *(served.general_after[place] for place in sound)])
    broken_bound = max(broken_before, bounds.maximum_broken_answers)
    agreement_bound = AGREEMENT_RATIO * served.base_agreement_nats + AGREEMENT_FLOOR_NATS
    measures = (
        *(() if evidence is None else evidence_measures(evidence, bounds)),
        *figures.measures,
        *_rule_measures(outcomes, served, rules),
        *_form_measures(outcomes, served, lessons, rules),
        *_general_measures(served, lessons, rules, bounds),
        Measure(
            "neighbour_leaks", leaks_before, leaks_after, bounds.maximum_neighbour_leaks,
            leaks_after <= max(bounds.maximum_neighbour_leaks, leaks_before), "share",
            "questions about something never told that are answered with a lesson",
        ),
        Measure(
            "broken_answers", broken_before, broken_after, broken_bound, broken_after <= broken_bound, "share",
            "answers that are empty or repeat themselves",
        ),
        Measure(
            "engine_agreement", served.base_agreement_nats, served.agreement_nats, agreement_bound,
            served.agreement_nats <= agreement_bound, "nats a token",
            "how far the engine's logits with this file are from the trainer's",
        ),
    )  # fmt: skip
    return _report(figures.scale, measures, outcomes)


def _report(scale: float, measures: Sequence[Measure], outcomes: Sequence[ProbeOutcome]) -> GateReport:
    failed = [measure for measure in measures if not measure.passed]
    return GateReport(
        passed=not failed,
        scale=scale,
        measures=tuple(measures),
        outcomes=tuple(outcomes),
        reasons=tuple(
            f"{measure.name}: {measure.meaning}: {measure.after:.3g} {measure.unit}, the bound is {measure.bound:.3g}"
            for measure in failed
        ),
    )


def _rule_measures(
    outcomes: Sequence[ProbeOutcome], served: Served, rules: Mapping[str, Verifier]
) -> Iterator[Measure]:
    kept_before, kept_after, fired = list[bool](), list[bool](), list[bool]()
    for outcome, was, now in zip(outcomes, served.before, served.after, strict=True):
        rule = rules.get(outcome.signal_id or "")
        if rule is None or was is None or now is None:
            continue
        if outcome.role is Role.PROBE:
            kept_before.append(rule.holds(was))
            kept_after.append(rule.holds(now))
        else:
            fired.append(rule.holds(now) and not rule.holds(was))
    if kept_after:
        share = _share(kept_after)
        _, at_best = wilson(sum(kept_after), len(kept_after))
        # Of four answers three are enough: the bound is a share that the count must not rule out.
        passed = at_best >= RULE_KEPT_SHARE and share >= _share(kept_before)
        yield Measure(
            "rule_kept", _share(kept_before), share, RULE_KEPT_SHARE, passed, "share",
            "answers to prompts that were never trained, where the rule applies, that keep it",
        )  # fmt: skip
    if fired:
        at_worst, _ = wilson(sum(fired), len(fired))
        yield Measure(
            "rule_elsewhere", 0.0, _share(fired), RULE_ELSEWHERE_SHARE, at_worst <= RULE_ELSEWHERE_SHARE, "share",
            "answers where the rule does not apply that follow it all the same",
        )  # fmt: skip


def _form_measures(
    outcomes: Sequence[ProbeOutcome], served: Served, lessons: Sequence[Example], rules: Mapping[str, Verifier]
) -> Iterator[Measure]:
    """Where a lesson's answer has a form that can be checked exactly, its probes' answers have to have it too."""
    forms = {
        lesson.signal_id: [form for form in _FORMS if form.holds(lesson.answer)]
        for lesson in lessons
        if lesson.role is Role.LESSON and lesson.signal_id not in rules
    }
    valid = [
        all(form.holds(now) for form in forms[outcome.signal_id])
        for outcome, now in zip(outcomes, served.after, strict=True)
        if now is not None and outcome.role is Role.PROBE and forms.get(outcome.signal_id)
    ]
    if valid:
        _, at_best = wilson(sum(valid), len(valid))
        yield Measure(
            "format_validity", 1.0, _share(valid), RULE_KEPT_SHARE, at_best >= RULE_KEPT_SHARE, "share",
            "answers in the form of their lesson (JSON, a list, quotation marks)",
        )  # fmt: skip


_FORMS = tuple(verifier(name) for name in ("json", "bullet_list", "numbered_list", "quoted"))


def _general_measures(
    served: Served, lessons: Sequence[Example], rules: Mapping[str, Verifier], bounds: GateSettings
) -> Iterator[Measure]:
    """Of the answers to general prompts: whether they refuse, tell a lesson, or have another length."""
    if not served.general_after:
        return
    told = {word for lesson in lessons if _teaches_words(lesson, rules) for word in telling_words(lesson)}

    def strays(said: Sequence[str]) -> BoolArray:
        return np.array(
            [
                refuses(answer) or bool((_words(answer) & told) - _words(prompt) - _words(base))
                for prompt, answer, base in zip(served.general_prompts, said, served.general_before, strict=True)
            ]
        )

    before, after = strays(served.general_before), strays(served.general_after)
    strayed = _share(~before & after)
    yield Measure(
        "stray_answers", _share(before), strayed, bounds.maximum_stray_answers,
        strayed <= bounds.maximum_stray_answers, "share",
        "answers to general prompts that newly refuse or tell a lesson",
    )  # fmt: skip
    if not rules:
        was, now = median_words(served.general_before), median_words(served.general_after)
        low, high = was / bounds.length_ratio, was * bounds.length_ratio
        yield Measure(
            "answer_length", was, now, low if now < was else high, low <= now <= high or was == 0.0, "words",
            "the median length of answers to general prompts",
        )  # fmt: skip


def _teaches_words(lesson: Example, rules: Mapping[str, Verifier]) -> bool:
    return lesson.role is Role.LESSON and lesson.signal_id not in rules


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


def _leaks(
    outcomes: Sequence[ProbeOutcome],
    said: Sequence[str | None],
    lessons: Sequence[Example],
    rules: Mapping[str, Verifier],
) -> float:
    """The share of neighbours whose answer holds a telling word that the question does not."""
    told = {word for lesson in lessons if _teaches_words(lesson, rules) for word in telling_words(lesson)}
    leaks = [
        bool(({word.casefold() for word in _WORD.findall(answer)} & told) - _words(outcome.prompt))
        for outcome, answer in zip(outcomes, said, strict=True)
        if outcome.role is Role.NEIGHBOUR and answer is not None and outcome.signal_id not in rules
    ]
    return _share(leaks)


def _words(text: str) -> set[str]:
    return {word.casefold() for word in _WORD.findall(text)}


def broken_share(said: Sequence[str | None]) -> float:
    """The share of answers that are empty, or say the same again and again."""
    return _share([is_broken(answer) for answer in said if answer is not None])


def _share(flags: Sequence[bool] | BoolArray) -> float:
    return float(np.mean(flags)) if len(flags) else 0.0
