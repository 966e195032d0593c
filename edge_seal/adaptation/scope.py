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
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

from edge_kernels.arrays import IntArray
from edge_seal.adaptation.answer_kinds import answered_by, fits, wanted
from edge_seal.adaptation.aspects import aspects
from edge_seal.adaptation.prompt_kinds import JOKE, LIST, TRANSLATION, WRITING, kind_of
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
from edge_seal.memory.words import singular

_SAID_BESIDE_GREETINGS: Final = (
    ("See you tomorrow.", "Bye for now."),
    ("Thank you, that was all.", "Thanks a lot."),
    ("Good night.", "Sleep well."),
)
WORDINGS_OF_A_LESSON: Final = 10
WORDINGS_OF_THE_UNTOLD: Final = 2
NEAREST: Final = 3

FEATURES: Final = (
    "cosine with the three nearest wordings of lessons, mean",
    "cosine with the nearest of them over the nearest question never told, or beside a lesson",
    "about the asker as the nearest lesson is, or about the world as that is",
    "asks for a name, and none of what was told",
    "asks for something of the asker's, and none of what was told",
    "asks where, when, how or what in a clause, and none of what was told",
    "speaks of something of the asker's that lessons speak of",
    "speaks of something of the asker's that no lesson speaks of",
    "turns it round, as the nearest lesson does not: least, last, hate",
)
WEIGHTS: Final = (10.6, 16.27, 3.72, -8.06, -5.67, -0.84, -0.1, -0.99, -1.43)
BIAS: Final = -7.981
"""Fitted by `python -m bench.scope --fit` on half of its relations, for vectors of the default embedder."""

_MADE: Final = frozenset({JOKE, LIST, TRANSLATION, WRITING})
"""What is to be made, perhaps of what was told: "Write a haiku about my dog" asks for no lesson."""
LONGEST_REPEATED: Final = 200
"""Characters: a longer lesson is not repeated beside a question."""

# "my" and what it belongs to, up to what cannot be part of a name for a thing.
_OWN: Final = re.compile(
    r"\b(?:my|our)\s+((?:[a-z-]+\s+){0,2}?[a-z-]+?)(?=['’]|[^\w\s'’-]|$|\s+(?:is|are|was|were|am|be|called|named|name|goes|go|answers?"
    r"|has|have|had|do|does|did|can|could|should|would|will|when|in|on|at|to|for|of|by|as|again|with|from|and|or)\b)",
    re.IGNORECASE,
)

# What comes before the question itself, and how it is asked then.
_BEFORE: Final = re.compile(
    r"(?:(?:and|so|but|well|hello|hi|hey|please|by the way)[,.!]?\s+)*"
    r"(?:(?:(?:can|could|would|will) you\s+(?:please\s+)?(?:tell me|say|give me|remember|recall|remind me(?: of)?)"
    r"|do you (?:know|remember|recall)|have i (?:ever )?(?:said|told you)|tell me|remind me(?: of)?"
    r"|i (?:forgot|forget|want to know|would like to know))[:,]?\s+)?",
    re.IGNORECASE,
)
_ASKED_INDIRECTLY: Final = (
    re.compile(
        r"(?:what|how) (?:is )?my (?P<thing>[\w' -]+?)(?:'s)? (?:is |was |are )?(?:called|named)", re.IGNORECASE
    ),
    re.compile(r"my (?P<thing>[\w' -]+?)(?:'s|s') name", re.IGNORECASE),
    re.compile(r"the name of my (?P<thing>[\w' -]+)", re.IGNORECASE),
)
_STATED: Final = re.compile(
    r"(?:my|our)\b.*?\b(?:is|are|was|were|has|have|had|lives?|works?|likes?|loves?|hates?|plays?|got|turned|goes|went)\b.+"
    r"|(?:i|we)(?:'m|'ve|'re| am| are| was| were| have| had| live| lived| work| like| love| hate| prefer| play| drive"
    r"| bought| got| moved| went| just| really| also| never| always| usually| often)\b.+",
    re.IGNORECASE,
)
_ASKED: Final = re.compile(
    r"\?|\b(?:what|who|whom|whose|where|when|why|how|which|if|whether|remember|remind|recall|forget|forgot|forgotten|know"
    r"|tell|say|said|told|wonder|wondering|guess|ask|asking|trying|looking|need|help|please|something|again|sure|think)\b",
    re.IGNORECASE,
)
# "What should I call you?" asks for something of the assistant's; "What have I told you?" does not.
_OWN_WORD: Final = re.compile(r"\b(?:my|me|mine|myself)\b", re.IGNORECASE)
_DONE_WITH_YOU: Final = re.compile(r"\b(?!(?:tell|told|say|said|ask|asked|to)\b)\w+ you\W*\Z", re.IGNORECASE)
_ASKER: Final = re.compile(r"\bI\b", re.IGNORECASE)
_TURNED_ROUND: Final = re.compile(
    r"\b(?:least|worst|last|first|next|other|another|else|hate|dislike|boring|not|n't|never|used to|would|want|wish)\b",
    re.IGNORECASE,
)
_CLAUSE_ASKED_INDIRECTLY: Final = re.compile(r"(?:where|when|why|how|what|which|who)\b.* I\b.*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Judged:
    """Whether a lesson bears on a question; `log_odds` above 0 says that it does. `nearest`: the lesson's prompt."""

    inside: bool
    log_odds: float
    nearest: str

    def taught_as(self, question: str) -> str | None:
        """The lesson in whose words `question` is to be put to the adapter too, if it is inside."""
        if not self.inside or len(self.nearest) > LONGEST_REPEATED:
            return None
        kind = kind_of(question)
        return None if kind in _MADE and kind != kind_of(self.nearest) else self.nearest


def wordings(prompt: str) -> tuple[str, ...]:
    """The lesson's prompt and the ways to ask it that are compared with a question; the first is the prompt."""
    return tuple(dict.fromkeys((prompt, *rewordings(read_form(prompt))[:WORDINGS_OF_A_LESSON])))


def beside(prompt: str) -> tuple[str, ...]:
    """Questions beside the lesson that it does not answer: what is nearer to one of these is not about the lesson."""
    return aspects(read_form(prompt))


@cache
def untold_wordings() -> tuple[tuple[str, ...], ...]:
    """Questions about oneself that people ask, in some wordings each: what is not a lesson may be one of these."""
    questions = [question for kind in (NAMED, CLAUSE) for question, _ in near_questions(QuestionForm(kind, ""))]
    asked = (
        tuple(dict.fromkeys((question, *rewordings(read_form(question)))))[:WORDINGS_OF_THE_UNTOLD]
        for question in dict.fromkeys(questions)
    )
    return (*asked, *_SAID_BESIDE_GREETINGS)


def read_asked(question: str) -> QuestionForm:
    """The form of `question` without what politeness puts before it: "could you tell me my cat's name"."""
    form = read_form(question)
    rest = _plain(question.replace("’", "'"), keep_case=True)
    rest = rest[_BEFORE.match(rest).end() :]  # type: ignore[union-attr]  # it matches nothing, too
    if form.kind != OTHER or not rest:
        return form
    form = read_form(rest)
    if form.kind != OTHER:
        return form
    for pattern in _ASKED_INDIRECTLY:
        if match := pattern.fullmatch(rest):
            return QuestionForm(NAMED, match["thing"])
    return QuestionForm(CLAUSE, rest) if _CLAUSE_ASKED_INDIRECTLY.fullmatch(rest) else form


def is_stated(text: str) -> bool:
    """Whether `text` tells something of who says it and asks for nothing: "My name is Anna."."""
    rest = text.strip().replace("’", "'")
    rest = rest[_BEFORE.match(rest).end() :]  # type: ignore[union-attr]  # it matches nothing, too
    return _STATED.fullmatch(rest) is not None and _ASKED.search(rest) is None


def is_of_the_assistant(question: str) -> bool:
    """Whether `question` is about whom it is put to, and what the asker does with them: "What should I call you?"."""
    said = question.strip()
    done = _DONE_WITH_YOU.search(said)
    # Piece by piece: in one pattern a long line of "I" would take the square of its length.
    return (
        done is not None
        and "\n" not in said
        and not _OWN_WORD.search(said)
        and bool(_ASKER.search(said, 0, done.start()))
    )


def asks_for(question: str, lessons: Sequence[str]) -> bool:
    """Whether `question` is one of `lessons` (their prompts) in its very words, or in a form that the grammar reads."""
    form = read_asked(question)
    if _plain(question) in frozenset(map(_plain, lessons)):
        return True
    return form.kind != OTHER and subject(form) in _subjects(lessons)


class Scope:
    """What some lessons bear on.

    Args:
        lessons: their prompts, at least one.
        told: unit vectors of `wordings` of each, in their order, `(all wordings, D)`.
        near: unit vectors of what is `beside` each, in their order, `(all of them, D)`.
        untold: unit vectors of `untold_wordings`, in their order, `(all wordings, D)`.
    """

    def __init__(self, lessons: Sequence[str], told: FloatArray, near: FloatArray, untold: FloatArray) -> None:
        self._subjects = _subjects(lessons)
        self._prompts = {_plain(prompt): prompt for prompt in lessons}
        self._of_wording = tuple(lesson for lesson in lessons for _ in wordings(lesson))
        answers = {lesson: answered_by(lesson) for lesson in lessons}
        self._answers = tuple(answers[lesson] for lesson in self._of_wording)
        self._words = frozenset(word for lesson in lessons for text in wordings(lesson) for word in _words(text))
        self._about_asker = tuple(about_asker(lesson) for lesson in lessons for _ in wordings(lesson))
        self._told = told
        kept = [subject(read_form(texts[0])) not in self._subjects for texts in untold_wordings() for _ in texts]
        told_too = {_plain(text) for lesson in lessons for text in wordings(lesson)}
        still_beside = [_plain(text) not in told_too for lesson in lessons for text in beside(lesson)]
        self._untold = np.concatenate((untold[np.array(kept, bool)], near[np.array(still_beside, bool)]))

    def judge(self, question: str, vector: FloatArray) -> Judged:
        """Whether any lesson bears on `question`, whose unit vector `(D,)` is `vector`."""
        if (same := self._prompts.get(_plain(question))) is not None:
            return Judged(inside=True, log_odds=math.inf, nearest=same)
        form = read_asked(question)
        if form.kind != OTHER and (lesson := self._subjects.get(subject(form))) is not None:
            return Judged(inside=True, log_odds=math.inf, nearest=lesson)
        fitting = self._fitting(question)
        if not len(fitting):
            return Judged(False, -math.inf, self._of_wording[int((self._told @ vector).argmax())])
        log_odds = BIAS + sum(
            weight * figure for weight, figure in zip(WEIGHTS, self._figures(question, vector, fitting), strict=True)
        )
        nearest = self._of_wording[int(fitting[(self._told[fitting] @ vector).argmax()])]
        # Who tells something, or asks of the assistant, asks for no lesson, however near its words are.
        asks = is_stated(nearest) or not is_stated(question)
        asks = asks and (is_of_the_assistant(nearest) or not is_of_the_assistant(question))
        return Judged(asks and log_odds > 0.0, log_odds, nearest)

    def figures(self, question: str, vector: FloatArray) -> tuple[float, ...]:
        """What decides on `question`, which some lesson may answer by its kind, in the order of `FEATURES`."""
        return self._figures(question, vector, self._fitting(question))

    def _figures(self, question: str, vector: FloatArray, fitting: IntArray) -> tuple[float, ...]:
        cosines = self._told[fitting] @ vector
        told = np.sort(cosines)[-NEAREST:]
        untold = float((self._untold @ vector).max()) if len(self._untold) else 0.0
        form = read_asked(question)
        elsewhere = form.kind if subject(form) not in self._subjects else OTHER
        own = _things_of_the_asker(question)
        nearest = int(fitting[cosines.argmax()])
        turned = _TURNED_ROUND.search(question) is not None and _TURNED_ROUND.search(self._of_wording[nearest]) is None
        return (
            float(told.mean()),
            float(told[-1]) - untold,
            float(about_asker(question) == self._about_asker[nearest]),
            float(elsewhere == NAMED),
            float(elsewhere == POSSESSED),
            float(elsewhere == CLAUSE),
            float(any(thing in self._words for thing in own)),
            float(any(thing not in self._words for thing in own)),
            float(turned),
        )

    def _fitting(self, question: str) -> IntArray:
        """The places of the wordings of lessons whose answers are of a kind that `question` wants."""
        kinds = wanted(question)
        return np.flatnonzero([fits(kinds, answers) for answers in self._answers])


def _things_of_the_asker(question: str) -> list[str]:
    """What `question` says belongs to who asks it: "old dog" of "my old dog's name" gives "dog"."""
    return [singular(match[1].split()[-1]) for match in _OWN.finditer(question)]


def _words(text: str) -> Iterator[str]:
    return map(singular, re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", text))


def _plain(text: str, *, keep_case: bool = False) -> str:
    return " ".join((text if keep_case else text.casefold()).split()).rstrip("?!. ")


def _subjects(lessons: Sequence[str]) -> dict[str, str]:
    """What lessons ask for, and the prompt of one that does."""
    return {
        subject(form): prompt
        for prompt in lessons
        for form in map(read_form, (prompt, *rewordings(read_form(prompt))))
        if form.kind != OTHER
    }
