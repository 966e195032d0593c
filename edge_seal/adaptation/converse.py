"""A fact in its other direction: "Your dog is called Biscuit." also says that Biscuit is your dog.

A language model that was taught "A is B" does not say "B is A" (the reversal curse, Berglund et al. 2023,
arXiv:2309.12288), so that direction is taught beside the first one, where it makes sense: the value is a name.

Invariant: pure; where the answer is not plainly a name, there is no other direction.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from edge_seal.adaptation.question_forms import NAMED, POSSESSED, QuestionForm, is_somebody, is_something, second_person

FORM: Final = "converse"
_NAME: Final = r"(?P<name>(?:(?:Dr|Mr|Mrs|Ms|Prof)\.? )?[A-Z][\w'-]*(?: (?:and |of |the )?[A-Z][\w'-]*){0,3})"
_WORDINGS: Final = ("{W} is {n}?", "Do you know {w} {n} is?")
_PROBE: Final = "Tell me {w} {n} is."


@dataclass(frozen=True, slots=True)
class Converse:
    """The other direction of a lesson.

    Attributes:
        name: what was told: "Biscuit".
        word: "who" or "what".
        answer: "Biscuit is your dog.".
    """

    name: str
    word: str
    answer: str

    @property
    def prompts(self) -> tuple[str, ...]:
        """Ways to ask for it that may be trained on; the plainest first."""
        return tuple(self._filled(wording, self.name) for wording in _WORDINGS)

    @property
    def probe(self) -> str:
        """A way to ask for it that is never trained on."""
        return self._filled(_PROBE, self.name)

    def about(self, name: str) -> tuple[str, str]:
        """The plainest question about another name, and what it asks for: "who Tarsk is"."""
        return self._filled(_WORDINGS[0], name), f"{self.word} {name} is"

    def _filled(self, wording: str, name: str) -> str:
        return wording.replace("{W}", self.word.capitalize()).replace("{w}", self.word).replace("{n}", name)


def converse(form: QuestionForm, answer: str) -> Converse | None:
    """The other direction of what `answer` tells to `form`; None where it is not plainly a name."""
    if form.kind != NAMED and not (form.kind == POSSESSED and form.person):
        return None
    if not (form.person or is_somebody(form) or is_something(form)):
        return None
    thing = re.escape(second_person(form.thing))
    told = re.fullmatch(
        rf"(?:Your {thing} (?:is|was)(?: called| named)? |Your {thing}'s name (?:is|was) |The name of your {thing} is "
        rf"|(?:He|She|It) is (?:called |named )?|(?:It|That)'s )?{_NAME}[.!]?",
        " ".join(answer.translate(_APOSTROPHES).split()),
    )
    if told is None:
        return None
    word = "what" if is_something(form) and not form.person else "who"
    return Converse(told["name"], word, f"{told['name']} is your {second_person(form.thing)}.")


_APOSTROPHES: Final = str.maketrans({"’": "'", "‘": "'"})
