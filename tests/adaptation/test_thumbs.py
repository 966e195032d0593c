"""Thumbs: which of them teach, and the update that they make when no lesson waits."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from edge_seal.adaptation import thumbs
from edge_seal.adaptation.signals import Lesson
from edge_seal.archive import Archive
from edge_seal.conversation import Conversations
from edge_seal.records import FORGOTTEN_TEXT, Example, Origin, Role, Signal, SignalKind, SignalState, State
from tests.adaptation.world import DOG, World, with_settings

GOOD, BAD = SignalKind.GOOD, SignalKind.BAD
TIMING = json.dumps({"prompt_tokens": 1, "cached_tokens": 0, "answer_tokens": 1, "first_token_s": 0.1, "total_s": 0.1})
ANSWERS = ("The sea is wide.", "Ask me later.", "A lamp is bright.", "No.")


def signal(number: int, kind: SignalKind, turn: str, state: SignalState = SignalState.PENDING) -> Signal:
    return Signal(f"s{number}", kind, "Why?", "Because.", Origin.MODEL, None, turn, "then", state)


def ids(signals: Sequence[Signal]) -> list[str]:
    return [one.id for one in signals]


class TestWhichTeach:
    def waiting(self, *signals: Signal, gone: Sequence[str] = (), held: Sequence[str] = ()) -> list[str]:
        said = {one.id: one.answer for one in signals if one.id not in gone}
        return ids(thumbs.waiting(signals, said, held))

    def test_the_last_thumb_of_a_turn_counts_and_no_other(self) -> None:
        assert self.waiting(signal(1, GOOD, "t1"), signal(2, GOOD, "t2"), signal(3, BAD, "t1")) == ["s2", "s3"]

    def test_a_corrected_answer_is_left_to_its_correction(self) -> None:
        corrected = signal(3, SignalKind.CORRECTION, "t1", SignalState.LEARNED)
        assert self.waiting(signal(1, BAD, "t1"), signal(2, GOOD, "t2"), corrected) == ["s2"]

    def test_what_is_gone_or_held_or_learned_does_not_wait(self) -> None:
        learned = signal(1, GOOD, "t1", SignalState.LEARNED)
        assert self.waiting(learned, *(signal(n, BAD, f"t{n}") for n in (2, 3, 4)), gone=["s2"], held=["s3"]) == ["s4"]

    def test_both_kinds_are_needed(self) -> None:
        liked = [signal(n, GOOD, f"t{n}") for n in range(1, 9)]
        assert not thumbs.are_enough(liked, 8)
        assert thumbs.are_enough([*liked, signal(9, BAD, "t9")], 8)
        assert not thumbs.are_enough([*liked[:6], signal(9, BAD, "t9")], 8)


def test_both_kinds_weigh_the_same_and_no_answer_is_closed() -> None:
    made = thumbs.examples([signal(1, GOOD, "t1"), signal(2, GOOD, "t2"), signal(3, GOOD, "t3"), signal(4, BAD, "t4")])
    assert [one.role for one in made] == [Role.LIKED] * 3 + [Role.DISLIKED]
    assert sum(one.weight for one in made[:3]) == pytest.approx(made[3].weight)
    assert not any(one.closed for one in made)


def test_answers_are_set_after_others_prompts() -> None:
    judged = [Example(f"p{n}", f"a{n}", Role.LIKED, Origin.MODEL, f"s{n}") for n in range(3)]
    assert [(one.prompt, one.answer) for one in thumbs.mismatched(judged)] == [("p1", "a0"), ("p2", "a1"), ("p0", "a2")]
    assert thumbs.mismatched(judged[:1]) == ()


# Through a cycle ------------------------------------------------------------------------------------------


def judged(world: World, *, base: str | None = None) -> list[Signal]:
    """Four turns of the model that is served, two liked and two disliked."""
    made: list[Signal] = []
    for number, answer in enumerate(ANSWERS):
        with world.database.transaction():
            world.database.execute("INSERT INTO conversations (created_at) VALUES ('then')", ())
            world.database.execute(
                "INSERT INTO turns (conversation_id, created_at, prompt, origin, answer, base_sha256, timing)"
                " VALUES (?, 'then', ?, 'typed', ?, ?, ?)",
                (world.database.last_row_id, f"Question {number}?", answer, base or world.engine.model_sha256, TIMING),
            )
            turn = f"t{world.database.last_row_id}"
        said = Lesson(f"Question {number}?", answer, Origin.MODEL, None, (Origin.TYPED,))
        made.append(world.signals.add(GOOD if number % 2 == 0 else BAD, said, turn_id=turn))
    return made


@pytest.fixture
def asked_for_four(world: World) -> World:
    # Four thumbs cannot be more than chance by the gate's test with fewer; all four the right way are one in sixteen.
    world.settings = with_settings(
        learning={"minimum_thumbs": 4, "thumb_weight": 8.0, "draws_a_lesson": 24}, limits={"steps_per_update": 40}
    )
    return world


def test_thumbs_make_an_update_that_waits_and_moves_answers_the_way_they_point(
    asked_for_four: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = asked_for_four
    monkeypatch.setattr("edge_seal.adaptation.gate.THUMB_CHANCE", 0.07)
    signals = judged(world)
    report = world.run()
    assert report.update is not None
    assert report.gate is not None
    assert report.state is State.AWAITING_APPROVAL, report.reasons
    assert "not typed by you" in report.reasons[0]
    assert report.update.reason == "4 thumbs"
    measures = {measure.name: measure for measure in report.gate.measures}
    assert measures["thumbs"].after == 1.0
    # What they are held against is measured as ever, and no question is made up that nobody asked.
    assert {"anchor_drift", "canary_exposure", "extraction", "broken_answers"} <= set(measures)
    assert not {Role.LESSON, Role.REWORDING, Role.CONTRAST, Role.PROBE} & {one.role for one in report.examples}
    assert any(one.role is Role.GENERAL for one in report.examples)
    stored = world.releases.examples(report.update.id)
    given = [one for one in stored if one.role in {Role.LIKED, Role.DISLIKED}]
    assert [(one.answer, one.role) for one in given] == [
        (answer, Role.LIKED if place % 2 == 0 else Role.DISLIKED) for place, answer in enumerate(ANSWERS)
    ]
    assert all(one.origins == {Origin.MODEL, Origin.TYPED} for one in given)
    # It bears on the prompts that were judged, and its thumbs are in no other update while it waits.
    lessons = world.releases.lessons(report.update)
    assert lessons is not None
    assert [prompt for _, prompt in lessons] == [f"Question {n}?" for n in range(4)]
    assert world.releases.held_signals() == {one.id for one in signals}
    # A conversation that goes names them, as it names lessons; a thumb that nothing was made of goes with it unnamed.
    archive = Archive(world.database, Conversations(world.database, world.clock))
    assert archive.lessons_of("c1") == ("s1",)
    assert archive.delete("c1", lambda _: None).lessons == ("s1",)
    assert world.signals.get("s1").answer == ANSWERS[0]
    world.clock.pass_by(hours=1)
    assert "in an update that waits" in world.run().reasons[-1]


def test_lessons_go_first_and_thumbs_wait(asked_for_four: World) -> None:
    world = asked_for_four
    signals = judged(world)
    world.teach(DOG)
    report = world.run()
    assert {one.signal_id for one in report.examples if one.role is Role.LESSON} == {"s5"}
    assert not any(one.role in {Role.LIKED, Role.DISLIKED} for one in report.examples)
    assert all(world.signals.get(one.id).state is SignalState.PENDING for one in signals)


def test_too_few_are_counted_and_nothing_is_trained(world: World) -> None:
    judged(world)
    (reason,) = world.run().reasons
    assert "4 thumbs wait; 8 or more, some up and some down, make an update" in reason
    assert world.rows("updates") == []


def test_thumbs_on_forgotten_words_and_on_another_models_do_not_wait(asked_for_four: World) -> None:
    world = asked_for_four
    judged(world, base="f" * 64)
    assert "thumbs wait" not in world.run().reasons[0]
    judged(world)
    with world.database.transaction():
        world.database.execute("UPDATE turns SET prompt = ?, answer = ? WHERE id > 4", (FORGOTTEN_TEXT, FORGOTTEN_TEXT))
    assert "thumbs wait" not in world.run().reasons[0]


def test_an_earlier_lesson_is_rehearsed_though_its_own_question_is_under_a_thumb(asked_for_four: World) -> None:
    world = asked_for_four
    world.learned(("Question 0?", "Rex."))
    judged(world)
    report = world.run()
    assert [one.answer for one in report.examples if one.role is Role.REPLAY and one.prompt == "Question 0?"] == [
        "Rex."
    ]
