"""Questions are read into the form that a person would hear, and asked anew in words that mean the same."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_seal.adaptation.question_forms import (
    CLAUSE,
    GREETING,
    NAMED,
    OTHER,
    POSSESSED,
    near_questions,
    probes,
    read_form,
    rewordings,
    subject,
)
from edge_seal.adaptation.self_edit import normalized

relaxed = settings(deadline=None)  # a busy machine is not a failure
QUESTIONS = {
    NAMED: ("What is my dog's name?", "What is the name of my boat?", "What was my first cat called?"),
    POSSESSED: ("What is my favourite tea?", "Who is my dentist?", "What are my working hours?"),
    CLAUSE: ("Where do I live?", "When do I take meetings?", "Which bus should I take?", "How often do I swim?"),
    GREETING: ("Good morning!", "hello", "Hey there."),
    OTHER: ("Write to Anna.", "Who painted the Mona Lisa?", "?", "Sign my {x} {p} letters"),
}
EVERY_QUESTION = [(kind, prompt) for kind, prompts in QUESTIONS.items() for prompt in prompts]
words = st.text("abcdefghijklmnopqrstuvwxyzäé", min_size=1, max_size=8)
things = st.lists(words, min_size=1, max_size=3).map(" ".join)
prompts = st.one_of(
    things.map(lambda thing: f"What is my {thing}'s name?"),
    things.map(lambda thing: f"What is my {thing}?"),
    things.map(lambda thing: f"Who is my {thing}?"),
    things.map(lambda thing: f"Where do I {thing}?"),
    st.sampled_from([prompt for _, prompt in EVERY_QUESTION]),
    st.text(max_size=60),
)


@pytest.mark.parametrize(("kind", "prompt"), EVERY_QUESTION, ids=str)
def test_forms_are_told_apart(kind: str, prompt: str) -> None:
    assert read_form(prompt).kind == kind


@pytest.mark.parametrize(
    ("prompt", "kind", "thing"),
    [
        ("  What   is my\tdog's\nname ?", NAMED, "dog"),
        ("What’s my dog’s name?", NAMED, "dog"),
        ("WHAT IS MY DOG CALLED", NAMED, "DOG"),
        ("what is the name of my mother-in-law...", NAMED, "mother-in-law"),
        ("What’s my favourite tea?!", POSSESSED, "favourite tea"),
        ("Where do I live ?", CLAUSE, "where I live"),
        ("Where should I put Ann’s keys?", CLAUSE, "where I should put Ann's keys"),
        ("  Hi  there! ", GREETING, "Hi  there!"),
    ],
)
def test_spacing_case_marks_and_curly_apostrophes_do_not_matter(prompt: str, kind: str, thing: str) -> None:
    form = read_form(prompt)
    assert (form.kind, form.thing) == (kind, thing)


def test_a_clause_is_asked_both_ways_round() -> None:
    form = read_form("Where should I park my car?")
    assert (form.thing, form.inverted) == ("where I should park my car", "where should I park my car")
    asked = rewordings(form)
    assert asked[0] == "Where should I park my car?"
    assert "Tell me where I should park my car." in asked
    assert "Quick question: where should I park my car?" in asked


def test_people_are_asked_for_as_people() -> None:
    assert read_form("Who is my dentist?").person
    assert not read_form("What is my shoe size?").person
    assert "Who is my dentist?" in rewordings(read_form("Who’s my dentist?"))
    assert all("who" not in wording.lower() for wording in rewordings(read_form("What is my shoe size?")))


def test_favourites_are_asked_for_without_the_word_too() -> None:
    assert "Which tea do I like best?" in rewordings(read_form("What is my favourite tea?"))
    assert "Which green tea do I like best?" in rewordings(read_form("What is my favorite green tea?"))


@pytest.mark.parametrize("prompt", ["Replace {x} with {p}", "Print {0} {q}{Q}{y} {{}}", "{x", "%s {thing!r}"])
def test_braces_in_the_users_words_are_left_alone(prompt: str) -> None:
    form = read_form(prompt)
    for wording in (*rewordings(form), *probes(form)):
        assert prompt in wording


@pytest.mark.parametrize(("kind", "prompt"), EVERY_QUESTION, ids=str)
def test_every_placeholder_is_filled(kind: str, prompt: str) -> None:
    if "{" in prompt:
        return
    form = read_form(prompt)
    assert form.kind == kind
    asked = (*rewordings(form), *probes(form))
    assert asked
    assert not [wording for wording in asked if "{" in wording or not wording.strip()]


@given(prompts)
@relaxed
def test_no_probe_is_among_the_rewordings(prompt: str) -> None:
    """What is held back must not be trained: the one way in which the gate could be fooled from here."""
    form = read_form(prompt)
    held = {normalized(wording) for wording in probes(form)}
    assert len(held) == 3
    assert not held & {normalized(wording) for wording in rewordings(form)}


@given(st.text(max_size=200))
@relaxed
def test_any_text_has_a_form(prompt: str) -> None:
    form = read_form(prompt)
    assert form.kind in {NAMED, POSSESSED, CLAUSE, GREETING, OTHER}
    assert rewordings(form)


@given(things)
@relaxed
def test_wordings_of_a_name_are_about_the_same_thing(thing: str) -> None:
    asked = f"What is the name of my {thing}?"
    if subject(read_form(asked)) != thing:
        return  # "my dog's name": already another form
    for same in (f"What is my {thing} called?", f"What is my {thing}'s name?"):
        assert subject(read_form(same)) == thing


def test_spellings_of_one_thing_are_one_subject() -> None:
    assert subject(read_form("What is my favorite color?")) == subject(read_form("What’s my favourite colour?"))
    assert subject(read_form("What is my neighbor's name?")) == subject(read_form("What is my neighbour called?"))
    assert subject(read_form("Hello!")) != subject(read_form("What is my hello?"))


@pytest.mark.parametrize(("kind", "prompt"), EVERY_QUESTION, ids=str)
def test_near_questions_ask_for_something_else(kind: str, prompt: str) -> None:
    form = read_form(prompt)
    near = near_questions(form)
    assert bool(near) == (kind in {NAMED, POSSESSED, CLAUSE})
    assert subject(form) not in {subject(read_form(question)) for question, _ in near}


def test_the_nearest_question_is_of_the_same_family() -> None:
    assert near_questions(read_form("What is my dog's name?"))[0] == ("What is my cat's name?", "your cat's name")
    assert near_questions(read_form("What is my favourite tea?"))[0][0].startswith("What is my favourite ")
    assert near_questions(read_form("When do I take meetings?"))[0][0].startswith("When ")
