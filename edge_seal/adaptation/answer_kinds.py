"""What kind of answer a question wants, by the words it is asked with: a person, a time, a place, an amount, a reason.

A lesson that says when does not answer who, however near its words are: "Who goes to the market with me?" is not
"When do I go to the market?". What a question leaves open ("What is my dog called?") is of no kind, and fits any.

Invariant: pure; English only. In another language every question is of no kind.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from edge_seal.memory.bearing import about_asker


class AnswerKind(StrEnum):
    """What a question may want."""

    PERSON = "person"
    TIME = "time"
    PLACE = "place"
    AMOUNT = "amount"
    AGE = "age"
    COLOUR = "colour"
    REASON = "reason"
    YES_OR_NO = "yes or no"


_QUESTION_WORD: Final = re.compile(r"\b(?:what|which|who|whom|whose|when|where|why|how)\b", re.IGNORECASE)
"""The first of them asks; those after it mostly join clauses: "How do I call my cat when she should come in?"."""
_AND_NOUN: Final = r"(?:what|which)(?:'s| is| are| was)?(?: the| my| kind of| sort of| of)* (?:exact |usual )?"
_ASKED: Final = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        (AnswerKind.REASON, r"why\b|how come\b"),
        (AnswerKind.AGE, r"how (?:old|young)\b|what age\b"),
        (AnswerKind.AMOUNT, r"how (?:many|much|long|tall|big|far|large|heavy|high|wide|deep|fast|often|small)\b"),
        (AnswerKind.COLOUR, r"(?:what|which) colou?rs?\b"),
        (AnswerKind.TIME, r"when\b|how (?:late|often)\b|how long (?:have|has|did|do|will)\b"),
        (AnswerKind.TIME, rf"{_AND_NOUN}(?:time|day|weekday|date|hour|month|year|season|week)s?\b"),
        (AnswerKind.PLACE, rf"where\b|{_AND_NOUN}(?:place|city|town|village|country|address|street|room|spot)s?\b"),
        (AnswerKind.PERSON, r"who(?:'s|m|se)?\b"),
    )
)
_AUXILIARY: Final = r"(?:is|are|am|was|were|do|does|did|has|have|had|can|could|will|would|should|may|must)(?:n't)?\b"
_WHETHER: Final = re.compile(_AUXILIARY, re.IGNORECASE)
# "Am I allergic to nuts?" and "Is my boss Petra?" ask for what was told; "Is my street noisy?" asks for something else.
_WHETHER_OF_A_THING: Final = re.compile(rf"{_AUXILIARY} (?:my|our) (?!favou?rite)", re.IGNORECASE)
_VALUE: Final = re.compile(r"\b(?:called|names?|named)\b|\s(?!I\b)[A-Z0-9]")

_SPOKEN_OF: Final = {
    AnswerKind.AGE: "age birthday born old year",
    AnswerKind.AMOUNT: """
        size height number weight weigh age salary income price score length distance rent limit budget fee bill
        balance allowance dose dosage pressure pulse level rate speed temperature total tall big pay earn cost
        spend
    """,
    AnswerKind.COLOUR: "colour color",
    AnswerKind.TIME: """
        birthday anniversary appointment exam holiday deadline season day date time hour bedtime meeting month
        year shift train flight check-up party lesson interview concert delivery morning evening alarm schedule
        timetable routine slot wake weekend
    """,
    AnswerKind.PLACE: """
        home live town city country address street work job school shop office gym village place bakery market
        garage born studied employer company holiday club café restaurant bar pub library park parking beach
        gate platform terminal stop station airport hotel room floor desk seat building berth church hospital
        clinic bank supermarket store nationality origin from
    """,
    AnswerKind.PERSON: """
        my.name boss dentist doctor teacher friend landlord partner wife husband mother father sister
        brother daughter son cousin aunt uncle neighbour coach vet painter writer poet singer composer artist
        actor author director comedian player athlete politician character hero team club band call contact
        address employer company work job support buy
    """,
}
"""What a lesson answers besides, by what it speaks of: "What is my birthday?" says when."""
_ANSWERS: Final = {
    kind: re.compile(rf"\b(?:{'|'.join(words.split())})s?\b", re.IGNORECASE) for kind, words in _SPOKEN_OF.items()
}


def wanted(question: str) -> frozenset[AnswerKind]:
    """The kinds of answer that `question` wants; none: it leaves that open."""
    said = question.strip().replace("’", "'")
    if (first := _QUESTION_WORD.search(said)) is not None:
        return frozenset(kind for kind, pattern in _ASKED if pattern.match(said, first.start()))
    of_a_thing = _WHETHER_OF_A_THING.match(said) is not None and _VALUE.search(said) is None
    return frozenset({AnswerKind.YES_OR_NO}) if of_a_thing else frozenset()


def answered_by(lesson: str) -> frozenset[AnswerKind]:
    """The kinds of questions that a lesson with this prompt may answer, apart from those of no kind.

    What is asked openly of the world ("What is the capital of Peru?") may be answered by anything, and so may whether
    something is so ("Do I have a sister?": two of them).
    """
    kinds = wanted(lesson)
    if _WHETHER.match(lesson) or not (kinds or about_asker(lesson)):
        return frozenset(AnswerKind)
    return kinds | {kind for kind, pattern in _ANSWERS.items() if pattern.search(lesson)}


def fits(kinds: frozenset[AnswerKind], answers: frozenset[AnswerKind]) -> bool:
    """Whether what answers questions of the kinds `answers` may answer one that wants `kinds`."""
    return not kinds or bool(kinds & answers)
