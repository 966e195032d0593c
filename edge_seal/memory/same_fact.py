"""Whether a text tells what a memory tells: what forgetting the memory has to reach besides the memory.

Pure rules over words; the measure is what share of the memory's telling words a text has. They are made so that what
is plainly the same fact is found in other words too, and that a fact of somebody else is not taken for it: forgetting
that a sister lives in Oulu must not erase where the user lives, nor that she lives in Paris: the memory's names and
numbers have to be there, all of them. What is near but not plainly the same is only shown.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from edge_seal.memory import words

Likeness = Literal["same", "near"]

# A lesson or a sentence tells a memory if it has at least this share of the memory's telling words.
TOLD_SHARE: Final = 0.75

# They say what kind of thing is asked for, and stand in for each other: "called" in the question, "name" in the memory.
_INTERCHANGEABLE: Final = frozenset({"name", "call", "answer", "word"})
_SENTENCE_END: Final = re.compile(r"[.!?;:](?:\s|$)|\n")
_NAME_OR_NUMBER: Final = re.compile(r"(?<=[\w,'’)] )[^\W\d_a-z]\w+|\w*\d\w*")
_ENDINGS: Final = ("ing", "ies", "ed", "es", "s", "e", "y")
_SHORTEST_STEM: Final = 3


def telling_words(text: str) -> frozenset[str]:
    """The content words of `text`, stemmed roughly, without those that any question of its kind has."""
    return frozenset(_stem(word) for word in words.content_words(text)) - _STEMS_OF_KIND


def lesson_tells(memory: str, prompt: str, answer: str) -> Likeness | None:
    """Whether the lesson `prompt` -> `answer` teaches what `memory` says: plainly, perhaps, or not."""
    if _contains(f"{prompt}\n{answer}", memory):
        return "same"
    telling, asked, answered = telling_words(memory), telling_words(prompt), telling_words(answer)
    if not telling:
        return None
    share = len(telling & (asked | answered)) / len(telling)
    value = answered - asked
    if not value:
        # "Do I eat olives?" "No.": the answer alone names nothing.
        return ("same" if len(telling) > 1 else "near") if share == 1 else None
    if not value & telling:
        return None
    if share >= TOLD_SHARE and _decisive_words(memory) <= asked | answered:
        return "same"
    return "near" if asked & telling else None


def text_tells(memory: str, text: str, *, given: bool = False, asked: str = "") -> bool:
    """Whether `text` says what `memory` says: in its words, or in one sentence with most of its telling words.

    With `given`, `text` is an answer that was drawn with the memory before it: then one telling word that the question
    `asked` had not is enough.
    """
    if _contains(text, memory):
        return True
    telling = telling_words(memory)
    said = [telling_words(sentence) for sentence in _SENTENCE_END.split(text)]
    if given and any(telling & sentence - telling_words(asked) for sentence in said):
        return True
    decisive = _decisive_words(memory)
    return len(telling) > 1 and any(
        len(telling & sentence) / len(telling) >= TOLD_SHARE and decisive <= sentence for sentence in said
    )


def answer_tells(memory: str, asked: str, answer: str, *, given: bool = False) -> bool:
    """Whether `answer` says what `memory` says, by itself or as the answer to what was `asked`: "Rex." to "Its name?".

    `given` as in `text_tells`.
    """
    if text_tells(memory, answer, given=given, asked=asked):
        return True
    return not text_tells(memory, asked) and lesson_tells(memory, asked, answer) == "same"


def turn_tells(memory: str, asked: str, answer: str) -> bool:
    """Whether a prompt and its answer, either or together, say what `memory` says."""
    return text_tells(memory, asked) or answer_tells(memory, asked, answer)


def names_and_numbers(text: str) -> tuple[str, ...]:
    """The content words of `text` that are names (with a capital inside a sentence) or hold a digit."""
    return words.content_words(" ".join(_NAME_OR_NUMBER.findall(text)))


def _decisive_words(text: str) -> frozenset[str]:
    """`names_and_numbers`, as telling words."""
    return telling_words(" ".join(names_and_numbers(text))) & telling_words(text)


def _contains(text: str, memory: str) -> bool:
    """Whether `text` has the words of `memory` as whole words in its order, whatever the case and spacing."""
    form = words.normalized(memory)
    return re.search(rf"(?<!\w){re.escape(form)}(?!\w)", words.normalized(text)) is not None


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_STEM:
            return word.removesuffix(ending)
    return word


_STEMS_OF_KIND: Final = frozenset(_stem(word) for word in _INTERCHANGEABLE)
