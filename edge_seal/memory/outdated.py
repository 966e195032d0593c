"""Which past turns say what is no longer so: "I live in Turku", said before "I moved to Oulu" was known.

A turn is kept as it was said; nothing ends it as a newer fact ends a memory. So what it states is compared, whenever a
question is about the present, with what was learned since.

Invariant: only reads; what the rules cannot read in a turn is never called outdated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

from edge_seal.clock import parse_timestamp
from edge_seal.memory import attributes
from edge_seal.memory.attributes import Reading
from edge_seal.storage.database import Database


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody typed, and when (a stored time)."""

    text: str
    at: str


def outdated(database: Database, said: Mapping[int, Said], now: str) -> frozenset[int]:
    """Numbers of those of `said` that state something which a later memory, or a later one of them, says otherwise.

    So is what a memory said too whose end was learned since, unless it was said anew.
    """
    readings = {number: attributes.read(item.text, parse_timestamp(item.at)) for number, item in said.items()}
    return frozenset(
        number
        for number, item in said.items()
        if any(
            not reading.is_past
            and (_is_otherwise(database, reading, item, now) or _said_otherwise(number, reading, said, readings))
            for reading in readings[number]
        )
    )


def disagree(reading: Reading, value: str, *, holds: bool) -> bool:
    """Whether `reading` and a value of the same attribute, held or denied, cannot both be so."""
    same = attributes.same_value(reading.value, value)
    if reading.holds != holds:
        denied, stated = (value, reading.value) if reading.holds else (reading.value, value)
        return same or attributes.covers(denied, stated)
    return reading.holds and not same and not reading.many


def _is_otherwise(database: Database, reading: Reading, item: Said, now: str) -> bool:
    """Whether the memories say so."""
    known = cast(
        "list[tuple[str, int, int]]",
        database.rows(_LEARNED_SINCE, {"me": reading.subject, "k": reading.attribute, "at": item.at, "now": now}),
    )
    current = [(value, bool(holds)) for value, holds, holding in known if holding]
    if any(disagree(reading, value, holds=holds) for value, holds in current):
        return True
    ended = any(
        reading.holds and holds and attributes.same_value(reading.value, value)
        for value, holds, holding in known
        if not holding
    )
    return ended and not any(holds and attributes.same_value(reading.value, value) for value, holds in current)


def _said_otherwise(
    number: int, reading: Reading, said: Mapping[int, Said], readings: Mapping[int, tuple[Reading, ...]]
) -> bool:
    """Whether a later turn says so."""
    return any(
        (said[other].at, other) > (said[number].at, number)
        and not later.is_past
        and (later.subject, later.attribute) == (reading.subject, reading.attribute)
        and disagree(reading, later.value, holds=later.holds)
        for other, others in readings.items()
        for later in others
    )


# The facts of one attribute that were learned, or whose end was, at or after a time; and whether they hold now.
_LEARNED_SINCE: Final = """
    SELECT value, holds,
        (facts.valid_to IS NULL OR facts.valid_to > :now) AND (memories.valid_to IS NULL OR memories.valid_to > :now)
    FROM facts JOIN memories ON memories.id = facts.memory_id
    LEFT JOIN memory_ends ON memory_ends.memory_id = memories.id
    LEFT JOIN memories AS newer ON newer.id = facts.ended_by
    WHERE subject = :me AND attribute = :k
    AND (memories.created_at >= :at OR memory_ends.learned_at >= :at OR newer.created_at >= :at)
"""
