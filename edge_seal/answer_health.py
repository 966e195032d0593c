"""What is wrong with an answer whatever it is about: empty, caught in a loop, or a refusal of what is no secret.

Invariants: pure; every rule is about the text alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_WORD: Final = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
REPEATED_WORDS: Final = 6
LEAST_MONOTONOUS_WORDS: Final = 4
_LONGEST_LOOP_WORDS: Final = 8
_LOOP_WORDS: Final = 24
_LONGEST_UNIT_WORDS: Final = 48
_LOOP_CHARACTERS: Final = 4000
_UNTOLD: Final = re.compile(
    r"\byou (?:have not|haven['’]t|had not|hadn['’]t|never|did not|didn['’]t) (?:yet )?"
    r"(?:told|tell|mention\w*|sa(?:id|y))"
    r"|\bi (?:do not|don['’]t|can(?:no|['’])?t) (?:know|tell|say|remember) (?:that|your|you)\b",
    re.IGNORECASE,
)


def is_broken(answer: str) -> bool:
    """Whether `answer` is empty, or says the same again and again."""
    return not answer.strip() or repeats(answer)


def repeats(answer: str) -> bool:
    """Whether one word stands many times in a row, or a few words at least three times and for most of the answer."""
    said = answer.split()
    if any(len(set(said[at : at + REPEATED_WORDS])) == 1 for at in range(len(said) - REPEATED_WORDS + 1)):
        return True
    words = [word.casefold() for word in _WORD.findall(answer)]
    for size in range(1, _LONGEST_LOOP_WORDS + 1):
        for start in range(len(words) - 3 * size + 1):
            unit = words[start : start + size]
            times = 1
            while words[start + times * size : start + (times + 1) * size] == unit:
                times += 1
            # "very, very, very good" is no loop; half of the answer is.
            if times >= 3 and times * size >= max(REPEATED_WORDS, len(words) / 2):
                return True
    return False


def is_monotonous(answer: str) -> bool:
    """Whether most words of `answer`, four at least, stand in it before: on its way into a loop, if not in one yet."""
    words = [word.casefold() for word in _WORD.findall(answer)]
    return len(words) >= LEAST_MONOTONOUS_WORDS and 2 * len(set(words)) < len(words)


def ends_in_a_loop(answer: str) -> bool:
    """Whether `answer` ends in the same words at least three times over, two dozen words or more in all.

    A small model that is drawn greedily does not find out of such a loop; a refrain or "ha, ha, ha" is none.
    """
    words = answer[-_LOOP_CHARACTERS:].split()
    for size in range(1, _LONGEST_UNIT_WORDS + 1):
        times = max(3, -(-_LOOP_WORDS // size))
        tail = words[-times * size :]
        if len(tail) == times * size and tail == tail[:size] * times:
            return True
    return False


def refuses(answer: str) -> bool:
    """Whether `answer` says that it was never told."""
    return _UNTOLD.search(answer) is not None


def median_words(answers: Sequence[str]) -> float:
    """The median length of `answers` in words; 0 of none."""
    lengths = sorted(len(_WORD.findall(answer)) for answer in answers)
    if not lengths:
        return 0.0
    middle = len(lengths) // 2
    return float(lengths[middle]) if len(lengths) % 2 else (lengths[middle - 1] + lengths[middle]) / 2
