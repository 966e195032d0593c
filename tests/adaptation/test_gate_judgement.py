"""The gate's further questions: evidence, general answers, rules, forms, thumbs, what is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge_models.lora import Lora
from edge_seal.adaptation import gate
from edge_seal.adaptation.anchors import Anchors
from edge_seal.adaptation.evidence import Evidence
from edge_seal.adaptation.example_network import ExampleNetwork
from edge_seal.adaptation.gate import Figures, HeldBack, Served
from edge_seal.adaptation.verifiers import Verifier, verifier
from edge_seal.config import GateSettings
from edge_seal.records import Example, GateReport, Measure, Origin, ProbeOutcome, Role
from tests.adaptation.networks import network_of, sequence
from tests.support.tiny_adapters import random_adapter

BOUNDS = GateSettings()
LESSON = Example("What is my dog's name?", "Your dog is called Biscuit.", Role.LESSON, Origin.TYPED, "s1")
PROMPTS = ("What is a noun?", "Who wrote Hamlet?", "Why is the sky blue?", "How do I boil an egg?", "Name a fruit.")
SAID = (
    "A noun names a thing, a person or a place.",
    "It was written by William Shakespeare, long ago.",
    "The air scatters the blue part of the light.",
    "Put it into boiling water for eight minutes.",
    "An apple is a fruit, and a pear too.",
)
MORE = (
    " Beyond that there is much to be said about it, most of which nobody has ever asked for, and which would fill more"
    " than one page if somebody were to write everything down that comes to mind on a long winter evening."
)


def outcome(prompt: str, role: Role, signal: str = "s1") -> ProbeOutcome:
    return ProbeOutcome(prompt, "", role, signal, 2.0, 0.1, before_hit=False, after_hit=True)


def judged(
    *,
    outcomes: Sequence[ProbeOutcome] = (),
    before: Sequence[str | None] = (),
    after: Sequence[str | None] = (),
    general: Sequence[str] = (),
    general_before: Sequence[str] | None = None,
    rules: Mapping[str, Verifier] | None = None,
    evidence: Evidence | None = None,
    lessons: Sequence[Example] = (LESSON,),
) -> GateReport:
    served = Served(
        before, after, 0.0, 0.0, PROMPTS if general else (), general_before or (SAID if general else ()), general
    )  # fmt: skip
    return gate.judge(Figures(1.0, (), tuple(outcomes)), lessons, served, BOUNDS, rules=rules, evidence=evidence)


def failed(report: GateReport) -> list[str]:
    return [measure.name for measure in report.measures if not measure.passed]


def named(report: GateReport, name: str) -> Measure:
    return next(measure for measure in report.measures if measure.name == name)


class TestEvidence:
    def evidence(self, fitting: int, count: int, certainty: float = 0.0) -> Evidence:
        fits = tuple(place < fitting for place in range(count))
        return Evidence((LESSON,) * count, fits, (certainty,) * count)

    @pytest.mark.parametrize(("fitting", "count"), [(8, 8), (5, 8), (2, 4), (1, 3), (0, 1), (1, 2)])
    def test_a_few_odd_answers_are_no_proof(self, fitting: int, count: int) -> None:
        assert judged(evidence=self.evidence(fitting, count)).passed

    @pytest.mark.parametrize(("fitting", "count"), [(4, 8), (1, 4), (0, 3), (0, 2), (3, 6)])
    def test_answers_that_belong_elsewhere_fail(self, fitting: int, count: int) -> None:
        report = judged(evidence=self.evidence(fitting, count))
        assert failed(report) == ["answers_fit"]
        assert "likelier after its own question than after others" in report.reasons[0]

    def test_what_the_base_is_sure_of_is_not_overwritten(self) -> None:
        assert judged(evidence=self.evidence(4, 4, 0.45)).passed
        report = judged(evidence=self.evidence(4, 4, 0.46))
        assert failed(report) == ["overwritten"]
        assert "how sure the base is of something else" in report.reasons[0]

    def test_no_lesson_is_no_figure(self) -> None:
        assert not any(m.name == "answers_fit" for m in judged(evidence=Evidence((), (), ())).measures)


class TestGeneralAnswers:
    def test_that_stay_as_they_are_pass(self) -> None:
        report = judged(general=SAID)
        assert report.passed
        assert named(report, "stray_answers").after == 0.0

    def test_refusals_fail_and_one_alone_does_not(self) -> None:
        told = "You haven't told me that."
        assert judged(general=(told, *SAID[1:])).passed
        assert failed(judged(general=(told, told, *SAID[2:]))) == ["stray_answers"]

    def test_a_lesson_as_the_answer_to_everything_fails(self) -> None:
        assert "stray_answers" in failed(judged(general=("Your dog is called Biscuit.",) * 5))

    def test_a_loop_is_broken(self) -> None:
        assert failed(judged(general=("a noun a noun a noun a noun", *SAID[1:]))) == ["broken_answers"]

    def test_what_was_nearly_a_loop_before_tells_nothing_when_it_is_one(self) -> None:
        nearly, loop = "Big: bigger: big: bigger: bigger", "Big: big: big: big: big: big: bigger"
        report = judged(general=(loop, *SAID[1:]), general_before=(nearly, *SAID[1:]))
        assert "broken_answers" not in failed(report)
        # Of that prompt alone: another one that becomes a loop is broken.
        report = judged(general=(nearly, loop, *SAID[2:]), general_before=(nearly, *SAID[1:]))
        assert "broken_answers" in failed(report)

    def test_another_length_fails(self) -> None:
        assert failed(judged(general=("Yes.",) * 5)) == ["answer_length"]
        long = tuple(answer + MORE for answer in SAID)
        assert failed(judged(general=long)) == ["answer_length"]


class TestRules:
    RULES: Mapping[str, Verifier] = {"s1": verifier("no_commas")}

    def report(self, probes: Sequence[str], elsewhere: Sequence[str]) -> GateReport:
        outcomes = [outcome(f"p{place}", Role.PROBE) for place in range(len(probes))]
        outcomes += [outcome(f"n{place}", Role.NEIGHBOUR) for place in range(len(elsewhere))]
        before = ("Red, blue.",) * len(outcomes)
        return judged(outcomes=outcomes, before=before, after=(*probes, *elsewhere), rules=self.RULES)

    def test_a_rule_that_is_kept_where_it_applies_and_only_there_passes(self) -> None:
        report = self.report(("Red and blue.",) * 4, ("Red, blue.",) * 4)
        assert report.passed
        assert named(report, "rule_kept").before == 0.0
        # What a rule's own answers say is no leak of a lesson.
        assert named(report, "neighbour_leaks").after == 0.0

    def test_a_rule_that_is_not_kept_fails(self) -> None:
        assert failed(self.report(("Red, blue.",) * 3 + ("Red.",), ())) == ["rule_kept"]
        assert self.report(("Red, blue.",) + ("Red.",) * 3, ()).passed

    def test_a_rule_that_fires_elsewhere_fails(self) -> None:
        assert failed(self.report(("Red.",) * 4, ("Red.",) * 3 + ("Red, blue.",))) == ["rule_elsewhere"]
        assert self.report(("Red.",) * 4, ("Red.",) + ("Red, blue.",) * 3).passed


class TestForms:
    LESSON = replace(LESSON, answer='{"dog": "Biscuit"}')

    def test_a_lesson_in_json_is_to_be_said_in_json(self) -> None:
        outcomes = [outcome(f"p{place}", Role.PROBE) for place in range(2)]
        good = judged(outcomes=outcomes, before=("A.", "B."), after=('{"dog": "Biscuit"}',) * 2, lessons=(self.LESSON,))
        assert good.passed
        assert named(good, "format_validity").after == 1.0
        bad = judged(outcomes=outcomes, before=("A.", "B."), after=('{"dog": Biscuit}',) * 2, lessons=(self.LESSON,))
        assert failed(bad) == ["format_validity"]

    def test_a_lesson_in_plain_words_has_no_form_to_keep(self) -> None:
        report = judged(outcomes=[outcome("p", Role.PROBE)], before=("A.",), after=("Biscuit.",))
        assert not any(measure.name == "format_validity" for measure in report.measures)


EXAMPLES = [sequence((1, 40 + place), (50 + place, 60 + place, 2)) for place in range(6)]
WORDED = [Example(f"p{place}", f"a{place}", Role.PROBE, Origin.TYPED, f"s{place}") for place in range(6)]
LOOSE = GateSettings(minimum_probe_gain_nats=0, minimum_probe_hits=0, maximum_anchor_drift_nats=1e9, loss_chance=0.05)


class TestNetwork:
    @pytest.fixture
    def network(self, tiny_model: Path) -> Iterator[ExampleNetwork]:
        with network_of(tiny_model, EXAMPLES) as network:
            yield network

    @pytest.fixture
    def adapter(self, network: ExampleNetwork) -> Lora:
        return random_adapter(network.decoder.architecture, network.decoder.adapted_layers, alpha=2.0, dtype=np.float32)

    def held(
        self,
        network: ExampleNetwork,
        *,
        probes: Sequence[int] = (),
        liked: Sequence[int] = (),
        disliked: Sequence[int] = (),
        rules: Mapping[str, Verifier] | None = None,
        facts: Anchors | None = None,
    ) -> HeldBack:
        return HeldBack(
            WORDED, probes, [], Anchors(network), [], facts=facts, rules=rules or {}, liked=liked, disliked=disliked
        )

    def test_thumbs_have_to_move_the_way_they_point_by_more_than_chance(
        self, network: ExampleNetwork, adapter: Lora
    ) -> None:
        rose = network.measure(range(6), adapter).mean_nats < network.measure(range(6), None).mean_nats
        up, down = [i for i in range(6) if rose[i]], [i for i in range(6) if not rose[i]]
        right = gate.measure(network, self.held(network, liked=up, disliked=down), None, adapter, LOOSE, 1.0)
        wrong = gate.measure(network, self.held(network, liked=down, disliked=up), None, adapter, LOOSE, 1.0)
        found = {measure.name: measure for measure in right.measures}
        assert found["thumbs"].passed
        assert found["thumbs"].after == 1.0
        # Nothing else was to be learned, so no probe has to be said.
        assert "probe_hits" not in found
        assert next(m for m in wrong.measures if m.name == "thumbs").after == 0.0
        assert not next(m for m in wrong.measures if m.name == "thumbs").passed

    def test_a_probe_of_a_rule_need_not_be_said_word_for_word(self, network: ExampleNetwork, adapter: Lora) -> None:
        strict = LOOSE.model_copy(update={"minimum_probe_hits": 1.0})
        ruled = {f"s{place}": verifier("no_commas") for place in range(6)}
        measured = gate.measure(network, self.held(network, probes=[0, 1], rules=ruled), None, adapter, strict, 1.0)
        assert "probe_hits" not in [measure.name for measure in measured.measures]
        plain = gate.measure(network, self.held(network, probes=[0, 1]), None, adapter, strict, 1.0)
        assert not plain.measures[0].passed

    def test_entropy_is_the_bases_without_an_adapter_and_may_not_collapse(
        self, network: ExampleNetwork, adapter: Lora
    ) -> None:
        still = gate.measure(network, self.held(network), None, gate.scaled(adapter, 1e-9), LOOSE, 1.0)
        entropy = next(measure for measure in still.measures if measure.name == "output_entropy")
        assert entropy.after == pytest.approx(entropy.before, rel=1e-4)
        assert entropy.passed
        wild = gate.measure(network, self.held(network), None, gate.scaled(adapter, 3000.0), LOOSE, 1.0)
        collapsed = next(measure for measure in wild.measures if measure.name == "output_entropy")
        assert collapsed.after < collapsed.bound
        assert not collapsed.passed

    def test_facts_that_the_base_says_may_not_be_lost(self, network: ExampleNetwork, adapter: Lora) -> None:
        greedy = [int(network.answer_logits(place, None)[0].argmax()) for place in range(6)]
        told = [sequence(EXAMPLES[place].tokens[:2], (greedy[place],)) for place in range(6)]
        anew = ExampleNetwork(network.decoder, told)
        anew.prepare()
        held = self.held(network, facts=Anchors(anew))
        same = gate.measure(network, held, None, gate.scaled(adapter, 0.0), LOOSE, 1.0)
        lost = gate.measure(network, held, None, gate.scaled(adapter, 60.0), LOOSE, 1.0)
        kept = next(measure for measure in same.measures if measure.name == "general_facts")
        assert (kept.before, kept.after, kept.passed) == (1.0, 1.0, True)
        gone = next(measure for measure in lost.measures if measure.name == "general_facts")
        assert gone.after < gone.bound
        assert not gone.passed


def drift(before: float, after: float) -> Measure:
    return Measure("anchor_drift", before, after, 0.3, after <= 0.3, "nats a token", "")


def test_a_chain_that_has_moved_general_answers_nearly_as_far_as_it_may_is_to_be_consolidated() -> None:
    (told,) = gate.advice([drift(0.25, 0.29)])
    assert "learn --consolidate" in told
    assert "0.29 of 0.3" in told
    assert gate.advice([drift(0.29, 0.31)])


@pytest.mark.parametrize("measures", [[], [drift(0.2, 0.23)], [drift(0.0, 0.29)]])
def test_one_update_that_moves_them_far_by_itself_is_not(measures: list[Measure]) -> None:
    assert gate.advice(measures) == ()
