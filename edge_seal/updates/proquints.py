"""Hashes as words that can be said, written down and typed again: proquints (Wilkerson, arXiv:0901.4016).

Sixteen bits are one word of five letters, consonants and vowels in turn: no list of words, no language, no look-alikes.
"""

from __future__ import annotations

from typing import Final

_CONSONANTS: Final = "bdfghjklmnprstvz"
_VOWELS: Final = "aiou"


def proquints(data: bytes) -> str:
    """`data` (an even number of bytes) as words with hyphens between them."""
    if len(data) % 2:
        raise ValueError("a proquint is two bytes")
    return "-".join(_word(int.from_bytes(data[place : place + 2], "big")) for place in range(0, len(data), 2))


def _word(value: int) -> str:
    return "".join(
        (
            _CONSONANTS[value >> 12],
            _VOWELS[value >> 10 & 3],
            _CONSONANTS[value >> 6 & 15],
            _VOWELS[value >> 4 & 3],
            _CONSONANTS[value & 15],
        )
    )
