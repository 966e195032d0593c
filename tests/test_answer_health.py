"""Broken answers, loops and refusals, with answers that only look like them."""

from __future__ import annotations

import pytest

from edge_seal.answer_health import ends_in_a_loop, is_broken, is_monotonous, median_words, refuses, repeats


@pytest.mark.parametrize(
    "answer",
    [
        "so so so so so so",
        "It is the the the the the the end",
        "I am I am I am I am",
        "The dog is here. The dog is here. The dog is here.",
        "A day is a day, and a day is a day, and a day is a day, and a day is a day.",
        ". . . . . . .",
    ],
)
def test_loops(answer: str) -> None:
    assert repeats(answer)
    assert is_broken(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "Very, very, very good.",
        "No, no, no!",
        "Row, row, row your boat, gently down the stream.",
        "1. Wash it.\n2. Dry it.\n3. Fold it.",
        "The cat sat. The dog sat. The bird sang.",
        "I",
    ],
)
def test_what_only_repeats_a_little_is_no_loop(answer: str) -> None:
    assert not is_broken(answer)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Big:\n\nBigger:\n\nBig:\n\nBigger:\n\nBigger", True),
        ("No, no, no, no!", True),
        ("No, no, no!", False),
        ("Very, very, very good.", False),
        ("The cat sat. The dog sat. The bird sang.", False),
        ("To make a cup of tea, put tea into a cup.", False),
        ("", False),
    ],
)
def test_on_the_way_into_a_loop(answer: str, expected: bool) -> None:
    assert is_monotonous(answer) is expected
    assert not is_broken(answer) or not answer


def test_nothing_is_broken() -> None:
    assert is_broken("")
    assert is_broken(" \n")


@pytest.mark.parametrize(
    ("answer", "refusing"),
    [
        ("You haven't told me your cat's name.", True),
        ("You haven’t told me that yet.", True),
        ("You never mentioned it.", True),
        ("I don't know your name.", True),
        ("You have told me: Oulu.", False),
        ("Tell me more.", False),
        ("I don't know a better tea.", False),
        ("The teacher told you the answer.", False),
    ],
)
def test_refusals(answer: str, refusing: bool) -> None:
    assert refuses(answer) is refusing


def test_the_median_length() -> None:
    assert median_words([]) == 0.0
    assert median_words(["one", "one two three", "it's two"]) == 2.0
    assert median_words(["one", "one two"]) == 1.5


SENTENCE = "In the city you can find everything from the old harbour to the new museum, and you may stay on. "


@pytest.mark.parametrize("answer", ["ha " * 24, "Well: " + "la femme au martiache, " * 6, SENTENCE * 3, "a\nb\n" * 12])
def test_an_answer_that_ends_in_a_loop(answer: str) -> None:
    assert ends_in_a_loop(answer)
    assert not ends_in_a_loop(f"{answer} But then it went on.")


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "ha ha ha ha ha",
        SENTENCE * 2,
        "Row, row, row your boat, gently down the stream. Merrily, merrily, merrily, merrily, life is but a dream.",
        "\n".join(f"{number}. The same thing again" for number in range(9)),
    ],
)
def test_a_refrain_is_no_loop(answer: str) -> None:
    assert not ends_in_a_loop(answer)
