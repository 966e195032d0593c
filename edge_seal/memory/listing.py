"""Memories in the order in which they were kept: one page at a time, by what the user asks to see.

Invariants: the order is that of the numbers, so a page that follows another neither repeats nor misses a memory that
was there for both; however many there are, one page of rows is in memory at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from edge_seal.memory import rows
from edge_seal.records import Memory, Origin
from edge_seal.storage.database import Database, SqlValue

_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Filter:
    """Which memories are wanted; what is None (or false) does not matter.

    Attributes:
        text: what the text has to hold, whatever its case (of ASCII letters).
        kind: an attribute that the rules read in it (`home`, `name`), see `memory.attributes`.
        source: a part of its source.
        since, until: stored times; it was kept at or after the one and before the other.
        ended: those that no longer hold, too.
        before: only those older than this one: the next page.
    """

    text: str | None = None
    kind: str | None = None
    origin: Origin | None = None
    source: str | None = None
    since: str | None = None
    until: str | None = None
    ended: bool = False
    before: str | None = None


def newest(database: Database, wanted: Filter, now: str, limit: int | None) -> tuple[Memory, ...]:
    """The newest `limit` memories (all, if None) that are `wanted`, oldest first.

    Raises:
        NotFound: `before` is no memory's id.
        IntegrityError: one of them is not what was written.
    """
    conditions, parameters = _conditions(wanted, now)
    found = database.rows(
        f"{rows.SELECT} WHERE {conditions} ORDER BY id DESC LIMIT ?",
        (*parameters, -1 if limit is None else limit),
    )
    return tuple(rows.memory_of(row) for row in reversed(found))


def count(database: Database, wanted: Filter, now: str) -> int:
    """How many memories are `wanted`."""
    conditions, parameters = _conditions(wanted, now)
    row = database.row(f"SELECT count(*) FROM memories WHERE {conditions}", parameters)  # noqa: S608  # our own words
    return 0 if row is None else int(str(row[0]))


def slice_of(database: Database, wanted: Filter, now: str, offset: int, limit: int) -> tuple[Memory, ...]:
    """Of the memories that are `wanted`, newest first, the `limit` that follow the first `offset`.

    What is damaged is given as it stands: a list that shows ten thousand memories names one bad one elsewhere.
    """
    conditions, parameters = _conditions(wanted, now)
    found = database.rows(
        f"{rows.SELECT} WHERE {conditions} ORDER BY id DESC LIMIT ? OFFSET ?", (*parameters, limit, offset)
    )
    return tuple(rows.memory_of(row, damaged=True) for row in found)


def kinds(database: Database) -> tuple[str, ...]:
    """The attributes that the rules have read in memories, by name: what `Filter.kind` can be."""
    return tuple(str(row[0]) for row in database.rows("SELECT DISTINCT attribute FROM facts ORDER BY attribute"))


def sources(database: Database) -> tuple[str, ...]:
    """The sources of memories, by name: what `Filter.source` can be."""
    found = database.rows("SELECT DISTINCT source FROM memories WHERE source IS NOT NULL ORDER BY source")
    return tuple(str(row[0]) for row in found)


def each(database: Database) -> Iterator[Memory]:
    """Every memory, oldest first, those that no longer hold too; one state of the database, read page by page.

    Raises:
        IntegrityError: one of them is not what was written.
    """
    last: SqlValue = 0
    with database.snapshot():
        while page := database.rows(f"{rows.SELECT} WHERE id > ? ORDER BY id LIMIT ?", (last, _PAGE)):
            for row in page:
                last = row[0]
                yield rows.memory_of(row)


def _conditions(wanted: Filter, now: str) -> tuple[str, tuple[SqlValue, ...]]:
    """The conditions as SQL, and what they are filled with."""
    asked: tuple[tuple[str, SqlValue], ...] = (
        ("valid_to IS NULL OR valid_to > ?", None if wanted.ended else now),
        ("instr(lower(text), lower(?))", wanted.text),
        ("id IN (SELECT memory_id FROM facts WHERE attribute = ?)", wanted.kind),
        ("origin = ?", None if wanted.origin is None else wanted.origin.value),
        ("instr(lower(source), lower(?))", wanted.source),
        ("created_at >= ?", wanted.since),
        ("created_at < ?", wanted.until),
        ("id < ?", None if wanted.before is None else rows.number_of(wanted.before)),
    )
    held = [(condition, value) for condition, value in asked if value is not None]
    return " AND ".join(f"({condition})" for condition, _ in held) or "TRUE", tuple(value for _, value in held)
