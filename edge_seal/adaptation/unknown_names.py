"""Names that nobody told of, for contrasts ("You haven't told me who Tarsk is.").

Invariant: made up, and no word of English: an answer that holds one is about it.
"""

from __future__ import annotations

import re
from typing import Final

UNKNOWN_NAMES: Final = (
    "Velmora", "Tarsk", "Ondrel", "Bryswick", "Halvene", "Korrin", "Ashgate", "Pellworth", "Miravel", "Dunmere",
    "Solvik", "Farrowby", "Quenley", "Ostrel", "Wenfold", "Ilsworth", "Zandor", "Mirrel", "Callowen", "Perrick",
    "Torvane", "Lissel", "Gorrim", "Hesperly",
)  # fmt: skip
DERIVED_BY: Final = "unknown-name"
"""What stands in `Example.derived_by` of a contrast or a neighbour with such a name."""

_WORD: Final = re.compile(r"[^\W\d_]+")


def unknown_names(seed: str, count: int, told: str = "") -> tuple[str, ...]:
    """At most `count` names that are not in the text `told`; the same `seed` gives the same ones."""
    first = sum(seed.encode()) % len(UNKNOWN_NAMES)
    held = names_in(told)
    return tuple(name for name in (*UNKNOWN_NAMES[first:], *UNKNOWN_NAMES[:first]) if name not in held)[:count]


def names_in(text: str) -> frozenset[str]:
    """Those of the names that `text` holds, in any case."""
    words = {word.casefold() for word in _WORD.findall(text)}
    return frozenset(name for name in UNKNOWN_NAMES if name.casefold() in words)
