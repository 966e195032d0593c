"""The ends of memories as they travel: when each was learned, and what ended it, beside `valid_to`.

Numbers (`m3`) belong to one installation, so what ended a memory is named by the moment at which it was kept.

Invariant: what `of` reads in one home, `restore` writes in another so that `of` reads the same there, as long as what
is named came along and nothing else was kept at that very moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, cast

from edge_seal.storage.database import Database


@dataclass(frozen=True, slots=True)
class End:
    """An end of a memory, or (`fact`: subject, attribute, value) of one thing that it says.

    Stored times: from when it no longer holds, when that was learned (of a whole memory), and when what ended it was
    kept (None: a decision, or it is gone).
    """

    at: str
    learned_at: str | None = None
    by: str | None = None
    fact: tuple[str, str, str] | None = None


def of(database: Database, number: int) -> tuple[End, ...]:
    """The ends that somebody learned of the memory with this number; not those that its own words tell."""
    found = database.rows(_ENDS, {"number": number})
    ends: list[End] = []
    for at, learned_at, by, *fact in found:
        whole = fact[0] is None
        named = None if whole else cast("tuple[str, str, str]", tuple(fact))
        ends.append(End(cast("str", at), cast("str | None", learned_at), cast("str | None", by), named))
    return tuple(ends)


def restore(database: Database, number: int, ends: tuple[End, ...]) -> None:
    """Writes what is known of the ends of a memory that was just kept. Runs inside the caller's transaction.

    To be called once what the ends name is there.
    """
    for end in ends:
        by = database.rows("SELECT id FROM memories WHERE created_at = ? AND id <> ? LIMIT 2", (end.by, number))
        ended_by = by[0][0] if len(by) == 1 else None
        if end.fact is not None:
            database.execute(
                "UPDATE facts SET valid_to = ?, ended_by = ?"
                " WHERE memory_id = ? AND subject = ? AND attribute = ? AND value = ?",
                (end.at, ended_by, number, *end.fact),
            )
        elif end.learned_at is not None:
            database.execute(
                "INSERT OR REPLACE INTO memory_ends (memory_id, learned_at, ended_by) VALUES (?, ?, ?)",
                (number, end.learned_at, ended_by),
            )


# What ended it is named only where its moment is its own.
_ENDS: Final = """
    WITH ends (at, learned_at, ended_by, subject, attribute, value) AS (
        SELECT coalesce(memories.valid_to, learned_at), learned_at, ended_by, NULL, NULL, NULL
        FROM memory_ends JOIN memories ON memories.id = memory_id WHERE memory_id = :number
        UNION ALL
        SELECT facts.valid_to, NULL, ended_by, subject, attribute, value
        FROM facts JOIN memories ON memories.id = memory_id
        WHERE memory_id = :number AND ended_by IS NOT NULL AND facts.valid_to IS NOT NULL
    )
    SELECT at, learned_at,
        (SELECT max(created_at) FROM memories WHERE created_at = (SELECT created_at FROM memories WHERE id = ended_by)
         GROUP BY created_at HAVING count(*) = 1),
        subject, attribute, value
    FROM ends ORDER BY subject IS NOT NULL, subject, attribute, value
"""
