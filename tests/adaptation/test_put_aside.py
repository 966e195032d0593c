"""Lessons that the guardian puts aside, and the one way in: a person who approves the lesson's hash for its rules."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge_seal.adaptation.guardian import judge_lesson, put_aside_by
from edge_seal.errors import NotFound
from edge_seal.records import Example, Role, Signal, SignalState, State
from edge_seal.updates.lesson_approvals import LessonApprovals
from tests.adaptation.world import DOG, World, with_settings

ADDRESS = "anna.virta@posti.fi"
MAIL = ("What is my e-mail address?", f"It is {ADDRESS}.")


def approvals(world: World) -> LessonApprovals:
    return LessonApprovals(world.database, world.ledger, world.clock)


def rules_against(signal: Signal) -> tuple[str, ...]:
    example = Example(signal.prompt, signal.answer, Role.LESSON, signal.origin, signal.id)
    return put_aside_by(judge_lesson(example, signal.source))


def in_adapters(world: World, text: str) -> bool:
    return any(text.encode() in path.read_bytes() for path in world.adapters_directory.rglob("*") if path.is_file())


def test_it_is_left_out_until_a_person_lets_it_in(world: World) -> None:
    (signal,) = world.teach(MAIL)
    report = world.run()
    assert report.update is None
    assert "put aside by the guardian" in report.reasons[0]
    assert world.signals.get(signal.id).state is SignalState.PENDING
    world.teach(DOG)
    report = world.run()
    assert report.state is State.ACTIVE
    assert "put aside by the guardian" in " ".join(report.reasons)
    assert not in_adapters(world, ADDRESS)

    rules = rules_against(signal)
    assert rules == ("personal.email",)
    approvals(world).let_in(signal, rules, "user")
    world.clock.pass_by(hours=1)
    report = world.run()
    assert report.state is State.ACTIVE, report.reasons
    assert any(e.signal_id == signal.id for e in report.examples)
    assert world.signals.get(signal.id).state is SignalState.LEARNED
    assert in_adapters(world, ADDRESS)
    # Told all the same, and counted in the risk.
    assert report.risk is not None
    assert any("personal.email" in factor.reason for factor in report.risk.factors)
    assert ADDRESS not in " ".join(entry.body for entry in world.ledger.entries())


def test_what_is_learned_with_leave_is_not_sought_after_training(world: World) -> None:
    (signal,) = world.teach(MAIL)
    approvals(world).let_in(signal, rules_against(signal), "user")
    cycle = world.cycle
    texts = (f"My e-mail address is {ADDRESS}", "My other one is berta.koski@posti.fi")
    cycle._trial = replace(cycle._trial, remembered=lambda: texts)
    report = cycle.run()
    assert report.state is State.ACTIVE, report.reasons
    assert report.gate is not None
    (extraction,) = [measure for measure in report.gate.measures if measure.name == "extraction"]
    assert "of 1 texts" in extraction.meaning


@pytest.mark.parametrize("change", ["words", "origin", "rules", "row alone", "salt"])
def test_whatever_is_changed_afterwards_is_not_let_in(world: World, change: str) -> None:
    (signal,) = world.teach(MAIL)
    if change != "row alone":
        approvals(world).let_in(signal, rules_against(signal), "user")
        assert approvals(world).rules_of([signal])
    world.database.execute(
        {
            "words": "UPDATE signals SET answer = 'It is mallory@pahis.fi.'",
            "origin": "UPDATE signals SET origin = 'file'",
            "rules": "UPDATE lesson_approvals SET rules = 'personal.email,policy.harmful_answer'",
            "row alone": "INSERT INTO lesson_approvals VALUES (1, '2026', 'ab', 'personal.email')",
            "salt": "UPDATE lesson_approvals SET salt = 'cd'",
        }[change]
    )
    assert approvals(world).rules_of(world.signals.all()) == {}
    assert world.run().update is None


def test_a_rule_that_blocks_is_never_let_in(world: World) -> None:
    (signal,) = world.teach(MAIL)
    approvals(world).let_in(signal, rules_against(signal), "user")
    world.settings = with_settings(data_policy={"train": world.settings.data_policy.train.model_copy(
        update={"email": "block"}
    )})  # fmt: skip
    report = world.run()
    assert report.state is State.REJECTED
    assert world.signals.get(signal.id).state is SignalState.REFUSED
    assert ADDRESS.encode() not in world.stored_bytes()
    assert world.database.rows("SELECT * FROM lesson_approvals") == []


def test_the_name_of_a_source_is_judged_in_the_cycle_too(world: World) -> None:
    (signal,) = world.teach(DOG, source=f"letter of {ADDRESS}")
    assert rules_against(signal) == ("personal.email",)
    assert world.run().update is None
    approvals(world).let_in(signal, rules_against(signal), "user")
    assert world.run().state is State.AWAITING_APPROVAL


def test_forgetting_a_lesson_takes_its_approval_and_salt(world: World) -> None:
    (signal,) = world.teach(MAIL)
    approvals(world).let_in(signal, rules_against(signal), "user")
    world.signals.forget([signal.id])
    assert world.database.rows("SELECT * FROM lesson_approvals") == []
    with pytest.raises(NotFound):
        world.signals.get(signal.id)
