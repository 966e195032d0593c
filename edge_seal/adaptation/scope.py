"""Where a lesson applies: which questions the adapter answers, and which the base answers, untouched.

An adapter changes every answer a little, and what is near a lesson more. So it is asked only where a lesson bears on
the question, and the base everywhere else, bit for bit: the scope classifier in front of an edit of SERAC (Mitchell et
al. 2022, arXiv:2206.06520), with the adapter in the place of their counterfactual model. What decides is a logistic
regression over a few figures that each can be read; `bench.scope` fits and measures it.

Invariants: pure, apart from the vectors that it is given; a question in the very words of a lesson, or in a form of
them that the grammar reads, is always inside.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

from edge_seal.adaptation.question_forms import (
    CLAUSE,
    NAMED,
    OTHER,
    POSSESSED,
    QuestionForm,
    near_questions,
    read_form,
    rewordings,
    subject,
)
from edge_seal.engines.engine import FloatArray
from edge_seal.memory.bearing import about_asker

WORDINGS_OF_A_LESSON: Final = 10
WORDINGS_OF_THE_UNTOLD: Final = 2
NEAREST: Final = 3

FEATURES: Final = (
    "cosine with the three nearest wordings of lessons, mean",
    "cosine with the nearest of them over the nearest question never told",
    "about the asker",
    "asks for a name, and none of what was told",
    "asks for something of the asker's, and none of what was told",
    "asks where, when, how or what in a clause, and none of what was told",
)
WEIGHTS: Final = (10.96, 11.89, 0.57, -8.73, -5.61, -0.49)
BIAS: Final = -5.141
"""Fitted by `python -m bench.scope --fit` on half of its relations, for vectors of the default embedder."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Whether a lesson bears on a question; `log_odds` above 0 says that it does."""

    inside: bool
    log_odds: float


def wordings(prompt: str) -> tuple[str, ...]:
    """The lesson's prompt and the ways to ask it that are compared with a question; the first is the prompt."""
    return tuple(dict.fromkeys((prompt, *rewordings(read_form(prompt))[:WORDINGS_OF_A_LESSON])))


@cache
def untold_wordings() -> tuple[tuple[str, ...], ...]:
    """Questions about oneself that people ask, in some wordings each: what is not a lesson may be one of these."""
    questions = [question for kind in (NAMED, CLAUSE) for question, _ in near_questions(QuestionForm(kind, ""))]
    return tuple(
        tuple(dict.fromkeys((question, *rewordings(read_form(question)))))[:WORDINGS_OF_THE_UNTOLD]
        for question in dict.fromkeys(questions)
    )


def asks_for(question: str, lessons: Sequence[str]) -> bool:
    """Whether `question` is one of `lessons` (their prompts) in its very words, or in a form that the grammar reads."""
    form = read_form(question)
    if _plain(question) in frozenset(map(_plain, lessons)):
        return True
    return form.kind != OTHER and subject(form) in _subjects(lessons)


class Scope:
    """What some lessons bear on.

    Args:
        lessons: their prompts, at least one.
        told: unit vectors of `wordings` of each, in their order, `(all wordings, D)`.
        untold: unit vectors of `untold_wordings`, in their order, `(all wordings, D)`.
    """

    def __init__(self, lessons: Sequence[str], told: FloatArray, untold: FloatArray) -> None:
        self._subjects = _subjects(lessons)
        self._prompts = frozenset(_plain(prompt) for prompt in lessons)
        self._told = told
        kept = [subject(read_form(texts[0])) not in self._subjects for texts in untold_wordings() for _ in texts]
        self._untold = untold[np.array(kept, bool)]

    def judge(self, question: str, vector: FloatArray) -> Judged:
        """Whether any lesson bears on `question`, whose unit vector `(D,)` is `vector`."""
        form = read_form(question)
        if _plain(question) in self._prompts or (form.kind != OTHER and subject(form) in self._subjects):
            return Judged(inside=True, log_odds=math.inf)
        log_odds = BIAS + sum(
            weight * figure for weight, figure in zip(WEIGHTS, self.figures(question, vector), strict=True)
        )
        return Judged(log_odds > 0.0, log_odds)

    def figures(self, question: str, vector: FloatArray) -> tuple[float, ...]:
        """What decides on `question`, in the order of `FEATURES`."""
        told = np.sort(self._told @ vector)[-NEAREST:]
        untold = float((self._untold @ vector).max()) if len(self._untold) else 0.0
        form = read_form(question)
        elsewhere = form.kind if subject(form) not in self._subjects else OTHER
        return (
            float(told.mean()),
            float(told[-1]) - untold,
            float(about_asker(question)),
            float(elsewhere == NAMED),
            float(elsewhere == POSSESSED),
            float(elsewhere == CLAUSE),
        )


def _subjects(lessons: Sequence[str]) -> frozenset[str]:
    return frozenset(
        subject(form)
        for prompt in lessons
        for form in map(read_form, (prompt, *rewordings(read_form(prompt))))
        if form.kind != OTHER
    )


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip("?!. ")
