"""What answers: a rule's adapter where the rule applies; what leans on the turn before goes where that one went."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_seal.config import Home
from edge_seal.runtime import Runtime
from edge_seal.runtime.scoping import follows_on
from tests.support.tiny_installation import install_tiny_model, learned_update


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


@pytest.fixture
def installed(home: Home, tmp_path: Path) -> Home:
    install_tiny_model(home, tmp_path)
    return home


def test_a_rule_for_a_kind_bears_on_unseen_prompts_of_the_kind_alone(installed: Home) -> None:
    update = learned_update(installed, prompt="Hi there, nice to meet you.", derived_by="rule:end:greeting")
    with Runtime.open(installed) as runtime:
        assert runtime.bears_on(update, "Good morning!", None)
        assert not runtime.bears_on(update, "What is a comet?", None)
        # The very prompt that showed the rule is no lesson: it is in by its kind.
        assert runtime.bears_on(update, "Hi there, nice to meet you.", None)
        assert runtime.releases.lessons(update) == ()


def test_a_rule_for_every_answer_bears_on_everything(installed: Home) -> None:
    update = learned_update(installed, prompt="Tell me a joke about a penguin.", derived_by="rule:no_commas:every")
    with Runtime.open(installed) as runtime:
        assert all(runtime.bears_on(update, prompt, None) for prompt in ("What is a comet?", "Hello!", "Write a poem."))


def test_a_rule_goes_on_holding_above_what_was_learned_after_it(installed: Home) -> None:
    learned_update(installed, prompt="Hi there, nice to meet you.", derived_by="rule:end:greeting")
    above = learned_update(installed, seed=2, prompt="What is an owl?", derived_by="rule:layout:definition")
    with Runtime.open(installed) as runtime:
        asked = ("Good morning!", "What is a comet?", "Why do leaves fall?")
        assert [runtime.bears_on(above, prompt, None) for prompt in asked] == [True, True, False]
