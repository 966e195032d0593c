"""Capture and chat commands: what they notice, what they leave alone, and the floors of their figures."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bench.capture import measure
from edge_seal.memory.capture import noticed
from edge_seal.memory.chat_commands import ChatCommand, parsed
from tests.memory.capture_set import HELD_OUT, TUNED_ON

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def test_precision_comes_first_and_recall_has_a_floor() -> None:
    tuned, held_out = measure("tuned on", TUNED_ON), measure("held out", HELD_OUT)
    assert len(TUNED_ON) + len(HELD_OUT) >= 150
    assert (tuned.precision, tuned.recall) >= (0.97, 0.95), tuned.wrong
    assert held_out.precision >= 0.97, held_out.wrong
    assert held_out.recall >= 0.75, held_out.wrong


def test_the_users_own_words_are_kept() -> None:
    (item,) = noticed("btw, I’m allergic to peanuts — any snack ideas?", NOW)
    assert item.text == "I'm allergic to peanuts."
    assert item.found_by == "allergy"


@pytest.mark.parametrize(
    "prompt",
    [
        "I live in Oulu. " * 60,
        "Minutes\n\nI live in Oulu.\n\nWe met.\n\nThe end.\n",
        "```\nI live in Oulu.\n```",
        "> I live in Oulu.",
        'She wrote "I live in Oulu." on the card.',
        "Translate: I live in Oulu. I am a nurse.",
        "",
        "\ud800",
        "I " * 400,
    ],
)
def test_what_looks_pasted_or_quoted_is_left_alone(prompt: str) -> None:
    assert noticed(prompt, NOW) == ()


@pytest.mark.parametrize(
    ("prompt", "command"),
    [
        ("remember that I moved to Oulu", ChatCommand("remember", "I moved to Oulu")),
        ("Please remember that my dog is called Rex.", ChatCommand("remember", "My dog is called Rex.")),
        ("Remember: the spare key is at Ida's", ChatCommand("remember", "The spare key is at Ida's")),
        ("remember I'm allergic to nuts", ChatCommand("remember", "I'm allergic to nuts")),
        ("Don't forget that I work on Sundays", ChatCommand("remember", "I work on Sundays")),
        ("Can you remember that I prefer tea?", ChatCommand("remember", "I prefer tea")),
        ("/remember two\nlines", ChatCommand("remember", "two\nlines")),
        ("/remember", ChatCommand("remember", "")),
        ("/forget m3", ChatCommand("forget", "m3")),
        ("forget m3", ChatCommand("forget", "m3")),
        ("forget that I live in Turku", ChatCommand("forget", "I live in Turku")),
        ("Please forget about my dog.", ChatCommand("forget", "my dog")),
        ("forget what I said about my sister", ChatCommand("forget", "my sister")),
        ("forget where I live", ChatCommand("forget", "where I live")),
        ("Could you forget my phone number?", ChatCommand("forget", "my phone number")),
    ],
)
def test_commands_are_told_from_questions(prompt: str, command: ChatCommand) -> None:
    assert parsed(prompt) == command


@pytest.mark.parametrize(
    "prompt",
    [
        "Do you remember where I live?",
        "Remember when we talked about bees?",
        "remember the Alamo",
        "remember to be brief",
        "What should I remember for the exam?",
        "Forget it.",
        "forget about it",
        "Forget that, tell me a joke instead.",
        "forget about that!",
        "Forget I asked.",
        "forget everything",
        "forget my last question",
        "I always forget that my train leaves at six",
        "How do I forget about my ex?",
        "Remembering names is hard.",
        "/remembering",
        "Why do people forget that whales are mammals?",
    ],
)
def test_talk_of_remembering_is_no_command(prompt: str) -> None:
    assert parsed(prompt) is None
