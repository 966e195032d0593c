"""The gate's verdict: each thing that may be wrong fails by itself, and says in words what it was."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge_models.lora import Lora
from edge_seal.adaptation import gate
from edge_seal.adaptation.anchors import Anchors
from edge_seal.adaptation.example_network import ExampleNetwork
from edge_seal.adaptation.gate import SCALES, Figures, HeldBack, Served
from edge_seal.config import GateSettings
from edge_seal.records import Example, GateReport, Measure, Origin, ProbeOutcome, Role
from tests.adaptation.networks import network_of, sequence
from tests.support.tiny_adapters import random_adapter

BOUNDS = GateSettings(maximum_neighbour_leaks=0.34)
LESSONS = (
    Example("What is my dog's name?", "Your dog is called Biscuit.", Role.LESSON, Origin.TYPED, "s1"),
    Example("When do I take meetings?", "You take meetings only after 10:30.", Role.LESSON, Origin.TYPED, "s2"),
    Example("What is my cat's name?", "You haven't told me your cat's name.", Role.CONTRAST, Origin.TYPED, "s1"),
)


def outcome(prompt: str, role: Role) -> ProbeOutcome:
    return ProbeOutcome(prompt, "", role, "s1", 2.0, 0.1, before_hit=False, after_hit=True)


FIGURES = Figures(
    1.0,
    (Measure("probe_hits", 0.0, 1.0, 0.5, passed=True, unit="share", meaning="said in other words"),),
    (
        outcome("Do you know my dog's name?", Role.PROBE),
        outcome("What is my parrot called?", Role.NEIGHBOUR),
        outcome("Where was I born?", Role.NEIGHBOUR),
        outcome("What is my age?", Role.NEIGHBOUR),
    ),
)
BEFORE = ("I don't know.", "A parrot.", "In a town.", None)
GOOD = ("Your dog is called Biscuit.", "You haven't told me.", "You haven't told me.", None)


def verdict(
    after: Sequence[str | None] = GOOD,
    before: Sequence[str | None] = BEFORE,
    *,
    figures: Figures = FIGURES,
    agreement: float = 0.01,
    base_agreement: float = 0.01,
) -> GateReport:
    return gate.judge(figures, LESSONS, Served(before, after, agreement, base_agreement), BOUNDS)


def failed(report: GateReport) -> list[str]:
    return [measure.name for measure in report.measures if not measure.passed]


class TestVerdict:
    def test_what_keeps_every_bound_passes(self) -> None:
        report = verdict()
        assert report.passed
        assert report.reasons == ()
        assert [measure.name for measure in report.measures] == [
            "probe_hits", "neighbour_leaks", "broken_answers", "engine_agreement",
        ]  # fmt: skip
        assert [outcome.said_after for outcome in report.outcomes] == list(GOOD)

    def test_neighbours_that_are_answered_with_a_lesson_fail(self) -> None:
        report = verdict((GOOD[0], "Your parrot is called BISCUIT!", "After 10:30.", None))
        assert not report.passed
        assert failed(report) == ["neighbour_leaks"]
        (reason,) = report.reasons
        assert reason.startswith(
            "neighbour_leaks: questions about something never told that are answered with a lesson"
        )
        assert "1 share, the bound is 0.34" in reason

    def test_one_leak_in_three_is_within_the_bound_and_silence_is_no_answer(self) -> None:
        figures = replace(FIGURES, outcomes=FIGURES.outcomes)
        report = verdict((GOOD[0], "Biscuit.", "No idea.", "Not known."), (*BEFORE[:3], "Young."), figures=figures)
        assert report.passed
        leaks = next(measure for measure in report.measures if measure.name == "neighbour_leaks")
        assert leaks.after == pytest.approx(1 / 3)

    def test_a_probe_that_says_its_lesson_is_no_leak(self) -> None:
        assert verdict(("Biscuit! Biscuit after 10:30.", *GOOD[1:])).passed

    def test_a_word_that_the_question_itself_holds_is_no_leak(self) -> None:
        asked = replace(FIGURES, outcomes=(FIGURES.outcomes[0], outcome("Is Biscuit a name?", Role.NEIGHBOUR)))
        assert verdict((GOOD[0], "Biscuit is a name."), (None, None), figures=asked).passed

    def test_more_leaks_are_allowed_only_where_the_incumbent_leaked_as_many(self) -> None:
        leaking = ("?", "Biscuit.", "10:30.", None)
        assert verdict(leaking, leaking).passed
        assert failed(verdict(leaking, ("?", "Biscuit.", "Nowhere.", None))) == ["neighbour_leaks"]

    @pytest.mark.parametrize("broken", ["", "  \n ", "so so so so so so", "It is the the the the the the the end"])
    def test_broken_answers_fail(self, broken: str) -> None:
        report = verdict((GOOD[0], broken, *GOOD[2:]))
        assert failed(report) == ["broken_answers"]
        assert "answers that are empty or repeat themselves" in report.reasons[0]

    def test_what_was_broken_before_may_stay_so(self) -> None:
        assert verdict(("", *GOOD[1:]), ("", *BEFORE[1:])).passed

    def test_an_engine_that_computes_something_else_than_was_trained_fails(self) -> None:
        assert verdict(agreement=0.05, base_agreement=0.01).passed
        report = verdict(agreement=0.051, base_agreement=0.01)
        assert failed(report) == ["engine_agreement"]
        assert "how far the engine's logits with this file are from the trainer's" in report.reasons[0]

    def test_what_is_not_a_number_fails(self) -> None:
        assert failed(verdict(agreement=float("nan"))) == ["engine_agreement"]

    def test_a_figure_of_the_network_that_failed_fails_the_whole(self) -> None:
        bad = replace(FIGURES.measures[0], after=0.25, passed=False)
        report = verdict(figures=replace(FIGURES, measures=(bad,)))
        assert report.reasons == ("probe_hits: said in other words: 0.25 share, the bound is 0.5",)

    def test_every_reason_is_told(self) -> None:
        report = verdict(("", "Biscuit", "10:30", ""), agreement=9.0)
        assert len(report.reasons) == len(failed(report)) == 3
        assert all(re.match(r"\w+: .+: [\d.]+ [\w ]+, the bound is [\d.]+$", reason) for reason in report.reasons)


class TestTellingWords:
    @pytest.mark.parametrize(
        ("prompt", "answer", "words"),
        [
            ("What is my dog's name?", "Your dog is called Biscuit.", {"dog", "biscuit"}),
            ("Who is my dog?", "Your dog is called Biscuit.", {"biscuit"}),
            ("When do I take meetings?", "You take meetings only after 10:30.", {"10:30"}),
            ("Where do I live?", "You live in São Tomé.", {"são", "tomé"}),
            ("Sign it", "Yours, Jean-Luc O’Brien_2", {"yours", "jean-luc", "o’brien", "2"}),
            ("What is my name?", "Your name is what you like.", set[str]()),
        ],
    )
    def test_are_those_that_only_who_was_told_would_say(self, prompt: str, answer: str, words: set[str]) -> None:
        assert gate.telling_words(Example(prompt, answer, Role.LESSON, Origin.TYPED)) == words


class TestDivergence:
    def test_is_kullback_leibler_whatever_the_logits_offset(self) -> None:
        one, other = np.log(np.array([[0.5, 0.25, 0.25]])), np.log(np.array([[0.25, 0.25, 0.5]]))
        assert gate.divergence_nats(one + 3, other - 400) == pytest.approx(0.25 * np.log(2))
        assert gate.divergence_nats(one, one) == 0
        rows = gate.divergence_nats(np.concatenate([one, one]), np.concatenate([other, one]))
        assert rows == pytest.approx(0.125 * np.log(2))


EXAMPLES = [
    sequence((1, 40, 41), (50, 51, 2)),
    sequence((1, 43, 44), (60, 61, 2)),
    sequence((1, 46), (80, 81, 82)),
    sequence((1, 47), (83, 84, 2)),
]
ROLES = (Role.PROBE, Role.NEIGHBOUR, Role.ANCHOR, Role.ANCHOR)
WORDED = [Example(f"p{place}", f"a{place}", role, Origin.TYPED) for place, role in enumerate(ROLES)]
LOOSE = GateSettings(minimum_probe_gain_nats=0, minimum_probe_hits=0, maximum_anchor_drift_nats=1e9)


class TestScale:
    @pytest.fixture
    def network(self, tiny_model: Path) -> Iterator[ExampleNetwork]:
        with network_of(tiny_model, EXAMPLES) as network:
            yield network

    @pytest.fixture(autouse=True)
    def two_anchors(self, tiny_model: Path) -> Iterator[None]:
        with network_of(tiny_model, EXAMPLES[2:]) as alone:
            self.anchors = Anchors(alone)
            yield

    @pytest.fixture
    def drifting(self, network: ExampleNetwork) -> Lora:
        """Moves everything."""
        return random_adapter(network.decoder.architecture, network.decoder.adapted_layers, alpha=2.0, dtype=np.float32)

    def held(self, probes: Sequence[int] = ()) -> HeldBack:
        return HeldBack(WORDED, probes, [1], self.anchors, [])

    def chosen(self, network: ExampleNetwork, candidate: Lora, bounds: GateSettings, **held: Sequence[int]) -> Figures:
        return gate.admissible_scale(network, self.held(**held), None, candidate, bounds)

    def test_is_lowered_until_the_anchors_stay(self, network: ExampleNetwork, drifting: Lora) -> None:
        drifts = [self.anchors.drift_nats(gate.scaled(drifting, scale)) for scale in SCALES]
        assert drifts == sorted(drifts, reverse=True), "or nothing is constructed here"
        for place, scale in enumerate(SCALES[1:], start=1):
            bound = (drifts[place - 1] + drifts[place]) / 2
            figures = self.chosen(network, drifting, replace_bound(bound))
            assert figures.scale == scale
            assert figures.passed
            assert figures.measures[2].after == pytest.approx(drifts[place], rel=1e-6)

    def test_is_full_where_nothing_speaks_against_it(self, network: ExampleNetwork, drifting: Lora) -> None:
        tried: list[tuple[int, int]] = []
        figures = gate.admissible_scale(
            network, self.held(), None, drifting, LOOSE, lambda done, total: tried.append((done, total))
        )
        assert (figures.scale, figures.passed, tried) == (1.0, True, [(1, len(SCALES))])

    def test_where_none_is_admissible_the_figures_at_full_scale_are_told(
        self, network: ExampleNetwork, drifting: Lora
    ) -> None:
        figures = self.chosen(network, drifting, replace_bound(0.0))
        assert (figures.scale, figures.passed) == (1.0, False)
        assert [measure.name for measure in figures.measures if not measure.passed] == ["anchor_drift"]

    def test_is_not_lowered_where_the_lesson_itself_is_not_said(self, network: ExampleNetwork, drifting: Lora) -> None:
        tried: list[int] = []
        strict = replace_bound(0.0).model_copy(update={"minimum_probe_hits": 1.0})
        figures = gate.admissible_scale(
            network, self.held(probes=[0]), None, drifting, strict, lambda done, _: tried.append(done)
        )
        assert not figures.passed
        assert (figures.scale, tried) == (1.0, [1])

    def test_a_scaled_adapter_is_the_same_tensors_at_less_strength(self, drifting: Lora) -> None:
        half = gate.scaled(drifting, 0.5)
        assert half.values is drifting.values
        assert (half.alpha, half.rank) == (drifting.alpha * 0.5, drifting.rank)

    def test_earlier_lessons_that_are_no_longer_said_fail(
        self, network: ExampleNetwork, drifting: Lora, tiny_model: Path
    ) -> None:
        greedy = [int(network.answer_logits(place, None)[0].argmax()) for place in (0, 1)]
        said = [
            sequence(EXAMPLES[place].tokens[: EXAMPLES[place].supervised_from], (greedy[place],)) for place in (0, 1)
        ]
        with network_of(tiny_model, said) as anew:
            kept = HeldBack(WORDED, [], [], self.anchors, [0, 1])
            bounds = LOOSE
            same = gate.measure(anew, kept, None, gate.scaled(drifting, 0.0), bounds, 1.0)
            lost = gate.measure(anew, kept, None, gate.scaled(drifting, 60.0), bounds, 1.0)
        assert (same.measures[-1].name, same.measures[-1].before, same.measures[-1].after) == ("kept", 1.0, 1.0)
        assert same.measures[-1].passed
        assert lost.measures[-1].after < 0.75
        assert not lost.measures[-1].passed

    def test_outcomes_tell_each_probe_and_neighbour(self, network: ExampleNetwork, drifting: Lora) -> None:
        figures = self.chosen(network, drifting, LOOSE.model_copy(update={"minimum_probe_gain_nats": 0.0}), probes=[0])
        assert [(one.prompt, one.role) for one in figures.outcomes] == [("p0", Role.PROBE), ("p1", Role.NEIGHBOUR)]
        before, after = network.measure([0, 1], None), network.measure([0, 1], gate.scaled(drifting, figures.scale))
        assert [one.before_nats for one in figures.outcomes] == before.mean_nats.tolist()
        assert [one.after_nats for one in figures.outcomes] == after.mean_nats.tolist()
        gain = figures.measures[1]
        assert gain.name == "probe_gain"
        assert gain.after == pytest.approx(before.mean_nats[0] - after.mean_nats[0])


def replace_bound(drift_nats: float) -> GateSettings:
    return LOOSE.model_copy(update={"maximum_anchor_drift_nats": drift_nats})
