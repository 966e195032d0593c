"""What can be found: memories and past turns. The same search serves both; only names and conditions differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Kind:
    """The rows of `table`, whose ids begin with `letter`, found by the words and the meaning of their column `text`.

    `since` is the column that says since when it is so. Rows that fit `usable`, which may name `:now`, are found.
    """

    name: str
    table: str
    letter: str
    text: str
    since: str
    usable: str

    @property
    def words(self) -> str:
        """The name of its word index."""
        return f"{self.table}_fts"


MEMORY: Final = Kind("memory", "memories", "m", "text", "valid_from", "(valid_to IS NULL OR valid_to > :now)")
# Only what a person typed is found again: pasted text and the model's own answers are not what they said.
TURN: Final = Kind("turn", "turns", "t", "prompt", "created_at", "origin = 'typed'")
