"""A statement's question in other words, with a gap, the other way round, and about a name that nobody told of.

Invariant: pure; `probes` and `rewordings` have no prompt in common.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from edge_seal.adaptation.statement_forms import Frame
from edge_seal.adaptation.statement_parts import NAME_ONLY, PERSON_NAME
from edge_seal.adaptation.unknown_names import unknown_names

_WORDINGS: Final = (
    "Tell me {x}.",
    "Do you remember {x}?",
    "I forgot {x}.",
    "Can you tell me {x}?",
    "Remind me: {q}",
)
_PROBES: Final = ("Do you know {x}?", "Please tell me {x}.")
_PEOPLE_RULES: Final = frozenset({"passive-who", "attribute-who"})


UNKNOWN_A_STATEMENT: Final = 5
_UNKNOWN_WORDINGS: Final = ("{Q}", "Tell me {x}.", "Do you remember {x}?", "Can you tell me {x}?", "{Q}")


@dataclass(frozen=True, slots=True)
class Worded:
    """A prompt, its answer, and which form it is."""

    prompt: str
    answer: str
    form: str


def rewordings(frame: Frame) -> tuple[Worded, ...]:
    """Other ways to ask for the statement: forms of the question, a gap to fill, and who the person in it is."""
    plain = [Worded(_filled(wording, frame), frame.statement, "question") for wording in _WORDINGS]
    ends = frame.statement.endswith(f" {frame.span}.")
    gap = (
        f"Complete this: {frame.statement.removesuffix(f' {frame.span}.')}" if ends else f"Fill the gap: {frame.cloze}"
    )
    worded = [*plain[:2], Worded(gap, f"{frame.span}.", "cloze"), *plain[2:]]
    person = frame.span if frame.rule in _PEOPLE_RULES else frame.subject if frame.rule == "who" else ""
    if person and PERSON_NAME.fullmatch(person) and " " in person:
        worded.append(Worded(f"Who is {person}?", frame.statement, "converse"))
    return tuple(worded)


def probes(frame: Frame) -> tuple[Worded, ...]:
    """Ways to ask that are never trained on."""
    return tuple(Worded(_filled(wording, frame), frame.statement, "question") for wording in _PROBES)


def unknowns(frame: Frame, told: str = "") -> tuple[tuple[str, str], ...]:
    """The same question about names that `told` does not hold, in several forms, so that none tells them apart.

    Returns:
        pairs of the question and what it asks for, all about other names; none where the statement is about no name.
        The same frame gives the same names.
    """
    named = frame.subject
    if not NAME_ONLY.fullmatch(named) or named not in frame.question or named not in frame.asked:
        return ()
    names = unknown_names(frame.question, UNKNOWN_A_STATEMENT, f"{told} {frame.statement}")
    return tuple(
        (_filled(wording, frame).replace(named, name), frame.asked.replace(named, name))
        for wording, name in zip(_UNKNOWN_WORDINGS, names, strict=False)
    )


def _filled(wording: str, frame: Frame) -> str:
    # Replaced one by one, not by str.format: the document's words may hold braces.
    return (
        wording.replace("{x}", frame.asked)
        .replace("{Q}", frame.question)
        .replace("{q}", f"{frame.question[:1].lower()}{frame.question[1:]}")
    )
