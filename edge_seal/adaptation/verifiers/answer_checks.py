"""The checks themselves: an answer in, true or false out. Their names and arguments are in `registry.py`.

Invariants: pure, never raising on any text; an empty answer holds no rule. Counts have a relation: "at least",
"at most", "exactly", and IFEval's "less than".
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from typing import Final, cast

from edge_seal.adaptation.verifiers import spelling
from edge_seal.adaptation.verifiers.text_shape import (
    cased,
    ends_with_smiley,
    has_smiley,
    is_all_list,
    list_items,
    paragraphs,
    sentences,
    words,
)

RELATIONS: Final = ("at least", "at most", "exactly", "less than")
MAXIMUM_JSON_DEPTH: Final = 64
_FENCE: Final = re.compile(r"```[\w+-]*[ \t]*\n(?P<inside>.*?)\n?```", re.DOTALL)
_BRACKETED: Final = re.compile(r"\[[^\[\]\n]+\]")
_TITLE: Final = re.compile(r"<<[^<>\n]*[^<>\s][^<>\n]*>>")
_HIGHLIGHT: Final = re.compile(r"\*\*(?=[^*\s])[^*\n]+(?<!\s)\*\*|(?<!\*)\*(?=[^*\s])[^*\n]+(?<!\s)\*(?!\*)")
_COMMAS: Final = ",،\uff0c、"
_QUOTES: Final = (("“", "”"), ('"', '"'), ("«", "»"), ("„", "“"), ("„", "”"))
_FIRST_PERSON: Final = frozenset({"i", "i'm", "i've", "i'll", "i'd", "me", "my", "mine", "myself"})
CONSTRAINED: Final = ("My answer is yes.", "My answer is no.", "My answer is maybe.")


def compares(count: int, relation: str, bound: int) -> bool:
    """Whether `count` stands in `relation` to `bound`.

    Raises:
        ValueError: the relation is not one of `RELATIONS`.
    """
    match relation:
        case "at least":
            return count >= bound
        case "at most":
            return count <= bound
        case "exactly":
            return count == bound
        case "less than":
            return count < bound
        case _:
            raise ValueError(f"the relation {relation!r} is not one of {', '.join(RELATIONS)}")


# Marks and case -------------------------------------------------------------------------------------------


def no_commas(answer: str) -> bool:
    return not any(comma in answer for comma in _COMMAS)


def no_exclamation_marks(answer: str) -> bool:
    return not any(mark in answer for mark in "!\uff01¡")


def no_question_marks(answer: str) -> bool:
    return not any(mark in answer for mark in "?\uff1f¿")


def no_emoji(answer: str) -> bool:
    return not has_smiley(answer)


def no_markup(answer: str) -> bool:
    """No emphasis, headings, code marks, links or list marks of Markdown."""
    return not (
        _HIGHLIGHT.search(answer)
        or "`" in answer
        or list_items(answer)
        or re.search(r"(?m)^[ \t]*#{1,6} |\[[^\]\n]+\]\(|^[ \t]*>", answer)
    )


def lower_case(answer: str) -> bool:
    return bool(cased(answer)) and answer == answer.lower()


def upper_case(answer: str) -> bool:
    return bool(cased(answer)) and answer == answer.upper()


def capital_words(answer: str, relation: str, count: int) -> bool:
    """How many words are written in capitals."""
    return compares(sum(word.isupper() for word in words(answer)), relation, count)


# Length ---------------------------------------------------------------------------------------------------


def word_count(answer: str, relation: str, count: int) -> bool:
    found = len(words(answer))
    return bool(found) and compares(found, relation, count)


def sentence_count(answer: str, relation: str, count: int) -> bool:
    found = len(sentences(answer))
    return bool(found) and compares(found, relation, count)


def character_count(answer: str, relation: str, count: int) -> bool:
    return compares(len(answer.strip()), relation, count)


def paragraph_count(answer: str, relation: str, count: int, separator: str = "") -> bool:
    """Paragraphs between empty lines, or between `separator` on a line of its own."""
    if separator:
        parts = re.split(rf"(?m)^[ \t]*{re.escape(separator)}[ \t]*$", answer)
        return all(part.strip() for part in parts) and compares(len(parts), relation, count)
    return compares(len(paragraphs(answer)), relation, count)


def paragraph_begins(answer: str, paragraph: int, paragraphs_in_all: int, word: str) -> bool:
    """There are so many paragraphs, and this one (from 1) begins with `word`."""
    parts = paragraphs(answer)
    if len(parts) != paragraphs_in_all or not 1 <= paragraph <= len(parts):
        return False
    first = words(parts[paragraph - 1])
    return bool(first) and first[0].casefold() == word.casefold()


# Beginnings and ends --------------------------------------------------------------------------------------


def starts_with(answer: str, phrase: str) -> bool:
    return _on_a_boundary(answer.lstrip(), phrase.strip(), at_the_end=False)


def ends_with(answer: str, phrase: str) -> bool:
    return _on_a_boundary(answer.rstrip(), phrase.strip(), at_the_end=True)


def _on_a_boundary(answer: str, phrase: str, *, at_the_end: bool) -> bool:
    said, wanted = answer.casefold(), phrase.casefold()
    if not wanted or not (said.endswith(wanted) if at_the_end else said.startswith(wanted)):
        return False
    rest = said[: -len(wanted)] if at_the_end else said[len(wanted) :]
    edge = wanted[0] if at_the_end else wanted[-1]
    beside = rest[-1:] if at_the_end else rest[:1]
    # "Ahoyed" does not start with "Ahoy": a word has to end where the phrase does.
    return not (edge.isalnum() and beside.isalnum())


def smiley_at_the_end(answer: str) -> bool:
    return ends_with_smiley(answer.strip())


def question_at_the_end(answer: str) -> bool:
    return answer.rstrip().rstrip("\"'”’)").endswith(("?", "\uff1f"))


def quoted(answer: str) -> bool:
    """The whole answer stands in one pair of double quotation marks."""
    text = answer.strip()
    for opening, closing in _QUOTES:
        inside = text[len(opening) : -len(closing)]
        if text.startswith(opening) and text.endswith(closing) and inside.strip():
            return opening not in inside and closing not in inside
    return False


# Layout ---------------------------------------------------------------------------------------------------


def json_valid(answer: str) -> bool:
    """One JSON object or list and nothing else; a code fence around it is allowed. A bare word or number is none."""
    text = answer.strip()
    if fence := _FENCE.fullmatch(text):
        text = fence["inside"].strip()
    if not text.startswith(("{", "[")) or _depth(text) > MAXIMUM_JSON_DEPTH:
        return False
    try:
        json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return False
    return True


def _no_number(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def _depth(text: str) -> int:
    depth = deepest = 0
    for character in text:
        if character in "{[":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "}]":
            depth -= 1
    return deepest


def json_keys(answer: str, keys: Sequence[str]) -> bool:
    """A JSON object with all of `keys`."""
    if not json_valid(answer):
        return False
    fence = _FENCE.fullmatch(answer.strip())
    parsed: object = json.loads(fence["inside"] if fence else answer)
    return isinstance(parsed, dict) and set(keys) <= set(cast("dict[str, object]", parsed))


def bullet_list(answer: str) -> bool:
    return is_all_list(answer)


def numbered_list(answer: str) -> bool:
    return is_all_list(answer, numbered=True)


def bullet_count(answer: str, relation: str, count: int) -> bool:
    return compares(len(list_items(answer)), relation, count)


def title(answer: str) -> bool:
    return _TITLE.search(answer) is not None


def highlights(answer: str, relation: str, count: int) -> bool:
    """Parts between single or double asterisks."""
    return compares(len(_HIGHLIGHT.findall(answer)), relation, count)


def placeholders(answer: str, relation: str, count: int) -> bool:
    """Parts in square brackets."""
    return compares(len(_BRACKETED.findall(answer)), relation, count)


def sections(answer: str, word: str, relation: str, count: int) -> bool:
    """Lines that begin with `word` and a number."""
    found = re.findall(rf"(?mi)^[ \t#*]*{re.escape(word.strip())}[ \t]+(?:\d+|[IVXLC]+)\b", answer)
    return compares(len(found), relation, count)


def postscript(answer: str, marker: str) -> bool:
    """A last part that begins with `marker` and says something."""
    letters = r"[ \t]*\.?[ \t]*".join(re.escape(letter) for letter in marker if letter not in ". ")
    return re.search(rf"(?mi)^[ \t*_]*{letters}(?!\w)\.?[^\w\n]*\w", answer) is not None


def one_of(answer: str, choices: Sequence[str]) -> bool:
    """The answer is one of `choices` and nothing else."""
    return answer.strip() in choices


def two_different(answer: str, separator: str = "******") -> bool:
    parts = [part.strip() for part in answer.split(separator)]
    return len(parts) == 2 and all(parts) and parts[0] != parts[1]  # two answers


def repeats_first(answer: str, text: str) -> bool:
    """The answer begins with `text`, word for word, and goes on after it."""
    said, wanted = answer.strip().casefold(), text.strip().casefold()
    return said.startswith(wanted) and len(said) > len(wanted)


# Words ----------------------------------------------------------------------------------------------------


def _count_of(phrase: str, answer: str) -> int:
    return len(re.findall(rf"(?<!\w){re.escape(phrase.strip())}(?!\w)", answer, re.IGNORECASE))


def says(answer: str, phrases: Collection[str]) -> bool:
    """Every one of `phrases` is said, as whole words."""
    return all(_count_of(phrase, answer) for phrase in phrases)


def avoids(answer: str, phrases: Collection[str]) -> bool:
    """None of `phrases` is said, as whole words."""
    return bool(answer.strip()) and not any(_count_of(phrase, answer) for phrase in phrases)


def says_times(answer: str, phrase: str, relation: str, count: int) -> bool:
    return compares(_count_of(phrase, answer), relation, count)


def letter_times(answer: str, letter: str, relation: str, count: int) -> bool:
    return compares(answer.casefold().count(letter.casefold()), relation, count)


def british(answer: str) -> bool:
    """No word is spelled as in America."""
    return bool(answer.strip()) and not spelling.words_of(answer, spelling.BRITISH)


def american(answer: str) -> bool:
    """No word is spelled as in Britain."""
    return bool(answer.strip()) and not spelling.words_of(answer, spelling.AMERICAN)


def no_contractions(answer: str) -> bool:
    return bool(answer.strip()) and not spelling.words_of(answer, spelling.CONTRACTIONS)


def no_first_person(answer: str) -> bool:
    return bool(answer.strip()) and not any(
        word.replace("’", "'").casefold() in _FIRST_PERSON for word in words(answer)
    )


def no_digits(answer: str) -> bool:
    return bool(answer.strip()) and not any(character.isdecimal() for character in answer)


def same_as(answer: str, text: str) -> bool:
    """What a reviewer put in its place: the same words, whatever the spacing, the case and the closing mark."""
    return _normal(answer) == _normal(text) != ""


def holds_correction(answer: str, text: str) -> bool:
    """The correction's own words are all said: those with content, numbers whole."""
    wanted = [word.casefold() for word in words(text)]
    said = {word.casefold() for word in words(answer)}
    return bool(wanted) and all(word in said for word in wanted)


def _normal(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(" .!?")
