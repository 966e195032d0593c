"""From evidence to examples: each goes back to a signal, nothing told is contrasted, nothing held back is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_seal.adaptation.question_forms import near_questions, read_form, subject
from edge_seal.adaptation.self_edit import (
    CONTRASTS_A_LESSON,
    NEIGHBOURS_A_LESSON,
    OTHERS_REHEARSED,
    PROBES_A_LESSON,
    REJECTED_CHARACTERS,
    REWORDINGS_A_LESSON,
    normalized,
    propose,
    rehearsed,
    rejected,
    still_valid,
    unknown_answer,
)
from edge_seal.records import Example, Origin, Role, Signal, SignalKind

relaxed = settings(deadline=None, max_examples=50)  # a busy machine is not a failure
THINGS = (
    "dog", "cat", "parrot", "sister", "brother", "boat", "car", "favourite tea", "favourite colour", "age", "job",
    "hobby", "dentist",
)  # fmt: skip
PROMPTS = (
    *(f"What is my {thing}'s name?" for thing in THINGS),
    *(f"What is my {thing} called?" for thing in THINGS),
    *(f"What is my {thing}?" for thing in THINGS),
    "Where do I live?", "Where do I work?", "When do I take meetings?", "What do I do for work?", "Good morning!",
    "Hello!", "Sign my letters.", "Which city do I live in?", "Who is my boss?", "do I know {x}?",
)  # fmt: skip


def taught(*lessons: tuple[str, str], origin: Origin = Origin.TYPED, first: int = 1) -> list[Signal]:
    return [
        Signal(f"s{first + place}", SignalKind.TAUGHT, prompt, answer, origin, None, None, "then")
        for place, (prompt, answer) in enumerate(lessons)
    ]


def roles(examples: Sequence[Example], *wanted: Role) -> list[Example]:
    return [example for example in examples if example.role in wanted]


# A contrast may be asked in words that no rule reads back, so what it is about is read from its answer.
UNTOLD = {
    unknown_answer(asked): subject(read_form(question))
    for asked_about in ("What is my zebra's name?", "Where do I hide?")
    for question, asked in near_questions(read_form(asked_about))
}


def subjects(examples: Sequence[Example]) -> set[str]:
    return {UNTOLD.get(example.answer, subject(read_form(example.prompt))) for example in examples}


batches = st.lists(st.sampled_from(PROMPTS), min_size=1, max_size=10).map(
    lambda asked: taught(*((prompt, f"Answer {place}.") for place, prompt in enumerate(asked)))
)


@given(batches)
@relaxed
def test_every_example_goes_back_to_a_signal_and_keeps_its_origin(signals: list[Signal]) -> None:
    signals = [
        replace(signal, origin=Origin.FILE if place % 2 else Origin.TYPED) for place, signal in enumerate(signals)
    ]
    by_id = {signal.id: signal for signal in signals}
    edits = propose(signals)
    for example in (*edits.trained, *edits.probes, *edits.neighbours):
        assert example.signal_id is not None
        assert example.origin is by_id[example.signal_id].origin
        assert example.derived_by
        if example.role in {Role.LESSON, Role.REWORDING, Role.PROBE}:
            assert example.answer == by_id[example.signal_id].answer


@given(batches)
@relaxed
def test_no_probe_of_a_lesson_is_trained_for_it(signals: list[Signal]) -> None:
    edits = propose(signals)
    trained = {(example.signal_id, normalized(example.prompt)) for example in edits.trained}
    for probe in edits.probes:
        assert (probe.signal_id, normalized(probe.prompt)) not in trained
    assert {example.role for example in edits.trained} <= {Role.LESSON, Role.REWORDING, Role.CONTRAST}
    assert {example.role for example in edits.probes} == {Role.PROBE}
    assert {example.role for example in edits.neighbours} <= {Role.NEIGHBOUR}


@given(batches)
@relaxed
def test_nothing_told_in_the_same_batch_is_contrasted_as_unknown(signals: list[Signal]) -> None:
    edits = propose(signals)
    told = {subject(read_form(signal.prompt)) for signal in signals}
    assert not told & subjects([*roles(edits.trained, Role.CONTRAST), *edits.neighbours])


@given(batches)
@relaxed
def test_contrasts_and_neighbours_are_about_different_things(signals: list[Signal]) -> None:
    """Of a thing that is trained as unknown, a neighbour would measure nothing."""
    edits = propose(signals)
    assert not subjects(roles(edits.trained, Role.CONTRAST)) & subjects(edits.neighbours)


def test_one_lesson_becomes_as_many_examples_as_are_meant() -> None:
    (signal,) = taught(("What is my dog's name?", "Your dog is called Rex."))
    edits = propose([signal])
    assert edits.trained[0] == Example(
        signal.prompt, signal.answer, Role.LESSON, Origin.TYPED, signal.id, derived_by="given"
    )
    assert len(roles(edits.trained, Role.REWORDING)) == REWORDINGS_A_LESSON
    assert len(roles(edits.trained, Role.CONTRAST)) == CONTRASTS_A_LESSON
    assert len(edits.probes) == PROBES_A_LESSON
    assert len(edits.neighbours) == NEIGHBOURS_A_LESSON
    for example in (*roles(edits.trained, Role.CONTRAST), *edits.neighbours):
        assert example.answer.startswith("You haven't told me your ")
        assert "Rex" not in example.answer


def test_a_prompt_that_is_itself_a_probe_form_is_trained_as_it_is_and_not_held_back() -> None:
    edits = propose(taught(("Do you know my dog's name?", "Rex."), ("Good evening!", "Ahoy!")))
    for lesson in roles(edits.trained, Role.LESSON):
        assert normalized(lesson.prompt) not in {normalized(probe.prompt) for probe in edits.probes}


def test_known_lessons_are_not_contrasted() -> None:
    signals = taught(("What is my dog's name?", "Rex."))
    contrasted = roles(propose(signals).trained, Role.CONTRAST)
    assert "cat" in subjects(contrasted)
    known = [Example("How is my cat called?", "Tom.", Role.LESSON, Origin.TYPED, "s9")]
    assert subject(read_form(known[0].prompt)) != "cat", "or the reworded one below would show nothing"
    known.append(Example("What is my cat called?", "Tom.", Role.REWORDING, Origin.TYPED, "s9"))
    edits = propose(signals, known)
    assert "cat" not in subjects([*roles(edits.trained, Role.CONTRAST), *edits.neighbours])
    unknown = [replace(example, role=Role.CONTRAST) for example in known]
    assert "cat" in subjects(roles(propose(signals, unknown).trained, Role.CONTRAST))


def test_synonyms_of_what_was_told_are_not_contrasted_either() -> None:
    """A job is what one does for work."""
    edits = propose(taught(("What do I do for work?", "You are a botanist."), ("What is my hobby?", "Chess.")))
    assert "job" not in subjects([*roles(edits.trained, Role.CONTRAST), *edits.neighbours])


def test_the_later_of_two_answers_to_one_prompt_is_taken() -> None:
    edits = propose(taught(("What is my dog's name?", "Rex."), ("  what is my DOG's name", "Luna.")))
    assert {example.answer for example in roles(edits.trained, Role.LESSON, Role.REWORDING)} == {"Luna."}
    assert {example.signal_id for example in edits.trained} == {"s2"}


def test_what_was_bad_teaches_nothing() -> None:
    (signal,) = taught(("What is my dog's name?", "Rex."))
    edits = propose([replace(signal, kind=SignalKind.BAD)])
    assert (edits.trained, edits.probes, edits.neighbours) == ((), (), ())


def test_contrasts_are_asked_in_more_than_one_form() -> None:
    """Or the form itself becomes the mark of what was never told."""
    edits = propose(taught(*((f"What is my {thing}'s name?", "X.") for thing in ("dog", "sister", "boat"))))
    asked = [example.prompt.split("my")[0] for example in roles(edits.trained, Role.CONTRAST)]
    assert len(set(asked)) >= 3


# What is rehearsed ---------------------------------------------------------------------------------------


def earlier(*lessons: tuple[str, str], first: int = 1) -> list[Example]:
    return list(propose(taught(*lessons, first=first)).trained)


def test_what_is_told_anew_replaces_the_lesson_and_all_that_came_from_it() -> None:
    kept = still_valid(
        earlier(("What is my dog's name?", "Rex."), ("Where do I live?", "Oulu.")),
        taught(("What is my dog's name?", "Luna."), first=7),
    )
    told = roles(kept, Role.LESSON, Role.REWORDING)
    assert {example.signal_id for example in told} == {"s2"}
    assert {example.answer for example in told} == {"Oulu."}


@pytest.mark.parametrize(
    "anew",
    ["What is the name of my dog?", "what’s my dog called", "What is my dog's name"],
)
def test_another_wording_of_the_same_attribute_replaces_it_too(anew: str) -> None:
    kept = still_valid(earlier(("What is my dog's name?", "Rex.")), taught((anew, "Luna."), first=7))
    assert not roles(kept, Role.LESSON, Role.REWORDING)


def test_a_synonym_replaces_it_too() -> None:
    before = earlier(("What is my job?", "You are a baker."))
    kept = still_valid(before, taught(("What do I do for work?", "You are a botanist."), first=7))
    assert not roles(kept, Role.LESSON, Role.REWORDING)


def test_what_was_unknown_and_is_told_now_is_no_longer_rehearsed_as_unknown() -> None:
    before = earlier(("What is my dog's name?", "Rex."))
    assert "cat" in subjects(roles(before, Role.CONTRAST))
    kept = still_valid(before, taught(("What is my cat called?", "Tom."), first=7))
    assert "cat" not in subjects(kept)
    assert len(roles(kept, Role.CONTRAST)) == CONTRASTS_A_LESSON - 1
    assert len(roles(kept, Role.LESSON, Role.REWORDING)) == 1 + REWORDINGS_A_LESSON


@pytest.mark.parametrize("place", range(4))
def test_it_is_dropped_in_whatever_words_the_unknown_was_asked(place: int) -> None:
    """The wordings of contrasts change from lesson to lesson; some cannot be read back, and not all are asked of it."""
    others = [(f"What is my {thing}'s name?", "X.") for thing in ("dog", "boat", "sister")]
    before = earlier(*others[:place], ("What is my boss's name?", "Ann."), *others[place:])
    assert "dentist" in subjects(roles(before, Role.CONTRAST))
    kept = still_valid(before, taught(("Who is my dentist?", "Tom Lee."), first=17))
    assert not [example for example in kept if "dentist" in example.answer]


def test_everything_else_is_kept_in_its_order() -> None:
    before = earlier(("What is my dog's name?", "Rex."), ("Good morning!", "Ahoy!"))
    assert still_valid(before, taught(("What is my shoe size?", "44."), first=7)) == tuple(before)
    assert still_valid(before, []) == tuple(before)


class TestRehearsed:
    LESSONS = tuple((f"What is my {thing}'s name?", f"Your {thing} is called {thing[::-1]}.") for thing in THINGS[:6])

    def test_no_lesson_is_without_its_own_words_while_there_is_room(self) -> None:
        before = earlier(*self.LESSONS)
        for most in (6, 9, 12, 40):
            kept = rehearsed(before, most)
            assert len(kept) == min(most, len(self.LESSONS) * (1 + OTHERS_REHEARSED))
            assert {example.role for example in kept} == {Role.REPLAY}
            assert {prompt for prompt, _ in self.LESSONS} <= {example.prompt for example in kept}

    def test_what_is_left_of_the_room_is_shared_by_all_of_them(self) -> None:
        kept = rehearsed(earlier(*self.LESSONS), 24)
        counts = [sum(example.signal_id == f"s{number}" for example in kept) for number in range(1, 7)]
        assert counts == [1 + OTHERS_REHEARSED] * 6

    def test_the_same_examples_give_the_same_choice_and_no_room_none(self) -> None:
        before = earlier(*self.LESSONS)
        assert rehearsed(before, 20) == rehearsed(before, 20)
        assert rehearsed(before, 0) == rehearsed([], 20) == ()


# Small ones ----------------------------------------------------------------------------------------------


def test_unknown_is_said_of_what_was_asked() -> None:
    assert unknown_answer("your cat's name") == "You haven't told me your cat's name."


def test_normalized_is_what_a_reader_takes_for_the_same() -> None:
    assert normalized("  Where   do I\nlive ?! ") == normalized("where do i live") == "where do i live"
    assert normalized("Where do I live?") != normalized("Where do I work?")


class TestRejected:
    def corrected(self, said: str | None, kind: SignalKind = SignalKind.CORRECTION) -> tuple[Example, ...]:
        (signal,) = taught(("What is my dog's name?", "Your dog is called Biscuit."))
        return rejected([replace(signal, kind=kind)], {} if said is None else {signal.id: said})

    def test_a_correction_stands_against_what_was_said(self) -> None:
        (example,) = self.corrected(" Your dog is called Rex. ")
        assert example == Example(
            "What is my dog's name?", "Your dog is called Rex.", Role.REJECTED, Origin.TYPED, "s1", "own-answer"
        )

    @pytest.mark.parametrize("said", [None, "", "  ", "your dog  is called biscuit"])
    def test_nothing_stands_against_itself_or_against_nothing(self, said: str | None) -> None:
        assert self.corrected(said) == ()

    def test_only_a_correction_has_a_counterpart(self) -> None:
        assert self.corrected("Rex.", SignalKind.TAUGHT) == ()

    @pytest.mark.parametrize("said", ["word " * 100, "w" * 500])
    def test_a_long_answer_is_cut_and_not_closed(self, said: str) -> None:
        (example,) = self.corrected(said)
        assert said.startswith(example.answer)
        assert 100 < len(example.answer) <= REJECTED_CHARACTERS
        assert not example.answer.endswith(" ")
        assert not example.closed
