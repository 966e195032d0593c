"""The word index (FTS5): which memories have which words, by its own stemming, and that nothing forgotten stays in it.

Triggers keep the index in step with the memories, in the same transaction. Texts go in as they are; what comes from a
question goes in as quoted words only, see `words`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final, cast

from edge_seal.errors import IntegrityError
from edge_seal.memory import words
from edge_seal.storage.database import Database

# A shorter beginning of a word says nothing: it is one of many thousands.
_TELLING_BYTES: Final = 3


def by_words(database: Database, sought: Sequence[str], depth: int, now: str) -> tuple[int, ...]:
    """Numbers of the first `depth` memories that hold at `now` and have any of the words, by bm25, best first."""
    if not sought:
        return ()
    found = database.rows(
        """
        SELECT memories_fts.rowid FROM memories_fts JOIN memories ON memories.id = memories_fts.rowid
        WHERE memories_fts MATCH ? AND (valid_to IS NULL OR valid_to > ?)
        ORDER BY bm25(memories_fts), memories_fts.rowid LIMIT ?
        """,
        (words.any_of(sought), now, depth),
    )
    return tuple(cast("int", row[0]) for row in found)


def matched(database: Database, asked: Sequence[str], numbers: Iterable[int]) -> dict[int, int]:
    """How many of the words each of the memories has; those with none are left out."""
    wanted = set(numbers)
    lowest, highest = (min(wanted), max(wanted)) if wanted else (0, 0)
    counts: dict[int, int] = {}
    for word in asked:
        found = database.rows(
            "SELECT rowid FROM memories_fts WHERE memories_fts MATCH ? AND rowid BETWEEN ? AND ?",
            (words.any_of((word,)), lowest, highest),
        )
        for number in wanted & {cast("int", row[0]) for row in found}:
            counts[number] = counts.get(number, 0) + 1
    return counts


def purge(database: Database, text: str) -> None:
    """Takes out what the index may still keep of a deleted `text`. Runs inside the caller's transaction.

    With its option secure-delete the index drops the entries of a deleted row, but a deleted word that began a page
    leaves its beginning behind as that page's boundary ("flowerp" where "flower" stands before it). Then the index is
    made anew, which takes ~50 ms for a thousand long memories.
    """
    boundaries = {
        cast("bytes", row[0])[1:] for row in database.rows("SELECT DISTINCT term FROM memories_fts_idx") if row[0]
    }
    # Stemming changes the last letter of some words: "happy" is in the index as "happi".
    boundaries |= {boundary[:-1] for boundary in boundaries}
    for word in _folded(text).split():
        content = word.encode("utf-8", "replace")
        if any(content[:length] in boundaries for length in range(_TELLING_BYTES, len(content) + 1)):
            database.execute("INSERT INTO memories_fts (memories_fts) VALUES ('rebuild')")
            return


def problems(database: Database) -> tuple[str, ...]:
    """What does not fit between the index and the memories, in words."""
    try:
        database.execute("INSERT INTO memories_fts (memories_fts, rank) VALUES ('integrity-check', 1)")
    except IntegrityError:
        return ("the word index does not fit the memories",)
    return ()


def _folded(text: str) -> str:
    """`text` as the index folds it: lower case, no accents, spaces between words."""
    plain = (sign for sign in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(sign))
    return "".join(sign if sign.isalnum() else " " for sign in plain)
