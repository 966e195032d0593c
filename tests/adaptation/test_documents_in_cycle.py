"""What a document says makes an update that waits for a person, counted by its source, with every example's origin."""

from __future__ import annotations

from dataclasses import replace

from edge_seal.adaptation.documents import propose, read_document
from edge_seal.adaptation.signals import lesson_of_document
from edge_seal.records import Origin, Role, Signal, State
from tests.adaptation.world import DOG, World, with_settings

TEXT = b"Fernworks was founded in 1987 by Mira Osk. The workshop opens at eight."


def taught(world: World, text: bytes = TEXT) -> list[Signal]:
    proposals = propose(read_document(text, "notes.txt")).kept
    return world.signals.add_all(lesson_of_document(one.prompt, one.answer, source="notes.txt") for one in proposals)


def test_it_waits_for_approval_after_what_was_typed(world: World) -> None:
    kept = taught(world)
    assert {(signal.origin, signal.source) for signal in kept} == {(Origin.DOCUMENT, "notes.txt")}
    world.teach(DOG)
    typed = world.run()
    assert typed.state is State.ACTIVE
    assert {example.signal_id for example in typed.examples if example.role is Role.LESSON} == {"s4"}
    world.clock.pass_by(hours=1)
    report = world.run()
    assert report.state is State.AWAITING_APPROVAL
    assert "not typed by you" in report.reasons[0]
    own = [example for example in report.examples if example.signal_id in {signal.id for signal in kept}]
    assert {example.origin for example in own if example.role is not Role.REPLAY} == {Origin.DOCUMENT}
    forms = {example.derived_by for example in own}
    assert {"statement:question", "statement:cloze", "statement:converse", "unknown-name"} <= forms
    trained = {example.prompt for example in own if example.role not in {Role.PROBE, Role.NEIGHBOUR}}
    probes = [example for example in own if example.role is Role.PROBE]
    assert len(probes) == 2 * len(kept)
    assert not trained & {example.prompt for example in probes}


def test_one_source_gives_no_more_than_its_share(world: World) -> None:
    taught(world)
    world.settings = with_settings(data_policy={"source_examples_per_update": 9})
    report = world.run(dry_run=True)
    over = [judged for judged in report.verdicts if "origin.over_share" in str(judged.verdict.findings)]
    assert over


def test_a_model_worded_lesson_carries_both_origins() -> None:
    lesson = lesson_of_document("When was Fernworks founded?", "1987.", source="notes.txt", by_model=True)
    assert (lesson.origin, lesson.also_from) == (Origin.MODEL, (Origin.DOCUMENT,))
    assert replace(lesson, also_from=()) != lesson
