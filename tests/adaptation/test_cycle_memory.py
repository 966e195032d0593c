"""Memory and weights together: what memory has seen end is not taught, and not rehearsed."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from edge_seal.adaptation.question_forms import first_person
from edge_seal.config import MemorySettings
from edge_seal.memory.memories import Memories
from edge_seal.records import Origin, Role, SignalState
from tests.adaptation.world import World

HOME = ("Where do I live?", "You live in Oulu.")
WORK = ("Where do I work?", "You work at Nokia.")
DOG = ("What is my dog's name?", "Your dog is called Rex.")


def remember(world: World, text: str, origin: Origin = Origin.TYPED) -> None:
    def audit(event: str, subject: str, body: Mapping[str, str]) -> None:
        """These memories have no audit trail."""

    Memories(world.database, audit, None, world.clock, MemorySettings()).remember(text, origin)
    world.clock.pass_by(minutes=1)


def states(world: World) -> list[SignalState]:
    return [signal.state for signal in world.signals.all()]


@pytest.mark.parametrize("text", ["I live in Turku.", "I moved to Turku.", "I no longer live in Oulu."])
def test_a_lesson_that_memory_says_otherwise_of_since_is_not_trained(world: World, text: str) -> None:
    world.teach(HOME, DOG)
    world.clock.pass_by(minutes=1)
    remember(world, text)
    report = world.run()
    assert not [example for example in report.examples if "Oulu" in example.answer]
    assert [example for example in report.examples if "Rex" in example.answer]
    assert states(world) == [SignalState.DROPPED, SignalState.LEARNED]
    assert any("memory says otherwise since" in reason for reason in report.reasons)


def test_one_that_was_learned_is_not_rehearsed_any_more(world: World) -> None:
    world.learned(HOME)
    remember(world, "I live in Turku.")
    world.teach(DOG)
    report = world.run()
    replayed = [example for example in report.examples if example.role is Role.REPLAY]
    assert replayed, "its boundary is rehearsed all the same"
    assert not [example for example in replayed if "Oulu" in example.answer]


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("I live in Oulu.", Origin.TYPED),
        ("I work in Turku.", Origin.TYPED),
        ("Anna lives in Turku.", Origin.TYPED),
    ],
)
def test_what_memory_agrees_with_or_says_of_something_else_is_rehearsed(
    world: World, text: str, origin: Origin
) -> None:
    world.learned(HOME)
    remember(world, text, origin)
    world.teach(DOG)
    report = world.run()
    assert [e for e in report.examples if e.role is Role.REPLAY and "Oulu" in e.answer]


def test_what_is_taught_after_the_memory_is_trained(world: World) -> None:
    remember(world, "I live in Turku.")
    world.clock.pass_by(minutes=1)
    world.teach(HOME)
    report = world.run()
    assert states(world) == [SignalState.LEARNED]
    assert [example for example in report.examples if "Oulu" in example.answer]


def test_a_dry_run_drops_nothing(world: World) -> None:
    world.teach(HOME, DOG)
    world.clock.pass_by(minutes=1)
    remember(world, "I live in Turku.")
    report = world.run(dry_run=True)
    assert not [example for example in report.examples if "Oulu" in example.answer]
    assert states(world) == [SignalState.PENDING, SignalState.PENDING]


@pytest.mark.parametrize(
    ("answer", "stated"),
    [
        ("You live in Oulu.", "I live in Oulu."),
        ("Your dog is called Rex.", "My dog is called Rex."),
        ("You are a baker.", "I am a baker."),
        ("Your dogs are small.", "My dogs are small."),
        ("You were born in your mother's town.", "I was born in my mother's town."),
    ],
)
def test_an_answer_is_turned_into_what_its_user_would_state(answer: str, stated: str) -> None:
    assert first_person(answer) == stated
