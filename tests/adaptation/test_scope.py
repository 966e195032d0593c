"""Where lessons apply: the decision, on real vectors; and that its vectors go with the lesson."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from edge_seal.adaptation.scope import (
    FEATURES,
    LONGEST_REPEATED,
    WEIGHTS,
    Judged,
    Scope,
    beside,
    is_of_the_assistant,
    untold_wordings,
    wordings,
)
from edge_seal.engines.onnx_embedder import OnnxEmbedder

LESSONS = ("What is my dog's name?", "Where do I live?", "When do I take meetings?")


@pytest.fixture(scope="module")
def embedder(default_embedder: Mapping[str, Path]) -> OnnxEmbedder:
    return OnnxEmbedder.open(default_embedder["model.onnx"], default_embedder["tokenizer.json"])


@pytest.fixture(scope="module")
def scope(embedder: OnnxEmbedder) -> Scope:
    return scope_of(LESSONS, embedder)


def scope_of(lessons: Sequence[str], embedder: OnnxEmbedder) -> Scope:
    told = embedder.embed([text for lesson in lessons for text in wordings(lesson)])
    near = embedder.embed([text for lesson in lessons for text in beside(lesson)])
    return Scope(lessons, told, near, embedder.embed([text for texts in untold_wordings() for text in texts]))


def is_inside(scope: Scope, embedder: OnnxEmbedder, question: str) -> bool:
    return scope.judge(question, embedder.embed([question])[0]).inside


@pytest.mark.parametrize(
    "question",
    [
        "What is my dog's name?",
        "what is my dog called",
        "Which name does my dog answer to?",
        "Which town is my home in?",
        "At what hour may somebody have a meeting with me?",
    ],
)
def test_a_lesson_bears_on_other_wordings_of_it(scope: Scope, embedder: OnnxEmbedder, question: str) -> None:
    assert is_inside(scope, embedder, question)


@pytest.mark.parametrize(
    "question",
    [
        "What is the capital of France?",
        "Write a poem about the sea.",
        "How do I centre a div?",
        "What is 8 x 5?",
        "What is my shoe size?",
        "What is my cat's name?",
        "Where do I work?",
        "Who painted the Mona Lisa?",
    ],
)
def test_no_lesson_bears_on_what_is_general_or_was_never_told(
    scope: Scope, embedder: OnnxEmbedder, question: str
) -> None:
    assert not is_inside(scope, embedder, question)


def test_the_words_of_a_lesson_are_inside_whatever_their_vector_says(scope: Scope) -> None:
    assert scope.judge("WHERE do I  live", np.zeros(384, np.float32)).inside


@pytest.mark.parametrize(
    ("question", "lesson"),
    [
        ("Which name does my dog answer to?", LESSONS[0]),
        ("could you tell me what my dog is called", LESSONS[0]),
        ("Which town is my home in?", LESSONS[1]),
        ("At what hour may somebody have a meeting with me?", LESSONS[2]),
    ],
)
def test_what_is_asked_for_is_asked_as_it_was_taught(
    scope: Scope, embedder: OnnxEmbedder, question: str, lesson: str
) -> None:
    assert scope.judge(question, embedder.embed([question])[0]).taught_as(question) == lesson


DOG = "What do I call my dog?"


def test_what_is_outside_is_asked_in_its_own_words() -> None:
    assert Judged(inside=True, log_odds=0.01, nearest=LESSONS[0]).taught_as(DOG) == LESSONS[0]
    assert Judged(inside=False, log_odds=-0.01, nearest=LESSONS[0]).taught_as(DOG) is None


def test_a_long_lesson_is_not_repeated() -> None:
    assert Judged(inside=True, log_odds=9.0, nearest="x" * (LONGEST_REPEATED + 1)).taught_as(DOG) is None


@pytest.mark.parametrize(
    "request_", ["Write a haiku about my dog.", "Tell me a joke about my dog", "Translate 'my dog' into French."]
)
def test_what_is_to_be_made_of_a_lesson_keeps_its_own_words(request_: str) -> None:
    assert Judged(inside=True, log_odds=math.inf, nearest=LESSONS[0]).taught_as(request_) is None
    # But where that is what was taught, it is that.
    taught = Judged(inside=True, log_odds=9.0, nearest=request_)
    assert taught.taught_as(request_) == request_


@pytest.mark.parametrize(
    "question",
    [
        "How old is my dog?",
        "What does my dog look like?",
        "What is a dog?",
        "What's a good name for a dog?",
        "With whom do I live?",
        "Where do penguins live?",
        "Why do I take meetings?",
    ],
)
def test_a_lesson_does_not_answer_what_is_asked_beside_it(scope: Scope, embedder: OnnxEmbedder, question: str) -> None:
    assert not is_inside(scope, embedder, question)


def test_what_is_beside_one_lesson_and_is_told_too_is_inside(embedder: OnnxEmbedder) -> None:
    both = scope_of((LESSONS[0], "Where is my dog?"), embedder)
    assert "Where is my dog?" in beside(LESSONS[0])
    assert is_inside(both, embedder, "In which place is my dog?")
    assert is_inside(both, embedder, "what is my dog called")


def test_what_was_told_is_no_longer_among_the_untold(embedder: OnnxEmbedder) -> None:
    cat = "What is my cat's name?"
    told = scope_of((*LESSONS, cat), embedder)
    assert told.judge(
        "Do you know how my cat is called?", embedder.embed(["Do you know how my cat is called?"])[0]
    ).inside


def test_each_figure_has_a_weight(scope: Scope, embedder: OnnxEmbedder) -> None:
    figures = scope.figures("Where is my home?", embedder.embed(["Where is my home?"])[0])
    assert len(figures) == len(WEIGHTS) == len(FEATURES)
    assert all(np.isfinite(figures))


@pytest.mark.parametrize(
    "told", ["My dog is called Rex.", "I live in Oslo now.", "Well, my dog's name is Bello, he is two.", "We moved."]
)
def test_who_tells_something_asks_for_no_lesson(scope: Scope, embedder: OnnxEmbedder, told: str) -> None:
    assert not is_inside(scope, embedder, told)


@pytest.mark.parametrize(
    "asked", ["I forgot my dog's name.", "my dog's name", "I need to know where I live", "My dog is called what again?"]
)
def test_a_question_may_look_as_if_it_told_something(scope: Scope, embedder: OnnxEmbedder, asked: str) -> None:
    assert is_inside(scope, embedder, asked)


def test_a_lesson_on_what_is_told_bears_on_what_is_told(embedder: OnnxEmbedder) -> None:
    assert is_inside(scope_of(["I am tired."], embedder), embedder, "I am so tired!")


@pytest.mark.parametrize("question", ["What should I call you?", "How may I address you?"])
def test_what_is_asked_of_the_assistant_is_no_lesson_on_the_asker(embedder: OnnxEmbedder, question: str) -> None:
    taught = scope_of(["How should you address me?"], embedder)
    assert not is_inside(taught, embedder, question)
    assert is_inside(taught, embedder, "How do you address me?")
    assert is_inside(scope_of(["What should I call you?"], embedder), embedder, question)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What should I call you?", True),
        ("How can I help you?", True),
        ("What have I told you?", False),
        ("Did I tell you where I live?", False),
        ("What should you call me?", False),
        ("Where is my dog, I ask you?", False),
        ("Who are you?", False),
    ],
)
def test_whom_a_question_is_about(question: str, expected: bool) -> None:
    assert is_of_the_assistant(question) is expected
