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
_TOLD = (
    ("SELECT title FROM conversations", ("first",)),
    ("SELECT text, valid_from, valid_to FROM memories", ("I live in Oulu", _TIME, None)),
    ("SELECT rowid FROM memories_fts WHERE memories_fts MATCH 'oulu'", (1,)),
    ("SELECT kind, prompt, answer, state FROM signals", ("taught", "Who?", "Rex", "pending")),
    ("SELECT state, base_sha256 FROM updates", ("retired", "b")),
    ("SELECT role, prompt, answer FROM examples", ("lesson", "Who?", "Rex")),
    ("SELECT event, entry_hash FROM ledger", ("test", "h")),
    ("SELECT value FROM settings", ("v",)),
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
    called: list[int] = []
    with contextlib.closing(
        Database.open(tmp_path / "old.db", before_migration=lambda database: called.append(database.version))
    ) as migrated:
        assert migrated.version == MIGRATIONS[-1].number
        assert _schema(migrated) == wanted
        assert {query: migrated.row(query) for query, _ in _TOLD} == dict(_TOLD)
        assert migrated.problems() == ()
        assert migrated.is_sound()
    # Asked before a version is left, and not where there is nothing to do.
    assert called == ([version] if version < MIGRATIONS[-1].number else [])


def test_numbers_are_those_of_their_places() -> None:
    assert [migration.number for migration in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))
