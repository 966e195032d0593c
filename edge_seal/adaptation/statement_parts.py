"""The parts of a plain English statement: what can be its subject, and what the phrases after its verb say.

Invariant: pure; what is not understood is no subject, or a phrase of another kind, and never an error.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from edge_seal.adaptation.statement_words import DATE, MONTH, NUMBER, POINTERS, TIME, VAGUE, WEEKDAY

SUBJECT_WORDS: Final = 7
SPAN_WORDS: Final = 12
_NAME_WORD: Final = r"(?:[A-Z][\w&.'’-]*|\d+(?:st|nd|rd|th)?)"
NAME: Final = (
    rf"(?:The |the )?(?!(?:The|An?) )[A-Z][\w&'’.-]*"
    rf"(?: (?:(?:of|the|and|de|van|von|di|la|for|&|in) ){{0,2}}{_NAME_WORD}){{0,6}}"
)
SUBJECT: Final = rf"(?P<s>{NAME}(?:['’]s? [a-z][\w-]*(?: [a-z][\w-]*){{0,2}})?|The [a-z][\w-]*(?: [\w'’-]+){{0,5}}?)"
APPOSITION: Final = r"(?:, (?P<a>(?:a|an|the) [^,]{3,80}),)?"
ADVERB: Final = r"(?:(?:also|now|currently|originally|first|officially|still|later|formally|usually|always) )?"
BE: Final = r"(?P<be>is|was|are|were)"
_PHRASE: Final = re.compile(
    r" (?=(?:in|on|at|by|near|for|with|from|as|after|before|during|to|into|since|between|through|under|outside|inside"
    r"|until|behind|beside|opposite|within|along|around|about|against|over|across|without|every|each)\b )"
    r"(?!in the (?:morning|afternoon|evening)\b)"
)
WORD: Final = re.compile(r"[^\W_]+(?:[-'’.,][^\W_]+)*")
A_DATE: Final = re.compile(DATE)
COUNT: Final = re.compile(rf"(?P<n>{NUMBER}) (?P<o>[a-z][\w-]*(?: [a-z][\w-]*){{0,3}})")
_PLACE: Final = re.compile(rf"(?:the (?:[a-z]+ )?)?(?:[a-z]+ (?:of|in) (?:the )?)?{NAME}(?:, {NAME})*")
PERSON_NAME: Final = re.compile(
    r"(?:(?:Dr|Mr|Mrs|Ms|Prof|Sir|King|Queen|Pope|Saint)\.? )?[A-Z][\w'’.-]+(?: [A-Z][\w'’.-]+){0,3}"
)
APOSTROPHES: Final = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "\u00a0": " "})
NAME_ONLY: Final = re.compile(NAME)
_BELONGS: Final = frozenset(["to", "as", "into", "with", "from", "for"])


@dataclass(frozen=True, slots=True)
class Phrase:
    """A part of what follows the verb: its words, what it says, and how the statement has them."""

    text: str
    kind: str
    said: str

    @property
    def first(self) -> str:
        """The preposition."""
        return self.text.split(" ", 1)[0]


def phrases_of(rest: str | None, front: str) -> list[Phrase]:
    """The parts of `rest` in their order, without dates that belong to a noun before them; then what stood in front."""
    parts = [part for part in _PHRASE.split(f" {rest}") if part.strip()] if rest else []
    found: list[Phrase] = []
    for part in parts:
        words = part.strip()
        kind = _kind(words)
        before = found[-1] if found else None
        if (
            before
            and before.kind == "other"
            and (kind in {"where", "by"} or (kind == "when" and before.first not in _BELONGS))
        ):
            # "from a warehouse in Milford", "for forty years after its launch in 1959": it belongs to the noun.
            whole = f"{before.text} {words}"
            found[-1] = Phrase(whole, "other", whole)
            continue
        found.append(Phrase(words, kind, words))
    if front and not front.startswith("by "):
        found.append(Phrase(front, "when", f"{front[:1].upper()}{front[1:]}"))
    return found


def belonging(phrases: Sequence[Phrase]) -> str:
    """What belongs to the verb, not to its circumstances: "elected to the senate"."""
    return "".join(f" {one.text}" for one in phrases if one.kind == "other" and one.first in _BELONGS)


def following(phrases: Sequence[Phrase]) -> str:
    """What follows the object and is neither a time nor a place."""
    said = ""
    for phrase in phrases[1:]:
        if phrase.kind != "other":
            break
        said += f" {phrase.text}"
    return said


def has_stray_comma(phrases: Sequence[Phrase]) -> bool:
    return any(
        ("," in phrase.text or re.search(r" and [a-z]+s\b", phrase.text)) and phrase.kind not in {"when", "where"}
        for phrase in phrases
    )


def _kind(phrase: str) -> str:
    """What a phrase after the verb says: when, where, by whom, something else, or the object."""
    preposition, _, words = phrase.partition(" ")
    if preposition in {"every", "each"}:
        return "when" if _EVERY.fullmatch(phrase) else "other"
    if not words or preposition not in _PREPOSITIONS:
        return "object"
    if (preposition in {"in", "on", "since"} and A_DATE.fullmatch(words)) or (
        preposition in {"at", "from"} and _HOURS.fullmatch(words)
    ):
        return "when"
    if preposition in {"in", "at", "near"} and _PLACE.fullmatch(words) and not A_DATE.match(words):
        return "where"
    if preposition == "by" and PERSON_NAME.match(words) and "," not in words:
        return "by"
    return "other"


_EVERY: Final = re.compile(
    rf"(?:every|each) (?:{WEEKDAY}|morning|evening|day|week|month|year|spring|summer|autumn|winter|{MONTH})"
)
_HOURS: Final = re.compile(rf"{TIME}(?: to {TIME})?")
_PREPOSITIONS: Final = frozenset(
    [
        "in", "on", "at", "by", "near", "for", "with", "from", "as", "after", "before", "during", "to", "into", "since",
        "between", "through", "under", "outside", "inside", "until", "behind", "beside", "opposite", "within", "along",
        "around", "about", "against", "over", "across", "without",
    ]
)  # fmt: skip


def is_named(of: str) -> bool:
    """Whether what an attribute is of says which one: a name, or a thing of its own like "sales"."""
    plain = of.removeprefix("the ")
    return is_subject(of) if plain[:1].isupper() else plain not in VAGUE | POINTERS


def is_subject(text: str) -> bool:
    """Whether `text` says by itself what is meant."""
    words = text.split()
    if not words or len(words) > SUBJECT_WORDS or words[0].casefold() in POINTERS or words[-1].casefold() in POINTERS:
        return False
    if "," in text or re.search(r"\b(?:who|which|that|was|is|were|are|had|has|when|where)\b", text):
        return False
    if A_DATE.fullmatch(text) or re.fullmatch(rf"{MONTH}|{WEEKDAY}", words[0]):
        return False
    if words[0].casefold() in _OPENERS:
        return False
    if NAME_ONLY.fullmatch(text) and words[0].casefold() != "the":
        return True
    # "The company", "The University": which one stands in another sentence; "The office of Fernworks" does not.
    return not all(word.casefold() in VAGUE | POINTERS for word in words if word.casefold() != "the")


_OPENERS: Final = frozenset(
    [
        "however", "although", "while", "since", "because", "after", "before", "during", "when", "if", "as", "in", "on",
        "at", "by", "for", "with", "from", "under", "despite", "thus", "therefore", "also", "but", "and", "or", "so",
        "then", "later", "today", "meanwhile", "finally", "instead", "according", "among", "between", "through",
        "unlike", "like", "within", "over", "additionally", "furthermore", "moreover", "similarly", "consequently",
        "nevertheless", "often", "sometimes", "usually", "generally", "originally", "historically", "currently",
        "recently", "eventually", "initially", "once", "not", "only", "another", "an", "a", "south", "north", "east",
        "west",
    ]
)  # fmt: skip


def is_object(text: str) -> bool:
    words = text.split()
    if words[0].casefold() in POINTERS - {"one", "some", "many", "several", "all"} or words[-1].casefold() in POINTERS:
        return False
    if len(words) > SPAN_WORDS or re.search(r"\b(?:that|which|who|to)\b", text):
        return False
    # A comma stands in a list, or begins something else.
    return "," not in text or re.fullmatch(r"[\w' -]+(?:, [\w' -]+)*,? and [\w' -]+", text) is not None


def is_value(text: str) -> bool:
    first = text.split(maxsplit=1)[0]
    return first[:1].isupper() or first[:1].isdigit() or first in {"a", "an", "the"}


def lowered(subject: str, be: str = "") -> str:
    """`subject` inside a sentence: "The" is small, and so is a plural that only began its sentence."""
    if subject.startswith("The "):
        return f"the{subject[3:]}"
    is_common = be in {"are", "were", "do"} and " " not in subject and subject.endswith("s")
    return f"{subject[:1].lower()}{subject[1:]}" if is_common and not subject.endswith(_PEOPLES) else subject


_PEOPLES: Final = ("ans", "ots", "eks", "ns", "ards")
_COMMON: Final = frozenset(
    [
        "a", "an", "the", "is", "was", "are", "were", "be", "been", "of", "in", "on", "at", "by", "for", "with", "from",
        "to", "and", "or", "as", "its", "it", "this", "that", "what", "who", "when", "where", "how", "many", "does",
        "did", "do", "there",
    ]
)  # fmt: skip


def content_words(text: str) -> frozenset[str]:
    """The words of `text` that say something, folded, without a possessive's mark."""
    found = (word.casefold().translate(APOSTROPHES).removesuffix("'s").rstrip("'") for word in WORD.findall(text))
    return frozenset(found) - _COMMON


def names_and_numbers(text: str) -> frozenset[str]:
    """Of the content words of `text`, folded, those with a capital or a digit, but for its first word."""
    telling = (word for word in WORD.findall(text)[1:] if word[:1].isupper() or any(map(str.isdigit, word)))
    return content_words(" ".join(telling))


def unfaithful(statement: str, sources: Sequence[str]) -> frozenset[str]:
    """The content words, names and numbers of `statement` that no one of `sources` holds; none: it is faithful."""
    held = frozenset[str]().union(*map(content_words, sources))
    return content_words(statement) - held
