"""Facts the other way round: which have another direction, and what is taught of it."""

from __future__ import annotations

import pytest

from edge_seal.adaptation.converse import converse
from edge_seal.adaptation.question_forms import read_form
from edge_seal.adaptation.self_edit import propose, still_valid
from edge_seal.adaptation.unknown_names import DERIVED_BY, UNKNOWN_NAMES, names_in, unknown_names
from edge_seal.records import Example, Origin, Role, Signal, SignalKind


def told(prompt: str, answer: str, number: int = 1) -> Signal:
    return Signal(f"s{number}", SignalKind.TAUGHT, prompt, answer, Origin.TYPED, None, None, "2026-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("prompt", "answer", "said"),
    [
        ("What is my dog's name?", "Your dog is called Biscuit.", "Biscuit is your dog."),
        ("What is my dog called?", "Biscuit", "Biscuit is your dog."),
        ("What's the name of my dog?", "It's Biscuit!", "Biscuit is your dog."),
        ("What is my dog's name?", "Your dog’s name is Biscuit.", "Biscuit is your dog."),
        ("Who is my boss?", "Your boss is Olga Ostrander.", "Olga Ostrander is your boss."),
        ("Who is my dentist?", "Dr. Haddad", "Dr. Haddad is your dentist."),
        ("What is my boat's name?", "Your boat is called Wayfarer.", "Wayfarer is your boat."),
    ],
)
def test_what_has_a_name_has_another_direction(prompt: str, answer: str, said: str) -> None:
    turned = converse(read_form(prompt), answer)
    assert turned is not None
    assert turned.answer == said


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        ("Where do I live?", "You live in Oulu."),
        ("What is my favourite tea?", "Your favourite tea is Darjeeling."),
        ("What is my dog's name?", "I do not know."),
        ("What is my dog's name?", "Your dog is called Biscuit, and he is old."),
        ("What is my cat's name?", "Your dog is called Biscuit."),
        ("What is my dog's name?", "your dog is called biscuit"),
        ("What is my zorb's name?", "Your zorb is called Biscuit."),
        ("When is my birthday?", "Your birthday is on 24 September."),
    ],
)
def test_what_is_not_plainly_a_name_has_none(prompt: str, answer: str) -> None:
    assert converse(read_form(prompt), answer) is None


def test_both_directions_are_taught_only_where_they_are_asked_for() -> None:
    dog = told("What is my dog's name?", "Your dog is called Biscuit.")
    plain, both = propose([dog]), propose([dog], both_directions=True)
    assert not [one for one in plain.trained if "converse" in one.derived_by]
    added = [one for one in both.trained if one not in plain.trained]
    assert {(one.prompt, one.answer, one.role) for one in added if one.derived_by == "form:converse"} == {
        ("Who is Biscuit?", "Biscuit is your dog.", Role.REWORDING),
        ("Do you know who Biscuit is?", "Biscuit is your dog.", Role.REWORDING),
    }
    (contrast,) = [one for one in added if one.derived_by == DERIVED_BY]
    assert contrast.role is Role.CONTRAST
    assert contrast.answer == f"You haven't told me who {contrast.prompt.split()[-1].rstrip('?')} is."
    (probe,) = [one for one in both.probes if "converse" in one.derived_by]
    assert probe.prompt not in {one.prompt for one in both.trained}
    (neighbour,) = [one for one in both.neighbours if one.derived_by == DERIVED_BY]
    assert not names_in(neighbour.prompt) & names_in(contrast.prompt)
    assert {one.signal_id for one in added} == {"s1"}


def test_a_name_that_was_told_is_never_called_unknown() -> None:
    first = unknown_names("x", 1)[0]
    assert (
        unknown_names("x", len(UNKNOWN_NAMES), f"My dog is {first.lower()}.")
        == unknown_names("x", len(UNKNOWN_NAMES))[1:]
    )
    dogs = [told("What is my dog's name?", f"Your dog is called {name}.", 1) for name in UNKNOWN_NAMES]
    for dog in dogs:
        edits = propose([dog], both_directions=True)
        assert not [
            one for one in edits.trained if one.role is Role.CONTRAST and names_in(one.prompt) & names_in(dog.answer)
        ]


def test_a_contrast_is_not_replayed_once_its_name_was_told() -> None:
    contrast = Example(
        "Who is Tarsk?", "You haven't told me who Tarsk is.", Role.CONTRAST, Origin.TYPED, "s1", DERIVED_BY
    )
    assert still_valid([contrast], [told("What is my cat's name?", "Your cat is called Mango.", 2)]) == (contrast,)
    assert still_valid([contrast], [told("What is my cat's name?", "Your cat is called Tarsk.", 2)]) == ()
