"""What is said twice is trained once; what is known is not trained at all."""

from __future__ import annotations

from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from edge_seal.adaptation.scoring import (
    KNOWN_SHARE,
    SCORED_WORDINGS,
    asked,
    confirmed,
    score,
    without_duplicates,
)
from edge_seal.records import Example, Origin, Role, Signal, SignalKind, SignalState


def example(prompt: str, role: Role, signal_id: str | None = "s1", answer: str = "Rex.") -> Example:
    return Example(prompt, answer, role, Origin.TYPED, signal_id)


def test_of_the_same_prompt_the_strongest_role_stays() -> None:
    ordered = [Role.LESSON, Role.REWORDING, Role.CONTRAST, Role.REPLAY, Role.GENERAL]
    spellings = ["Where do I live?", "where do i live", " Where  do I live ?!", "WHERE DO I LIVE.", "Where do I\nlive"]
    same = [example(prompt, role) for prompt, role in zip(spellings, ordered, strict=True)]
    for order in permutations(same):
        assert without_duplicates(order) == (same[0],)
    assert without_duplicates(same[1:]) == (same[1],)
    assert without_duplicates(same[3:]) == (same[3],)


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from([Role.LESSON, Role.CONTRAST, Role.GENERAL]))))
@settings(deadline=None)
def test_each_prompt_stays_exactly_once(asked: list[tuple[str, Role]]) -> None:
    examples = [example(prompt, role) for prompt, role in asked]
    kept = without_duplicates(examples)
    assert sorted(one.prompt for one in kept) == sorted({prompt for prompt, _ in asked})
    assert all(one in examples for one in kept)


def batch() -> list[Example]:
    return [
        example("dog?", Role.LESSON, "s1"),
        example("my dog?", Role.REWORDING, "s1"),
        example("tell me my dog", Role.REWORDING, "s1"),
        example("say my dog", Role.REWORDING, "s1"),
        example("live?", Role.LESSON, "s2"),
        example("home?", Role.REWORDING, "s2"),
        example("cat?", Role.CONTRAST, "s1"),
        example("work?", Role.CONTRAST, "s2"),
        example("old?", Role.REPLAY, "s0"),
        example("Italy?", Role.GENERAL, None),
    ]


def test_a_known_lesson_is_dropped_with_all_that_was_derived_from_it() -> None:
    examples = batch()
    scored = score(examples, 12, {0: True, 1: True, 2: True, 3: False, 4: False, 5: True})
    assert scored.known_signals == ("s1",)
    assert scored.kept == tuple(one for one in examples if one.signal_id != "s1")
    assert scored.duplicates == 2


def test_below_the_share_it_is_learned_again() -> None:
    examples = batch()
    assert KNOWN_SHARE > 0.5
    scored = score(examples, len(examples), {0: True, 1: True, 2: False, 3: False, 4: False, 5: False})
    assert scored.known_signals == ()
    assert scored.kept == tuple(examples)
    assert scored.duplicates == 0


def test_examples_without_a_signal_are_never_known() -> None:
    examples = batch()
    scored = score(examples, len(examples), dict.fromkeys(range(len(examples)), True))
    assert scored.kept == (examples[-1],)
    assert set(scored.known_signals) == {"s0", "s1", "s2"}


def test_of_many_wordings_a_few_are_asked_and_the_lesson_always_is() -> None:
    many = [example("dog?", Role.LESSON, "s1"), *(example(f"dog {n}?", Role.REWORDING, "s1") for n in range(17))]
    few = [example("live?", Role.LESSON, "s2"), example("cat?", Role.CONTRAST, "s2")]
    places = asked([*many, *few])
    assert places[0] == 0
    assert len(places) <= SCORED_WORDINGS + 1
    assert [place for place in places if place >= len(many)] == [len(many)]
    assert asked(few) == [0]


def signal(
    number: int, kind: SignalKind = SignalKind.TAUGHT, origin: Origin = Origin.TYPED, answer: str = "Rex."
) -> Signal:
    return Signal(f"s{number}", kind, "Dog?", answer, origin, None, None, "then", SignalState.PENDING)


def test_what_the_user_gave_again_weighs_more_and_no_more_than_twice() -> None:
    lessons = [example("dog?", Role.LESSON), example("my dog?", Role.REWORDING), example("cat?", Role.CONTRAST)]
    again = signal(2, SignalKind.GOOD, Origin.MODEL, "rex")
    weights = [one.weight for one in confirmed(lessons, [signal(1), again])]
    assert weights == [1.5, 1.5, 1.0]
    many = [signal(number) for number in range(1, 9)]
    assert confirmed(lessons, many)[0].weight == 2.0


def test_what_comes_from_elsewhere_or_is_disliked_confirms_nothing() -> None:
    lessons = [example("dog?", Role.LESSON)]
    others = [signal(2, origin=Origin.FILE), signal(3, SignalKind.BAD, Origin.MODEL), signal(4, answer="Bo.")]
    assert confirmed(lessons, [signal(1), *others]) == tuple(lessons)
