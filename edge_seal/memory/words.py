"""The words of a text: what the word index is asked for, and when two texts say the same.

Invariant: whatever a text holds (quotes, `NEAR`, `*`, brackets, NUL, half a surrogate pair, nothing), the query made
from it is valid FTS5 that only looks for words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

# A question has fewer; a pasted page would make the index look for hundreds.
MAXIMUM_WORDS: Final = 32
# What is looked at of a pasted page to find them.
_MAXIMUM_CHARACTERS: Final = 16_384

# Letters and digits. The index parts words at the same signs (`unicode61`), and at the underscore too.
_WORD: Final = re.compile(r"[^\W_]+")

# Words that say how something is asked and not what about. English only: in other languages every word counts.
_FUNCTION_WORDS: Final = frozenset(
    """
    a about after again all also am an and any are as ask at be because been before being but by can could did do does
    doing don down during each for from further get give had has have having he hello her here hers hey hi him his how
    i if in into is it its just know let like ll m may me might mine more most must my myself no nor not now of off ok
    okay on once only or other our ours out over own please re s same say shall she should so some such suggest t
    tell than thank thanks that the their theirs them then there these they this those through to too until up us ve
    very was we were what when where which while who whom whose why will with would yes you your yours
    """.split()  # noqa: SIM905 - a list of 150 quoted words would be harder to read
)


def normalized(text: str) -> str:
    """`text` without what does not change what it says: case, spacing, composed accents, the full stop at its end.

    Two texts with the same form have the same words in the index; `Memories` relies on it to find duplicates.
    """
    form = " ".join(unicodedata.normalize("NFC", text).lower().split())
    return form.rstrip(" .!") or form


def words(text: str) -> tuple[str, ...]:
    """The distinct words of `text` in lower case, in order, at most `MAXIMUM_WORDS`."""
    return tuple(_distinct(text))[:MAXIMUM_WORDS]


def content_words(text: str) -> tuple[str, ...]:
    """The words of `text` that say what it is about."""
    return tuple(word for word in _distinct(text) if word not in _FUNCTION_WORDS)[:MAXIMUM_WORDS]


def singular(word: str) -> str:
    """`word` in small letters without a plural's s, to be compared with others of this form."""
    return word.casefold().removesuffix("s")


def any_of(sought: Sequence[str]) -> str:
    """The FTS5 query for rows with at least one of these `words`."""
    return " OR ".join(_quoted(word) for word in sought)


def all_of(sought: Sequence[str]) -> str:
    """The FTS5 query for rows with each of these `words`."""
    return " AND ".join(_quoted(word) for word in sought)


def _distinct(text: str) -> dict[str, None]:
    return dict.fromkeys(_WORD.findall(unicodedata.normalize("NFC", text[:_MAXIMUM_CHARACTERS]).lower()))


def _quoted(word: str) -> str:
    # Inside quotes nothing is syntax; a word has no quote of its own.
    return f'"{word}"'
