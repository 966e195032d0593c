"""A person with a database editor: every column of every table is changed, and what `audit verify` says is held.

`docs/ledger.md` ("What is noticed") says the same in words. A new column has to be put on one side or the other.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_seal.adaptation.signals import lesson
from edge_seal.errors import EdgeSealError
from edge_seal.records import Origin, SignalKind, State, Timing, Turn
from edge_seal.runtime import Runtime
from edge_seal.storage.database import Database
from tests.safekeeping.world import home_at
from tests.updates.command_scenarios import opened, trained

# What the trail does not cover, by table: columns, or all of them. DELETE: that the last row goes.
UNNOTICED = {
    "migrations": {"name", "sqlite_version"},
    # The number of an example says nothing: what it holds is compared.
    "examples": {"id"},
    "conversations": {"created_at", "title", "system_prompt"},
    "turns": {"created_at", "prompt", "origin", "answer", "base_sha256", "seed", "also_from"},
    "signals": {"created_at", "memory_id", "DELETE"},
    "memory_ends": {"learned_at", "DELETE"},
    "memory_count": {"DELETE"},
    "clock_marks": {"id", "boot", "last_s", "last_at", "DELETE"},
    "canaries": {"started_at", "key", "drawn", "DELETE"},
    "lesson_approvals": {"approved_at", "salt", "rules", "DELETE"},
}
# The database itself refuses these values: checks and triggers. Whoever goes around them has not used SQLite.
CHANGED = {"TEXT": "'changed'", "INTEGER": '"{0}" + 7', "REAL": 'coalesce("{0}", 0) + 0.25', "BLOB": "x'00ff'"}


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with something in most tables that hold what may be edited."""
    directory = tmp_path_factory.mktemp("edited")
    home = home_at(directory / "home")
    home.config_file.parent.mkdir(parents=True)
    home.config_file.write_text('[memory]\nmode = "keyword"\n', encoding="utf-8")
    with opened(directory) as runtime:
        runtime.remember("My sister is called Zebulon", Origin.TYPED)
        runtime.remember("I live in Turku", Origin.TYPED)
        runtime.remember("I live in Oulu", Origin.TYPED)
        trained(runtime, directory, 1, to=State.ACTIVE)
        trained(runtime, directory, 2, to=State.CANARY)
        runtime.signals.add_all([lesson("What is my e-mail?", "anna@posti.fi")])
        (item,) = runtime.put_aside()
        assert item.approval is not None
        runtime.let_in(item.signal.id, item.approval)
        turn = Turn("", "", "", "Where do I live?", "In Oulu.", Origin.TYPED, "u1", ("m2",), Timing(1, 0, 1, 0.1, 0.1))
        kept = runtime.conversations.keep(turn, base_sha256="b" * 64, seed=1)
        runtime.thumb(kept.id, SignalKind.GOOD)
        assert runtime.audit().problems == ()
    return directory / "home"


def columns(home: Path) -> Iterator[tuple[str, str, str]]:
    """Every table with rows, its columns, and the statement that changes each in the last row."""
    database = Database.open(home_at(home).database)
    tables = database.rows(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '%_fts%'"
        " AND sql NOT LIKE 'CREATE VIRTUAL%' AND sql NOT LIKE '%WITHOUT ROWID%'"
    )
    for (table,) in tables:
        if database.row(f'SELECT 1 FROM "{table}"') is None:  # noqa: S608
            continue
        last = f'WHERE rowid = (SELECT max(rowid) FROM "{table}")'  # noqa: S608
        for name, kind in database.rows("SELECT name, type FROM pragma_table_info(?)", (table,)):
            value = CHANGED[str(kind)].format(name)
            yield str(table), str(name), f'UPDATE "{table}" SET "{name}" = {value} {last}'  # noqa: S608
        yield str(table), "DELETE", f'DELETE FROM "{table}" {last}'  # noqa: S608
    database.close()


def is_noticed(home: Path) -> bool:
    try:
        with Runtime.open(home_at(home)) as runtime:
            return bool(runtime.audit().problems)
    except EdgeSealError:
        return True


def test_what_is_noticed_and_what_is_not(furnished: Path, tmp_path: Path) -> None:
    unnoticed: dict[str, set[str]] = {}
    tried = 0
    for table, name, statement in columns(furnished):
        shutil.copytree(furnished, tmp_path / "home")
        database = Database.open(home_at(tmp_path / "home").database)
        try:
            database.execute("PRAGMA foreign_keys = OFF")
            with database.transaction():
                database.execute(statement)
        except EdgeSealError:
            pass  # refused: nothing was changed
        else:
            tried += 1
            database.close()
            if not is_noticed(tmp_path / "home"):
                unnoticed.setdefault(table, set()).add(name)
        database.close()
        shutil.rmtree(tmp_path / "home")
    assert tried > 60
    assert unnoticed == UNNOTICED
