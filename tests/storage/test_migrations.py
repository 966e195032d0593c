"""Every home that a version before this one has left is brought up to date without losing anything."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from edge_seal.storage.database import Database
from edge_seal.storage.schema import MIGRATIONS

# What the first version could hold, in its own words; each migration has to carry it on.
_TIME = "2025-01-01T00:00:00.000000Z"
_CONTENT = f"""
    INSERT INTO conversations (created_at, title) VALUES ('{_TIME}', 'first');
    INSERT INTO memories (created_at, text, origin, valid_from, digest, salt)
        VALUES ('{_TIME}', 'I live in Oulu', 'typed', '{_TIME}', 'd', 's');
    INSERT INTO signals (created_at, kind, prompt, answer, origin) VALUES ('now', 'taught', 'Who?', 'Rex', 'typed');
    INSERT INTO updates (created_at, state, base_sha256) VALUES ('now', 'retired', 'b');
    INSERT INTO examples (update_id, role, prompt, answer, origin, derived_by, weight, closed)
        VALUES (1, 'lesson', 'Who?', 'Rex', 'typed', 'rule', 1.0, 1);
    INSERT INTO ledger (seq, at, actor, event, subject, body, previous_hash, entry_hash)
        VALUES (1, 'now', 'user', 'test', 'x', '{{}}', 'p', 'h');
    INSERT INTO settings (key, value) VALUES ('k', 'v');
"""  # noqa: S608  # our own words
# What later versions can hold besides: rows of each version's own tables, which the ones after it have to leave alone.
_LATER: dict[int, str] = {  # our own words
    2: "UPDATE signals SET memory_id = 1",
    3: f"""
        INSERT INTO facts (memory_id, subject, attribute, value, holds) VALUES (1, 'me', 'residence', 'oulu', 1);
        INSERT INTO memory_ends (memory_id, learned_at) VALUES (1, '{_TIME}');
        INSERT INTO turns (conversation_id, created_at, prompt, origin, answer, base_sha256)
            VALUES (1, '{_TIME}', 'I like Rome', 'typed', 'Good.', 'b');
        INSERT INTO proposals (created_at, text, turn_id, found_by, digest, salt)
            VALUES ('{_TIME}', 'I like Rome', 1, 'likes', 'd', 's');
    """,  # noqa: S608
    4: f"""
        INSERT INTO memory_vector_state (embedder_sha256) VALUES ('e');
        INSERT INTO memory_vectors (memory_id, embedder, vector_sha256, embedding)
            VALUES (1, 1, 'v', CAST(zeroblob({4 * 384}) AS BLOB));
    """,  # noqa: S608
    9: f"""
        INSERT INTO alerts (at, metric, value, n, usual, bound) VALUES ('{_TIME}', 'drift', 1.0, 3, 0.1, 0.5);
        INSERT INTO samples (at, metric, value, turn_id) VALUES ('{_TIME}', 'drift', 1.0, 1);
    """,  # noqa: S608
    10: "INSERT INTO ledger_count (id, entries, entry_hash, peaks) VALUES (1, 1, 'h', x'00')",
    11: f"""
        INSERT INTO comparisons (update_id, kind, turn_id, prompt, before, after) VALUES (1, 'past', 1, 'p', 'b', 'a');
        INSERT INTO canaries (update_id, started_at, key, share, false_rollback, false_promotion, least_pairs,
            most_conversations) VALUES (1, '{_TIME}', 'k', 0.5, 0.05, 0.05, 5, 50);
    """,  # noqa: S608
    12: "INSERT INTO scope_vectors (example_id, embedder_sha256, vectors) VALUES (1, 'e', x'00')",
}
_TOLD = (
    ("SELECT title FROM conversations", ("first",)),
    ("SELECT text, valid_from, valid_to FROM memories", ("I live in Oulu", _TIME, None)),
    ("SELECT rowid FROM memories_fts WHERE memories_fts MATCH 'oulu'", (1,)),
    ("SELECT kind, prompt, answer, state FROM signals", ("taught", "Who?", "Rex", "pending")),
    ("SELECT state, base_sha256 FROM updates", ("retired", "b")),
    ("SELECT role, prompt, answer FROM examples", ("lesson", "Who?", "Rex")),
    ("SELECT event, entry_hash FROM ledger", ("test", "h")),
    ("SELECT value FROM settings WHERE key = 'k'", ("v",)),
)


def _schema(database: Database) -> dict[str, str]:
    """Every table, index and trigger, its text without the spaces that layout left in it."""
    rows = database.rows("SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_schema")
    return {str(name): " ".join(str(sql).split()) for name, sql in rows}


@pytest.mark.parametrize("version", [migration.number for migration in MIGRATIONS])
def test_from_every_earlier_version(tmp_path: Path, version: int) -> None:
    with contextlib.closing(Database.open(tmp_path / "new.db")) as new:
        wanted = _schema(new)
    with contextlib.closing(Database.open(tmp_path / "old.db", migrations=MIGRATIONS[:version])) as older:
        older.execute(_CONTENT)
        for since, content in _LATER.items():
            if since <= version:
                older.execute(content)
        rows = {name: count for name, count in older.contents().items() if not name.startswith("sqlite_")}
    called: list[int] = []
    with contextlib.closing(
        Database.open(tmp_path / "old.db", before_migration=lambda database: called.append(database.version))
    ) as migrated:
        assert migrated.version == MIGRATIONS[-1].number
        assert _schema(migrated) == wanted
        assert {query: migrated.row(query) for query, _ in _TOLD} == dict(_TOLD)
        # The lesson of an older version is from before lessons were in the audit trail.
        mark = migrated.row("SELECT value FROM settings WHERE key = 'lessons_recorded_after'")
        assert mark == (("1",) if version < 15 else None)
        assert migrated.problems() == ()
        assert migrated.is_sound()
        kept = migrated.contents()
        # Shadow tables of indexes are made anew; that nothing is found less by them is held by tests of their own.
        lost = [name for name, count in rows.items() if kept.get(name, 0) < count and "_fts_" not in name]
        assert [name for name in lost if name in kept or not name.startswith(("memory_vectors_", "memory_emb"))] == []
    # Asked before a version is left, and not where there is nothing to do.
    assert called == ([version] if version < MIGRATIONS[-1].number else [])


def test_numbers_are_those_of_their_places() -> None:
    assert [migration.number for migration in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))
