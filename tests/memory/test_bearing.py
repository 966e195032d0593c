"""What counts as bearing on a question: about the asker, about the world, beside something nearer."""

from __future__ import annotations

import pytest

from edge_seal.memory.bearing import about_asker, bearing
from edge_seal.memory.search import Hit

MINE, THEIRS = "Where is my flat?", "Where is the moon?"


def _bears(question: str, similarity: float | None, matched: int = 0, asked: int = 3, *, answers: bool = False) -> bool:
    return bearing(question, [Hit(1, 0.03, similarity, matched, asked, answers)], 0.25) != ()


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Where is my flat?", True),
        ("WHEN ARE WE MOVING", True),
        ("Would Solveig enjoy a trip with me?", True),
        ("Who invented the croissant?", False),
        ("Give me three synonyms for happy.", False),
        ("How do I centre a div?", False),
        ("How do I like my eggs, tell me", True),
        ("Explain osmosis to me.", False),
        ("Is the myth true?", False),
        ("", False),
    ],
)
def test_whom_a_question_is_about(question: str, expected: bool) -> None:
    assert about_asker(question) is expected


@pytest.mark.parametrize(
    ("similarity", "matched", "asked", "mine", "theirs"),
    [
        (0.40, 0, 3, True, True),
        (0.39, 1, 3, True, False),
        (0.25, 0, 3, True, False),
        (0.24, 1, 1, False, False),  # one shared word is what "the sky" and "a blue pot" have
        (0.20, 2, 3, True, True),
        (0.13, 2, 3, True, False),
        (0.13, 2, 4, False, False),
        (0.12, 3, 3, False, False),
        (None, 1, 3, True, False),
        (None, 1, 4, False, False),
        (None, 2, 3, True, True),
        (None, 0, 0, False, False),
    ],
)
def test_a_question_about_the_world_needs_more(
    similarity: float | None, matched: int, asked: int, mine: bool, theirs: bool
) -> None:
    assert _bears(MINE, similarity, matched, asked) is mine
    assert _bears(THEIRS, similarity, matched, asked) is theirs


def test_what_has_the_attribute_bears_however_far_it_is() -> None:
    assert _bears(THEIRS, 0.01, answers=True)


def test_what_is_much_farther_than_the_nearest_is_left_out() -> None:
    hits = [Hit(1, 0.03, 0.8, 1, 3), Hit(2, 0.03, 0.57, 1, 3), Hit(3, 0.02, 0.55, 1, 3), Hit(4, 0.01, 0.2, 2, 3)]
    assert [hit.number for hit in bearing(MINE, hits, 0.25)] == [1, 2, 4]
