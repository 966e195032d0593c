"""Questions right beside a lesson: of the same thing something else, and of its kind in general.

A question about a lesson and one beside it share their words, so they are nearly as near to it. What tells them apart
is which of the two is nearer: `scope` compares a question with these as well.

Invariants: pure; none of them is a wording of the lesson.
"""

from __future__ import annotations

import re
from typing import Final

from edge_seal.adaptation.question_forms import QuestionForm

_NAMED: Final = (
    "How old is my {x}?",
    "Where is my {x}?",
    "What does my {x} look like?",
    "What does my {x} do?",
    "Do I have a {x}?",
    "What is a {x}?",
    "What is a good name for a {x}?",
)
_PERSON: Final = (
    "How old is my {x}?",
    "Where is my {x}?",
    "How much does my {x} cost?",
    "When do I see my {x}?",
    "What does a {x} do?",
    "How do I become a {x}?",
)
_FAVOURITE: Final = (
    "Why do I like {x} so much?",
    "How often do I have {x}?",
    "Where do I get {x}?",
    "Which {x} do I hate?",
    "Which {x} is the best in the world?",
    "What is a {x}?",
    "Who likes {x}?",
)
_WHEN: Final = ("Who comes to my {x}?", "What do I do on my {x}?", "What is a {x}?", "Where is my {x}?")
_POSSESSED: Final = (
    "Why is that my {x}?",
    "Since when have I had my {x}?",
    "Who gave me my {x}?",
    "Where is my {x}?",
    "What is a good {x}?",
    "What is the average {x}?",
)
_CLAUSE: Final = ("Why", "When", "Where", "With whom", "How often", "How long")
_FAVOURITES: Final = ("favourite ", "favorite ")
_QUESTION_WORD: Final = re.compile(r"(?:what|who|when|where|which|how|why)\b")
_VERB: Final = re.compile(r"(?:do|am|was|have|should|can|must|may)\b")


def aspects(form: QuestionForm) -> tuple[str, ...]:
    """Questions beside `form`; none for what the grammar does not read, and for greetings."""
    match form.kind:
        case "named":
            return _filled(_NAMED, form.thing)
        case "possessed":
            if form.person:
                return _filled(_PERSON, form.thing)
            if form.thing.lower().startswith(_FAVOURITES):
                return _filled(_FAVOURITE, form.thing.split(" ", 1)[1])
            return _filled(_WHEN if form.when else _POSSESSED, form.thing)
        case "clause":
            return _of_clause(form.inverted)
        case _:
            return ()


def _filled(questions: tuple[str, ...], thing: str) -> tuple[str, ...]:
    # Replaced, not by str.format: the user's words may hold braces.
    return tuple(question.replace("{x}", thing) for question in questions)


def _of_clause(inverted: str) -> tuple[str, ...]:
    """Of "where do I live": why, when, with whom do I live, and where people live."""
    word = _QUESTION_WORD.match(inverted)
    if word is None:
        return ()
    rest = inverted[word.end() :].strip()
    if word[0] in {"what", "which"} and _VERB.match(rest) is None and " " in rest:
        # "which team do I support" asks for a team: why do I support it?
        rest = rest.split(" ", 1)[1]
    others = tuple(f"{asked} {rest}?" for asked in _CLAUSE if asked.lower() != word[0])
    of_people = re.sub(r"\bam\b", "are", re.sub(r"\bmy\b", "their", re.sub(r"\bI\b", "people", rest)))
    return (*others, f"{word[0].capitalize()} {of_people}?")
