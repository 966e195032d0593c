"""What leans on the turn before it goes where that one went."""

from __future__ import annotations

import pytest

from edge_seal.runtime.scoping import follows_on


@pytest.mark.parametrize("prompt", ["And how old is he?", "Why?", "Are you sure", "What does it eat?", "go on"])
def test_a_short_question_that_points_back_follows_on(prompt: str) -> None:
    assert follows_on(prompt)


@pytest.mark.parametrize(
    "prompt",
    [
        "What is the capital of France?",
        "Write a poem.",
        "Italy is where?",
        "Explain to me in detail how the engine of a car works, and what it needs to be kept in order over years.",
    ],
)
def test_a_question_of_its_own_does_not(prompt: str) -> None:
    assert not follows_on(prompt)
