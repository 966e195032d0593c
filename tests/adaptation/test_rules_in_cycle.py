"""A rule of style through one whole cycle on the tiny model: what is taught, measured and recorded."""

from __future__ import annotations

from edge_seal.adaptation import prompt_kinds as kinds
from edge_seal.adaptation.style_rules import read_rule
from edge_seal.records import Origin, Role, SignalState, State
from tests.adaptation.world import DOG, World, with_settings

LOOSE = {"maximum_rule_drift_nats": 1e9}


def state_rule(world: World, statement: str) -> None:
    rule = read_rule(statement)
    assert rule is not None
    world.teach((statement, rule.words))


def test_a_stated_rule_is_taught_on_the_models_own_answers(world: World) -> None:
    # "Moon:" stands in no answer of a random model, so it has to come from the rule.
    state_rule(world, 'start every answer with "Moon:"')
    world.teach(DOG)
    world.settings = with_settings(gate=LOOSE)
    report = world.run()
    assert report.update is not None
    assert report.gate is not None
    examples = report.examples
    ruled = [e for e in examples if e.signal_id == "s1"]
    trained = [e for e in ruled if e.role in {Role.LESSON, Role.REWORDING}]
    assert len(trained) >= 12
    assert all(e.answer.startswith("Moon: ") and e.origin is Origin.TYPED for e in trained)
    assert any(e.role is Role.PROBE for e in ruled)
    assert {kinds.kind_of(e.prompt) for e in trained} > {kinds.JOKE, kinds.LIST}
    # The statement itself is no question to be answered, and answers of old are not held against the rule.
    assert not any(e.prompt.startswith("start every") for e in examples)
    assert not any(e.role is Role.GENERAL for e in examples)
    assert any(e.signal_id == "s2" and e.role is Role.LESSON for e in examples)
    measured = {measure.name for measure in report.gate.measures}
    assert "rule_kept" in measured
    # A random model keeps no rule after twelve steps, and the gate says so.
    assert report.state is State.REJECTED
    assert any(reason.startswith("rule_kept") for reason in report.reasons)
    assert [signal.state for signal in world.signals.all()] == [SignalState.PENDING] * 2


def test_a_rule_that_the_answers_keep_is_learned_and_its_words_are_stored(world: World) -> None:
    state_rule(world, "no emojis")
    world.settings = with_settings(gate=LOOSE)
    report = world.run()
    # What a random model says has no emoji: nothing is new in it, so nothing is trained.
    assert report.update is not None
    assert report.state in {State.ACTIVE, State.REJECTED}
    own = world.cache / f"own-answers-{world.engine.model_sha256[:16]}.json"
    assert own.exists()


def test_earlier_lessons_are_rehearsed_in_the_form_of_the_rule(world: World) -> None:
    world.learned(DOG)
    state_rule(world, 'end every answer with "Over."')
    world.settings = with_settings(gate=LOOSE)
    report = world.run()
    replayed = [e for e in report.examples if e.role is Role.REPLAY and e.prompt == DOG[0]]
    assert [e.answer for e in replayed] == [f"{DOG[1]} Over."]


def test_a_rule_stated_once_gets_as_many_steps_as_eight_lessons(world: World) -> None:
    state_rule(world, 'start every answer with "Moon:"')
    world.settings = with_settings(gate=LOOSE, learning={"draws_a_lesson": 3}, limits={"steps_per_update": 100})
    report = world.run()
    assert report.training is not None
    # Sixteen, and as many as draw eight lessons three times, five a step.
    assert report.training.steps == 16 + 5
